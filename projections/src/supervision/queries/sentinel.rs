//! The dashboard of SENTINEL.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Vault;
use events::sentinel::{Responsibility, Severity};
use sqlx::{PgConnection, PgPool};

use super::{maintenance::maintenance_from, snapshot, sums, sums::AlertSum};
use crate::{
    ReadError,
    supervision::{
        alert_rows::complete,
        alerts::{AlertRow, FLAPPING_LASTS, open},
        dashboards::*,
        period::Period,
        refs::{Clients, value, word},
        shapes::*,
    },
};

const RESPONSIBILITIES: [Responsibility; 4] = [
    Responsibility::Fai,
    Responsibility::Local,
    Responsibility::Widip,
    Responsibility::Indetermine,
];
const SEVERITIES: [Severity; 3] = [Severity::Critical, Severity::Warning, Severity::Info];
/// Clients shown at most.
const MOST_CLIENTS: usize = 200;
/// How long a client that is well again is shown.
const RECENTLY: TimeDelta = TimeDelta::hours(24);

/// What SENTINEL has seen in a period, and how things are now.
pub async fn find_sentinel(
    pool: &PgPool,
    vault: &Vault,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Sentinel, ReadError> {
    let mut tx = snapshot(pool).await?;
    let found = sums::alerts(&mut tx, period.span(), period.step).await?;
    let before = sums::alerts(&mut tx, period.previous(), period.step).await?;
    let (active_now, acknowledged_now) = active(&mut tx).await?;
    let flapping_now = flapping(&mut tx, now).await?;
    let muted_now = muted(&mut tx, now).await?;
    let mut impacted = impacted(&mut tx, vault, now).await?;
    let clients_to_identify = impacted.iter().filter(|it| !it.client.is_known).count() as u64;
    impacted.truncate(MOST_CLIENTS);
    let timeline = timeline(&mut tx, vault, &period, now).await?;
    let maintenance = maintenance_from(&mut tx, vault, now).await?;
    tx.commit().await?;
    let total = count(&found, |_| true)?;
    Ok(Sentinel {
        period,
        as_of: now,
        total: Count::new(total, count(&before, |_| true)?),
        active: count(&found, |sum| sum.is(AlertStatus::Active))?,
        resolved: count(&found, |sum| sum.is(AlertStatus::Resolved))?,
        active_now,
        acknowledged_now,
        flapping_now,
        muted_now,
        by_responsibility: RESPONSIBILITIES
            .into_iter()
            .map(|it| by_responsibility(it, &found, total))
            .collect::<Result<_, _>>()?,
        by_severity: SEVERITIES
            .into_iter()
            .map(|it| by_severity(it, &found))
            .collect::<Result<_, _>>()?,
        series: series(&period, &found)?,
        mean_resolution_seconds: mean_resolution(&found)?,
        impacted_clients: impacted,
        timeline,
        maintenance,
        clients_to_identify,
    })
}

fn count(sums: &[AlertSum], of: impl Fn(&AlertSum) -> bool) -> Result<u64, ReadError> {
    let of_them = sums.iter().filter(|sum| of(sum));
    of_them.map(|sum| sums::counted(sum.count)).sum()
}

fn by_responsibility(
    responsibility: Responsibility,
    found: &[AlertSum],
    total: u64,
) -> Result<ResponsibilityCount, ReadError> {
    let count = count(found, |sum| sum.responsibility == word(responsibility))?;
    Ok(ResponsibilityCount {
        responsibility,
        count,
        percent: match total {
            0 => 0.0,
            total => one_decimal(count as f64 * 100.0 / total as f64),
        },
    })
}

fn by_severity(severity: Severity, found: &[AlertSum]) -> Result<SeverityCount, ReadError> {
    let count = count(found, |sum| sum.severity == word(severity))?;
    Ok(SeverityCount { severity, count })
}

fn mean_resolution(found: &[AlertSum]) -> Result<Option<f64>, ReadError> {
    let resolved = count(found, |sum| sum.is(AlertStatus::Resolved))?;
    let together: f64 = found.iter().map(|sum| sum.resolution_ms).sum();
    Ok((resolved > 0).then(|| (together / resolved as f64 / 1_000.0).round()))
}

fn series(period: &Period, found: &[AlertSum]) -> Result<Vec<SeriesPoint>, ReadError> {
    let nothing: BTreeMap<String, u64> = RESPONSIBILITIES.iter().map(|it| (word(it), 0)).collect();
    let steps = period.steps().into_iter();
    let mut points: BTreeMap<_, _> = steps.map(|at| (at, nothing.clone())).collect();
    for sum in found {
        let point = points.entry(period.step.start_of(sum.at)).or_default();
        *point.entry(sum.responsibility.clone()).or_default() += sums::counted(sum.count)?;
    }
    let points = points.into_iter();
    Ok(points
        .map(|(at, counts)| SeriesPoint { at, counts })
        .collect())
}

/// How many alerts are active, and of how many of them someone looks after.
async fn active(conn: &mut PgConnection) -> Result<(u64, u64), ReadError> {
    let (active, acknowledged): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE is_acknowledged) FROM supervision_alerts
         WHERE status = 'active'",
    )
    .fetch_one(conn)
    .await?;
    Ok((active.unsigned_abs(), acknowledged.unsigned_abs()))
}

