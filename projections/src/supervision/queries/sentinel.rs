//! The dashboard of SENTINEL.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Vault;
use events::sentinel::{Responsibility, Severity};
use sqlx::{PgConnection, PgPool};

use super::{
    impacted::find_now,
    maintenance::maintenance_from,
    snapshot, sums,
    sums::{AlertSum, Asked},
};
use crate::{
    ReadError,
    supervision::{
        alert_rows::complete,
        alerts::{AlertRow, FLAPPING_LASTS, open},
        dashboards::*,
        period::{Period, start_of_minute},
        refs::word,
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

/// What SENTINEL has seen in a period, and how things are now.
pub async fn find_sentinel(
    pool: &PgPool,
    vault: &Vault,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Sentinel, ReadError> {
    let mut tx = snapshot(pool).await?;
    let found = sums::alerts(&mut tx, Asked::of(&period, now), period.step).await?;
    let before = sums::count_alerts(&mut tx, Asked::before(&period, now)).await?;
    let flapping_now = flapping(&mut tx, now).await?;
    let muted_now = muted(&mut tx, now).await?;
    let as_it_is = find_now(&mut tx, vault, now).await?;
    let timeline = timeline(&mut tx, vault, &period, now).await?;
    let maintenance = maintenance_from(&mut tx, vault, now).await?;
    tx.commit().await?;
    let total = count(&found, |_| true)?;
    Ok(Sentinel {
        period,
        as_of: now,
        total: Count::new(total, before),
        active: count(&found, |sum| sum.is(AlertStatus::Active))?,
        resolved: count(&found, |sum| sum.is(AlertStatus::Resolved))?,
        active_now: as_it_is.active,
        acknowledged_now: as_it_is.acknowledged,
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
        impacted_clients: as_it_is.clients,
        impacted_total: as_it_is.clients_total,
        timeline,
        maintenance,
        clients_to_identify: as_it_is.clients_to_identify,
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

/// How many alerts go up and down: whole minutes from sums, the one that has begun to be over from
/// the rows.
async fn flapping(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, ReadError> {
    let since = now - FLAPPING_LASTS;
    let count: i64 = sqlx::query_scalar(
        "SELECT (SELECT coalesce(sum(count), 0)::bigint FROM supervision_flapping_sums WHERE at >= $2)
              + (SELECT count(*) FROM supervision_alerts WHERE flapping_at > $1 AND flapping_at < $2)",
    )
    .bind(since)
    .bind(start_of_minute(since) + TimeDelta::minutes(1))
    .fetch_one(conn)
    .await?;
    sums::counted(count)
}

/// How many active alerts the running windows mute: those of whole clients from sums, then those of
/// single devices of other clients.
async fn muted(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, ReadError> {
    let count: i64 = sqlx::query_scalar(
        "WITH running AS MATERIALIZED (
             SELECT client_id, device FROM supervision_maintenance
             WHERE cancelled_at IS NULL AND starts_at <= $1 AND ends_at > $1),
         whole AS MATERIALIZED (
             SELECT DISTINCT client_id FROM running WHERE device IS NULL AND client_id IS NOT NULL),
         devices AS (SELECT DISTINCT device FROM running WHERE device IS NOT NULL)
         SELECT (SELECT coalesce(sum(s.count), 0)::bigint FROM supervision_active_sums s JOIN whole USING (client_id))
              + (SELECT coalesce(sum(found.count), 0)::bigint FROM devices CROSS JOIN LATERAL (
                     SELECT count(*) FROM supervision_alerts a
                     WHERE a.device = devices.device AND a.status = 'active'
                       AND NOT EXISTS (SELECT FROM whole WHERE whole.client_id = a.client_id)) AS found)",
    )
    .bind(now)
    .fetch_one(conn)
    .await?;
    sums::counted(count)
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
