//! How far the readers of the log are, and what they could not apply.

use std::collections::HashMap;

use eventlog::{EventLog, ParkedEvent};
use sqlx::{FromRow, Row};

use super::shapes::*;
use crate::{
    App, Problem,
    min_position::{AsOf, MinPosition},
    shapes::limit,
};

/// Every reader of this release. The position is how far all of them are.
pub async fn list_projections(app: &App) -> Result<AsOf<ProjectionPage>, Problem> {
    let rows = eventlog::checkpoints(app.log.pool()).await?;
    let mut rebuilds = rebuilds(app.log.pool()).await?;
    let here = app.progress.here();
    let items: Vec<_> = rows
        .into_iter()
        .filter(|row| row.is_in_use)
        .map(|row| ProjectionState {
            version: row.version.unsigned_abs(),
            position: row.position as u64,
            lag_events: row.behind as u64,
            lag_seconds: row.seconds.max(0.0) as u64,
            parked: row.parked as u64,
            problem: here
                .get(row.name.as_str())
                .and_then(|here| here.problem.clone()),
            rebuild: rebuilds.remove(&(row.name.clone(), row.version)),
            name: row.name,
        })
        .collect();
    let position = items.iter().map(|item| item.position).min();
    Ok(AsOf {
        position: position.unwrap_or(0),
        body: ProjectionPage {
            items,
            next_cursor: None,
        },
    })
}

/// The rebuilds that are going on, by name and version. One that was killed is soon forgotten.
async fn rebuilds(
    pool: &sqlx::PgPool,
) -> Result<HashMap<(String, i32), RebuildState>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT name, version, state, position, target, started_at FROM projection_rebuilds
         WHERE state IN ('filling', 'indexing', 'swapping')
           AND updated_at > clock_timestamp() - interval '1 minute'
         ORDER BY started_at",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let of = (row.try_get("name")?, row.try_get("version")?);
            Ok((of, RebuildState::from_row(row)?))
        })
        .collect()
}

/// The parked events of a projection, in the order of the log.
pub async fn list_parked_events(
    app: &App,
    projection: &str,
    filter: ParkedFilter,
    from: MinPosition,
) -> Result<AsOf<ParkedPage>, Problem> {
    let limit = limit(filter.limit)? as usize;
    let after = match filter.cursor.map(|cursor| cursor.parse::<u64>()) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => {
            let detail = "No page gave this cursor.";
            return Err(Problem::field("cursor", "invalid", detail));
        }
    };
    require(&app.log, projection).await?;
    let position = app.reached(&[projection], from).await?;
    let parked = eventlog::parked_events(app.log.pool(), Some(projection)).await?;
    let mut waiting: HashMap<String, u64> = HashMap::new();
    for event in parked.iter().filter(|event| event.error.is_none()) {
        *waiting.entry(event.partition_key.clone()).or_default() += 1;
    }
    let mut rest = parked.into_iter().filter(|event| event.position > after);
    let items: Vec<_> = rest
        .by_ref()
        .take(limit)
        .map(|event| item(event, &waiting))
        .collect();
    let last = items.last().map(|item| item.position.to_string());
    let next_cursor = rest.next().and(last);
    Ok(AsOf {
        position,
        body: ParkedPage { items, next_cursor },
    })
}

fn item(event: ParkedEvent, waiting: &HashMap<String, u64>) -> ParkedItem {
    let behind = waiting.get(&event.partition_key).copied().unwrap_or(0);
    ParkedItem {
        position: event.position,
        waiting: if event.error.is_some() { behind } else { 0 },
        event_type: event.event_type,
        aggregate_id: event.aggregate_id,
        partition_key: event.partition_key,
        error: event.error,
        parked_at: event.parked_at,
    }
}

/// Refuses what is no reader of this release.
pub async fn require(log: &EventLog, projection: &str) -> Result<(), Problem> {
    let rows = eventlog::checkpoints(log.pool()).await?;
    let is_known = rows
        .iter()
        .any(|row| row.name == projection && row.is_in_use);
    is_known.then_some(()).ok_or_else(|| unknown(projection))
}

pub fn unknown(projection: &str) -> Problem {
    Problem::not_found(format!("There is no projection `{projection}`."))
}
