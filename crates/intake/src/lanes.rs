//! Lanes: the facts of one aggregate go through one lane in their order, many lanes at once.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, Message};
use eventlog::{CommandContext, CommandKey, LogError};
use kernel::{Actor, AggregateId, Metadata, new_id};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};
use tracing::Instrument;

use crate::{
    Accepted, Fact, NotAccepted, ReadFact, Rejected, Rejection, codes,
    consumer::{IntakeParts, Room},
    fact::refused,
    headers::Said,
    stream::{connected, nats},
};

/// Facts worked on at once; as many as one call of the log's writer takes.
const LANES: usize = 256;
/// What all lanes may hold (bytes); a little more, because it is looked at before a batch is asked for.
const ROOM_BYTES: usize = 16 * 1024 * 1024;
/// What a message costs beside its body (bytes).
const OVERHEAD_BYTES: usize = 1024;
/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A fact on its way through a lane.
pub(crate) struct Work {
    session: u64,
    message: Message,
    read: Result<ReadFact, NotAccepted>,
    /// Names it if its publisher did not: when the stream was made, and its sequence.
    unnamed: String,
    room: Option<OwnedSemaphorePermit>,
}

impl Work {
    pub fn new(session: u64, message: Message, unnamed: String) -> Self {
        let (_, subject) = names(&message.subject);
        let fact = Fact {
            subject,
            body: &message.payload,
        };
        let read = ReadFact::read(fact);
        Self {
            session,
            read,
            message,
            unnamed,
            room: None,
        }
    }

    /// Names it in `REJECTED`. Told again under its id within a day, as after an acknowledgement that got
    /// lost, the same fact is there once; what a person resubmits comes back if it is refused again.
    fn refusal_id(&self) -> String {
        let said = Said::new(self.message.headers.as_ref());
        let Some(id) = said.id.filter(|_| !said.is_resubmitted) else {
            return self.unnamed.clone();
        };
        let body = String::from_utf8_lossy(&self.message.payload);
        let name = format!("{}\n{id}\n{body}", self.message.subject);
        AggregateId::derived("refusal", &name).to_string()
    }

    /// Whose order is to be kept.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.read.as_ref().ok().and_then(ReadFact::aggregate_id) {
            Some(id) => id.hash(&mut hasher),
            None => self.unnamed.hash(&mut hasher),
        }
        hasher.finish()
    }
}

/// The account, and what follows it: of `intake.support.sentinel.alert`, `support` and `sentinel.alert`.
fn names(subject: &str) -> (&str, &str) {
    let rest = subject.strip_prefix("intake.").unwrap_or_default();
    rest.split_once('.').unwrap_or((rest, ""))
}

/// The lanes of the process that reads the stream; they end when this is dropped.
pub(crate) struct Lanes {
    lanes: Vec<mpsc::UnboundedSender<Work>>,
    room: Room,
    tasks: JoinSet<()>,
}

impl Lanes {
    /// `session` is the current one: what belongs to an earlier one is passed over.
    pub fn start(parts: Arc<IntakeParts>, rejected: Rejected, session: Arc<AtomicU64>) -> Self {
        let mut tasks = JoinSet::new();
        let lanes = (0..LANES).map(|_| {
            let (sender, work) = mpsc::unbounded_channel();
            let lane = Lane {
                parts: parts.clone(),
                rejected: rejected.clone(),
                session: session.clone(),
            };
            tasks.spawn(lane.run(work));
            sender
        });
        Self {
            lanes: lanes.collect(),
            room: Arc::new(Semaphore::new(ROOM_BYTES)),
            tasks,
        }
    }

    /// Returns if a lane has ended, which none should: its facts would wait for ever.
    pub async fn ended(&mut self) {
        drop(self.tasks.join_next().await);
    }

    pub fn are_whole(&self) -> bool {
        self.tasks.len() == LANES
    }

    /// Whether more may be asked for.
    pub fn have_room(&self) -> bool {
        self.room.available_permits() > ROOM_BYTES / 2
    }

