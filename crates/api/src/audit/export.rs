use axum::response::Response;
use super::shapes::*;
use crate::{App, Problem, caller::Caller, min_position::{AsOf, MinPosition}};

pub async fn list(_a: &App, _f: &AuditFilter, _m: MinPosition) -> Result<AsOf<AuditPage>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn export(_a: &App, _c: &Caller, _f: AuditFilter, _o: Format, _m: MinPosition) -> Result<Response, Problem> { Err(Problem::unavailable("soon")) }
pub async fn list_events(_a: &App, _c: &Caller, _f: EventFilter) -> Result<AsOf<EventPage>, Problem> { Err(Problem::unavailable("soon")) }
