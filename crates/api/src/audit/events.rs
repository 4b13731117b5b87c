//! The raw events, for auditors: a bounded stretch of the log per request.

use chrono::{DateTime, SecondsFormat, Utc};
use eventlog::Unreadable;
use kernel::{Actor, Metadata};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::shapes::{EventFilter, EventPage, RawEvent};
use crate::{
    App, Problem,
    caller::Caller,
    min_position::AsOf,
    shapes::{Party, limit},
};

/// How much of the log one request looks through; a rare event takes several requests to find.
const STRETCH: u64 = 50_000;

#[derive(FromRow)]
struct Row {
    position: i64,
    event_id: Uuid,
    event_type: String,
    event_version: String,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    recorded_at: DateTime<Utc>,
    payload: Value,
    metadata: Value,
}

/// Events after a position, in order, their personal parts opened. The reading is itself recorded,
/// once per hour: a reader that follows the log would else never reach its end.
pub async fn list_events(
    app: &App,
    caller: &Caller,
    filter: EventFilter,
) -> Result<AsOf<EventPage>, Problem> {
    let limit = limit(filter.limit)?;
    app.audit_repeated_read(caller, "list_events", "audit", None)
        .await?;
    let head = app.log.head().await?;
    let after = filter.after.unwrap_or(0).min(head);
    let upto = (after + STRETCH).min(head);
    let mut rows: Vec<Row> = sqlx::query_as(
        "SELECT position, event_id, event_type, event_version, aggregate_type, aggregate_id, sequence,
                recorded_at, payload, metadata
         FROM events WHERE position > $1 AND position <= $2
           AND ($3::text IS NULL OR starts_with(event_type, $3 || '.'))
           AND ($4::text IS NULL OR aggregate_id = $4)
           AND ($5::text IS NULL OR event_type = $5)
           AND ($6::text IS NULL OR metadata->>'correlation_id' = $6)
         ORDER BY position LIMIT $7",
    )
    .bind(after as i64)
    .bind(upto as i64)
    .bind(storable("context", filter.context)?)
    .bind(storable("aggregate_id", filter.aggregate_id)?)
    .bind(storable("type", filter.event_type)?)
    .bind(filter.correlation_id.map(|id| id.to_string()))
    .bind(i64::from(limit))
    .fetch_all(app.log.pool())
    .await?;
    let parts = rows
        .iter_mut()
        .map(|row| vec![&mut row.payload, &mut row.metadata]);
    let unreadable = app.log.vault().open_or_mark(parts.collect()).await?;
    let is_full = rows.len() == limit as usize;
    let seen = match rows.last() {
        Some(last) if is_full => last.position as u64,
        _ => upto,
    };
    let items = rows
        .into_iter()
        .zip(unreadable)
        .map(|(row, unreadable)| raw(app, row, unreadable))
        .collect::<Result<_, _>>()?;
    let next_cursor = (seen < head).then(|| seen.to_string());
    Ok(AsOf {
        position: seen,
        body: EventPage { items, next_cursor },
    })
}

fn raw(app: &App, row: Row, unreadable: Option<Unreadable>) -> Result<RawEvent, Problem> {
    let mut metadata = row.metadata;
    if let Some(object) = metadata.as_object_mut() {
        object.remove("origin");
    }
    let metadata: Metadata = serde_json::from_value(metadata).map_err(Problem::internal)?;
    Ok(RawEvent {
        position: row.position as u64,
        event_id: row.event_id,
        event_type: row.event_type,
        schema_version: row.event_version.parse().map_err(Problem::internal)?,
        aggregate_type: row.aggregate_type,
        aggregate_id: row.aggregate_id,
        sequence: row.sequence as u64,
        recorded_at: row.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        actor: party(app, &metadata.actor),
        correlation_id: metadata.correlation_id,
        causation_id: metadata.causation_id,
        data: row.payload,
        unreadable: unreadable.map(|it| it.code().to_owned()),
    })
}

fn party(app: &App, actor: &Actor) -> Party {
    Party {
        kind: actor
            .to_string()
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned(),
        id: actor.id.clone(),
        name: app.accounts.display_name(actor),
    }
}

/// A filter that PostgreSQL can take.
fn storable(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.contains('\0') => {
            Err(Problem::field(field, "invalid", "U+0000 is nowhere."))
        }
        text => Ok(text),
    }
}
