//! What a request must be, and what is frozen in it.

use chrono::TimeDelta;
use events::{
    ERASED,
    safeguard::{ApprovalRequested, RequestContext},
};
use kernel::{ActionLevel, ActorKind};
use serde_json::Value;

use super::{ApprovalError, RegisteredClient, RequestApproval, arguments_hash};
use crate::{text::Faults, users::is_username};

/// How long a request waits when it does not say.
pub const DEFAULT_EXPIRY_SECONDS: u64 = 60 * 60;
/// How long a request may wait: 1 min to 24 h. Asking for more is an error, not a truncation.
pub const EXPIRY_SECONDS: std::ops::RangeInclusive<u64> = 60..=24 * 60 * 60;
/// How long a grant waits for its claim unless configured: 15 min.
pub const CLAIM_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// How long after the claim the action may begin unless configured: 15 min.
pub const EXECUTION_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Largest arguments, as canonical JSON.
pub const MAX_ARGUMENTS_BYTES: usize = 64 * 1024;
/// Deepest nesting of the arguments.
pub const MAX_ARGUMENTS_DEPTH: usize = 32;

/// An unknown tool counts as this.
const UNKNOWN_TOOL_LEVEL: ActionLevel = ActionLevel::L3;
/// Below this, an action needs no approval.
const LOWEST_LEVEL: ActionLevel = ActionLevel::L3;
/// Beyond this, neighbours are one number in RFC 8785, where numbers are doubles: two different
/// arguments could have one hash.
const LARGEST_EXACT_NUMBER: f64 = ((1_u64 << 53) - 1) as f64;

/// Checks a request and freezes what approvers will decide on.
pub(super) fn freeze(request: RequestApproval) -> Result<ApprovalRequested, ApprovalError> {
    if !matches!(
        request.requester.actor.kind,
        ActorKind::User | ActorKind::Service
    ) {
        return Err(ApprovalError::NotAParty);
    }
    let mut faults = Faults::default();
    let tool_name = request.tool_name;
    if !is_tool_name(&tool_name) {
        faults.add(
            "tool_name",
            if tool_name.is_empty() {
                "required"
            } else {
                "malformed"
            },
        );
    } else if request.is_misspelt {
        faults.add("tool_name", "misspelt");
    }
    check_arguments(&mut faults, &request.arguments);
    let context = check_context(&mut faults, request.context, request.client);
    let on_behalf_of = faults.optional("on_behalf_of", request.on_behalf_of.as_deref(), 256);
    match on_behalf_of.as_deref() {
        Some(ERASED) => faults.add("on_behalf_of", "reserved"),
        Some(name) if !names_a_person(name) => faults.add("on_behalf_of", "malformed"),
        _ => {}
    }
    let expires_in = request.expires_in_seconds.unwrap_or(DEFAULT_EXPIRY_SECONDS);
    if !EXPIRY_SECONDS.contains(&expires_in) {
        faults.add("expires_in_seconds", "out_of_range");
    }
    faults.refuse(ApprovalError::Invalid)?;

    let arguments_hash = arguments_hash(&tool_name, &request.arguments)
        .map_err(|_| invalid("arguments", "not_canonical"))?;
    let registry_level = request.registry_level.unwrap_or(UNKNOWN_TOOL_LEVEL);
    let security_level = request
        .asked_level
        .map_or(registry_level, |asked| asked.max(registry_level));
    if security_level < LOWEST_LEVEL {
        return Err(ApprovalError::ApprovalNotNeeded(vec![
            crate::FieldError::new("security_level", "approval_not_needed"),
        ]));
    }
    let needs_two = security_level >= ActionLevel::L4 || context.client_critical;
    Ok(ApprovalRequested {
        approval_id: request.approval_id,
        // The log numbers it.
        reference: String::new(),
        tool_name,
        arguments: request.arguments,
        arguments_hash,
        security_level,
        context,
        requested_by: request.requester.actor.to_string(),
        requester_owner: request.requester.owner_id.map(|id| format!("user:{id}")),
        on_behalf_of,
        requested_at: request.now,
        // At most 86,400: checked above.
        expires_at: request.now + TimeDelta::seconds(expires_in as i64),
        required_approvals: if needs_two { 2 } else { 1 },
    })
}

