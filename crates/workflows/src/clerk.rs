//! The clerk does what is due: expires requests, lets unused grants lapse.
//!
//! It reads the deadlines from PostgreSQL alone, so it works while NATS is away. Whatever it does,
//! the aggregate itself refuses what comes too late: the clerk only makes it known in time.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::{
    CommandContext, CommandKey, Deadline, Deadlines, EventLog, Leases, LogError, Progress,
    due_deadlines, is_anything_due, next_due_after,
};
use futures::{StreamExt, stream};
use kernel::{Actor, Clock, Metadata, new_id};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// At worst the clerk looks so often: clocks are set, and the projection may run elsewhere.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// At best it looks so often, however much is due.
const REST: Duration = Duration::from_millis(20);
/// And so often while nothing is due and the log moves: a new deadline is seldom the next.
const MOVED_REST: Duration = Duration::from_millis(100);
const PAGE: usize = 500;
const AT_ONCE: usize = 32;

/// What is done about the deadlines of one kind of aggregate.
#[async_trait]
pub trait Duty: Send + Sync + 'static {
    /// Whose deadlines, e.g. `safeguard.approval`.
    fn aggregate_type(&self) -> &'static str;

    /// Executes what the deadline orders, as `context` says. A rule that forbids it is no error.
    async fn act(
        &self,
        log: &EventLog,
        deadline: &Deadline,
        context: CommandContext,
        now: DateTime<Utc>,
    ) -> Result<Settled, NotDone>;
}

/// Why something due was not done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// Others kept changing the aggregate: it is tried again.
    #[error("the aggregate is changing too fast")]
    Contended,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// What became of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was done, now or by an earlier try.
    Done,
    /// There is nothing to do any more.
    NotNeeded,
    /// The duty knows no such kind of deadline.
    Unknown,
}

/// What the clerk works with.
pub struct ClerkParts {
    pub log: EventLog,
    pub progress: Progress,
    pub clock: Arc<dyn Clock>,
    pub duties: Vec<Arc<dyn Duty>>,
}

/// The clerk of one process; one at a time acts. Cheap to clone.
#[derive(Clone)]
pub struct Clerk {
    inner: Arc<Inner>,
    caught_up: watch::Receiver<bool>,
}

struct Inner {
    log: EventLog,
    progress: Progress,
    clock: Arc<dyn Clock>,
    duties: HashMap<&'static str, Arc<dyn Duty>>,
    /// The log's head when this process started.
    head_at_start: u64,
    started_at: DateTime<Utc>,
}

/// Names what is due: the event that set it, and which of its deadlines.
type Name = (Uuid, String);

impl Clerk {
    /// Starts it; `stop` ends it.
    pub async fn start(
        parts: ClerkParts,
        leases: &Leases,
        stop: CancellationToken,
    ) -> Result<Self, LogError> {
        let inner = Arc::new(Inner {
            head_at_start: parts.log.head().await?,
            started_at: parts.clock.now(),
            log: parts.log,
            progress: parts.progress,
            clock: parts.clock,
            duties: parts
                .duties
                .into_iter()
                .map(|duty| (duty.aggregate_type(), duty))
                .collect(),
        });
        let (caught_up, receiver) = watch::channel(false);
        let mut lease = leases.want("clerk");
        let clerk = inner.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = lease.acquired() => {}
                    () = stop.cancelled() => return,
                }
                tokio::select! {
                    () = clerk.lead(&caught_up) => {}
                    () = lease.lost() => {}
                    () = stop.cancelled() => return,
                }
            }
        });
        Ok(Self {
            inner,
            caught_up: receiver,
        })
    }

    /// Returns once everything that was due when this process started is done, by whichever
    /// process has the lease.
    pub async fn caught_up(&self) {
        let mut ours = self.caught_up.clone();
        loop {
            let looked = timeout_at(Instant::now() + LOOK_EVERY, ours.wait_for(|done| *done));
            match looked.await {
                Ok(Ok(_)) => return,
                // The clerk has ended: nobody waits for it any more.
                Ok(Err(_)) => return,
                Err(_) if self.inner.nothing_is_left().await.unwrap_or(false) => return,
                Err(_) => {}
            }
        }
    }
}

impl Inner {
    async fn lead(&self, caught_up: &watch::Sender<bool>) {
        let mut settled = HashSet::new();
        let mut moved = self.progress.changed();
        let mut said = None;
        loop {
            let has_all = self.has_read_the_start().await;
            let next = match self.pass(&mut settled).await {
                Ok(next) => {
                    said = None;
                    if has_all {
                        caught_up.send_replace(true);
                    }
                    next
                }
                Err(error) => {
                    report(&error, &mut said);
                    None
                }
            };
            self.wait(next, &mut moved).await;
        }
    }

    /// Waits until something is due or the deadlines have changed.
    async fn wait(&self, next: Option<DateTime<Utc>>, moved: &mut watch::Receiver<()>) {
        let until_due = next.map(|due| (due - self.clock.now()).to_std().unwrap_or_default());
        let pause = until_due.map_or(LOOK_EVERY, |until| until.min(LOOK_EVERY));
        let now = Instant::now();
        let end = now + pause.max(REST);
        let known = self.position_here();
        tokio::time::sleep_until(end.min(now + MOVED_REST)).await;
        while let Ok(Ok(())) = timeout_at(end, moved.changed()).await {
            if self.position_here() != known {
                return;
            }
        }
        // Without anyone who tells of progress the timeout above returns at once.
        tokio::time::sleep_until(end).await;
    }

