//! The audit trail and the raw events: read by N4 and auditors, every reading itself recorded.

mod events;
mod export;
mod record;
mod shapes;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use export::audit_csv;
pub(crate) use record::{Refusals, record_infallible};
use shapes::{AuditFilter, AuditPage, EventFilter, EventPage};

use crate::{
    App, Problem,
    caller::Caller,
    min_position::{AsOf, MinPosition},
    params::filter_of,
};

/// The routes of the audit trail.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_audit_items))
        .routes(routes!(list_events))
}

/// Who did what, when, from where and why. `format=csv` and `format=jsonl` export everything found.
#[utoipa::path(get, path = "/api/users/audit", tag = "audit", params(AuditFilter), responses(
    (status = 200, description = "The latest first", content(
        (AuditPage = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")))))]
async fn list_audit_items(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: Result<Query<AuditFilter>, QueryRejection>,
) -> Result<Response, Problem> {
    let filter = filter_of(query)?;
    match filter.format.unwrap_or_default() {
        shapes::Format::Json => Ok(export::list(&app, &caller, &filter, from)
            .await?
            .into_response()),
        format => export::export(&app, &caller, filter, format, from).await,
    }
}

/// The raw events, in order.
#[utoipa::path(get, path = "/api/audit/events", tag = "audit", params(EventFilter),
    responses((status = 200, description = "Events after a position", body = EventPage)))]
async fn list_events(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<EventFilter>, QueryRejection>,
) -> Result<AsOf<EventPage>, Problem> {
    events::list_events(&app, &caller, filter_of(query)?).await
}
