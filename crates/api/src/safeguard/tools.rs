//! The tool registry: how risky each action is.

use axum::extract::{Path, State};
use domain::safeguard::{Tool as DomainTool, ToolCommand, ToolEntry};
use events::safeguard::TOOL_NAME_CLAIM;
use utoipa_axum::{router::OpenApiRouter, routes};

use projections::{Page, safeguard::ToolRow};

use super::{queries, schema::*, shapes::*};
use crate::{
    App, Problem,
    caller::Caller,
    commands::{self, IdempotencyKey},
    json::JsonBody,
    min_position::{AsOf, MinPosition},
    shapes::CommandAnswer,
};

/// The routes of the tool registry.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tools))
        .routes(routes!(get_tool, put_tool))
}

/// Every registered tool.
#[utoipa::path(get, path = "/api/safeguard/tools", tag = "safeguard",
    responses((status = 200, description = "Tools", body = ToolPage)))]
async fn list_tools(
    State(app): State<App>,
    _caller: Caller,
    from: MinPosition,
) -> Result<AsOf<Page<ToolRow>>, Problem> {
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
) -> Result<AsOf<ToolRow>, Problem> {
    queries::get_tool(&app, &name, from).await
}

/// Registers a tool, or classifies it anew.
#[utoipa::path(put, path = "/api/safeguard/tools/{name}", tag = "safeguard",
    params(("name" = String, Path)), request_body = PutTool,
    responses((status = 200, description = "Done", body = CommandAnswer)))]
async fn put_tool(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<PutTool>,
) -> Result<CommandAnswer, Problem> {
    register_tool(&app, &caller, name, body, &key).await
}

/// Registers a tool, or classifies it anew.
pub async fn register_tool(
    app: &App,
    caller: &Caller,
    name: String,
    body: PutTool,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(app, caller, "put_tool", key, &(&name, &body))?;
    let description = body.description.unwrap_or_default();
    let command = ToolCommand::Put {
        entry: ToolEntry {
            name: name.clone(),
            level: body.level.into(),
            description: events::safeguard::ToolDescription {
                fr: description.fr,
                en: description.en,
            },
            schema_fingerprint: body.schema_fingerprint,
        },
        version: body.version,
        now: caller.at,
    };
    let executed = app
        .log
        .execute::<DomainTool>(&DomainTool::id(&name), command, &(), &context)
        .await?;
    Ok(commands::answer(name, executed))
}

/// Whether another spelling of a name is registered. Whoever misspells a tool means that tool, and
/// would have it decided on as an unknown one.
pub(super) async fn is_known_otherwise(app: &App, name: &str) -> Result<bool, Problem> {
    let spelling = events::fold_tool_name(name);
    let vault = app.log.vault();
    let held = vault.fingerprint(&format!("claim:{TOOL_NAME_CLAIM}"), &spelling);
    let is_held =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM claims WHERE scope = $1 AND key = $2)")
            .bind(TOOL_NAME_CLAIM)
            .bind(held)
            .fetch_one(app.log.pool())
            .await?;
    if is_held {
        return Ok(true);
    }
    // Registered when names were not claimed yet.
    let known = app
        .log
        .recall::<DomainTool>(&DomainTool::id(&spelling))
        .await?;
    Ok(known.state.entry().is_some())
}
