//! The dashboard of ENRICHISSEUR.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::{snapshot, sums::counted};
use crate::{
    ReadError,
    supervision::{
        dashboards::*,
        facts::{RunRow, run},
        period::{Period, Span},
    },
};

/// What the runs of a stretch brought.
#[derive(sqlx::FromRow)]
pub(super) struct Brought {
    pub added: i64,
    pub updated: i64,
    pub failed: i64,
    pub runs: i64,
    pub failed_runs: i64,
}

/// What ENRICHISSEUR has brought in a period.
pub async fn find_enrichisseur(
    pool: &PgPool,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Enrichisseur, ReadError> {
    let mut tx = snapshot(pool).await?;
    let brought = brought(&mut tx, period.span()).await?;
    let before = self::brought(&mut tx, period.previous()).await?;
    let entries_before = self::brought(&mut tx, (DateTime::UNIX_EPOCH, period.from)).await?;
    let entries_before = counted(entries_before.added)?;
    let rows: Vec<RunRow> = sqlx::query_as(
        "SELECT * FROM supervision_runs WHERE finished_at >= $1 AND finished_at < $2
         ORDER BY finished_at DESC, aggregate_id DESC LIMIT 20",
    )
    .bind(period.from)
    .bind(period.to)
    .fetch_all(&mut *tx)
    .await?;
    let last: Option<(DateTime<Utc>, Option<DateTime<Utc>>)> = sqlx::query_as(
        "SELECT finished_at, next_run_at FROM supervision_runs
         ORDER BY finished_at DESC, aggregate_id DESC LIMIT 1",
    )
    .fetch_optional(&mut *tx)
    .await?;
    let enrichisseur = Enrichisseur {
        period,
        as_of: now,
        entries: entries_before + counted(brought.added)?,
        added: Count::new(counted(brought.added)?, counted(before.added)?),
        updated: counted(brought.updated)?,
        failed: counted(brought.failed)?,
        runs_total: counted(brought.runs)?,
        failed_runs: counted(brought.failed_runs)?,
        series: series(&mut tx, &period, entries_before).await?,
        by_source: by_source(&mut tx, &period).await?,
        runs: rows.into_iter().map(run).collect::<Result<_, _>>()?,
        last_run_at: last.map(|(at, _)| at),
        next_run_at: last.and_then(|(_, next)| next),
    };
    tx.commit().await?;
    Ok(enrichisseur)
}

pub(super) async fn brought(
    conn: &mut PgConnection,
    (from, to): Span,
) -> Result<Brought, ReadError> {
    Ok(sqlx::query_as(
        "SELECT coalesce(sum(added), 0)::bigint AS added, coalesce(sum(updated), 0)::bigint AS updated,
                coalesce(sum(failed), 0)::bigint AS failed, count(*) AS runs,
                count(*) FILTER (WHERE failed > 0) AS failed_runs
         FROM supervision_runs WHERE finished_at >= $1 AND finished_at < $2",
    )
    .bind(from)
    .bind(to)
    .fetch_one(conn)
    .await?)
}

async fn series(
    conn: &mut PgConnection,
    period: &Period,
    mut entries: u64,
) -> Result<Vec<KnowledgePoint>, ReadError> {
    let hours: Vec<(DateTime<Utc>, i64, i64, i64)> = sqlx::query_as(
        "SELECT date_trunc('hour', finished_at), sum(added)::bigint, sum(updated)::bigint, sum(failed)::bigint
         FROM supervision_runs WHERE finished_at >= $1 AND finished_at < $2 GROUP BY 1",
    )
    .bind(period.from)
    .bind(period.to)
    .fetch_all(conn)
    .await?;
    let steps = period.steps().into_iter();
    let mut points: BTreeMap<_, [u64; 3]> = steps.map(|at| (at, [0; 3])).collect();
    for (at, added, updated, failed) in hours {
        let point = points.entry(period.step.start_of(at)).or_default();
        for (sum, more) in point.iter_mut().zip([added, updated, failed]) {
            *sum += counted(more)?;
        }
    }
    let points = points.into_iter().map(|(at, [added, updated, failed])| {
        entries += added;
        KnowledgePoint {
            at,
            added,
            updated,
            failed,
            entries,
        }
    });
    Ok(points.collect())
}

async fn by_source(
    conn: &mut PgConnection,
    period: &Period,
) -> Result<Vec<SourceCount>, ReadError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT s.key, sum(s.value::bigint)::bigint
         FROM supervision_runs r CROSS JOIN jsonb_each_text(r.by_source) s
         WHERE r.finished_at >= $1 AND r.finished_at < $2
         GROUP BY 1 ORDER BY 2 DESC, s.key COLLATE \"C\"",
    )
    .bind(period.from)
    .bind(period.to)
    .fetch_all(conn)
    .await?;
    let sources = rows.into_iter().map(|(source, count)| {
        let count = counted(count)?;
        Ok(SourceCount { source, count })
    });
    sources.collect()
}
