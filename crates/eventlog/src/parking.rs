//! Parked events: those that a projection cannot apply because of what they hold, and those that
//! wait behind them. Only positions and keys are kept: what the events say stays in the log.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgPool};

use crate::{ApplyError, LogError, RecordedEvent, applier::Applier};

/// What an operator decided about a parked event. Decisions are events of the log, so that a
/// rebuild comes to the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParkedOrder {
    /// Apply the parked events of its key, in order, until one fails.
    Retry { projection: String, position: u64 },
    /// Apply the parked events of all keys, each in order until one fails.
    RetryAll { projection: String },
    /// Pass over the event, which has itself failed, and retry what waits behind it.
    Discard { projection: String, position: u64 },
}

/// What an event orders about parked events; most order nothing.
pub type ParkedOrdersOf = fn(&RecordedEvent) -> Option<ParkedOrder>;

impl ParkedOrder {
    pub fn projection(&self) -> &str {
        match self {
            Self::Retry { projection, .. }
            | Self::RetryAll { projection }
            | Self::Discard { projection, .. } => projection,
        }
    }
}

/// An event that a projection has not applied.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ParkedEvent {
    pub projection: String,
    pub version: i32,
    #[sqlx(try_from = "i64")]
    pub position: u64,
    pub partition_key: String,
    pub event_type: String,
    pub aggregate_id: String,
    /// Why it failed; `None`: it waits behind an earlier one of its key.
    pub error: Option<String>,
    pub parked_at: DateTime<Utc>,
}

/// Rows of the versions that this release reads (see `search_path`).
const IN_USE: &str = "p.generation = 'live'
    AND p.projection || '_v' || p.version = ANY (current_schemas(false))";

/// The parked events of one projection, or of all.
pub async fn parked_events(
    pool: &PgPool,
    projection: Option<&str>,
) -> Result<Vec<ParkedEvent>, LogError> {
    Ok(sqlx::query_as(&format!(
        "SELECT p.projection, p.version, p.position, p.partition_key, e.event_type, e.aggregate_id,
                p.error, p.parked_at
         FROM parked_events p JOIN events e USING (position)
         WHERE {IN_USE} AND ($1::text IS NULL OR p.projection = $1)
         ORDER BY p.projection, p.position"
    ))
    .bind(projection)
    .fetch_all(pool)
    .await?)
}

/// The position from which on a key's rows are out of date, if one of its events is parked.
pub async fn is_parked(
    pool: &PgPool,
    projection: &str,
    key: &str,
) -> Result<Option<u64>, LogError> {
    let position: Option<i64> = sqlx::query_scalar(&format!(
        "SELECT min(p.position) FROM parked_events p
         WHERE {IN_USE} AND p.projection = $1 AND p.partition_key = $2"
    ))
    .bind(projection)
    .bind(key)
    .fetch_one(pool)
    .await?;
    Ok(position.map(|position| position as u64))
}

/// What is kept of an event that is parked.
pub(crate) struct ParkedRow {
    position: i64,
    key: String,
    error: Option<String>,
}

impl ParkedRow {
    pub fn new(event: &RecordedEvent, key: String, error: Option<String>) -> Self {
        let position = event.position as i64;
        Self {
            position,
            key,
            error,
        }
    }
}

/// The keys that wait: those among the given ones, or all.
pub(crate) async fn keys(
    conn: &mut PgConnection,
    of: &Applier,
    among: Option<Vec<String>>,
) -> Result<HashSet<String>, ApplyError> {
    let keys: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT partition_key FROM parked_events
         WHERE projection = $1 AND version = $2 AND generation = $3
           AND ($4::text[] IS NULL OR partition_key = ANY ($4))",
    )
    .bind(of.projection.name())
    .bind(of.projection.version())
    .bind(of.generation.as_str())
    .bind(among)
    .fetch_all(conn)
    .await?;
    Ok(keys.into_iter().collect())
}

pub(crate) async fn park(
    conn: &mut PgConnection,
    of: &Applier,
    rows: Vec<ParkedRow>,
) -> Result<(), ApplyError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO parked_events (projection, version, generation, position, partition_key, error)
         SELECT $1, $2, $3, * FROM unnest($4::bigint[], $5::text[], $6::text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(of.projection.name())
    .bind(of.projection.version())
    .bind(of.generation.as_str())
    .bind(rows.iter().map(|row| row.position).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| &*row.key).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.error.as_deref()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The key of a parked event, and whether it has itself failed.
pub(crate) async fn find(
    conn: &mut PgConnection,
    of: &Applier,
    position: u64,
) -> Result<Option<(String, bool)>, ApplyError> {
    Ok(sqlx::query_as(
        "SELECT partition_key, error IS NOT NULL FROM parked_events
         WHERE projection = $1 AND version = $2 AND generation = $3 AND position = $4",
    )
    .bind(of.projection.name())
    .bind(of.projection.version())
    .bind(of.generation.as_str())
    .bind(position as i64)
    .fetch_optional(conn)
    .await?)
}

/// The parked events of a key, in order.
pub(crate) async fn positions(
    conn: &mut PgConnection,
    of: &Applier,
    key: &str,
) -> Result<Vec<u64>, ApplyError> {
    let positions: Vec<i64> = sqlx::query_scalar(
        "SELECT position FROM parked_events
         WHERE projection = $1 AND version = $2 AND generation = $3 AND partition_key = $4
         ORDER BY position",
    )
    .bind(of.projection.name())
    .bind(of.projection.version())
    .bind(of.generation.as_str())
    .bind(key)
    .fetch_all(conn)
    .await?;
    Ok(positions.into_iter().map(|it| it as u64).collect())
}

pub(crate) async fn unpark(
    conn: &mut PgConnection,
    of: &Applier,
    positions: &[u64],
) -> Result<(), ApplyError> {
    sqlx::query(
        "DELETE FROM parked_events
         WHERE projection = $1 AND version = $2 AND generation = $3 AND position = ANY($4)",
    )
    .bind(of.projection.name())
    .bind(of.projection.version())
    .bind(of.generation.as_str())
    .bind(positions.iter().map(|it| *it as i64).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes why a parked event has failed (again).
pub(crate) async fn fail(
    conn: &mut PgConnection,
    of: &Applier,
    position: u64,
    error: &str,
) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE parked_events SET error = $5
         WHERE projection = $1 AND version = $2 AND generation = $3 AND position = $4",
    )
    .bind(of.projection.name())
    .bind(of.projection.version())
    .bind(of.generation.as_str())
    .bind(position as i64)
    .bind(error)
    .execute(conn)
    .await?;
    Ok(())
}
