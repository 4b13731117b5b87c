//! The commands of approvals, for HTTP and NATS alike.

use chrono::Datelike;
use cqrs_es::{Aggregate, event_sink::EventSink};
use domain::{
    Refusal, RefusalKind,
    clients::Client,
    safeguard::{
        self as rules, Approval, ApprovalCommand, ApprovalError, ClientStanding, Decider,
        Requester, Tool,
    },
};
use eventlog::{CommandContext, ExecuteError};
use kernel::{AggregateId, LogAggregate};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::shapes::*;
use crate::{App, IdempotencyKey, Problem, caller::Caller, commands, shapes::CommandAnswer};

/// Asks people for an approval.
pub async fn request_approval(
    app: &App,
    caller: &Caller,
    body: RequestApproval,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(caller, "request_approval", key, &body)?;
    // A repetition must not use up a number.
    if let Some(key) = &context.key
        && let Some(known) = app.log.find_outcome(key).await?
    {
        let id = known.aggregate_id.to_string();
        return Ok(commands::answer::<Approval>(id, known.into()));
    }
    app.admit_request(caller).await?;
    let mut request = facts(app, caller, body).await?;
    // Neither must a request that is refused.
    let command = ApprovalCommand::Request(Box::new(request.clone()));
    Approval::default()
        .handle(command, &(), &EventSink::default())
        .await
        .map_err(Problem::refused)?;
    let series = format!("APR-{}", request.now.year());
    request.reference = format!("{series}-{:04}", app.log.next_number(&series).await?);
    let id = request.approval_id;
    execute(
        app,
        id,
        ApprovalCommand::Request(Box::new(request)),
        &context,
    )
    .await
}

/// What the registries say of what is asked.
async fn facts(
    app: &App,
    caller: &Caller,
    body: RequestApproval,
) -> Result<rules::RequestApproval, Problem> {
    let tool = app
        .log
        .load::<Tool>(&Tool::id(&body.tool_name))
        .await?
        .state;
    let client_id = body
        .context
        .client_id
        .as_deref()
        .map(str::trim)
        .filter(|id| !id.is_empty());
    let client = match client_id {
        None => ClientStanding::None,
        Some(id) => match app
            .log
            .load::<Client>(&Client::id(id))
            .await?
            .state
            .critical()
        {
            Some(critical) => ClientStanding::Registered { critical },
            None => ClientStanding::Unknown,
        },
    };
    Ok(rules::RequestApproval {
        approval_id: kernel::new_id(),
        reference: "APR-0000-0000".into(),
        requester: Requester {
            actor: caller.actor.clone(),
            owner_id: caller.owner,
        },
        tool_name: body.tool_name,
        arguments: Value::Object(body.arguments.into_iter().collect()),
        asked_level: body.security_level.map(Into::into),
        registry_level: tool.entry().map(|_| tool.effective_level(None)),
        context: body.context.into(),
        client,
        on_behalf_of: body.on_behalf_of,
        // A negative time is as wrong as none at all.
        expires_in_seconds: body
            .expires_in_seconds
            .map(|seconds| u64::try_from(seconds).unwrap_or(0)),
        now: caller.at,
    })
}

/// Votes yes.
pub async fn approve_request(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: ApproveRequest,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    run(app, caller, "approve_request", id, body, key, |body| {
        Ok(ApprovalCommand::Approve(rules::Approve {
            by: decider(caller)?,
            version: body.version,
            comment: body.comment,
            claim_window: app.config.claim_window,
            now: caller.at,
        }))
    })
    .await
}

/// Votes no, which ends the request.
pub async fn reject_request(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: RejectRequest,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    run(app, caller, "reject_request", id, body, key, |body| {
        Ok(ApprovalCommand::Reject(rules::Reject {
            by: decider(caller)?,
            version: body.version,
            reason: body.reason,
            now: caller.at,
        }))
    })
    .await
}

/// Hides the card for oneself.
pub async fn postpone_request(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: PostponeRequest,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    run(app, caller, "postpone_request", id, body, key, |body| {
        let out_of_range =
            |_| Problem::field("minutes", "out_of_range", "`minutes` is a positive number.");
        Ok(ApprovalCommand::Postpone(rules::Postpone {
            by: decider(caller)?,
            version: body.version,
            minutes: u32::try_from(body.minutes).map_err(out_of_range)?,
            reason: body.reason,
            now: caller.at,
        }))
    })
    .await
}

/// Withdraws a request.
pub async fn cancel_approval(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: CancelApproval,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    run(app, caller, "cancel_approval", id, body, key, |body| {
        Ok(ApprovalCommand::Cancel(rules::Cancel {
            by: caller.actor.clone(),
            level: caller.level,
            reason: body.reason,
            now: caller.at,
        }))
    })
    .await
}

