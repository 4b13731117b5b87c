//! The HTTP routes of facts that could not be accepted.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    bulk, commands,
    queries::{self, sequence_of},
    shapes::*,
};
use crate::{
    App, Problem, caller::Caller, commands::IdempotencyKey, json::JsonBody, params::filter_of,
    shapes::CommandAnswer,
};

/// The routes of the context.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_rejected_facts))
        .routes(routes!(get_rejected_fact))
        .routes(routes!(resubmit_rejected_facts))
        .routes(routes!(discard_rejected_facts))
        .routes(routes!(resubmit_rejected_fact))
        .routes(routes!(discard_rejected_fact))
        .routes(routes!(list_fact_schemas))
}

/// The facts that could not be accepted and wait for someone. Every reading is recorded.
#[utoipa::path(get, path = "/api/intake/rejected", tag = "intake", params(RejectedFilter),
    responses((status = 200, description = "Oldest first", body = RejectedFactPage)))]
async fn list_rejected_facts(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<RejectedFilter>, QueryRejection>,
) -> Result<Json<RejectedFactPage>, Problem> {
    let page = queries::list_rejected_facts(&app, &caller, filter_of(query)?).await?;
    Ok(Json(page))
}

/// One of them.
#[utoipa::path(get, path = "/api/intake/rejected/{sequence}", tag = "intake", params(("sequence" = u64, Path)),
    responses((status = 200, description = "The fact", body = RejectedFact), (status = 404, description = "not_found")))]
async fn get_rejected_fact(
    State(app): State<App>,
    caller: Caller,
    Path(sequence): Path<String>,
) -> Result<Json<RejectedFact>, Problem> {
    let sequence = sequence_of(&sequence)?;
    let fact = queries::get_rejected_fact(&app, &caller, sequence).await?;
    Ok(Json(fact))
}

/// Publishes a fact anew, as it came or corrected. It may be refused again, and is then a new one.
#[utoipa::path(post, path = "/api/intake/rejected/{sequence}/resubmit", tag = "intake", params(("sequence" = u64, Path)),
    request_body = ResubmitFact, responses((status = 200, description = "Published", body = CommandAnswer),
    (status = 404, description = "not_found"), (status = 409, description = "conflict: it was discarded"),
    (status = 413, description = "too_large: with the headers it gets it no longer fits"),
    (status = 422, description = "invalid: of Observium's notifications, which are read at once")))]
async fn resubmit_rejected_fact(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(sequence): Path<String>,
    JsonBody(body): JsonBody<ResubmitFact>,
) -> Result<CommandAnswer, Problem> {
    let sequence = sequence_of(&sequence)?;
    commands::resubmit_rejected_fact(&app, &caller, sequence, body, &key).await
}

/// Takes a fact away for good.
#[utoipa::path(post, path = "/api/intake/rejected/{sequence}/discard", tag = "intake", params(("sequence" = u64, Path)),
    request_body = DiscardFact, responses((status = 200, description = "Discarded", body = CommandAnswer),
    (status = 404, description = "not_found"), (status = 409, description = "conflict: it was resubmitted")))]
async fn discard_rejected_fact(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(sequence): Path<String>,
    JsonBody(body): JsonBody<DiscardFact>,
) -> Result<CommandAnswer, Problem> {
    let sequence = sequence_of(&sequence)?;
    commands::discard_rejected_fact(&app, &caller, sequence, body, &key).await
}

/// Publishes many facts anew, as they came; 500 at most, oldest first. Sent again it goes on with what is left.
#[utoipa::path(post, path = "/api/intake/rejected/resubmit", tag = "intake", request_body = ResubmitFacts,
    responses((status = 200, description = "What became of them", body = ManyAnswer)))]
async fn resubmit_rejected_facts(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<ResubmitFacts>,
) -> Result<Json<ManyAnswer>, Problem> {
    let answer = bulk::resubmit_rejected_facts(&app, &caller, body, &key).await?;
    Ok(Json(answer))
}

/// Takes many facts away for good; 500 at most, oldest first. Sent again it goes on with what is left.
#[utoipa::path(post, path = "/api/intake/rejected/discard", tag = "intake", request_body = DiscardFacts,
    responses((status = 200, description = "What became of them", body = ManyAnswer)))]
async fn discard_rejected_facts(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<DiscardFacts>,
) -> Result<Json<ManyAnswer>, Problem> {
    let answer = bulk::discard_rejected_facts(&app, &caller, body, &key).await?;
    Ok(Json(answer))
}

/// What may be published: each subject with the JSON Schema of its body.
#[utoipa::path(get, path = "/api/intake/schemas", tag = "intake",
    responses((status = 200, description = "All of them", body = FactSchemas)))]
async fn list_fact_schemas() -> Json<FactSchemas> {
    Json(queries::fact_schemas())
}
