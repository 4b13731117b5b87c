//! The HTTP routes of those who run the platform.

use axum::extract::{Path, Query, State, rejection::QueryRejection};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Order, order, order_all, queries, shapes::*};
use crate::{
    App, Problem,
    caller::Caller,
    commands::{self, IdempotencyKey},
    json::JsonBody,
    min_position::{AsOf, MinPosition},
    safeguard::filter_of,
    shapes::CommandAnswer,
};

/// The routes of the context.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_projections))
        .routes(routes!(list_parked_events))
        .routes(routes!(retry_parked_event))
        .routes(routes!(retry_all_parked_events))
        .routes(routes!(discard_parked_event))
}

/// How far every reader of the log is.
#[utoipa::path(get, path = "/api/operations/projections", tag = "operations",
    responses((status = 200, description = "All of this release", body = ProjectionPage)))]
async fn list_projections(State(app): State<App>) -> Result<AsOf<ProjectionPage>, Problem> {
    queries::list_projections(&app).await
}

/// The events that a projection could not apply, and those that wait behind them.
#[utoipa::path(get, path = "/api/operations/projections/{name}/parked", tag = "operations",
    params(("name" = String, Path), ParkedFilter),
    responses((status = 200, description = "In the order of the log", body = ParkedPage),
    (status = 404, description = "not_found")))]
async fn list_parked_events(
    State(app): State<App>,
    from: MinPosition,
    Path(name): Path<String>,
    query: Result<Query<ParkedFilter>, QueryRejection>,
) -> Result<AsOf<ParkedPage>, Problem> {
    queries::list_parked_events(&app, &name, filter_of(query)?, from).await
}

/// Applies a parked event again, and then what waits behind it, until one fails.
#[utoipa::path(post, path = "/api/operations/projections/{name}/parked/{position}/retry", tag = "operations",
    params(("name" = String, Path), ("position" = u64, Path)),
    responses((status = 200, description = "Ordered; `Greffe-Min-Position` waits until it is done", body = CommandAnswer),
    (status = 404, description = "not_found"), (status = 409, description = "not_parked")))]
async fn retry_parked_event(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(target): Path<(String, String)>,
) -> Result<CommandAnswer, Problem> {
    give(&app, &caller, "retry_parked_event", &key, target, None).await
}

/// Applies all parked events again: those of each key in order, until one fails.
#[utoipa::path(post, path = "/api/operations/projections/{name}/parked/retry-all", tag = "operations",
    params(("name" = String, Path)),
    responses((status = 200, description = "Ordered; `Greffe-Min-Position` waits until it is done", body = CommandAnswer),
    (status = 404, description = "not_found"), (status = 409, description = "not_parked")))]
async fn retry_all_parked_events(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(name): Path<String>,
) -> Result<CommandAnswer, Problem> {
    let operation = "retry_all_parked_events";
    let context = commands::context(&app, &caller, operation, &key, &name)?;
    order_all(&app.log, &name, &context, caller.at).await
}

/// Passes a parked event over for good; what waits behind it is applied.
#[utoipa::path(post, path = "/api/operations/projections/{name}/parked/{position}/discard", tag = "operations",
    params(("name" = String, Path), ("position" = u64, Path)), request_body = DiscardEvent,
    responses((status = 200, description = "Ordered; `Greffe-Min-Position` waits until it is done", body = CommandAnswer),
    (status = 404, description = "not_found"), (status = 409, description = "not_parked, only_waiting")))]
async fn discard_parked_event(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(target): Path<(String, String)>,
    JsonBody(body): JsonBody<DiscardEvent>,
) -> Result<CommandAnswer, Problem> {
    let name = "discard_parked_event";
    give(&app, &caller, name, &key, target, Some(body)).await
}

async fn give(
    app: &App,
    caller: &Caller,
    operation: &str,
    key: &IdempotencyKey,
    target: (String, String),
    body: Option<DiscardEvent>,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(app, caller, operation, key, &(&target, &body))?;
    let (name, position) = target;
    let Ok(position) = position.parse() else {
        return Err(Problem::not_found("A position is a whole number."));
    };
    let wanted = match body {
        Some(DiscardEvent { reason }) => Order::Discard { reason },
        None => Order::Retry,
    };
    order(&app.log, &name, position, wanted, &context, caller.at).await
}
