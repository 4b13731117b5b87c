//! The tool registry: how risky each action is.

use axum::extract::{Path, State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{queries, shapes::*};
use crate::{
    App, Problem,
    caller::Caller,
    commands::IdempotencyKey,
    json::JsonBody,
    min_position::{AsOf, MinPosition},
    shapes::CommandAnswer,
};

/// The routes of the tool registry.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_tools)).routes(routes!(get_tool, put_tool_route))
}

/// Every registered tool.
#[utoipa::path(get, path = "/api/safeguard/tools", tag = "safeguard",
    responses((status = 200, description = "Tools", body = ToolPage)))]
async fn list_tools(State(app): State<App>, _caller: Caller, from: MinPosition) -> Result<AsOf<ToolPage>, Problem> {
    queries::list_tools(&app, from).await
}

/// One tool.
#[utoipa::path(get, path = "/api/safeguard/tools/{name}", tag = "safeguard", params(("name" = String, Path)),
    responses((status = 200, description = "The tool", body = Tool), (status = 404, description = "not_found")))]
async fn get_tool(
    State(app): State<App>,
    _caller: Caller,
    from: MinPosition,
    Path(name): Path<String>,
) -> Result<AsOf<Tool>, Problem> {
    queries::get_tool(&app, &name, from).await
}

/// Registers a tool, or classifies it anew.
#[utoipa::path(put, operation_id = "put_tool", path = "/api/safeguard/tools/{name}", tag = "safeguard",
    params(("name" = String, Path)), request_body = PutTool,
    responses((status = 200, description = "Done", body = CommandAnswer)))]
async fn put_tool_route(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<PutTool>,
) -> Result<CommandAnswer, Problem> {
    put_tool(&app, &caller, &name, body, &key).await
}

pub async fn put_tool(_a: &App, _c: &Caller, _n: &str, _b: PutTool, _k: &IdempotencyKey) -> Result<CommandAnswer, Problem> { Err(Problem::unavailable("soon")) }
