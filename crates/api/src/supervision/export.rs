//! Exports.
use axum::response::Response;

use super::shapes::*;
use crate::{App, Problem, caller::Caller, min_position::MinPosition};
pub async fn export_tickets(
    _: &App,
    _: &Caller,
    _: TicketFilter,
    _: ExportFormat,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(Problem::not_found("This is not answered yet."))
}
pub async fn export_alerts(
    _: &App,
    _: &Caller,
    _: AlertFilter,
    _: ExportFormat,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(Problem::not_found("This is not answered yet."))
}
pub async fn export_workflow_errors(
    _: &App,
    _: &Caller,
    _: ErrorFilter,
    _: ExportFormat,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(Problem::not_found("This is not answered yet."))
}
pub async fn export_enrichment_runs(
    _: &App,
    _: &Caller,
    _: RunFilter,
    _: ExportFormat,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(Problem::not_found("This is not answered yet."))
}
