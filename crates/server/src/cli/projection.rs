//! `greffe projection`: how far the read models are.

use anyhow::bail;
use clap::Subcommand;

use super::{access::Access, with_log};
use crate::{config::Config, parts::all_projections};

#[derive(Debug, Subcommand)]
pub enum ProjectionCommand {
    /// How far each is, and what it parked
    List,
    /// Fill one anew from the log; it starts with the next event, or the next start
    Rebuild { name: String },
    /// Events that could not be applied because of what they hold
    Parked,
}

/// How far a reader of the log is.
#[derive(Debug, sqlx::FromRow)]
pub struct ReaderRow {
    pub name: String,
    pub version: i32,
    pub position: i64,
    pub behind: i64,
    /// Age of the oldest event it has not read.
    pub seconds: f64,
    pub parked: i64,
}

/// All readers that keep a checkpoint: projections and reactions.
pub async fn readers(pool: &sqlx::PgPool) -> sqlx::Result<Vec<ReaderRow>> {
    sqlx::query_as(
        "WITH head AS (SELECT coalesce(max(position), 0) AS position FROM events)
         SELECT c.name, c.version, c.position, greatest(h.position - c.position, 0) AS behind,
                coalesce((SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)
                          FROM events e WHERE e.position = c.position + 1), 0)::float8 AS seconds,
                (SELECT count(*) FROM parked_events p WHERE p.projection = c.name) AS parked
         FROM projection_checkpoints c, head h ORDER BY c.name",
    )
    .fetch_all(pool)
    .await
}

impl ProjectionCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        with_log(config, async |access| match self {
            Self::List => list(access).await,
            Self::Rebuild { name } => rebuild(access, &name).await,
            Self::Parked => parked(access).await,
        })
        .await
    }
}

async fn list(access: &Access) -> anyhow::Result<()> {
    println!(
        "{:<20} {:>7} {:>12} {:>8} {:>9} {:>7}",
        "NAME", "VERSION", "POSITION", "BEHIND", "SECONDS", "PARKED"
    );
    for row in readers(&access.open.pool).await? {
        println!(
            "{:<20} {:>7} {:>12} {:>8} {:>9.1} {:>7}",
            row.name, row.version, row.position, row.behind, row.seconds, row.parked
        );
    }
    Ok(())
}

async fn rebuild(access: &Access, name: &str) -> anyhow::Result<()> {
    let names: Vec<&str> = all_projections().iter().map(|it| it.name()).collect();
    if !names.contains(&name) {
        bail!(
            "there is no projection `{name}`; there are {}",
            names.join(", ")
        );
    }
    // Another version than the program's: its tables are dropped and filled anew.
    let found =
        sqlx::query("UPDATE projection_checkpoints SET version = 0, position = 0 WHERE name = $1")
            .bind(name)
            .execute(&access.open.pool)
            .await?;
    match found.rows_affected() {
        0 => println!("{name} was never filled: it is at its first start"),
        _ => println!("{name} is filled anew with the next event, or at the next start"),
    }
    Ok(())
}

async fn parked(access: &Access) -> anyhow::Result<()> {
    let rows: Vec<(String, i64, Option<String>, String)> = sqlx::query_as(
        "SELECT projection, position, partition_key, error FROM parked_events
         ORDER BY projection, position",
    )
    .fetch_all(&access.open.pool)
    .await?;
    for (projection, position, key, error) in rows {
        println!(
            "{projection}  {position}  {}  {error}",
            key.unwrap_or_default()
        );
    }
    Ok(())
}
