//! The clients with an alert: how many, and the first of them.
//!
//! Counts are read from sums, a row per client; of the alerts themselves only the oldest active one
//! of a client is looked at, or the one that was resolved last.

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Vault;
use sqlx::{FromRow, PgConnection};

use super::sums::counted;
use crate::{
    ReadError,
    names::table_is_there,
    supervision::{
        dashboards::*,
        refs::{Clients, value},
    },
};

/// Clients shown at most.
const MOST_CLIENTS: usize = 200;
/// How long a client that is well again is shown.
const RECENTLY: TimeDelta = TimeDelta::hours(24);

/// How things are now.
pub(super) struct Now {
    pub active: u64,
    pub acknowledged: u64,
    /// Red first, then by since when; 200 at most.
    pub clients: Vec<ImpactedClient>,
    /// How many clients there are, shown or not.
    pub clients_total: u64,
    /// How many of all of them the register does not know.
    pub clients_to_identify: u64,
}

/// Sums of all clients.
#[derive(FromRow)]
struct Totals {
    active: i64,
    acknowledged: i64,
    /// Of one client: none may be below zero.
    least: i64,
    clients: i64,
    to_identify: i64,
}

#[derive(FromRow)]
struct ActiveClient {
    client_id: String,
    count: i64,
    awaiting_diag: i64,
    raised_at: DateTime<Utc>,
    responsibility: String,
}

#[derive(FromRow)]
struct WellClient {
    client_id: String,
    resolved_at: DateTime<Utc>,
    responsibility: String,
    /// The same in every row.
    clients: i64,
    to_identify: i64,
}

/// Counts the alerts that are active, and finds the clients with one: red first, then by since when.
pub(super) async fn find_now(
    conn: &mut PgConnection,
    vault: &Vault,
    now: DateTime<Utc>,
) -> Result<Now, ReadError> {
    // Where there is no register yet, it knows nobody.
    let is_unknown = match table_is_there(&mut *conn, "clients").await? {
        true => "NOT EXISTS (SELECT FROM clients c WHERE c.client_id = s.client_id)",
        false => "true",
    };
    let totals = totals(conn, is_unknown).await?;
    let active = active(conn).await?;
    let well = well(conn, is_unknown, now).await?;
    let (well_total, well_to_identify) = well
        .first()
        .map_or((0, 0), |any| (any.clients, any.to_identify));
    let clients = shown(conn, vault, active, well).await?;
    counted(totals.least)?;
    Ok(Now {
        active: counted(totals.active)?,
        acknowledged: counted(totals.acknowledged)?,
        clients,
        clients_total: counted(totals.clients + well_total)?,
        clients_to_identify: counted(totals.to_identify + well_to_identify)?,
    })
}

async fn totals(conn: &mut PgConnection, is_unknown: &str) -> Result<Totals, ReadError> {
    let query = format!(
        "SELECT coalesce(sum(count), 0)::bigint AS active, coalesce(sum(acknowledged), 0)::bigint AS acknowledged,
                coalesce(min(least(count, acknowledged, awaiting_diag)), 0) AS least,
                count(*) FILTER (WHERE client_id <> '') AS clients,
                count(*) FILTER (WHERE client_id <> '' AND {is_unknown}) AS to_identify
         FROM supervision_active_sums s"
    );
    Ok(sqlx::query_as(&query).fetch_one(conn).await?)
}

/// The first of those with an active alert. One look into the index per client finds the oldest alert,
/// however many are active.
async fn active(conn: &mut PgConnection) -> Result<Vec<ActiveClient>, ReadError> {
    Ok(sqlx::query_as(
        "SELECT s.client_id, s.count, s.awaiting_diag, oldest.raised_at, oldest.responsibility
         FROM supervision_active_sums s CROSS JOIN LATERAL (
             SELECT a.raised_at, a.responsibility FROM supervision_alerts a
             WHERE a.status = 'active' AND a.client_id = s.client_id
             ORDER BY a.raised_at, a.alert_id, a.episode LIMIT 1) AS oldest
         WHERE s.client_id <> ''
         ORDER BY s.count > s.awaiting_diag DESC, oldest.raised_at, s.client_id COLLATE \"C\" LIMIT $1",
    )
    .bind(MOST_CLIENTS as i64)
    .fetch_all(conn)
    .await?)
}

/// The first of those without one whose last alert was resolved not long ago. One look into the index
/// per client, however many alerts were resolved.
async fn well(
    conn: &mut PgConnection,
    is_unknown: &str,
    now: DateTime<Utc>,
) -> Result<Vec<WellClient>, ReadError> {
    let query = format!(
        "WITH RECURSIVE last AS (
             (SELECT client_id, resolved_at, responsibility FROM supervision_alerts
              WHERE resolved_at IS NOT NULL AND client_id IS NOT NULL
              ORDER BY client_id, resolved_at DESC, alert_id, episode LIMIT 1)
             UNION ALL
             SELECT next.* FROM last CROSS JOIN LATERAL (
                 SELECT a.client_id, a.resolved_at, a.responsibility FROM supervision_alerts a
                 WHERE a.resolved_at IS NOT NULL AND a.client_id > last.client_id
                 ORDER BY a.client_id, a.resolved_at DESC, a.alert_id, a.episode LIMIT 1) AS next
         )
         SELECT s.*, count(*) OVER () AS clients, count(*) FILTER (WHERE {is_unknown}) OVER () AS to_identify
         FROM last s
         WHERE s.resolved_at > $1
           AND NOT EXISTS (SELECT FROM supervision_active_sums a WHERE a.client_id = s.client_id)
         ORDER BY s.resolved_at DESC, s.client_id COLLATE \"C\" LIMIT $2"
    );
    Ok(sqlx::query_as(&query)
        .bind(now - RECENTLY)
        .bind(MOST_CLIENTS as i64)
        .fetch_all(conn)
        .await?)
}

/// The first of both: the active ones, red then yellow, come before the others.
async fn shown(
    conn: &mut PgConnection,
    vault: &Vault,
    active: Vec<ActiveClient>,
    mut well: Vec<WellClient>,
) -> Result<Vec<ImpactedClient>, ReadError> {
    well.truncate(MOST_CLIENTS.saturating_sub(active.len()));
    let numbers = active.iter().map(|it| it.client_id.as_str());
    let numbers = numbers.chain(well.iter().map(|it| it.client_id.as_str()));
    let clients = Clients::find(conn, vault, numbers).await?;
    let mut shown = Vec::with_capacity(active.len() + well.len());
    for it in &active {
        shown.push(ImpactedClient {
            client: clients.get(&it.client_id, None),
            state: match it.count > it.awaiting_diag {
                true => ImpactState::Red,
                false => ImpactState::Yellow,
            },
            active: counted(it.count)?,
            awaiting_diag: counted(it.awaiting_diag)?,
            since: Some(it.raised_at),
            responsibility: value(&it.responsibility)?,
            resolved_at: None,
        });
    }
    for it in &well {
        shown.push(ImpactedClient {
            client: clients.get(&it.client_id, None),
            state: ImpactState::Green,
            active: 0,
            awaiting_diag: 0,
            since: None,
            responsibility: value(&it.responsibility)?,
            resolved_at: Some(it.resolved_at),
        });
    }
    Ok(shown)
}
