//! The lists behind the numbers: by time, the latest first, page by page.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use eventlog::Vault;
use events::{
    sentinel::{Responsibility, Severity},
    support::{TicketCategory, TicketOutcome},
};
use sqlx::{PgConnection, PgPool, Postgres};
use uuid::Uuid;

use super::{
    clients::{ClientFilter, Query, Rows},
    snapshot,
};
use crate::{
    Page, ReadError,
    page::{page, parse_time_cursor, time_cursor},
    supervision::{
        activity,
        alert_rows::complete,
        alerts::{AlertRow, FLAPPING_LASTS, open},
        facts::{self, ChangeRow, ErrorRow, RunRow},
        refs::word,
        shapes::*,
        support::{TICKET, TicketRow, items},
    },
};

/// A stretch of time without its end.
pub type Between = Option<(DateTime<Utc>, DateTime<Utc>)>;

#[derive(Debug, Clone, Default)]
pub struct TicketFilter {
    pub between: Between,
    pub category: Option<TicketCategory>,
    pub outcome: Option<TicketOutcome>,
    pub automatic: Option<bool>,
    pub client: Option<ClientFilter>,
    /// Whether the register knows the client; what names none is neither.
    pub known_client: Option<bool>,
    pub q: Option<String>,
    pub limit: u32,
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    /// Does not count for active ones.
    pub between: Between,
    pub status: Option<AlertStatus>,
    pub responsibility: Option<Responsibility>,
    pub severity: Option<Severity>,
    pub client: Option<ClientFilter>,
    /// Whether the register knows the client; what names none is neither.
    pub known_client: Option<bool>,
    pub device: Option<String>,
    pub flapping: Option<bool>,
    pub awaiting_diag: Option<bool>,
    pub acknowledged: Option<bool>,
    pub q: Option<String>,
    pub limit: u32,
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct ErrorFilter {
    pub between: Between,
    pub workflow: Option<String>,
    pub recovered: Option<bool>,
    pub limit: u32,
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    pub between: Between,
    pub limit: u32,
    pub cursor: Option<String>,
}

fn within(query: &mut Query, time: &str, between: Between) {
    if let Some((from, to)) = between {
        query.push(format!(" AND {time} >= ")).push_bind(from);
        query.push(format!(" AND {time} < ")).push_bind(to);
    }
}

fn is<T>(query: &mut Query, column: &str, value: Option<T>)
where
    T: Send + 'static + sqlx::Encode<'static, Postgres> + sqlx::Type<Postgres>,
{
    if let Some(value) = value {
        query.push(format!(" AND {column} = ")).push_bind(value);
    }
}

fn finds(query: &mut Query, vault: &Vault, q: Option<&str>) {
    if let Some(q) = q {
        query.push(" AND terms @> ").push_bind(vault.query_terms(q));
    }
}

/// Tickets, the latest first.
pub async fn list_tickets(
    pool: &PgPool,
    vault: &Vault,
    filter: &TicketFilter,
) -> Result<Page<Ticket>, ReadError> {
    let mut tx = snapshot(pool).await?;
    let of = (TICKET, "supervision_tickets");
    let mut rows = Rows::of(&mut tx, of, filter.client.as_ref(), filter.known_client).await?;
    let query = &mut rows.query;
    within(query, "occurred_at", filter.between);
    is(query, "category", filter.category.map(word));
    is(query, "outcome", filter.outcome.map(word));
    is(query, "automatic", filter.automatic);
    finds(query, vault, filter.q.as_deref());
    if let Some((at, id)) = parse_time_cursor::<i64>(filter.cursor.as_deref())? {
        query
            .push(" AND (occurred_at, ticket_id) < (")
            .push_bind(at);
        query.push(", ").push_bind(id).push(")");
    }
    let mut query = rows.first("occurred_at DESC, ticket_id DESC", filter.limit + 1);
    let rows: Vec<TicketRow> = query.build_query_as().fetch_all(&mut *tx).await?;
    let shown = items(&mut tx, vault, rows).await?;
    tx.commit().await?;
    Ok(page(shown, filter.limit, |it| {
        time_cursor(it.occurred_at, it.ticket_id)
    }))
}

/// A place in a list of episodes.
struct EpisodeKey(Uuid, i32);

impl fmt::Display for EpisodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for EpisodeKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, episode) = text.split_once('.').ok_or(())?;
        Ok(Self(
            id.parse().map_err(drop)?,
            episode.parse().map_err(drop)?,
        ))
    }
}

