//! The trail as it is read: rows say where in the log to look, and the log says the rest.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventlog::{LogError, Unreadable, Vault};
use kernel::{Actor, ActorKind};
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::{AuditActor, AuditFilter, AuditItem};
use crate::{ReadError, names::find_names};

type Row = (
    i64,
    DateTime<Utc>,
    String,
    String,
    String,
    String,
    String,
    Uuid,
);

/// Items of the trail, the newest first; with `after`, the oldest first.
pub async fn list_audit_items(
    pool: &PgPool,
    vault: &Vault,
    filter: &AuditFilter,
) -> Result<Vec<AuditItem>, ReadError> {
    let order = if filter.after.is_some() {
        "ASC"
    } else {
        "DESC"
    };
    let (action, beginning) = match filter.action.as_deref() {
        Some(action) if action.ends_with('.') => (None, Some(action)),
        action => (action, None),
    };
    let rows: Vec<Row> = sqlx::query_as(&format!(
        "SELECT position, at, actor, action, outcome, target_type, target_id, correlation_id
         FROM audit_items
         WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR action = $2)
           AND ($3::text IS NULL OR starts_with(action, $3))
           AND ($4::text IS NULL OR target_type = $4) AND ($5::text IS NULL OR target_id = $5)
           AND ($6::uuid IS NULL OR correlation_id = $6)
           AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8)
           AND ($9::bigint[] IS NULL OR terms @> $9)
           AND ($10::bigint IS NULL OR position < $10) AND ($11::bigint IS NULL OR position > $11)
         ORDER BY position {order} LIMIT $12"
    ))
    .bind(filter.actor.as_ref().map(Actor::to_string))
    .bind(action)
    .bind(beginning)
    .bind(&filter.target_type)
    .bind(&filter.target_id)
    .bind(filter.correlation_id)
    .bind(filter.from)
    .bind(filter.to)
    .bind(filter.q.as_deref().map(|q| vault.query_terms(q)))
    .bind(filter.before.map(|position| position as i64))
    .bind(filter.after.map(|position| position as i64))
    .bind(i64::from(filter.limit))
    .fetch_all(pool)
    .await?;
    let positions: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let mut told = read_log(pool, vault, &positions).await?;
    let mut conn = pool.acquire().await?;
    let names = find_names(&mut conn, vault, rows.iter().map(|row| row.2.as_str())).await?;
    rows.into_iter()
        .map(|row| {
            let told = told.remove(&row.0).unwrap_or_default();
            item(row, told, &names)
        })
        .collect()
}

/// What an event says, opened as far as it opens.
#[derive(Default)]
pub(super) struct Told {
    unreadable: Option<Unreadable>,
    schema_version: u32,
    pub data: Value,
    metadata: Value,
}

/// What the events at these positions say.
pub(super) async fn read_log(
    reader: impl PgExecutor<'_>,
    vault: &Vault,
    positions: &[i64],
) -> Result<HashMap<i64, Told>, LogError> {
    let mut found: Vec<(i64, String, String, Value, Value)> = sqlx::query_as(
        "SELECT position, event_type, event_version, payload, metadata FROM events
         WHERE position = ANY($1)",
    )
    .bind(positions)
    .fetch_all(reader)
    .await?;
    let groups = found
        .iter_mut()
        .map(|(_, _, _, payload, metadata)| vec![payload, metadata]);
    let unreadable = vault.open_or_mark(groups.collect()).await?;
    found
        .into_iter()
        .zip(unreadable)
        .map(
            |((at, event_type, version, payload, metadata), unreadable)| {
                let schema_version = version
                    .parse()
                    .map_err(|_| LogError::Corrupt(format!("version `{version}`")))?;
                let data = match events::upcast(&event_type, schema_version, &payload) {
                    Ok(data) => data.into_owned(),
                    // Shown as it is: the version beside it says that it may look otherwise.
                    Err(_) => payload,
                };
                let told = Told {
                    unreadable,
                    schema_version,
                    data,
                    metadata,
                };
                Ok((at, told))
            },
        )
        .collect()
}

fn item(row: Row, told: Told, names: &HashMap<String, String>) -> Result<AuditItem, ReadError> {
    let (position, at, actor, action, outcome, target_type, target_id, correlation_id) = row;
    let text =
        |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let Told {
        unreadable,
        schema_version,
        data: details,
        metadata,
    } = told;
    let origin = &metadata["origin"];
    let reason = ["reason", "comment", "detail", "code"]
        .into_iter()
        .find_map(|field| text(&details, field));
    let Actor { kind, id } = actor
        .parse()
        .map_err(|_| LogError::Corrupt(format!("actor `{actor}`")))?;
    let name = match kind {
        ActorKind::Service => Some(id.clone()),
        _ => names.get(&actor).cloned(),
    };
    Ok(AuditItem {
        position: position as u64,
        at,
        actor: AuditActor { kind, id, name },
        action,
        outcome,
        target_type,
        target_id,
        reason,
        ip_address: text(origin, "ip_address"),
        user_agent: text(origin, "user_agent"),
        correlation_id,
        causation_id: text(&metadata, "causation_id").and_then(|id| id.parse().ok()),
        schema_version,
        details,
        unreadable: unreadable.map(Unreadable::code),
    })
}