    fn position_here(&self) -> Option<u64> {
        let here = self.progress.here();
        here.get(Deadlines::NAME).map(|found| found.position)
    }

    async fn has_read_the_start(&self) -> bool {
        let position = self.progress.position(&[Deadlines::NAME]).await;
        position.is_ok_and(|position| position >= self.head_at_start)
    }

    /// Does everything that is due; returns when the next is.
    ///
    /// What is settled stays in the table until the projection has read the outcome: it is named
    /// in `settled` and not done again meanwhile.
    async fn pass(&self, settled: &mut HashSet<Name>) -> Result<Option<DateTime<Utc>>, NotDone> {
        loop {
            let limit = PAGE + settled.len();
            let now = self.clock.now();
            let mut due = due_deadlines(self.log.pool(), now, limit as i64).await?;
            let names: HashSet<Name> = due.iter().map(name_of).collect();
            settled.retain(|name| names.contains(name));
            due.retain(|it| !settled.contains(&name_of(it)));
            if due.is_empty() {
                return Ok(next_due_after(self.log.pool(), now).await?);
            }
            let mut acts = stream::iter(due)
                .map(|deadline| async move {
                    let outcome = self.act(&deadline, now).await;
                    (name_of(&deadline), outcome)
                })
                .buffer_unordered(AT_ONCE);
            let mut failure = None;
            while let Some((name, outcome)) = acts.next().await {
                match outcome {
                    Ok(()) => drop(settled.insert(name)),
                    Err(error) => failure = Some(error),
                }
            }
            drop(acts);
            if let Some(error) = failure {
                return Err(error);
            }
        }
    }

    /// Does one thing. An error is an outage: it is tried again. What cannot be done at all is
    /// said once and set aside.
    async fn act(&self, deadline: &Deadline, now: DateTime<Utc>) -> Result<(), NotDone> {
        let outcome = match self.duties.get(deadline.aggregate_type.as_str()) {
            Some(duty) => {
                let context = self.context(deadline).await?;
                duty.act(&self.log, deadline, context, now).await
            }
            None => Ok(Settled::Unknown),
        };
        match outcome {
            Ok(Settled::Done) => {
                let late = (now - deadline.due_at).as_seconds_f64().max(0.0);
                metrics::histogram!("greffe_clerk_late_seconds").record(late);
                tracing::debug!(
                    deadline.kind,
                    aggregate.id = deadline.aggregate_id,
                    "done in time"
                );
                Ok(())
            }
            Ok(Settled::NotNeeded) => Ok(()),
            Ok(Settled::Unknown) => {
                tracing::error!(
                    aggregate.type_ = deadline.aggregate_type,
                    deadline.kind,
                    "nobody knows what to do at this deadline"
                );
                Ok(())
            }
            Err(NotDone::Log(
                error @ (LogError::Corrupt(_) | LogError::Decode(_) | LogError::Seal(_)),
            )) => {
                tracing::error!(
                    aggregate.id = deadline.aggregate_id, deadline.kind, %error,
                    "a deadline cannot be acted on"
                );
                Ok(())
            }
            Err(outage) => Err(outage),
        }
    }

    /// The command's context: its cause is the event that set the deadline.
    async fn context(&self, deadline: &Deadline) -> Result<CommandContext, LogError> {
        let correlation_id: Option<Uuid> = sqlx::query_scalar(
            "SELECT (metadata->>'correlation_id')::uuid FROM events
             WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence LIMIT 1",
        )
        .bind(&deadline.aggregate_type)
        .bind(&deadline.aggregate_id)
        .fetch_optional(self.log.pool())
        .await?;
        let actor = Actor::system("clerk");
        let mut metadata = Metadata::new(actor, correlation_id.unwrap_or_else(new_id));
        metadata.causation_id = Some(deadline.set_by);
        Ok(CommandContext {
            metadata,
            key: Some(CommandKey::caused_by(deadline.set_by, &deadline.kind)),
        })
    }

    /// Whether nothing that was due at the start is still there: another process may have done it.
    async fn nothing_is_left(&self) -> Result<bool, LogError> {
        if !self.has_read_the_start().await {
            return Ok(false);
        }
        let ours: Vec<_> = self.duties.keys().copied().collect();
        Ok(!is_anything_due(self.log.pool(), self.started_at, &ours).await?)
    }
}

fn name_of(deadline: &Deadline) -> Name {
    (deadline.set_by, deadline.kind.clone())
}

/// Says an outage once.
fn report(error: &NotDone, said: &mut Option<String>) {
    // Before the projection's first run there is no table yet.
    if let NotDone::Log(LogError::Database(sqlx::Error::Database(database))) = error
        && database.code().as_deref() == Some("42P01")
    {
        return;
    }
    let text = error.to_string();
    if said.as_ref() != Some(&text) {
        tracing::warn!(%error, "the clerk waits");
        *said = Some(text);
    }
}
