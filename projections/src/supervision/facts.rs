//! Errors of workflows, the health of components and the runs of ENRICHISSEUR: few, and written one
//! by one.

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, RecordedEvent, Vault};
use events::{
    knowledge::EnrichmentFinished,
    workflow::{HealthChanged, WorkflowErrorReported},
};
use serde_json::{Value, json};
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    refs::{text, value, word},
    shapes::{HealthChange, Run, WatchedComponent, WatchedStatus, WorkflowError},
};

/// Keeps an error; `None` if it was applied before.
pub(super) async fn keep_error(
    tx: &mut ApplyTx<'_>,
    event: &RecordedEvent,
    id: Uuid,
    error: WorkflowErrorReported,
) -> Result<Option<WorkflowError>, ApplyError> {
    let texts = json!({ "message": error.message });
    let sealed = tx.vault().seal(&error.subject(), &texts).await?;
    let reported_by = event.metadata.actor.to_string();
    let written = sqlx::query(
        "INSERT INTO supervision_errors (id, position, workflow, tool, ticket_id, attempts, recovered,
             occurred_at, reported_by, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(event.position as i64)
    .bind(&error.workflow)
    .bind(&error.tool)
    .bind(error.ticket_id)
    .bind(error.attempts.map(|it| i32::try_from(it).unwrap_or(i32::MAX)))
    .bind(error.recovered)
    .bind(error.occurred_at)
    .bind(&reported_by)
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok((written.rows_affected() > 0).then_some(WorkflowError {
        id,
        workflow: error.workflow,
        message: error.message,
        tool: error.tool,
        ticket_id: error.ticket_id,
        attempts: error.attempts,
        recovered: error.recovered,
        occurred_at: error.occurred_at,
        reported_by,
        url: None,
        position: event.position,
    }))
}

/// Keeps a change, and how the component is if nothing later is known of it. `None` if it was applied
/// before; else the component as it is now.
pub(super) async fn keep_health(
    tx: &mut ApplyTx<'_>,
    event: &RecordedEvent,
    change: HealthChanged,
) -> Result<Option<WatchedComponent>, ApplyError> {
    let subject = format!("component:{}", change.component);
    let sealed = tx
        .vault()
        .seal(&subject, &json!({ "detail": change.detail }))
        .await?;
    let latency = change
        .latency_ms
        .map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
    let written = sqlx::query(
        "INSERT INTO supervision_health_changes (position, component, status, previous, latency_ms,
             occurred_at, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (position) DO NOTHING",
    )
    .bind(event.position as i64)
    .bind(&change.component)
    .bind(word(change.status))
    .bind(change.previous.map(word))
    .bind(latency)
    .bind(change.occurred_at)
    .bind(&sealed)
    .execute(tx.conn())
    .await?;
    if written.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query(
        "INSERT INTO supervision_components AS c (component, position, status, latency_ms, occurred_at, sealed)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (component) DO UPDATE SET position = excluded.position, status = excluded.status,
             latency_ms = excluded.latency_ms, occurred_at = excluded.occurred_at, sealed = excluded.sealed
         WHERE (c.occurred_at, c.position) < (excluded.occurred_at, excluded.position)",
    )
    .bind(&change.component)
    .bind(event.position as i64)
    .bind(word(change.status))
    .bind(latency)
    .bind(change.occurred_at)
    .bind(&sealed)
    .execute(tx.conn())
    .await?;
    let row: ComponentRow =
        sqlx::query_as("SELECT * FROM supervision_components WHERE component = $1")
            .bind(&change.component)
            .fetch_one(tx.conn())
            .await?;
    let vault = tx.vault().clone();
    Ok(components(&vault, vec![row]).await?.pop())
}

/// Keeps a run, or its latest word; `None` if it was applied before.
pub(super) async fn keep_run(
    tx: &mut ApplyTx<'_>,
    event: &RecordedEvent,
    id: Uuid,
    run: EnrichmentFinished,
) -> Result<Option<Run>, ApplyError> {
    let reported_by = event.metadata.actor.to_string();
    let written = sqlx::query(
        "INSERT INTO supervision_runs AS r (aggregate_id, position, run_id, started_at, finished_at,
             next_run_at, added, updated, failed, by_source, reported_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (aggregate_id) DO UPDATE SET position = excluded.position,
             started_at = excluded.started_at, finished_at = excluded.finished_at,
             next_run_at = excluded.next_run_at, added = excluded.added, updated = excluded.updated,
             failed = excluded.failed, by_source = excluded.by_source, reported_by = excluded.reported_by
         WHERE r.position < excluded.position",
    )
    .bind(id)
    .bind(event.position as i64)
    .bind(&run.run_id)
    .bind(run.started_at)
    .bind(run.finished_at)
    .bind(run.next_run_at)
    .bind(i64::from(run.added))
    .bind(i64::from(run.updated))
    .bind(i64::from(run.failed))
    .bind(json!(run.by_source))
    .bind(&reported_by)
    .execute(tx.conn())
    .await?;
    Ok((written.rows_affected() > 0).then_some(Run {
        run_id: run.run_id,
        aggregate_id: id.to_string(),
        started_at: run.started_at,
        finished_at: run.finished_at,
        next_run_at: run.next_run_at,
        added: run.added,
        updated: run.updated,
        failed: run.failed,
        by_source: run.by_source,
        reported_by,
        position: event.position,
    }))
}

#[derive(FromRow)]
pub(super) struct ErrorRow {
    pub id: Uuid,
    pub position: i64,
    pub workflow: String,
    pub tool: Option<String>,
    pub ticket_id: Option<i64>,
    pub attempts: Option<i32>,
    pub recovered: bool,
    pub occurred_at: DateTime<Utc>,
    pub reported_by: String,
    pub sealed: Value,
}

/// Errors as they are shown.
pub(super) async fn errors(
    vault: &Vault,
    mut rows: Vec<ErrorRow>,
) -> Result<Vec<WorkflowError>, LogError> {
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.sealed).collect())
        .await?;
    let shown = rows.into_iter().map(|row| WorkflowError {
        id: row.id,
        workflow: row.workflow,
        message: text(&row.sealed, "message").unwrap_or_default(),
        tool: row.tool,
        ticket_id: row.ticket_id,
        attempts: row.attempts.map(i32::unsigned_abs),
        recovered: row.recovered,
        occurred_at: row.occurred_at,
        reported_by: row.reported_by,
        url: None,
        position: row.position.unsigned_abs(),
    });
    Ok(shown.collect())
}

