//! The HTTP routes of alerts and maintenance windows. They only unpack and call the operations.

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use projections::{Page, supervision::Maintenance};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{commands, shapes::*, webhook};
use crate::{
    App, Problem,
    caller::Caller,
    commands::IdempotencyKey,
    json::JsonBody,
    min_position::{AsOf, MinPosition},
    params::{filter_of, id_of},
    shapes::CommandAnswer,
};

/// The routes of the context.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(acknowledge_alert))
        .routes(routes!(reclassify_alert))
        .routes(routes!(resolve_alert))
        .routes(routes!(note_alert))
        .routes(routes!(list_maintenance))
        .routes(routes!(plan_maintenance))
        .routes(routes!(cancel_maintenance))
        .merge(webhook::routes())
}

/// Says that one looks after an alert. Another may take it over.
#[utoipa::path(post, path = "/api/sentinel/alerts/{id}/acknowledge", tag = "sentinel", params(("id" = Uuid, Path)),
    request_body = AcknowledgeAlert, responses((status = 200, description = "Done", body = CommandAnswer),
    (status = 404, description = "alert_unknown"), (status = 409, description = "stale_version; alert_resolved")))]
async fn acknowledge_alert(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<AcknowledgeAlert>,
) -> Result<CommandAnswer, Problem> {
    commands::acknowledge_alert(&app, &caller, id_of(&id)?, body, &key).await
}

/// Says on whose side the cause of an alert lies.
#[utoipa::path(post, path = "/api/sentinel/alerts/{id}/reclassify", tag = "sentinel", params(("id" = Uuid, Path)),
    request_body = ReclassifyAlert, responses((status = 200, description = "Done", body = CommandAnswer),
    (status = 404, description = "alert_unknown"), (status = 409, description = "stale_version; alert_resolved")))]
async fn reclassify_alert(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ReclassifyAlert>,
) -> Result<CommandAnswer, Problem> {
    commands::reclassify_alert(&app, &caller, id_of(&id)?, body, &key).await
}

/// Says that an alert is well again. Its source may say otherwise later.
#[utoipa::path(post, path = "/api/sentinel/alerts/{id}/resolve", tag = "sentinel", params(("id" = Uuid, Path)),
    request_body = ResolveAlert, responses((status = 200, description = "Done", body = CommandAnswer),
    (status = 404, description = "alert_unknown"), (status = 409, description = "stale_version; alert_resolved")))]
async fn resolve_alert(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ResolveAlert>,
) -> Result<CommandAnswer, Problem> {
    commands::resolve_alert(&app, &caller, id_of(&id)?, body, &key).await
}

/// Writes something down among the steps of an alert.
#[utoipa::path(post, path = "/api/sentinel/alerts/{id}/note", tag = "sentinel", params(("id" = Uuid, Path)),
    request_body = NoteAlert, responses((status = 200, description = "Done", body = CommandAnswer),
    (status = 404, description = "alert_unknown")))]
async fn note_alert(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<NoteAlert>,
) -> Result<CommandAnswer, Problem> {
    commands::note_alert(&app, &caller, id_of(&id)?, body, &key).await
}

/// Maintenance windows of the past, present and future.
#[utoipa::path(get, path = "/api/sentinel/maintenance", tag = "sentinel", params(MaintenanceFilter),
    responses((status = 200, description = "The last to begin first", body = MaintenancePage)))]
async fn list_maintenance(
    State(app): State<App>,
    _caller: Caller,
    from: MinPosition,
    query: Result<Query<MaintenanceFilter>, QueryRejection>,
) -> Result<AsOf<Page<Maintenance>>, Problem> {
    commands::list_maintenance(&app, filter_of(query)?, from).await
}

/// Plans a maintenance window: the alerts of its client or device disturb nobody meanwhile.
#[utoipa::path(post, path = "/api/sentinel/maintenance", tag = "sentinel", request_body = PlanMaintenance,
    responses((status = 201, description = "Planned", body = CommandAnswer), (status = 422, description = "invalid")))]
async fn plan_maintenance(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<PlanMaintenance>,
) -> Result<(StatusCode, CommandAnswer), Problem> {
    let answer = commands::plan_maintenance(&app, &caller, body, &key).await?;
    Ok((StatusCode::CREATED, answer))
}

/// Ends a maintenance window before its time, or before it begins.
#[utoipa::path(post, path = "/api/sentinel/maintenance/{id}/cancel", tag = "sentinel", params(("id" = Uuid, Path)),
    request_body = CancelMaintenance, responses((status = 200, description = "Cancelled", body = CommandAnswer),
    (status = 404, description = "not_found"), (status = 409, description = "maintenance_over")))]
async fn cancel_maintenance(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(CancelMaintenance {}): JsonBody<CancelMaintenance>,
) -> Result<CommandAnswer, Problem> {
    commands::cancel_maintenance(&app, &caller, id_of(&id)?, &key).await
}
