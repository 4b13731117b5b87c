//! The commands of approvals, for HTTP and NATS alike.

use std::sync::Arc;

use domain::{
    Refusal, RefusalKind,
    clients::Client,
    safeguard::{
        self as rules, Approval, ApprovalCommand, ApprovalError, Decider, RegisteredClient,
        Requester, Tool,
    },
};
use eventlog::{CommandContext, ExecuteError, Guard};
use kernel::{AggregateId, LogAggregate};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{shapes::*, tools};
use crate::{App, IdempotencyKey, Problem, caller::Caller, commands, shapes::CommandAnswer};

/// How often the registers are looked up while they keep changing.
const MOST_LOOKS: usize = 4;

/// Asks people for an approval.
pub async fn request_approval(
    app: &App,
    caller: &Caller,
    body: RequestApproval,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(app, caller, "request_approval", key, &body)?;
    if let Err(refusal) = app.admit_request(caller).await {
        // A repetition asks for nothing more.
        return match known_answer(app, &context).await? {
            Some(answer) => Ok(answer),
            None => Err(refusal),
        };
    }
    let id = AggregateId::from(kernel::new_id());
    let mut registers = Registers::Remembered;
    for _ in 0..MOST_LOOKS {
        let (request, guards) = facts(app, caller, &id, body.clone(), registers).await?;
        let command = ApprovalCommand::Request(Box::new(request));
        match app
            .log
            .create::<Approval>(&id, command, &(), &context, &guards)
            .await
        {
            Err(ExecuteError::Outdated) => {}
            // Refused because of an entry that may have changed since.
            Err(ExecuteError::Refused(_)) if registers == Registers::Remembered => {}
            Ok(executed) => {
                let id = executed.aggregate_id.to_string();
                return Ok(commands::answer(id, executed));
            }
            Err(error) => return Err(explain(error)),
        }
        registers = Registers::Read;
    }
    Err(Problem::contended())
}

async fn known_answer(
    app: &App,
    context: &CommandContext,
) -> Result<Option<CommandAnswer>, Problem> {
    let Some(key) = &context.key else {
        return Ok(None);
    };
    let known = app.log.find_outcome(key).await?;
    Ok(known
        .map(|known| commands::answer::<Approval>(known.aggregate_id.to_string(), known.into())))
}

/// How the registers are looked up. What is only remembered is named as a guard, so that the log
/// refuses what was decided on an entry that has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Registers {
    Remembered,
    Read,
}

impl Registers {
    async fn entry<A: LogAggregate>(
        self,
        app: &App,
        id: &AggregateId,
        guards: &mut Vec<Guard>,
    ) -> Result<Arc<A>, Problem> {
        let loaded = match self {
            Self::Remembered => app.log.recall::<A>(id).await?,
            Self::Read => app.log.load::<A>(id).await?,
        };
        guards.push(loaded.guard(id));
        Ok(loaded.state)
    }
}

/// What is asked, with what the registers say of it.
async fn facts(
    app: &App,
    caller: &Caller,
    id: &AggregateId,
    body: RequestApproval,
    registers: Registers,
) -> Result<(rules::RequestApproval, Vec<Guard>), Problem> {
    let mut guards = Vec::new();
    let tool: Arc<Tool> = registers
        .entry(app, &Tool::id(&body.tool_name), &mut guards)
        .await?;
    let client = match body.context.client_id.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(id) => {
            let client: Arc<Client> = registers.entry(app, &Client::id(id), &mut guards).await?;
            client
                .registered()
                .map(|(name, critical)| RegisteredClient {
                    name: name.to_owned(),
                    critical,
                })
        }
    };
    let is_misspelt = match tool.entry() {
        Some(_) => false,
        None => tools::is_known_otherwise(app, &body.tool_name).await?,
    };
    let request = rules::RequestApproval {
        approval_id: id.as_str().parse().map_err(Problem::internal)?,
        requester: Requester {
            actor: caller.actor.clone(),
            owner_id: caller.owner,
        },
        tool_name: body.tool_name,
        arguments: Value::Object(body.arguments.into_iter().collect()),
        asked_level: body.security_level.map(Into::into),
        registry_level: tool.entry().map(|_| tool.effective_level(None)),
        is_misspelt,
        context: body.context.into(),
        client,
        on_behalf_of: body.on_behalf_of,
        // A negative time is as wrong as none at all.
        expires_in_seconds: body
            .expires_in_seconds
            .map(|seconds| u64::try_from(seconds).unwrap_or(0)),
        now: caller.at,
    };
    Ok((request, guards))
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
    let context = commands::context(app, caller, operation, key, &(id, &body))?;
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