/// Episodes of alerts as they are at a time, the last raised first.
pub async fn list_alerts(
    pool: &PgPool,
    vault: &Vault,
    filter: &AlertFilter,
    now: DateTime<Utc>,
) -> Result<Page<Alert>, ReadError> {
    let mut tx = snapshot(pool).await?;
    let of = ("flapping_at, doc, sealed", "supervision_alerts");
    let mut rows = Rows::of(&mut tx, of, filter.client.as_ref(), filter.known_client).await?;
    let query = &mut rows.query;
    if filter.status != Some(AlertStatus::Active) {
        within(query, "raised_at", filter.between);
    }
    if let Some(status) = filter.status {
        // Not bound: an index of the active ones alone serves what is sure to be active.
        query.push(format!(" AND status = '{}'", status.as_str()));
    }
    is(query, "responsibility", filter.responsibility.map(word));
    is(query, "severity", filter.severity.map(word));
    is(query, "device", filter.device.clone());
    match filter.awaiting_diag {
        None => {}
        // Only active ones wait.
        Some(true) => drop(query.push(" AND status = 'active' AND is_awaiting_diag")),
        Some(false) => drop(query.push(" AND NOT is_awaiting_diag")),
    }
    match filter.acknowledged {
        None => {}
        Some(true) => drop(query.push(" AND status = 'active' AND is_acknowledged")),
        Some(false) => drop(query.push(" AND status = 'active' AND NOT is_acknowledged")),
    }
    let flapping_since = now - FLAPPING_LASTS;
    match filter.flapping {
        None => {}
        Some(true) => drop(query.push(" AND flapping_at > ").push_bind(flapping_since)),
        Some(false) => {
            query.push(" AND (flapping_at IS NULL OR flapping_at <= ");
            query.push_bind(flapping_since).push(")");
        }
    }
    finds(query, vault, filter.q.as_deref());
    if let Some((at, key)) = parse_time_cursor::<EpisodeKey>(filter.cursor.as_deref())? {
        query
            .push(" AND (raised_at, alert_id, episode) < (")
            .push_bind(at);
        query.push(", ").push_bind(key.0);
        query.push(", ").push_bind(key.1).push(")");
    }
    let order = "raised_at DESC, alert_id DESC, episode DESC";
    let mut query = rows.first(order, filter.limit + 1);
    let rows: Vec<AlertRow> = query.build_query_as().fetch_all(&mut *tx).await?;
    let shown = shown(&mut tx, vault, rows, now).await?;
    tx.commit().await?;
    Ok(page(shown, filter.limit, |it| {
        time_cursor(it.raised_at, EpisodeKey(it.id, it.episode as i32))
    }))
}

async fn shown(
    conn: &mut PgConnection,
    vault: &Vault,
    rows: Vec<AlertRow>,
    now: DateTime<Utc>,
) -> Result<Vec<Alert>, ReadError> {
    let opened = open(vault, rows).await?.into_iter();
    let alerts = opened.map(|(alert, flapping_at)| (alert, flapping_at, now));
    Ok(complete(conn, vault, alerts.collect()).await?)
}