pub(super) fn invalid(field: &str, code: &str) -> ApprovalError {
    ApprovalError::Invalid(vec![crate::FieldError::new(field, code)])
}

/// As MCP names tools.
pub(super) fn is_tool_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// `name`, `DOMAIN\name`, `name@domain`: letters that no user name has could hide from the four eyes
/// that it is the approver's own.
fn names_a_person(text: &str) -> bool {
    let (domain, name) = match text.split_once('\\') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, text),
    };
    let (name, suffix) = match name.split_once('@') {
        Some((name, suffix)) => (name, Some(suffix)),
        None => (name, None),
    };
    is_username(name) && [domain, suffix].into_iter().flatten().all(is_username)
}

/// A name, not a text: approvers read it, and it is kept in clear.
fn is_workflow(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_' | b'.' | b'-'))
}

fn check_context(
    faults: &mut Faults,
    context: RequestContext,
    client: Option<RegisteredClient>,
) -> RequestContext {
    if context.ticket_id.is_some_and(|id| id < 0) {
        faults.add("context.ticket_id", "out_of_range");
    }
    if context.confidence.is_some_and(|percent| percent > 100) {
        faults.add("context.confidence", "out_of_range");
    }
    let mut text = |field: &str, text: Option<String>, longest| {
        faults.optional(&format!("context.{field}"), text.as_deref(), longest)
    };
    let checked = RequestContext {
        ticket_id: context.ticket_id,
        ticket_title: text("ticket_title", context.ticket_title, 500),
        ticket_description: text("ticket_description", context.ticket_description, 10_000),
        client_id: text("client_id", context.client_id, 64),
        client_name: text("client_name", context.client_name, 200),
        client_critical: context.client_critical,
        workflow: text("workflow", context.workflow, 64),
        confidence: context.confidence,
    };
    if !checked.workflow.as_deref().is_none_or(is_workflow) {
        faults.add("context.workflow", "malformed");
    }
    as_registered(checked, client)
}

/// What the register knows beats what the caller says. A client it does not know is never taken as
/// non-critical, and leaving out the id is no way around that: a client's name or a ticket is about
/// some client.
fn as_registered(context: RequestContext, client: Option<RegisteredClient>) -> RequestContext {
    let Some(client) = client else {
        let is_about_a_client = context.client_id.is_some()
            || context.client_name.is_some()
            || context.ticket_id.is_some()
            || context.ticket_title.is_some()
            || context.ticket_description.is_some();
        return RequestContext {
            client_critical: context.client_critical || is_about_a_client,
            ..context
        };
    };
    RequestContext {
        // Nobody makes an approver read another client's name.
        client_name: Some(client.name),
        client_critical: context.client_critical || client.critical,
        ..context
    }
}

fn check_arguments(faults: &mut Faults, arguments: &Value) {
    if !arguments.is_object() {
        faults.add("arguments", "not_an_object");
    } else if depth_exceeds(arguments, MAX_ARGUMENTS_DEPTH) {
        faults.add("arguments", "too_deep");
    } else if arguments.to_string().len() > MAX_ARGUMENTS_BYTES {
        faults.add("arguments", "too_large");
    } else if let Some(code) = unfit(arguments) {
        faults.add("arguments", code);
    }
}

/// Whether there are more than `left` levels of nesting; looks no deeper than that.
fn depth_exceeds(value: &Value, left: usize) -> bool {
    let mut children: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => return false,
    };
    left == 0 || children.any(|child| depth_exceeds(child, left - 1))
}

/// What RFC 8785 or PostgreSQL cannot hold exactly.
fn unfit(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) => text.contains('\0').then_some("control_character"),
        Value::Number(number) => number
            .as_f64()
            .is_none_or(|number| number.abs() > LARGEST_EXACT_NUMBER)
            .then_some("number_not_exact"),
        Value::Array(items) => items.iter().find_map(unfit),
        Value::Object(members) => members.iter().find_map(|(key, member)| {
            if key.contains('\0') {
                Some("control_character")
            } else {
                unfit(member)
            }
        }),
        Value::Null | Value::Bool(_) => None,
    }
}
