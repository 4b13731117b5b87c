//! Reading approvals and the tool registry.

use chrono::{SecondsFormat, TimeDelta};
use projections::{
    PageRequest,
    safeguard::{self as rows, Approval, ApprovalStats, Tool},
};
use uuid::Uuid;

use super::shapes::*;
use crate::{
    App, Problem,
    caller::Caller,
    min_position::{AsOf, MinPosition},
    shapes::page,
};

/// The projections these queries read.
const APPROVALS: &[&str] = &["approvals"];
const TOOLS: &[&str] = &["tools"];

/// Pending approvals, the one that expires first before the others.
pub async fn list_pending_approvals(
    app: &App,
    caller: &Caller,
    filter: PendingFilter,
    from: MinPosition,
) -> Result<AsOf<ApprovalPage>, Problem> {
    let part = page(filter.limit, filter.cursor)?;
    let filter = rows::PendingFilter {
        q: filter.q,
        tool: plain("tool", filter.tool)?,
        client: plain("client", filter.client)?,
        urgency: filter.urgency,
        include_postponed: filter.include_postponed.unwrap_or(false),
        user_id: caller.user_id(),
    };
    let position = app.reached(APPROVALS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let found = rows::list_pending_approvals(pool, vault, &filter, caller.at, &part).await?;
    Ok(AsOf { position, body: page_of(caller, found) })
}

/// Approvals that are no longer pending, the latest request first.
pub async fn list_approval_history(
    app: &App,
    caller: &Caller,
    filter: HistoryFilter,
    from: MinPosition,
) -> Result<AsOf<ApprovalPage>, Problem> {
    let part = page(filter.limit, filter.cursor)?;
    let filter = rows::HistoryFilter {
        from: filter.from,
        to: filter.to,
        status: filter.status,
        tool: plain("tool", filter.tool)?,
        client: plain("client", filter.client)?,
        q: filter.q,
    };
    let position = app.reached(APPROVALS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let found = rows::list_approval_history(pool, vault, &filter, caller.at, &part).await?;
    Ok(AsOf { position, body: page_of(caller, found) })
}

/// One approval with what happened to it.
pub async fn get_approval(
    app: &App,
    caller: &Caller,
    id: Uuid,
    from: MinPosition,
) -> Result<AsOf<Approval>, Problem> {
    let position = app.reached(APPROVALS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let found = rows::find_approval(pool, vault, id, caller.user_id(), caller.at).await?;
    let body = found.ok_or_else(|| Problem::not_found("There is no such request."))?;
    Ok(AsOf { position, body })
}

/// How approvals went.
pub async fn get_approval_stats(
    app: &App,
    caller: &Caller,
    filter: StatsFilter,
    from: MinPosition,
) -> Result<AsOf<ApprovalStats>, Problem> {
    let days = filter.days.unwrap_or(7);
    if !(1..=366).contains(&days) {
        return Err(Problem::field("days", "out_of_range", "`days` is 1 to 366."));
    }
    let to = filter.to.unwrap_or(caller.at);
    let since = filter.from.unwrap_or_else(|| to - TimeDelta::days(i64::from(days)));
    if since > to {
        return Err(Problem::field("from", "invalid", "`from` is after `to`."));
    }
    let position = app.reached(APPROVALS, from).await?;
    let body = rows::approval_stats(app.log.pool(), app.log.vault(), since, to).await?;
    Ok(AsOf { position, body })
}

/// The tool registry.
pub async fn list_tools(app: &App, part: &PageRequest, from: MinPosition) -> Result<AsOf<ToolPage>, Problem> {
    let position = app.reached(TOOLS, from).await?;
    let found = rows::list_tools(app.log.pool(), part).await?;
    Ok(AsOf { position, body: ToolPage { items: found.items, next_cursor: found.next_cursor } })
}

/// One tool.
pub async fn get_tool(app: &App, name: &str, from: MinPosition) -> Result<AsOf<Tool>, Problem> {
    let position = app.reached(TOOLS, from).await?;
    let nothing = || Problem::not_found("There is no such tool.");
    if name.contains('\0') {
        return Err(nothing());
    }
    let body = rows::find_tool(app.log.pool(), name).await?.ok_or_else(nothing)?;
    Ok(AsOf { position, body })
}

/// A filter that PostgreSQL can take.
fn plain(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.contains('\0') => Err(Problem::field(field, "invalid", "U+0000 is nowhere.")),
        text => Ok(text),
    }
}

fn page_of(caller: &Caller, found: projections::Page<Approval>) -> ApprovalPage {
    ApprovalPage {
        items: found.items,
        next_cursor: found.next_cursor,
        server_time: caller.at.to_rfc3339_opts(SecondsFormat::Millis, true),
    }
}
