//! The HTTP routes of SUPERVISION. They only unpack and call the queries.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use projections::supervision::{Alert, Enrichisseur, Overview, Sentinel, Support};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{export, queries, shapes::*};
use crate::{
    App, Problem,
    caller::Caller,
    min_position::MinPosition,
    params::{QueryOf, filter_of, id_of},
};

/// The format that an export is asked in.
fn format_of(query: QueryOf<ExportFilter>) -> Result<ExportFormat, Problem> {
    let (code, detail) = match query {
        Ok(Query(ExportFilter {
            format: Some(format),
        })) => return Ok(format),
        Ok(_) => ("required", "Name the format: csv or xlsx.".to_owned()),
        Err(rejection) => ("invalid", rejection.body_text()),
    };
    Err(Problem::field("format", code, detail))
}

/// The routes of SUPERVISION, its feed aside.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_supervision_overview))
        .routes(routes!(get_supervision_support))
        .routes(routes!(get_supervision_sentinel))
        .routes(routes!(get_supervision_enrichisseur))
        .routes(routes!(get_supervision_safeguard))
        .routes(routes!(list_tickets))
        .routes(routes!(export_tickets))
        .routes(routes!(list_alerts))
        .routes(routes!(export_alerts))
        .routes(routes!(get_alert))
        .routes(routes!(list_workflow_errors))
        .routes(routes!(export_workflow_errors))
        .routes(routes!(list_enrichment_runs))
        .routes(routes!(export_enrichment_runs))
        .routes(routes!(get_components_health))
        .routes(routes!(list_activity))
}

/// Everything at a glance; of the last 24 h if no period is named.
#[utoipa::path(get, path = "/api/supervision/overview", tag = "supervision", params(PeriodFilter),
    responses((status = 200, description = "The dashboard", body = Overview)))]
async fn get_supervision_overview(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PeriodFilter>,
) -> Result<Response, Problem> {
    queries::overview(&app, &caller, &filter_of(query)?, from).await
}

/// What SUPPORT has done; today if no period is named.
#[utoipa::path(get, path = "/api/supervision/support", tag = "supervision", params(PeriodFilter),
    responses((status = 200, description = "The dashboard", body = Support)))]
async fn get_supervision_support(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PeriodFilter>,
) -> Result<Response, Problem> {
    queries::support(&app, &caller, &filter_of(query)?, from).await
}

/// What SENTINEL has seen; today if no period is named.
#[utoipa::path(get, path = "/api/supervision/sentinel", tag = "supervision", params(PeriodFilter),
    responses((status = 200, description = "The dashboard", body = Sentinel)))]
async fn get_supervision_sentinel(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PeriodFilter>,
) -> Result<Response, Problem> {
    queries::sentinel(&app, &caller, &filter_of(query)?, from).await
}

/// What ENRICHISSEUR has brought; today if no period is named.
#[utoipa::path(get, path = "/api/supervision/enrichisseur", tag = "supervision", params(PeriodFilter),
    responses((status = 200, description = "The dashboard", body = Enrichisseur)))]
async fn get_supervision_enrichisseur(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PeriodFilter>,
) -> Result<Response, Problem> {
    queries::enrichisseur(&app, &caller, &filter_of(query)?, from).await
}

/// How approvals go; today if no period is named.
#[utoipa::path(get, path = "/api/supervision/safeguard", tag = "supervision", params(PeriodFilter),
    responses((status = 200, description = "The dashboard", body = SafeguardDashboard)))]
async fn get_supervision_safeguard(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PeriodFilter>,
) -> Result<Response, Problem> {
    queries::safeguard(&app, &caller, &filter_of(query)?, from).await
}

/// Tickets, the latest first.
#[utoipa::path(get, path = "/api/supervision/tickets", tag = "supervision", params(TicketFilter),
    responses((status = 200, description = "A page", body = TicketPage)))]
async fn list_tickets(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<TicketFilter>,
) -> Result<Response, Problem> {
    queries::list_tickets(&app, &caller, filter_of(query)?, from).await
}

/// Episodes of alerts, the last raised first.
#[utoipa::path(get, path = "/api/supervision/alerts", tag = "supervision", params(AlertFilter),
    responses((status = 200, description = "A page", body = AlertPage)))]
async fn list_alerts(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<AlertFilter>,
) -> Result<Response, Problem> {
    queries::list_alerts(&app, &caller, filter_of(query)?, from).await
}

