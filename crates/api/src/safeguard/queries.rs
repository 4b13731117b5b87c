//! Reading approvals and the tool registry.

use chrono::{SecondsFormat, TimeDelta};
use domain::safeguard::Status;
use projections::{
    Page,
    safeguard::{self as rows, ApprovalItem, ApprovalStats, ToolRow},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::shapes::*;
use crate::{
    App, Problem,
    caller::Caller,
    min_position::{AsOf, MinPosition},
    shapes::limit,
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
) -> Result<AsOf<Listed>, Problem> {
    let limit = limit(filter.limit)?;
    let filter = rows::PendingFilter {
        q: filter.q,
        tool: plain("tool", filter.tool)?,
        client: plain("client", filter.client)?,
        urgency: filter.urgency.map(|urgency| match urgency {
            Urgency::Red => rows::Urgency::Red,
            Urgency::Yellow => rows::Urgency::Yellow,
            Urgency::Green => rows::Urgency::Green,
        }),
        include_postponed: filter.include_postponed.unwrap_or(false),
        limit,
        cursor: plain("cursor", filter.cursor)?,
    };
    let position = app.reached(APPROVALS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let found = rows::list_pending(pool, vault, &filter, reader(caller), caller.at).await?;
    app.audit_reading(caller, "list_pending_approvals").await?;
    Ok(AsOf {
        position,
        body: page_of(caller, found)?,
    })
}

/// Approvals that are no longer pending, the latest request first.
pub async fn list_approval_history(
    app: &App,
    caller: &Caller,
    filter: HistoryFilter,
    from: MinPosition,
) -> Result<AsOf<Listed>, Problem> {
    let limit = limit(filter.limit)?;
    let filter = rows::HistoryFilter {
        from: filter.from,
        to: filter.to,
        status: filter.status.map(status_of),
        tool: plain("tool", filter.tool)?,
        client: plain("client", filter.client)?,
        q: filter.q,
        limit,
        cursor: plain("cursor", filter.cursor)?,
    };
    let position = app.reached(APPROVALS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let found = rows::list_history(pool, vault, &filter, caller.user_id(), caller.at).await?;
    app.audit_reading(caller, "list_approval_history").await?;
    Ok(AsOf {
        position,
        body: page_of(caller, found)?,
    })
}

/// An answer about one approval.
pub struct ReadApproval {
    pub found: Result<AsOf<ApprovalItem>, Problem>,
    /// From which position on the answer is out of date, be it that nothing is found.
    pub parked: Option<u64>,
}

/// One approval with what happened to it. The reading is in the trail, once per hour and reader; a
/// service that follows its own request reads nothing it does not know.
pub async fn get_approval(
    app: &App,
    caller: &Caller,
    id: Uuid,
    from: MinPosition,
) -> Result<ReadApproval, Problem> {
    let position = app.reached(APPROVALS, from).await?;
    // After the wait, in which an event may be parked; before the rows, which may be mended since.
    let parked = eventlog::is_parked(app.log.pool(), "approvals", &id.to_string()).await?;
    let found = find_approval(app, caller, id).await;
    Ok(ReadApproval {
        found: found.map(|body| AsOf { position, body }),
        parked,
    })
}

async fn find_approval(app: &App, caller: &Caller, id: Uuid) -> Result<ApprovalItem, Problem> {
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let found = rows::find_approval(pool, vault, id, caller.user_id(), caller.at).await?;
    let body = found.ok_or_else(|| Problem::not_found("There is no such request."))?;
    let is_own = caller.user_id().is_none() && body.requested_by == caller.actor.to_string();
    if !is_own {
        let target = Some(body.id.to_string());
        app.audit_repeated_read(
            caller,
            "get_approval",
            "safeguard.approval",
            target.as_deref(),
        )
        .await?;
    }
    Ok(body)
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
        return Err(Problem::field(
            "days",
            "out_of_range",
            "`days` is 1 to 366.",
        ));
    }
    // The end is not included: what happens right now is.
    let to = filter.to.unwrap_or(caller.at + TimeDelta::milliseconds(1));
    let since = filter
        .from
        .unwrap_or_else(|| to - TimeDelta::days(i64::from(days)));
    if since > to {
        return Err(Problem::field("from", "invalid", "`from` is after `to`."));
    }
    let position = app.reached(APPROVALS, from).await?;
    let body = rows::find_stats(app.log.pool(), app.log.vault(), since, to).await?;
    Ok(AsOf { position, body })
}

/// The tool registry.
pub async fn list_tools(app: &App, from: MinPosition) -> Result<AsOf<Page<ToolRow>>, Problem> {
    let position = app.reached(TOOLS, from).await?;
    let items = rows::list_tools(app.log.pool()).await?;
    Ok(AsOf {
        position,
        body: Page {
            items,
            next_cursor: None,
        },
    })
}

/// One tool.
pub async fn get_tool(app: &App, name: &str, from: MinPosition) -> Result<AsOf<ToolRow>, Problem> {
    let position = app.reached(TOOLS, from).await?;
    let nothing = || Problem::not_found("There is no such tool.");
    if name.contains('\0') {
        return Err(nothing());
    }
    let body = rows::find_tool(app.log.pool(), name)
        .await?
        .ok_or_else(nothing)?;
    Ok(AsOf { position, body })
}

/// A filter that PostgreSQL can take.
fn plain(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.contains('\0') => {
            Err(Problem::field(field, "invalid", "U+0000 is nowhere."))
        }
        text => Ok(text),
    }
}

/// Whose postponements count: those of a person; a service hides nothing.
fn reader(caller: &Caller) -> Uuid {
    caller.user_id().unwrap_or_default()
}

fn status_of(status: ApprovalStatus) -> Status {
    match status {
        ApprovalStatus::Pending => Status::Pending,
        ApprovalStatus::Approved => Status::Approved,
        ApprovalStatus::Executing => Status::Executing,
        ApprovalStatus::Executed => Status::Executed,
        ApprovalStatus::ExecutionFailed => Status::ExecutionFailed,
        ApprovalStatus::Lapsed => Status::Lapsed,
        ApprovalStatus::Rejected => Status::Rejected,
        ApprovalStatus::Expired => Status::Expired,
        ApprovalStatus::Cancelled => Status::Cancelled,
    }
}

/// A list of approvals; what happened to each is left to its own page.
#[derive(Debug, Serialize)]
pub struct Listed {
    items: Vec<Value>,
    next_cursor: Option<String>,
    server_time: String,
}

fn page_of(caller: &Caller, found: Page<ApprovalItem>) -> Result<Listed, Problem> {
    let items = list_without_timeline(found.items)?;
    let server_time = caller.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    Ok(Listed {
        items,
        next_cursor: found.next_cursor,
        server_time,
    })
}

/// Approvals as lists show them: what happened to each is left to its own page.
pub(crate) fn list_without_timeline(found: Vec<ApprovalItem>) -> Result<Vec<Value>, Problem> {
    let mut items = Vec::with_capacity(found.len());
    for item in found {
        let mut item = serde_json::to_value(item).map_err(Problem::internal)?;
        if let Some(object) = item.as_object_mut() {
            object.remove("timeline");
        }
        items.push(item);
    }
    Ok(items)
}