#[derive(FromRow)]
pub(super) struct ComponentRow {
    component: String,
    status: String,
    latency_ms: Option<i64>,
    occurred_at: DateTime<Utc>,
    sealed: Value,
}

/// Components as they are shown.
pub(super) async fn components(
    vault: &Vault,
    mut rows: Vec<ComponentRow>,
) -> Result<Vec<WatchedComponent>, LogError> {
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.sealed).collect())
        .await?;
    let shown = rows.into_iter().map(|row| {
        Ok(WatchedComponent {
            component: row.component,
            status: WatchedStatus::from(value::<events::workflow::HealthStatus>(&row.status)?),
            since: Some(row.occurred_at),
            detail: text(&row.sealed, "detail"),
            latency_ms: row.latency_ms.map(i64::unsigned_abs),
            is_configured: true,
        })
    });
    shown.collect()
}

#[derive(FromRow)]
pub(super) struct ChangeRow {
    position: i64,
    component: String,
    status: String,
    previous: Option<String>,
    latency_ms: Option<i64>,
    occurred_at: DateTime<Utc>,
    sealed: Value,
}

/// Changes as they are shown.
pub(super) async fn changes(
    vault: &Vault,
    mut rows: Vec<ChangeRow>,
) -> Result<Vec<HealthChange>, LogError> {
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.sealed).collect())
        .await?;
    let shown = rows.into_iter().map(|row| {
        Ok(HealthChange {
            component: row.component,
            status: value(&row.status)?,
            previous: row.previous.as_deref().map(value).transpose()?,
            detail: text(&row.sealed, "detail"),
            latency_ms: row.latency_ms.map(i64::unsigned_abs),
            occurred_at: row.occurred_at,
            position: row.position.unsigned_abs(),
        })
    });
    shown.collect()
}

#[derive(FromRow)]
pub(super) struct RunRow {
    aggregate_id: Uuid,
    position: i64,
    run_id: String,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    next_run_at: Option<DateTime<Utc>>,
    added: i64,
    updated: i64,
    failed: i64,
    by_source: Value,
    reported_by: String,
}

/// A run as it is shown.
pub(super) fn run(row: RunRow) -> Result<Run, LogError> {
    // They were u32 when they were written.
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let by_source = serde_json::from_value(row.by_source);
    Ok(Run {
        run_id: row.run_id,
        aggregate_id: row.aggregate_id.to_string(),
        started_at: row.started_at,
        finished_at: row.finished_at,
        next_run_at: row.next_run_at,
        added: count(row.added),
        updated: count(row.updated),
        failed: count(row.failed),
        by_source: by_source.map_err(|error| LogError::Corrupt(error.to_string()))?,
        reported_by: row.reported_by,
        position: row.position.unsigned_abs(),
    })
}
