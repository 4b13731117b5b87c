//! What becomes of a fact that could not be accepted.
//!
//! Invariants: the log says what was done before the fact goes; every step may be repeated after a
//! crash, because the fact is taken from `REJECTED` last.

use ::intake::RejectedMessage;
use bytes::Bytes;
use domain::operations::{RejectedFact, RejectedFactCommand};
use eventlog::{CommandContext, Executed};

use super::{
    queries::{find, rejected},
    shapes::*,
};
use crate::{
    App, IdempotencyKey, Problem, caller::Caller, commands, sentinel, shapes::CommandAnswer,
};

/// Publishes a fact anew, as it came or corrected.
pub async fn resubmit_rejected_fact(
    app: &App,
    caller: &Caller,
    sequence: u64,
    asked: ResubmitFact,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let operation = "resubmit_rejected_fact";
    let context = commands::context(app, caller, operation, key, &(sequence, &asked))?;
    let message = match find_or_answer(app, sequence, &context).await? {
        Found::Waiting(message) => message,
        Found::Answered(answer) => return Ok(answer),
    };
    let body = asked.body.map(Bytes::from);
    let is_webhook = message.subject == sentinel::WEBHOOK_SUBJECT;
    check(&message, body.as_ref(), is_webhook)?;
    let is_corrected = body.as_ref().is_some_and(|body| *body != message.body);
    if is_webhook {
        // It is no message that INTAKE would take: it is read here, and may be refused again.
        receive(app, caller, &message, body.as_ref()).await?;
    }
    let command = RejectedFactCommand::Resubmit {
        subject: message.subject.clone(),
        code: message.code.clone(),
        is_corrected,
        by: caller.actor.clone(),
        now: caller.at,
    };
    let executed = record(app, &message, command, &context).await?;
    if !is_webhook {
        rejected(app)?.resubmit(&message, body).await?;
    }
    rejected(app)?.remove(sequence).await?;
    Ok(commands::answer(message.id.to_string(), executed))
}

/// Takes a fact away for good; the log says who and why.
pub async fn discard_rejected_fact(
    app: &App,
    caller: &Caller,
    sequence: u64,
    asked: DiscardFact,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let operation = "discard_rejected_fact";
    let context = commands::context(app, caller, operation, key, &(sequence, &asked))?;
    let message = match find_or_answer(app, sequence, &context).await? {
        Found::Waiting(message) => message,
        Found::Answered(answer) => return Ok(answer),
    };
    let command = RejectedFactCommand::Discard {
        subject: message.subject.clone(),
        code: message.code.clone(),
        reason: asked.reason,
        by: caller.actor.clone(),
        now: caller.at,
    };
    let executed = record(app, &message, command, &context).await?;
    rejected(app)?.remove(sequence).await?;
    Ok(commands::answer(message.id.to_string(), executed))
}

/// What a sequence leads to.
enum Found {
    Waiting(Box<RejectedMessage>),
    /// It is gone because of this very command, sent before with the same key.
    Answered(CommandAnswer),
}

async fn find_or_answer(
    app: &App,
    sequence: u64,
    context: &CommandContext,
) -> Result<Found, Problem> {
    let missing = match find(app, sequence).await {
        Ok(message) => return Ok(Found::Waiting(Box::new(message))),
        Err(problem) => problem,
    };
    let known = match &context.key {
        Some(key) => app.log.find_outcome(key).await?,
        None => None,
    };
    let known = known.ok_or(missing)?;
    let id = known.aggregate_id.to_string();
    let known = Executed::<RejectedFact>::from(known);
    Ok(Found::Answered(commands::answer(id, known)))
}

/// What is recorded as published can be published.
fn check(message: &RejectedMessage, body: Option<&Bytes>, is_webhook: bool) -> Result<(), Problem> {
    let is_small = message.fits_again(body.unwrap_or(&message.body));
    // Of the webhook only what was corrected is new; as it came it is read here.
    match is_small || (is_webhook && body.is_none()) {
        true => Ok(()),
        false => Err(Problem::too_large(
            "With the headers that it gets the fact is larger than 256 KiB: shorten it, or discard it.",
        )),
    }
}

async fn record(
    app: &App,
    message: &RejectedMessage,
    command: RejectedFactCommand,
    context: &CommandContext,
) -> Result<Executed<RejectedFact>, Problem> {
    let log = &app.log;
    Ok(log
        .execute::<RejectedFact>(&message.id, command, &(), context)
        .await?)
}

/// Takes Observium's notification in, once for each rejected fact.
async fn receive(
    app: &App,
    caller: &Caller,
    message: &RejectedMessage,
    body: Option<&Bytes>,
) -> Result<(), Problem> {
    let body = body.unwrap_or(&message.body);
    // Resubmitted once more, as after a crash, it is the same fact.
    let name = format!("resubmitted-{}", message.id);
    let metadata = caller.metadata();
    sentinel::receive_again(app, body, &name, metadata, message.received_at).await?;
    Ok(())
}