async fn flapping(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, ReadError> {
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM supervision_alerts WHERE flapping_at > $1")
            .bind(now - FLAPPING_LASTS)
            .fetch_one(conn)
            .await?;
    Ok(count.unsigned_abs())
}

async fn muted(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, ReadError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM supervision_alerts a
         WHERE a.status = 'active' AND EXISTS (
             SELECT FROM supervision_maintenance m
             WHERE NOT m.is_cancelled AND m.starts_at <= $1 AND m.ends_at > $1
               AND CASE WHEN m.device IS NULL THEN m.client_id = a.client_id ELSE m.device = a.device END)",
    )
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(count.unsigned_abs())
}

type ActiveClient = (String, i64, i64, DateTime<Utc>, String);

/// The clients with an alert: red first, then by since when.
async fn impacted(
    conn: &mut PgConnection,
    vault: &Vault,
    now: DateTime<Utc>,
) -> Result<Vec<ImpactedClient>, ReadError> {
    let active: Vec<ActiveClient> = sqlx::query_as(
        "SELECT client_id, count(*), count(*) FILTER (WHERE is_awaiting_diag), min(raised_at),
                (array_agg(responsibility ORDER BY raised_at, alert_id, episode))[1]
         FROM supervision_alerts WHERE status = 'active' AND client_id IS NOT NULL GROUP BY client_id",
    )
    .fetch_all(&mut *conn)
    .await?;
    let is_active: HashSet<&str> = active.iter().map(|it| it.0.as_str()).collect();
    let well: Vec<_> = recovered(conn, now)
        .await?
        .into_iter()
        .filter(|it| !is_active.contains(it.0.as_str()))
        .collect();
    let numbers = active.iter().map(|it| it.0.as_str());
    let numbers = numbers.chain(well.iter().map(|it| it.0.as_str()));
    let clients = Clients::find(conn, vault, numbers).await?;
    let mut impacted = Vec::with_capacity(active.len() + well.len());
    for (id, active, awaiting, since, responsibility) in &active {
        impacted.push(ImpactedClient {
            client: clients.get(id, None),
            state: match active > awaiting {
                true => ImpactState::Red,
                false => ImpactState::Yellow,
            },
            active: active.unsigned_abs(),
            awaiting_diag: awaiting.unsigned_abs(),
            since: Some(*since),
            responsibility: value(responsibility)?,
            resolved_at: None,
        });
    }
    for (id, resolved_at, responsibility) in &well {
        impacted.push(ImpactedClient {
            client: clients.get(id, None),
            state: ImpactState::Green,
            active: 0,
            awaiting_diag: 0,
            since: None,
            responsibility: value(responsibility)?,
            resolved_at: Some(*resolved_at),
        });
    }
    impacted.sort_by(|a, b| {
        let order = |it: &ImpactedClient| (it.state, it.since, std::cmp::Reverse(it.resolved_at));
        order(a)
            .cmp(&order(b))
            .then_with(|| a.client.id.cmp(&b.client.id))
    });
    Ok(impacted)
}

/// The alert that was resolved last of each client, if it was not long ago. One look into the index
/// per client, however many alerts were resolved.
async fn recovered(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<(String, DateTime<Utc>, String)>, ReadError> {
    Ok(sqlx::query_as(
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
         SELECT client_id, resolved_at, responsibility FROM last WHERE resolved_at > $1",
    )
    .bind(now - RECENTLY)
    .fetch_all(conn)
    .await?)
}

async fn timeline(
    conn: &mut PgConnection,
    vault: &Vault,
    period: &Period,
    now: DateTime<Utc>,
) -> Result<Vec<Alert>, ReadError> {
    let rows: Vec<AlertRow> = sqlx::query_as(
        "SELECT flapping_at, doc, sealed FROM supervision_alerts WHERE raised_at >= $1 AND raised_at < $2
         ORDER BY raised_at DESC, alert_id DESC, episode DESC LIMIT 20",
    )
    .bind(period.from)
    .bind(period.to)
    .fetch_all(&mut *conn)
    .await?;
    let opened = open(vault, rows).await?.into_iter();
    let alerts = opened.map(|(alert, flapping_at)| (alert, flapping_at, now));
    Ok(complete(conn, vault, alerts.collect()).await?)
}
