//! Execute: load, decide on a clone, append, and only then believe it.

use std::{sync::Arc, time::Duration};

use cqrs_es::event_sink::EventSink;
use kernel::{AggregateId, EventType, LogAggregate};
use serde_json::{Value, json};

use crate::{
    Append, AppendError, CommandContext, EventLog, ExecuteError, Guard, Loaded, RecordedOutcome,
    Repeated,
};

/// How often a command is decided again because someone else appended first.
const MAX_CONFLICTS: u32 = 10;

/// What a command did.
#[derive(Debug)]
pub struct Executed<A> {
    pub aggregate_id: AggregateId,
    /// The aggregate's version after it, as [`LogAggregate::version`] counts.
    pub version: u64,
    /// Position of its last event; of the log's head when it changed nothing.
    pub position: u64,
    /// What the aggregate has to say beside that, e.g. a reference.
    pub outcome: Value,
    /// Whether this is the answer to an earlier sending of the same command.
    pub repeated: bool,
    /// The aggregate after it; `None` for a repetition.
    pub state: Option<Arc<A>>,
}

impl EventLog {
    /// Executes a command on an aggregate and returns once its events are durable.
    ///
    /// A repeated command (same key, same body) gets the first answer and has no second effect. A
    /// refusal is decided on the aggregate's latest state, never on a cached one alone.
    #[tracing::instrument(level = "debug", skip_all, fields(greffe.aggregate = A::TYPE))]
    pub async fn execute<A>(
        &self,
        id: &AggregateId,
        command: A::Command,
        services: &A::Services,
        context: &CommandContext,
    ) -> Result<Executed<A>, ExecuteError<A::Error>>
    where
        A: LogAggregate,
        A::Command: Clone,
    {
        let cached = self.cached::<A>(id);
        self.execute_from(cached, id, command, services, context)
            .await
    }

    /// The same for an aggregate that is most likely new if this process does not know it, as those
    /// of facts from outside are: it is not loaded before the append says that it is there.
    #[tracing::instrument(name = "execute", level = "debug", skip_all, fields(greffe.aggregate = A::TYPE))]
    pub async fn execute_unloaded<A>(
        &self,
        id: &AggregateId,
        command: A::Command,
        services: &A::Services,
        context: &CommandContext,
    ) -> Result<Executed<A>, ExecuteError<A::Error>>
    where
        A: LogAggregate,
        A::Command: Clone,
    {
        let assumed = self.cached::<A>(id).unwrap_or_else(Loaded::nothing);
        self.execute_from(Some(assumed), id, command, services, context)
            .await
    }

    /// Decides on what is assumed of the aggregate, and on its events if that is of no avail.
    async fn execute_from<A>(
        &self,
        mut assumed: Option<Loaded<A>>,
        id: &AggregateId,
        command: A::Command,
        services: &A::Services,
        context: &CommandContext,
    ) -> Result<Executed<A>, ExecuteError<A::Error>>
    where
        A: LogAggregate,
        A::Command: Clone,
    {
        let mut conflicts = 0;
        loop {
            let is_assumed = assumed.is_some();
            let before = match assumed.take() {
                Some(assumed) => assumed,
                None => self.load_fresh::<A>(id).await?,
            };
            let decided = match decide(before, command.clone(), services).await {
                Err(_) if is_assumed => continue,
                Ok(decided) if decided.events.is_empty() && is_assumed => continue,
                Err(refusal) => return self.refused(refusal, context).await,
                Ok(decided) => decided,
            };
            match self.append_decided(id, decided, context, &[]).await {
                Err(AppendError::Conflict { .. }) if conflicts < MAX_CONFLICTS => {
                    conflicts += 1;
                    metrics::counter!("greffe_command_conflicts_total").increment(1);
                    tokio::time::sleep(pause(conflicts)).await;
                }
                done => return done.map_err(refusal_of),
            }
        }
    }

    /// Executes the first command of a new aggregate, whose id the caller has just drawn: nothing is
    /// loaded. `guards` are the other aggregates that the caller decided on.
    #[tracing::instrument(name = "execute", level = "debug", skip_all, fields(greffe.aggregate = A::TYPE))]
    pub async fn create<A>(
        &self,
        id: &AggregateId,
        command: A::Command,
        services: &A::Services,
        context: &CommandContext,
        guards: &[Guard],
    ) -> Result<Executed<A>, ExecuteError<A::Error>>
    where
        A: LogAggregate,
    {
        match decide(Loaded::nothing(), command, services).await {
            Ok(decided) => self
                .append_decided(id, decided, context, guards)
                .await
                .map_err(refusal_of),
            Err(refusal) => self.refused(refusal, context).await,
        }
    }