    pub fn hand(&self, mut work: Work) {
        let bytes = work.message.length + OVERHEAD_BYTES;
        // What no longer fits was asked for before the room was full: it is bounded too.
        let bytes = bytes.min(self.room.available_permits()) as u32;
        work.room = self.room.clone().try_acquire_many_owned(bytes).ok();
        let lane = work.hash() % LANES as u64;
        // A lane that has ended is noticed by who reads: all begin again, and so does this fact.
        drop(self.lanes[lane as usize].send(work));
    }
}

struct Lane {
    parts: Arc<IntakeParts>,
    rejected: Rejected,
    session: Arc<AtomicU64>,
}

impl Lane {
    async fn run(self, mut work: mpsc::UnboundedReceiver<Work>) {
        while let Some(work) = work.recv().await {
            self.finish(&work).await;
        }
    }

    /// Tries until the fact is in the log or in `REJECTED`, or is delivered anew.
    async fn finish(&self, work: &Work) {
        let mut pause = PAUSE;
        while work.session == self.session.load(Ordering::SeqCst) {
            let error = match self.settle(work).await {
                Ok(()) => return,
                Err(error) => error,
            };
            if pause == PAUSE {
                metrics::counter!("greffe_intake_retries_total").increment(1);
                tracing::warn!(%error, "a fact waits to be taken in");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// An error is an outage. What JetStream refuses for good is none: see [`Rejected::publish`].
    async fn settle(&self, work: &Work) -> Result<(), LogError> {
        match self.take_in(work).await {
            Ok(_) => metrics::counter!("greffe_intake_accepted_total").increment(1),
            Err(NotAccepted::Failed(error)) => return Err(error),
            Err(NotAccepted::Refused {
                code,
                detail,
                errors,
            }) => {
                let original_id = Said::new(work.message.headers.as_ref()).id;
                let rejection = Rejection {
                    subject: &work.message.subject,
                    id: &work.refusal_id(),
                    original_id: original_id.unwrap_or(&work.unnamed),
                    code,
                    detail: &detail,
                    errors: &errors,
                    headers: work.message.headers.as_ref(),
                    body: work.message.payload.clone(),
                };
                self.rejected.publish(rejection).await?;
            }
        }
        acknowledge(&self.parts.client, &work.message).await;
        Ok(())
    }

    async fn take_in(&self, work: &Work) -> Result<Accepted, NotAccepted> {
        let (service, subject) = names(&work.message.subject);
        if !self.parts.accounts.may_intake(service).await? {
            return Err(refused(
                codes::FORBIDDEN,
                "The account is unknown, ended or has no scope `intake`.",
            ));
        }
        let read = match &work.read {
            Ok(read) => read.clone(),
            Err(NotAccepted::Refused {
                code,
                detail,
                errors,
            }) => {
                return Err(NotAccepted::Refused {
                    code,
                    detail: detail.clone(),
                    errors: errors.clone(),
                });
            }
            Err(NotAccepted::Failed(error)) => return Err(nats(error).into()),
        };
        let said = Said::new(work.message.headers.as_ref());
        let actor = Actor::service(service);
        let log = &self.parts.log;
        let id = said.id.unwrap_or(&work.unnamed);
        let asked = (subject, &read);
        let key = CommandKey::for_caller(log.vault(), &actor, "intake", id, &asked)
            .map_err(|error| LogError::Corrupt(error.to_string()))?;
        let span = match said.traceparent {
            Some(traceparent) => {
                let span = tracing::info_span!("intake", otel.kind = "consumer", subject);
                eventlog::trace::continue_from(&span, traceparent);
                span
            }
            None => tracing::Span::none(),
        };
        let traced = || eventlog::trace::trace_id(&span);
        let correlation_id = said.correlation_id.or_else(traced).unwrap_or_else(new_id);
        let context = CommandContext {
            metadata: Metadata::new(actor, correlation_id),
            key: Some(key),
        };
        let now = self.parts.clock.now();
        read.accept(log, &context, now).instrument(span).await
    }
}

/// Not waited for: one that is lost is delivered again, and known.
async fn acknowledge(client: &Client, message: &Message) {
    let Some(reply) = message.reply.clone() else {
        return;
    };
    let sent = match connected(client) {
        Ok(()) => client.publish(reply, "+ACK".into()).await.map_err(nats),
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "a fact is not acknowledged and will be delivered again");
    }
}
