//! Reading the dashboards and lists.
use axum::response::Response;
use uuid::Uuid;

use super::shapes::*;
use crate::{App, Problem, caller::Caller, min_position::MinPosition};

fn later() -> Problem {
    Problem::not_found("This is not answered yet.")
}
pub async fn overview(
    _: &App,
    _: &Caller,
    _: &PeriodFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn support(
    _: &App,
    _: &Caller,
    _: &PeriodFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn sentinel(
    _: &App,
    _: &Caller,
    _: &PeriodFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn enrichisseur(
    _: &App,
    _: &Caller,
    _: &PeriodFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn safeguard(
    _: &App,
    _: &Caller,
    _: &PeriodFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn list_tickets(
    _: &App,
    _: &Caller,
    _: TicketFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn list_alerts(
    _: &App,
    _: &Caller,
    _: AlertFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn list_workflow_errors(
    _: &App,
    _: &Caller,
    _: ErrorFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn list_enrichment_runs(
    _: &App,
    _: &Caller,
    _: RunFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn get_components_health(
    _: &App,
    _: &Caller,
    _: PageFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn list_activity(
    _: &App,
    _: &Caller,
    _: PageFilter,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
pub async fn get_alert(
    _: &App,
    _: &Caller,
    _: Uuid,
    _: Option<u32>,
    _: MinPosition,
) -> Result<Response, Problem> {
    Err(later())
}
