//! The dashboard of SUPPORT.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Vault;
use events::support::{TicketCategory, TicketOutcome};
use sqlx::{PgConnection, PgPool};

use super::{
    snapshot, sums,
    sums::{Asked, TicketSum},
};
use crate::{
    ReadError,
    supervision::{
        dashboards::*,
        facts::{self, ErrorRow},
        period::Period,
        refs::{Clients, word},
        support::{TICKET, TicketRow, items},
    },
};

const CATEGORIES: [TicketCategory; 4] = [
    TicketCategory::ResetMdp,
    TicketCategory::Deblocage,
    TicketCategory::Diag,
    TicketCategory::Autre,
];
const OUTCOMES: [TicketOutcome; 4] = [
    TicketOutcome::Resolved,
    TicketOutcome::InProgress,
    TicketOutcome::Escalated,
    TicketOutcome::Failed,
];

/// What SUPPORT has done in a period.
pub async fn find_support(
    pool: &PgPool,
    vault: &Vault,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Support, ReadError> {
    let mut tx = snapshot(pool).await?;
    let found = sums::tickets(&mut tx, Asked::of(&period, now), period.step).await?;
    let before = sums::all_tickets(&mut tx, Asked::before(&period, now)).await?;
    let (errors, errors_24h) = errors(&mut tx, now).await?;
    let latest = latest(&mut tx, &period).await?;
    let support = Support {
        period,
        as_of: now,
        total: Count::new(count(&found, |_| true)?, count(&before, |_| true)?),
        by_category: CATEGORIES
            .into_iter()
            .map(|category| by_category(category, &found, &before))
            .collect::<Result<_, _>>()?,
        by_outcome: OUTCOMES
            .into_iter()
            .map(|outcome| by_outcome(outcome, &found))
            .collect::<Result<_, _>>()?,
        mean_duration_ms: mean_duration(&found)?,
        series: series(&period, &found)?,
        by_client: by_client(&mut tx, vault, Asked::of(&period, now)).await?,
        latest: items(&mut tx, vault, latest).await?,
        errors: facts::errors(vault, errors).await?,
        errors_24h,
    };
    tx.commit().await?;
    Ok(support)
}

fn count(sums: &[TicketSum], of: impl Fn(&TicketSum) -> bool) -> Result<u64, ReadError> {
    let of_them = sums.iter().filter(|sum| of(sum));
    of_them.map(|sum| sums::counted(sum.count)).sum()
}

fn by_category(
    category: TicketCategory,
    found: &[TicketSum],
    before: &[TicketSum],
) -> Result<CategoryCount, ReadError> {
    let name = word(category);
    let all = count(found, |sum| sum.category == name)?;
    let automatic = count(found, |sum| sum.category == name && sum.automatic)?;
    let has_share = all > 0 && category != TicketCategory::Diag;
    Ok(CategoryCount {
        category,
        count: all,
        previous: count(before, |sum| sum.category == name)?,
        automatic_count: automatic,
        automatic_percent: has_share.then(|| one_decimal(automatic as f64 * 100.0 / all as f64)),
    })
}

fn by_outcome(outcome: TicketOutcome, found: &[TicketSum]) -> Result<OutcomeCount, ReadError> {
    let count = count(found, |sum| sum.outcome == word(outcome))?;
    Ok(OutcomeCount { outcome, count })
}

fn mean_duration(found: &[TicketSum]) -> Result<Option<f64>, ReadError> {
    let timed = found.iter().map(|sum| sums::counted(sum.timed));
    let timed: u64 = timed.sum::<Result<_, _>>()?;
    let together: f64 = found.iter().map(|sum| sum.duration_ms).sum();
    Ok((timed > 0).then(|| (together / timed as f64).round()))
}

fn series(period: &Period, found: &[TicketSum]) -> Result<Vec<SeriesPoint>, ReadError> {
    let nothing: BTreeMap<String, u64> = CATEGORIES.iter().map(|it| (word(it), 0)).collect();
    let steps = period.steps().into_iter();
    let mut points: BTreeMap<_, _> = steps.map(|at| (at, nothing.clone())).collect();
    for sum in found {
        let point = points.entry(period.step.start_of(sum.at)).or_default();
        *point.entry(sum.category.clone()).or_default() += sums::counted(sum.count)?;
    }
    let points = points.into_iter();
    Ok(points
        .map(|(at, counts)| SeriesPoint { at, counts })
        .collect())
}

async fn by_client(
    conn: &mut PgConnection,
    vault: &Vault,
    asked: Asked,
) -> Result<Vec<TicketsOfClient>, ReadError> {
    let counts = sums::clients(conn, asked).await?;
    let numbers = counts.iter().map(|(id, _)| id.as_str());
    let clients = Clients::find(conn, vault, numbers).await?;
    let shown = counts.iter().map(|(id, count)| {
        Ok(TicketsOfClient {
            client: (!id.is_empty()).then(|| clients.get(id, None)),
            count: sums::counted(*count)?,
        })
    });
    shown.collect()
}

async fn latest(conn: &mut PgConnection, period: &Period) -> Result<Vec<TicketRow>, ReadError> {
    let query = format!(
        "SELECT {TICKET} FROM supervision_tickets WHERE occurred_at >= $1 AND occurred_at < $2
         ORDER BY occurred_at DESC, ticket_id DESC LIMIT 10"
    );
    Ok(sqlx::query_as(&query)
        .bind(period.from)
        .bind(period.to)
        .fetch_all(conn)
        .await?)
}

/// The latest errors of the last 24 h, and how many there are.
async fn errors(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<(Vec<ErrorRow>, u64), ReadError> {
    let since = now - TimeDelta::hours(24);
    let latest = sqlx::query_as(
        "SELECT * FROM supervision_errors WHERE occurred_at > $1 AND occurred_at <= $2
         ORDER BY occurred_at DESC, id DESC LIMIT 20",
    )
    .bind(since)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM supervision_errors WHERE occurred_at > $1 AND occurred_at <= $2",
    )
    .bind(since)
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok((latest, sums::counted(count)?))
}
