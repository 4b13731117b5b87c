//! The commands of alerts and maintenance windows, and the list of the windows.

use domain::{
    Refusal, RefusalKind,
    sentinel::{self as rules, Alert, AlertCommand, Maintenance, MaintenanceCommand},
};
use eventlog::ExecuteError;
use kernel::AggregateId;
use projections::{
    Page,
    supervision::{self, Maintenance as Window},
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::shapes::*;
use crate::{
    App, IdempotencyKey, Problem,
    caller::Caller,
    commands,
    min_position::{AsOf, MinPosition},
    shapes::{CommandAnswer, limit},
};

/// The projections that the list reads.
const READS: &[&str] = &["supervision", "clients"];

/// Says that the caller looks after an alert.
pub async fn acknowledge_alert(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: AcknowledgeAlert,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let (by, now) = (caller.actor.clone(), caller.at);
    run(app, caller, "acknowledge_alert", id, key, body, |body| {
        AlertCommand::Acknowledge {
            version: body.version,
            comment: body.comment,
            by,
            now,
        }
    })
    .await
}

/// Says where the cause of an alert lies.
pub async fn reclassify_alert(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: ReclassifyAlert,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let (by, now) = (caller.actor.clone(), caller.at);
    run(app, caller, "reclassify_alert", id, key, body, |body| {
        AlertCommand::Reclassify {
            version: body.version,
            responsibility: body.responsibility.into(),
            confidence: body.confidence,
            by,
            now,
        }
    })
    .await
}

/// Says that an alert is well again, and what ended it.
pub async fn resolve_alert(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: ResolveAlert,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let (by, now) = (caller.actor.clone(), caller.at);
    run(app, caller, "resolve_alert", id, key, body, |body| {
        AlertCommand::Resolve {
            version: body.version,
            resolution: body.resolution,
            by,
            now,
        }
    })
    .await
}

/// Writes something down about an alert.
pub async fn note_alert(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: NoteAlert,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let (by, now) = (caller.actor.clone(), caller.at);
    run(app, caller, "note_alert", id, key, body, |body| {
        AlertCommand::Note {
            detail: body.detail,
            by,
            now,
        }
    })
    .await
}

async fn run<B: Serialize>(
    app: &App,
    caller: &Caller,
    operation: &str,
    id: Uuid,
    key: &IdempotencyKey,
    body: B,
    command: impl FnOnce(B) -> AlertCommand,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(app, caller, operation, key, &(id, &body))?;
    let id = AggregateId::from(id);
    let command = command(body);
    match app.log.execute::<Alert>(&id, command, &(), &context).await {
        Ok(executed) => Ok(commands::answer(
            executed.aggregate_id.to_string(),
            executed,
        )),
        Err(ExecuteError::Refused(refusal)) if refusal.kind() == RefusalKind::Conflict => {
            let current = current(app, &id).await?;
            Err(Problem::refused(refusal).with_current(current))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the alert is now, for a caller who did not know.
async fn current(app: &App, id: &AggregateId) -> Result<Option<Value>, Problem> {
    let alert = app.log.load::<Alert>(id).await?.state;
    let status = if alert.is_active() {
        "active"
    } else {
        "resolved"
    };
    Ok(Some(json!({
        "id": id, "version": alert.version(), "episode": alert.episode(), "status": status,
    })))
}

/// Plans a maintenance window.
pub async fn plan_maintenance(
    app: &App,
    caller: &Caller,
    body: PlanMaintenance,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(app, caller, "plan_maintenance", key, &body)?;
    let maintenance_id = kernel::new_id();
    let window = rules::PlanMaintenance {
        maintenance_id,
        client_id: body.client_id,
        device: body.device,
        reason: body.reason,
        starts_at: body.starts_at,
        ends_at: body.ends_at,
        by: caller.actor.clone(),
        now: caller.at,
    };
    let id = AggregateId::from(maintenance_id);
    let command = MaintenanceCommand::Plan(Box::new(window));
    let executed = app
        .log
        .create::<Maintenance>(&id, command, &(), &context, &[])
        .await?;
    // Sent again with its key, it is the window of the first time.
    let id = executed.aggregate_id.to_string();
    Ok(commands::answer(id, executed))
}

/// Ends a maintenance window before its time, or before it begins.
pub async fn cancel_maintenance(
    app: &App,
    caller: &Caller,
    id: Uuid,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(app, caller, "cancel_maintenance", key, &id)?;
    let command = MaintenanceCommand::Cancel {
        by: caller.actor.clone(),
        now: caller.at,
    };
    let executed = app
        .log
        .execute::<Maintenance>(&AggregateId::from(id), command, &(), &context)
        .await?;
    Ok(commands::answer(
        executed.aggregate_id.to_string(),
        executed,
    ))
}

/// Maintenance windows, the last to begin first.
pub async fn list_maintenance(
    app: &App,
    filter: MaintenanceFilter,
    from: MinPosition,
) -> Result<AsOf<Page<Window>>, Problem> {
    let limit = limit(filter.limit)?;
    let position = app.reached(READS, from).await?;
    let (pool, vault, now) = (app.log.pool(), app.log.vault(), app.clock.now());
    let cursor = filter.cursor.as_deref();
    let body = supervision::list_maintenance(pool, vault, limit, cursor, now).await?;
    Ok(AsOf { position, body })
}