    #[tracing::instrument(
        name = "append", level = "debug", skip_all,
        fields(greffe.events = decided.events.len(), greffe.position)
    )]
    async fn append_decided<A: LogAggregate>(
        &self,
        id: &AggregateId,
        decided: Decided<A>,
        context: &CommandContext,
        guards: &[Guard],
    ) -> Result<Executed<A>, AppendError> {
        let Decided {
            before,
            mut after,
            mut events,
        } = decided;
        let mut answer = answer_of(&after);
        if events.is_empty() && context.key.is_none() {
            let position = self.head().await?;
            let after = Some(Arc::new(after));
            return Ok(executed(id.clone(), position, answer, false, after));
        }
        let append = Append::new(
            &self.vault,
            (A::TYPE, id),
            before.sequence,
            &events,
            &context.metadata,
            context.key,
            &answer,
        )
        .await?
        .with_guards(guards);
        let appended = self.append(append).await?;
        let position = appended.position;
        tracing::Span::current().record("greffe.position", position);
        if let Some(first) = appended.repeated {
            let Repeated {
                aggregate_id,
                outcome,
            } = first;
            return Ok(executed(aggregate_id, position, outcome, true, None));
        }
        let sequence = before.sequence + events.len() as u64;
        if let Some(number) = appended.number {
            // Only now is known what the log has written.
            after = A::clone(&before.state);
            for mut event in events.drain(..) {
                if event.series().is_some() {
                    event.set_number(number.clone());
                }
                after.apply(event);
            }
            answer = answer_of(&after);
        }
        let after = Arc::new(after);
        self.remember::<A>(id, after.clone(), sequence);
        Ok(executed(id.clone(), position, answer, false, Some(after)))
    }

    /// A command that is refused now may be the repetition of one that was accepted.
    async fn refused<A: LogAggregate>(
        &self,
        refusal: A::Error,
        context: &CommandContext,
    ) -> Result<Executed<A>, ExecuteError<A::Error>> {
        let known = match &context.key {
            Some(key) => self.find_outcome(key).await.map_err(refusal_of)?,
            None => None,
        };
        match known {
            Some(known) => Ok(known.into()),
            None => Err(ExecuteError::Refused(refusal)),
        }
    }
}

/// What a command comes to, before it is appended.
struct Decided<A: LogAggregate> {
    before: Loaded<A>,
    after: A,
    events: Vec<A::Event>,
}

/// Decides on a clone: what is not appended has not happened.
async fn decide<A: LogAggregate>(
    before: Loaded<A>,
    command: A::Command,
    services: &A::Services,
) -> Result<Decided<A>, A::Error> {
    let mut after = A::clone(&before.state);
    let sink = EventSink::default();
    after.handle(command, services, &sink).await?;
    Ok(Decided {
        before,
        after,
        events: sink.collect().await,
    })
}

/// What is kept with the command for its repetitions. `append_batch` writes a number into `more`.
fn answer_of<A: LogAggregate>(after: &A) -> Value {
    json!({ "version": after.version(), "more": after.outcome() })
}

impl<A> From<RecordedOutcome> for Executed<A> {
    fn from(known: RecordedOutcome) -> Self {
        executed(
            known.aggregate_id,
            known.position,
            known.outcome,
            true,
            None,
        )
    }
}

fn executed<A>(
    aggregate_id: AggregateId,
    position: u64,
    mut answer: Value,
    repeated: bool,
    state: Option<Arc<A>>,
) -> Executed<A> {
    let version = answer
        .get("version")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let outcome = answer.get_mut("more").map(Value::take).unwrap_or_default();
    Executed {
        aggregate_id,
        version,
        position,
        outcome,
        repeated,
        state,
    }
}

fn refusal_of<E>(error: AppendError) -> ExecuteError<E> {
    match error {
        AppendError::Conflict { .. } => ExecuteError::Contended,
        AppendError::Outdated => ExecuteError::Outdated,
        AppendError::KeyReused => ExecuteError::KeyReused,
        AppendError::Taken { scope } => ExecuteError::Taken { scope },
        AppendError::Invalid(reason) => ExecuteError::Invalid(reason),
        AppendError::Log(error) => ExecuteError::Log(error),
    }
}

/// A growing pause with jitter, so that those who collided do not collide again.
pub(crate) fn pause(conflicts: u32) -> Duration {
    let spread = 1 << conflicts.min(6);
    let mut byte = [0];
    // Without random bytes the pause is merely less well spread.
    let jitter = getrandom::fill(&mut byte).map_or(0, |()| u64::from(byte[0]) * spread / 255);
    Duration::from_millis(jitter)
}
