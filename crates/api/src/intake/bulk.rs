//! Acts on many refused facts: each as the act on one alone does it, with the same record and rights.
//!
//! A call is bounded in facts, in what it reads and in time; what is left over the next one takes. Sent
//! again, as after a lost answer, it finds what is left: nothing is done twice. One key serves for all
//! calls of an act, from its first `after` to its last; with other facts or another reason it is refused.

use std::time::Duration;

use domain::operations::{RejectedFact, RejectedFactCommand};
use eventlog::CommandContext;
use futures::{StreamExt, stream};
use kernel::{AggregateId, new_id};
use tokio::time::Instant;

use super::{
    commands,
    queries::{Wanted, rejected},
    shapes::*,
};
use crate::{App, IdempotencyKey, Problem, caller::Caller, commands::context};

/// Facts that a call acts on at most.
const MOST_FACTS: usize = 500;
/// What a call reads at most: messages, and bytes of bodies.
const MOST_READ: usize = 10_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// No more is begun after so long: whoever asked still waits.
const BEGUN_WITHIN: Duration = Duration::from_secs(20);
/// Facts acted on at once.
const AT_ONCE: usize = 8;

/// Publishes many facts anew, as they came.
pub async fn resubmit_rejected_facts(
    app: &App,
    caller: &Caller,
    asked: ResubmitFacts,
    key: &IdempotencyKey,
) -> Result<ManyAnswer, Problem> {
    let what = (&asked.service, &asked.code, asked.up_to);
    let key_context = context(app, caller, "resubmit_rejected_facts", key, &what)?;
    begin(app, key_context, None).await?;
    let which = Which {
        wanted: Wanted::new(asked.service, asked.code),
        after: asked.after.unwrap_or(0),
        up_to: asked.up_to,
    };
    on_many(app, caller, which, &Act::Resubmit, key).await
}

/// Takes many facts away for good; the log says of each who and why.
pub async fn discard_rejected_facts(
    app: &App,
    caller: &Caller,
    asked: DiscardFacts,
    key: &IdempotencyKey,
) -> Result<ManyAnswer, Problem> {
    let what = (&asked.service, &asked.code, asked.up_to, &asked.reason);
    let key_context = context(app, caller, "discard_rejected_facts", key, &what)?;
    begin(app, key_context, Some(&asked.reason)).await?;
    let which = Which {
        wanted: Wanted::new(asked.service, asked.code),
        after: asked.after.unwrap_or(0),
        up_to: asked.up_to,
    };
    let act = Act::Discard {
        reason: asked.reason,
    };
    on_many(app, caller, which, &act, key).await
}

/// Checks the reason, and remembers the key with what it is for, before any fact is touched.
async fn begin(app: &App, context: CommandContext, reason: Option<&str>) -> Result<(), Problem> {
    let reason = reason.map(str::to_owned);
    let command = RejectedFactCommand::BeginMany { reason };
    let id = AggregateId::from(new_id());
    app.log
        .create::<RejectedFact>(&id, command, &(), &context, &[])
        .await?;
    Ok(())
}

/// Which facts.
struct Which {
    wanted: Wanted,
    after: u64,
    up_to: u64,
}

enum Act {
    Resubmit,
    Discard { reason: String },
}

impl Act {
    /// The operation on one fact.
    fn operation(&self) -> &'static str {
        match self {
            Self::Resubmit => "resubmit_rejected_fact",
            Self::Discard { .. } => "discard_rejected_fact",
        }
    }

    async fn on_one(
        &self,
        app: &App,
        caller: &Caller,
        sequence: u64,
        key: &IdempotencyKey,
    ) -> Result<(), Problem> {
        // The one key of the call stands for one of each fact.
        let key = key.0.as_ref().map(|key| format!("{key} {sequence}"));
        let key = IdempotencyKey(key);
        let done = match self {
            Self::Resubmit => {
                let asked = ResubmitFact::default();
                commands::resubmit_rejected_fact(app, caller, sequence, asked, &key).await
            }
            Self::Discard { reason } => {
                let reason = reason.clone();
                let asked = DiscardFact { reason };
                commands::discard_rejected_fact(app, caller, sequence, asked, &key).await
            }
        };
        let Err(problem) = done else { return Ok(()) };
        let target = sequence.to_string();
        app.audit_refusal(caller, self.operation(), Some(&target), &problem)
            .await?;
        Err(problem)
    }
}

async fn on_many(
    app: &App,
    caller: &Caller,
    which: Which,
    act: &Act,
    key: &IdempotencyKey,
) -> Result<ManyAnswer, Problem> {
    let chosen = choose(app, &which).await?;
    let mut answer = ManyAnswer {
        done: 0,
        failed: Vec::new(),
        next_after: chosen.next_after,
    };
    let began = Instant::now();
    let mut before = which.after;
    for some in chosen.sequences.chunks(AT_ONCE) {
        if began.elapsed() > BEGUN_WITHIN {
            answer.next_after = Some(before);
            break;
        }
        let acts = some.iter().copied().map(|sequence| async move {
            (sequence, act.on_one(app, caller, sequence, key).await)
        });
        let acts: Vec<_> = stream::iter(acts).buffered(AT_ONCE).collect().await;
        let mut outage = None;
        for (sequence, done) in acts {
            match done {
                Ok(()) => answer.done += 1,
                // Somebody else was faster.
                Err(problem) if problem.code == "not_found" => {}
                // What is asked for is wrong for each of them.
                Err(problem) if problem.errors.iter().any(|it| it.field == "reason") => {
                    return Err(problem);
                }
                Err(problem) => {
                    let is_outage = problem.status.is_server_error();
                    answer.failed.push(FailedFact {
                        sequence,
                        code: problem.code.to_owned(),
                        detail: problem.detail.clone(),
                    });
                    if is_outage && outage.is_none() {
                        outage = Some((sequence, problem));
                    }
                }
            }
        }
        if let Some((sequence, problem)) = outage {
            if answer.done == 0 {
                return Err(problem);
            }
            // The next call tries this one and those after it again.
            answer.next_after = Some(sequence - 1);
            answer.failed.retain(|it| it.sequence < sequence);
            break;
        }
        before = some.last().copied().unwrap_or(before);
    }
    Ok(answer)
}

/// The facts of a call, and where the next one begins.
struct Chosen {
    sequences: Vec<u64>,
    next_after: Option<u64>,
}

async fn choose(app: &App, which: &Which) -> Result<Chosen, Problem> {
    let mut walk = rejected(app)?.walk(which.after, which.up_to);
    let mut chosen = Chosen {
        sequences: Vec::new(),
        next_after: None,
    };
    while let Some(message) = walk.next().await? {
        if which.wanted.has(&message) {
            chosen.sequences.push(message.sequence);
        }
        let (messages, bytes) = walk.given();
        let is_full = chosen.sequences.len() == MOST_FACTS;
        if is_full || messages >= MOST_READ || bytes >= MOST_BYTES {
            let is_last = message.sequence >= which.up_to;
            chosen.next_after = (!is_last).then_some(message.sequence);
            break;
        }
    }
    Ok(chosen)
}