/// Errors of workflows, the latest first.
#[utoipa::path(get, path = "/api/supervision/errors", tag = "supervision", params(ErrorFilter),
    responses((status = 200, description = "A page", body = WorkflowErrorPage)))]
async fn list_workflow_errors(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<ErrorFilter>,
) -> Result<Response, Problem> {
    queries::list_workflow_errors(&app, &caller, filter_of(query)?, from).await
}

/// Runs of ENRICHISSEUR, the last finished first.
#[utoipa::path(get, path = "/api/supervision/runs", tag = "supervision", params(RunFilter),
    responses((status = 200, description = "A page", body = RunPage)))]
async fn list_enrichment_runs(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<RunFilter>,
) -> Result<Response, Problem> {
    queries::list_enrichment_runs(&app, &caller, filter_of(query)?, from).await
}

/// How the components are, and how they were.
#[utoipa::path(get, path = "/api/supervision/health", tag = "supervision", params(PageFilter),
    responses((status = 200, description = "A page", body = ComponentsHealth)))]
async fn get_components_health(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PageFilter>,
) -> Result<Response, Problem> {
    queries::get_components_health(&app, &caller, filter_of(query)?, from).await
}

/// What happens, the last recorded first.
#[utoipa::path(get, path = "/api/supervision/activity", tag = "supervision", params(PageFilter),
    responses((status = 200, description = "A page", body = ActivityPage)))]
async fn list_activity(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<PageFilter>,
) -> Result<Response, Problem> {
    queries::list_activity(&app, &caller, filter_of(query)?, from).await
}

/// Tickets as a file. `xlsx` holds 100,000 rows at most; its last sheet row says if there are more.
#[utoipa::path(get, path = "/api/supervision/tickets/export", tag = "supervision", params(TicketFilter, ExportFilter),
    responses((status = 200, description = "The file", content((String = "text/csv"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn export_tickets(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<TicketFilter>,
    format: QueryOf<ExportFilter>,
) -> Result<Response, Problem> {
    let format = format_of(format)?;
    export::export_tickets(&app, &caller, filter_of(query)?, format, from).await
}

/// Episodes of alerts as a file. `xlsx` holds 100,000 rows at most; its last sheet row says if there are more.
#[utoipa::path(get, path = "/api/supervision/alerts/export", tag = "supervision", params(AlertFilter, ExportFilter),
    responses((status = 200, description = "The file", content((String = "text/csv"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn export_alerts(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<AlertFilter>,
    format: QueryOf<ExportFilter>,
) -> Result<Response, Problem> {
    let format = format_of(format)?;
    export::export_alerts(&app, &caller, filter_of(query)?, format, from).await
}

/// Errors of workflows as a file. `xlsx` holds 100,000 rows at most; its last sheet row says if there are more.
#[utoipa::path(get, path = "/api/supervision/errors/export", tag = "supervision", params(ErrorFilter, ExportFilter),
    responses((status = 200, description = "The file", content((String = "text/csv"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn export_workflow_errors(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<ErrorFilter>,
    format: QueryOf<ExportFilter>,
) -> Result<Response, Problem> {
    let format = format_of(format)?;
    export::export_workflow_errors(&app, &caller, filter_of(query)?, format, from).await
}

/// Runs of ENRICHISSEUR as a file. `xlsx` holds 100,000 rows at most; its last sheet row says if there are more.
#[utoipa::path(get, path = "/api/supervision/runs/export", tag = "supervision", params(RunFilter, ExportFilter),
    responses((status = 200, description = "The file", content((String = "text/csv"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn export_enrichment_runs(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    query: QueryOf<RunFilter>,
    format: QueryOf<ExportFilter>,
) -> Result<Response, Problem> {
    let format = format_of(format)?;
    export::export_enrichment_runs(&app, &caller, filter_of(query)?, format, from).await
}

/// An alert with its steps, in its latest episode or another.
#[utoipa::path(get, path = "/api/supervision/alerts/{id}", tag = "supervision",
    params(("id" = Uuid, Path), EpisodeFilter),
    responses((status = 200, description = "The alert", body = Alert), (status = 404, description = "not_found")))]
async fn get_alert(
    State(app): State<App>,
    caller: Caller,
    from: MinPosition,
    Path(id): Path<String>,
    query: QueryOf<EpisodeFilter>,
) -> Result<Response, Problem> {
    let (id, filter) = (id_of(&id)?, filter_of(query)?);
    queries::get_alert(&app, &caller, id, filter.episode, from).await
}
