//! Reading the dashboards and lists.

use std::time::Duration;

use axum::{
    Json,
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use projections::{
    safeguard::{self, PendingFilter},
    supervision::{self as rows, LONGEST_DAYS, Period, Range},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{shapes::*, urls};
use crate::{
    App, Problem, caller::Caller, commands::POSITION, min_position::MinPosition,
    safeguard::list_without_timeline, shapes::limit,
};

/// The projections these queries read: their own, and the register of clients for names.
pub(super) const READS: &[&str] = &["supervision", "clients"];
const WITH_APPROVALS: &[&str] = &["supervision", "clients", "approvals"];
/// How long NATS may take to say how many facts were refused.
const REJECTED_WITHIN: Duration = Duration::from_millis(500);
const PENDING: u32 = 20;

/// Everything at a glance.
pub async fn overview(
    app: &App,
    caller: &Caller,
    filter: &PeriodFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let period = period(caller, filter, Range::Day)?;
    let (position, rejected) = tokio::join!(app.reached(WITH_APPROVALS, from), rejected_facts(app));
    let position = position?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let mut body = rows::find_overview(pool, vault, period, caller.at).await?;
    body.rejected_facts = rejected;
    answer(app, position, body)
}

/// How many facts wait in `REJECTED`; nothing if NATS does not say in time.
async fn rejected_facts(app: &App) -> Option<u64> {
    let asked = async { Some(app.rejected.as_ref()?.waiting().await.ok()?.0) };
    tokio::time::timeout(REJECTED_WITHIN, asked).await.ok()?
}

/// What SUPPORT has done.
pub async fn support(
    app: &App,
    caller: &Caller,
    filter: &PeriodFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let period = period(caller, filter, Range::Today)?;
    let position = app.reached(READS, from).await?;
    app.audit_repeated_read(caller, "get_supervision_support", "support.ticket", None)
        .await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let body = rows::find_support(pool, vault, period, caller.at).await?;
    answer(app, position, body)
}

/// What SENTINEL has seen.
pub async fn sentinel(
    app: &App,
    caller: &Caller,
    filter: &PeriodFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let period = period(caller, filter, Range::Today)?;
    let position = app.reached(READS, from).await?;
    app.audit_repeated_read(caller, "get_supervision_sentinel", "sentinel.alert", None)
        .await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let body = rows::find_sentinel(pool, vault, period, caller.at).await?;
    answer(app, position, body)
}

/// What ENRICHISSEUR has brought.
pub async fn enrichisseur(
    app: &App,
    caller: &Caller,
    filter: &PeriodFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let period = period(caller, filter, Range::Today)?;
    let position = app.reached(READS, from).await?;
    let body = rows::find_enrichisseur(app.log.pool(), period, caller.at).await?;
    answer(app, position, body)
}

/// How approvals go.
pub async fn safeguard(
    app: &App,
    caller: &Caller,
    filter: &PeriodFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let period = period(caller, filter, Range::Today)?;
    let position = app.reached(WITH_APPROVALS, from).await?;
    app.audit_reading(caller, "get_supervision_safeguard")
        .await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let wanted = PendingFilter {
        include_postponed: true,
        limit: PENDING,
        ..PendingFilter::default()
    };
    let reader = caller.user_id().unwrap_or_default();
    let pending = safeguard::list_pending(pool, vault, &wanted, reader, caller.at).await?;
    let before = (period.previous_from, period.previous_to);
    let body = SafeguardDashboard {
        period,
        as_of: caller.at,
        pending_counts: rows::count_urgencies(pool, caller.at).await?,
        pending: list_without_timeline(pending.items)?,
        stats: safeguard::find_stats(pool, vault, period.from, period.to).await?,
        previous_total: safeguard::count_requests(pool, before.0, before.1).await?,
    };
    answer(app, position, body)
}

/// Tickets, the latest first.
pub async fn list_tickets(
    app: &App,
    caller: &Caller,
    filter: TicketFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let wanted = wanted_tickets(caller, &filter)?;
    let position = app.reached(READS, from).await?;
    app.audit_repeated_read(caller, "list_tickets", "support.ticket", None)
        .await?;
    let body = rows::list_tickets(app.log.pool(), app.log.vault(), &wanted).await?;
    answer(app, position, body)
}

/// What the caller asks of tickets.
pub(super) fn wanted_tickets(
    caller: &Caller,
    filter: &TicketFilter,
) -> Result<rows::TicketFilter, Problem> {
    Ok(rows::TicketFilter {
        between: between(caller, filter.range, filter.from, filter.to)?,
        category: filter.category,
        outcome: filter.outcome,
        automatic: filter.automatic,
        client: client(filter.client_id.as_deref())?,
        known_client: filter.known_client,
        q: filter.q.clone(),
        limit: limit(filter.limit)?,
        cursor: plain("cursor", filter.cursor.as_deref())?,
    })
}

/// Episodes of alerts, the last raised first.
pub async fn list_alerts(
    app: &App,
    caller: &Caller,
    filter: AlertFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let wanted = wanted_alerts(caller, &filter)?;
    let position = app.reached(READS, from).await?;
    app.audit_repeated_read(caller, "list_alerts", "sentinel.alert", None)
        .await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let body = rows::list_alerts(pool, vault, &wanted, caller.at).await?;
    answer(app, position, body)
}

/// What the caller asks of alerts.
pub(super) fn wanted_alerts(
    caller: &Caller,
    filter: &AlertFilter,
) -> Result<rows::AlertFilter, Problem> {
    Ok(rows::AlertFilter {
        between: between(caller, filter.range, filter.from, filter.to)?,
        status: filter.status,
        responsibility: filter.responsibility,
        severity: filter.severity,
        client: client(filter.client_id.as_deref())?,
        known_client: filter.known_client,
        device: plain("device", filter.device.as_deref())?,
        flapping: filter.flapping,
        awaiting_diag: filter.awaiting_diag,
        acknowledged: filter.acknowledged,
        q: filter.q.clone(),
        limit: limit(filter.limit)?,
        cursor: plain("cursor", filter.cursor.as_deref())?,
    })
}

/// An alert in an episode, the latest if none is named. The reading is in the trail, once per hour.
pub async fn get_alert(
    app: &App,
    caller: &Caller,
    id: Uuid,
    episode: Option<u32>,
    from: MinPosition,
) -> Result<Response, Problem> {
    let position = app.reached(READS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let found = rows::find_alert(pool, vault, id, episode, caller.at).await?;
    let body = found.ok_or_else(|| Problem::not_found("There is no such alert."))?;
    let target = Some(id.to_string());
    app.audit_repeated_read(caller, "get_alert", "sentinel.alert", target.as_deref())
        .await?;
    answer(app, position, body)
}

/// Errors of workflows, the latest first.
pub async fn list_workflow_errors(
    app: &App,
    caller: &Caller,
    filter: ErrorFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let wanted = wanted_errors(caller, &filter)?;
    let position = app.reached(READS, from).await?;
    app.audit_repeated_read(caller, "list_workflow_errors", "workflow.error", None)
        .await?;
    let body = rows::list_errors(app.log.pool(), app.log.vault(), &wanted).await?;
    answer(app, position, body)
}

/// What the caller asks of errors.
pub(super) fn wanted_errors(
    caller: &Caller,
    filter: &ErrorFilter,
) -> Result<rows::ErrorFilter, Problem> {
    Ok(rows::ErrorFilter {
        between: between(caller, filter.range, filter.from, filter.to)?,
        workflow: plain("workflow", filter.workflow.as_deref())?,
        recovered: filter.recovered,
        limit: limit(filter.limit)?,
        cursor: plain("cursor", filter.cursor.as_deref())?,
    })
}

/// Runs of ENRICHISSEUR, the last finished first.
pub async fn list_enrichment_runs(
    app: &App,
    caller: &Caller,
    filter: RunFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let wanted = wanted_runs(caller, &filter)?;
    let position = app.reached(READS, from).await?;
    let body = rows::list_runs(app.log.pool(), &wanted).await?;
    answer(app, position, body)
}

/// What the caller asks of runs.
pub(super) fn wanted_runs(caller: &Caller, filter: &RunFilter) -> Result<rows::RunFilter, Problem> {
    Ok(rows::RunFilter {
        between: between(caller, filter.range, filter.from, filter.to)?,
        limit: limit(filter.limit)?,
        cursor: plain("cursor", filter.cursor.as_deref())?,
    })
}

/// How the components are, and how they were.
pub async fn get_components_health(
    app: &App,
    _caller: &Caller,
    filter: PageFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let limit = limit(filter.limit)?;
    let position = app.reached(READS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let cursor = plain("cursor", filter.cursor.as_deref())?;
    let changes = rows::list_health_changes(pool, vault, limit, cursor.as_deref()).await?;
    let health = rows::find_components(pool, vault).await?;
    let body = ComponentsHealth {
        components: health.components,
        components_total: health.total,
        changes: changes.items,
        next_cursor: changes.next_cursor,
    };
    answer(app, position, body)
}

/// What happens, the last recorded first.
pub async fn list_activity(
    app: &App,
    _caller: &Caller,
    filter: PageFilter,
    from: MinPosition,
) -> Result<Response, Problem> {
    let limit = limit(filter.limit)?;
    let position = app.reached(WITH_APPROVALS, from).await?;
    let (pool, vault) = (app.log.pool(), app.log.vault());
    let cursor = plain("cursor", filter.cursor.as_deref())?;
    let body = rows::list_activity(pool, vault, limit, cursor.as_deref()).await?;
    answer(app, position, body)
}

/// The body with links to GLPI, and how far its read models were.
fn answer(app: &App, position: u64, body: impl Serialize) -> Result<Response, Problem> {
    let mut body = serde_json::to_value(body).map_err(Problem::internal)?;
    urls::link(&mut body, app.config.glpi_base_url.as_deref());
    let mut response = Json::<Value>(body).into_response();
    let position = HeaderValue::from(position);
    response.headers_mut().insert(POSITION, position);
    Ok(response)
}

/// The period of a dashboard.
fn period(caller: &Caller, filter: &PeriodFilter, or: Range) -> Result<Period, Problem> {
    if let Some((from, to)) = custom(filter.from, filter.to)? {
        return Ok(Period::custom(from, to));
    }
    Ok(Period::named(filter.range.map_or(or, range), caller.at))
}

type Time = chrono::DateTime<chrono::Utc>;

/// The stretch of a list; all times if none is asked for.
fn between(
    caller: &Caller,
    named: Option<NamedRange>,
    from: Option<Time>,
    to: Option<Time>,
) -> Result<Option<(Time, Time)>, Problem> {
    let custom = custom(from, to)?;
    let named = named.map(|named| Period::named(range(named), caller.at));
    Ok(custom.or(named.map(|period| (period.from, period.to))))
}

fn range(named: NamedRange) -> Range {
    match named {
        NamedRange::Today => Range::Today,
        NamedRange::Day => Range::Day,
        NamedRange::Week => Range::Week,
        NamedRange::Month => Range::Month,
    }
}

/// A stretch that was given by its ends.
fn custom(from: Option<Time>, to: Option<Time>) -> Result<Option<(Time, Time)>, Problem> {
    let refuse = |field, code, detail: &str| Err(Problem::field(field, code, detail));
    match (from, to) {
        (None, None) => Ok(None),
        (Some(_), None) => refuse("to", "required", "`from` needs `to`."),
        (None, Some(_)) => refuse("from", "required", "`to` needs `from`."),
        (Some(from), Some(to)) if from >= to => refuse("from", "invalid", "`from` is before `to`."),
        (Some(from), Some(to)) if to - from > TimeDelta::days(LONGEST_DAYS) => {
            refuse("to", "out_of_range", "A period is at most 400 days long.")
        }
        // Years beyond those PostgreSQL and the charts know.
        (Some(from), Some(to)) if !(1970..=9_999).contains(&year(from)) || year(to) > 9_999 => {
            refuse("from", "out_of_range", "Years are 1970 to 9999.")
        }
        (Some(from), Some(to)) => Ok(Some((from, to))),
    }
}

fn year(at: Time) -> i32 {
    chrono::Datelike::year(&at)
}

fn client(id: Option<&str>) -> Result<Option<rows::ClientFilter>, Problem> {
    Ok(plain("client_id", id)?.map(|id| match id.as_str() {
        "-" => rows::ClientFilter::None,
        _ => rows::ClientFilter::Is(id),
    }))
}

/// A filter that PostgreSQL can take.
fn plain(field: &str, text: Option<&str>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.contains('\0') => {
            Err(Problem::field(field, "invalid", "U+0000 is nowhere."))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