/// An alert in an episode, the latest if none is named.
pub async fn find_alert(
    pool: &PgPool,
    vault: &Vault,
    id: Uuid,
    episode: Option<u32>,
    now: DateTime<Utc>,
) -> Result<Option<Alert>, ReadError> {
    let mut tx = snapshot(pool).await?;
    let rows: Vec<AlertRow> = sqlx::query_as(
        "SELECT flapping_at, doc, sealed FROM supervision_alerts
         WHERE alert_id = $1 AND ($2::bigint IS NULL OR episode = $2) ORDER BY episode DESC LIMIT 1",
    )
    .bind(id)
    .bind(episode.map(i64::from))
    .fetch_all(&mut *tx)
    .await?;
    let mut alerts = shown(&mut tx, vault, rows, now).await?;
    tx.commit().await?;
    Ok(alerts.pop())
}

/// Errors, the latest first.
pub async fn list_errors(
    pool: &PgPool,
    vault: &Vault,
    filter: &ErrorFilter,
) -> Result<Page<WorkflowError>, ReadError> {
    let mut query = Query::new("SELECT * FROM supervision_errors WHERE true");
    within(&mut query, "occurred_at", filter.between);
    is(&mut query, "workflow", filter.workflow.clone());
    is(&mut query, "recovered", filter.recovered);
    if let Some((at, id)) = parse_time_cursor::<Uuid>(filter.cursor.as_deref())? {
        query.push(" AND (occurred_at, id) < (").push_bind(at);
        query.push(", ").push_bind(id).push(")");
    }
    query
        .push(" ORDER BY occurred_at DESC, id DESC LIMIT ")
        .push_bind(i64::from(filter.limit) + 1);
    let rows: Vec<ErrorRow> = query.build_query_as().fetch_all(pool).await?;
    let shown = facts::errors(vault, rows).await?;
    Ok(page(shown, filter.limit, |it| {
        time_cursor(it.occurred_at, it.id)
    }))
}

/// Runs, the last finished first.
pub async fn list_runs(pool: &PgPool, filter: &RunFilter) -> Result<Page<Run>, ReadError> {
    let mut query = Query::new("SELECT * FROM supervision_runs WHERE true");
    within(&mut query, "finished_at", filter.between);
    if let Some((at, id)) = parse_time_cursor::<Uuid>(filter.cursor.as_deref())? {
        query
            .push(" AND (finished_at, aggregate_id) < (")
            .push_bind(at);
        query.push(", ").push_bind(id).push(")");
    }
    query
        .push(" ORDER BY finished_at DESC, aggregate_id DESC LIMIT ")
        .push_bind(i64::from(filter.limit) + 1);
    let rows: Vec<RunRow> = query.build_query_as().fetch_all(pool).await?;
    let runs = rows.into_iter().map(facts::run).collect::<Result<_, _>>()?;
    Ok(page(runs, filter.limit, |it: &Run| {
        time_cursor(it.finished_at, &it.aggregate_id)
    }))
}

/// How the components changed, the latest first.
pub async fn list_health_changes(
    pool: &PgPool,
    vault: &Vault,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<HealthChange>, ReadError> {
    let mut query = Query::new("SELECT * FROM supervision_health_changes WHERE true");
    if let Some((at, position)) = parse_time_cursor::<i64>(cursor)? {
        query.push(" AND (occurred_at, position) < (").push_bind(at);
        query.push(", ").push_bind(position).push(")");
    }
    query
        .push(" ORDER BY occurred_at DESC, position DESC LIMIT ")
        .push_bind(i64::from(limit) + 1);
    let rows: Vec<ChangeRow> = query.build_query_as().fetch_all(pool).await?;
    let shown = facts::changes(vault, rows).await?;
    Ok(page(shown, limit, |it| {
        time_cursor(it.occurred_at, it.position)
    }))
}

/// What happens, the last recorded first.
pub async fn list_activity(
    pool: &PgPool,
    vault: &Vault,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<Activity>, ReadError> {
    let before = match cursor.map(str::parse::<i64>) {
        None => None,
        Some(Ok(before)) => Some(before),
        Some(Err(_)) => return Err(ReadError::InvalidCursor),
    };
    let mut tx = snapshot(pool).await?;
    let lines = activity::list(&mut tx, vault, before, i64::from(limit) + 1).await?;
    tx.commit().await?;
    Ok(page(lines, limit, |it| it.position.to_string()))
}