/// Takes the single-use grant.
pub async fn claim_execution(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: ClaimExecution,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    run(app, caller, "claim_execution", id, body, key, |body| {
        Ok(ApprovalCommand::Claim(rules::Claim {
            by: caller.actor.clone(),
            arguments_hash: body.arguments_hash,
            grant_id: kernel::new_id(),
            execution_window: app.config.execution_window,
            now: caller.at,
        }))
    })
    .await
}

/// Says how the action ended.
pub async fn record_execution(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: RecordExecution,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    run(app, caller, "record_execution", id, body, key, |body| {
        Ok(ApprovalCommand::RecordExecution(rules::RecordExecution {
            by: caller.actor.clone(),
            grant_id: body.grant_id,
            outcome: match body.outcome {
                ExecutionOutcome::Succeeded => rules::ExecutionOutcome::Succeeded,
                ExecutionOutcome::Failed => rules::ExecutionOutcome::Failed,
            },
            detail: body.detail,
            now: caller.at,
        }))
    })
    .await
}

/// Approves alone, past the four eyes.
pub async fn break_glass(
    app: &App,
    caller: &Caller,
    id: Uuid,
    body: BreakGlass,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    run(app, caller, "break_glass", id, body, key, |body| {
        Ok(ApprovalCommand::BreakGlass(rules::BreakGlass {
            by: decider(caller)?,
            version: body.version,
            reason: body.reason,
            claim_window: app.config.claim_window,
            now: caller.at,
        }))
    })
    .await
}

async fn run<B: Serialize>(
    app: &App,
    caller: &Caller,
    operation: &str,
    id: Uuid,
    body: B,
    key: &IdempotencyKey,
    command: impl FnOnce(B) -> Result<ApprovalCommand, Problem>,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(caller, operation, key, &(id, &body))?;
    execute(app, id, command(body)?, &context).await
}

async fn execute(
    app: &App,
    id: Uuid,
    command: ApprovalCommand,
    context: &CommandContext,
) -> Result<CommandAnswer, Problem> {
    let id = AggregateId::from(id);
    match app
        .log
        .execute::<Approval>(&id, command, &(), context)
        .await
    {
        Ok(executed) => Ok(commands::answer(
            executed.aggregate_id.to_string(),
            executed,
        )),
        Err(error) => {
            let is_conflict = matches!(&error, ExecuteError::Refused(refusal) if refusal.kind() == RefusalKind::Conflict);
            let problem = explain(error);
            match is_conflict {
                true => Err(problem.with_current(current(app, &id).await?)),
                false => Err(problem),
            }
        }
    }
}

fn explain(error: ExecuteError<ApprovalError>) -> Problem {
    match &error {
        ExecuteError::Refused(ApprovalError::NotFound) => {
            Problem::not_found("There is no such request.").audited()
        }
        _ => error.into(),
    }
}

/// What the request is now, for a caller who did not know.
async fn current(app: &App, id: &AggregateId) -> Result<Option<Value>, Problem> {
    let state = app.log.load::<Approval>(id).await?.state;
    let mut current = LogAggregate::outcome(&*state);
    if let Some(object) = current.as_object_mut() {
        object.insert("id".into(), json!(id));
        object.insert("version".into(), json!(state.version()));
        // The grant belongs to who claimed it.
        object.remove("grant_id");
        object.remove("execute_before");
    }
    Ok(Some(current).filter(|current| !current.is_null()))
}

fn decider(caller: &Caller) -> Result<Decider, Problem> {
    let person = caller.user_id().zip(caller.level);
    let (user_id, level) = person.ok_or_else(|| Problem::forbidden("Only people decide."))?;
    Ok(Decider {
        user_id,
        username: caller.username.clone(),
        level,
    })
}

impl From<crate::shapes::ActionLevel> for kernel::ActionLevel {
    fn from(level: crate::shapes::ActionLevel) -> Self {
        match level {
            crate::shapes::ActionLevel::L0 => Self::L0,
            crate::shapes::ActionLevel::L1 => Self::L1,
            crate::shapes::ActionLevel::L2 => Self::L2,
            crate::shapes::ActionLevel::L3 => Self::L3,
            crate::shapes::ActionLevel::L4 => Self::L4,
        }
    }
}

impl From<RequestContext> for events::safeguard::RequestContext {
    fn from(context: RequestContext) -> Self {
        Self {
            ticket_id: context.ticket_id,
            ticket_title: context.ticket_title,
            ticket_description: context.ticket_description,
            client_id: context.client_id,
            client_name: context.client_name,
            client_critical: context.client_critical.unwrap_or(false),
            workflow: context.workflow,
            confidence: context.confidence,
        }
    }
}
