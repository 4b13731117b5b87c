//! The HTTP routes of approvals. They only unpack and call the operations.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use projections::safeguard::ApprovalStats as StatsRow;

use super::{queries, queries::Listed, schema::*, shapes::*};
use crate::{
    App, Problem,
    caller::Caller,
    commands::IdempotencyKey,
    json::JsonBody,
    min_position::{AsOf, MinPosition, PARKED},
    params::{QueryOf, filter_of, id_of},
    shapes::CommandAnswer,
};

/// The routes of approvals.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_pending_approvals))
        .routes(routes!(list_approval_history))
        .routes(routes!(get_approval_stats))
        .routes(routes!(get_approval))
        .routes(routes!(request_approval))
        .routes(routes!(approve_request))
        .routes(routes!(reject_request))
        .routes(routes!(postpone_request))
        .routes(routes!(cancel_approval))
        .routes(routes!(claim_execution))
        .routes(routes!(record_execution))
        .routes(routes!(break_glass))
        .merge(super::tools::routes())
}

/// Pending approvals, the most urgent first.
#[utoipa::path(get, path = "/api/safeguard/pending", tag = "safeguard", params(PendingFilter),
    responses((status = 200, description = "Pending approvals", body = ApprovalPage)))]
async fn list_pending_approvals(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PendingFilter>,
) -> Result<AsOf<Listed>, Problem> {
    queries::list_pending_approvals(&app, &caller, filter_of(query)?, from).await
}

/// Approvals of the past and present, the latest first.
#[utoipa::path(get, path = "/api/safeguard/history", tag = "safeguard", params(HistoryFilter),
    responses((status = 200, description = "Approvals", body = ApprovalPage)))]
async fn list_approval_history(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<HistoryFilter>,
) -> Result<AsOf<Listed>, Problem> {
    queries::list_approval_history(&app, &caller, filter_of(query)?, from).await
}

/// How approvals went, over the last days or any time.
#[utoipa::path(get, path = "/api/safeguard/stats", tag = "safeguard", params(StatsFilter),
    responses((status = 200, description = "Statistics", body = ApprovalStats)))]
async fn get_approval_stats(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<StatsFilter>,
) -> Result<AsOf<StatsRow>, Problem> {
    queries::get_approval_stats(&app, &caller, filter_of(query)?, from).await
}

/// One approval with its decisions and what happened to it.
#[utoipa::path(get, path = "/api/safeguard/{id}", tag = "safeguard", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The approval", body = Approval), (status = 404, description = "not_found")))]
async fn get_approval(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = id_of(&id)?;
    let read = queries::get_approval(&app, &caller, id, from).await?;
    let mut response = read.found.into_response();
    if let Some(position) = read.parked {
        response.headers_mut().insert(PARKED, position.into());
    }
    Ok(response)
}

/// Asks people for an approval.
#[utoipa::path(post, path = "/api/safeguard/requests", tag = "safeguard", request_body = RequestApproval,
    responses((status = 201, description = "Requested", body = RequestedApproval),
    (status = 422, description = "invalid; approval_not_needed; idempotency_key_reused"),
    (status = 429, description = "rate_limited; too_many_pending")))]
async fn request_approval(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<RequestApproval>,
) -> Result<(axum::http::StatusCode, CommandAnswer), Problem> {
    let answer = super::request_approval(&app, &caller, body, &key).await?;
    Ok((axum::http::StatusCode::CREATED, answer))
}

/// Votes yes.
#[utoipa::path(post, path = "/api/safeguard/{id}/approve", tag = "safeguard", params(("id" = Uuid, Path)),
    request_body = ApproveRequest, responses((status = 200, description = "Voted", body = CommandAnswer),
    (status = 404, description = "not_found"),
    (status = 409, description = "stale_version; approval_already_decided; already_voted; conflict")))]
async fn approve_request(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ApproveRequest>,
) -> Result<CommandAnswer, Problem> {
    super::approve_request(&app, &caller, id_of(&id)?, body, &key).await
}

/// Votes no, which ends the request.
#[utoipa::path(post, path = "/api/safeguard/{id}/reject", tag = "safeguard", params(("id" = Uuid, Path)),
    request_body = RejectRequest, responses((status = 200, description = "Rejected", body = CommandAnswer),
    (status = 404, description = "not_found"),
    (status = 409, description = "stale_version; approval_already_decided; already_voted; conflict")))]
async fn reject_request(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RejectRequest>,
) -> Result<CommandAnswer, Problem> {
    super::reject_request(&app, &caller, id_of(&id)?, body, &key).await
}

/// Hides the card for oneself for a while; the expiry stays.
#[utoipa::path(post, path = "/api/safeguard/{id}/postpone", tag = "safeguard", params(("id" = Uuid, Path)),
    request_body = PostponeRequest, responses((status = 200, description = "Postponed", body = CommandAnswer),
    (status = 404, description = "not_found"),
    (status = 409, description = "stale_version; approval_already_decided; conflict")))]
async fn postpone_request(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<PostponeRequest>,
) -> Result<CommandAnswer, Problem> {
    super::postpone_request(&app, &caller, id_of(&id)?, body, &key).await
}

/// Withdraws a request.
#[utoipa::path(post, path = "/api/safeguard/{id}/cancel", tag = "safeguard", params(("id" = Uuid, Path)),
    request_body = CancelApproval, responses((status = 200, description = "Cancelled", body = CommandAnswer),
    (status = 403, description = "forbidden; not_requester"),
    (status = 404, description = "not_found"), (status = 409, description = "approval_already_decided; conflict")))]
async fn cancel_approval(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<CancelApproval>,
) -> Result<CommandAnswer, Problem> {
    super::cancel_approval(&app, &caller, id_of(&id)?, body, &key).await
}

/// Takes the single-use grant before acting.
#[utoipa::path(post, path = "/api/safeguard/{id}/claim", tag = "safeguard", params(("id" = Uuid, Path)),
    request_body = ClaimExecution, responses((status = 200, description = "Granted", body = ClaimedExecution),
    (status = 403, description = "forbidden; not_requester"),
    (status = 404, description = "not_found"),
    (status = 409, description = "arguments_changed; grant_used; grant_lapsed; not_approved")))]
async fn claim_execution(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ClaimExecution>,
) -> Result<CommandAnswer, Problem> {
    super::claim_execution(&app, &caller, id_of(&id)?, body, &key).await
}

/// Says how the action ended.
#[utoipa::path(post, path = "/api/safeguard/{id}/execution", tag = "safeguard", params(("id" = Uuid, Path)),
    request_body = RecordExecution, responses((status = 200, description = "Recorded", body = CommandAnswer),
    (status = 403, description = "forbidden; not_requester"),
    (status = 404, description = "not_found"),
    (status = 409, description = "wrong_grant; outcome_already_recorded; not_approved; grant_lapsed")))]
async fn record_execution(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RecordExecution>,
) -> Result<CommandAnswer, Problem> {
    super::record_execution(&app, &caller, id_of(&id)?, body, &key).await
}

/// Approves alone, past the four eyes, for a stated reason.
#[utoipa::path(post, path = "/api/safeguard/{id}/break-glass", tag = "safeguard", params(("id" = Uuid, Path)),
    request_body = BreakGlass, responses((status = 200, description = "Approved", body = CommandAnswer),
    (status = 404, description = "not_found"),
    (status = 409, description = "stale_version; approval_already_decided; conflict")))]
async fn break_glass(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<BreakGlass>,
) -> Result<CommandAnswer, Problem> {
    super::break_glass(&app, &caller, id_of(&id)?, body, &key).await
}
