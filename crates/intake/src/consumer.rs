//! Reads `INTAKE` from its lowest unfinished message, one process at a time, and hands each fact to its
//! lane.
//!
//! It pulls by itself: async-nats believes the status line of a message, which a service may write
//! into what it publishes. A message of the stream is one that is to be acknowledged, whatever it says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, Message, Subscriber,
    jetstream::{consumer::PullConsumer, stream::Stream},
};
use async_trait::async_trait;
use eventlog::{EventLog, Leases, LogError};
use futures::StreamExt;
use kernel::Clock;
use serde_json::json;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    CODES, Connect, Rejected,
    lanes::{Lanes, Work},
    stream::{self, INTAKE, connected, context, nats},
    unreadable,
};

/// The lease of the one process that reads the stream.
pub const LEASE: &str = "intake";

/// Messages asked for at once; at most one and a half times as many are on their way.
const BATCH: usize = 512;
/// Bytes asked for at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Messages that are delivered and not finished.
const MAX_ACK_PENDING: i64 = 4_096;
/// How long the server waits for messages.
const EXPIRES: Duration = Duration::from_secs(5);
/// A server that says nothing for so long has lost the request.
const SILENCE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(250);
const MEASURE_EVERY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);

/// Which accounts may publish facts.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Whether the account is active and has the scope `intake`, as of now.
    async fn may_intake(&self, name: &str) -> Result<bool, LogError>;
}

/// What the intake works with.
pub struct IntakeParts {
    pub log: EventLog,
    /// For all but reading messages.
    pub client: Client,
    /// Makes those that read messages.
    pub connect: Connect,
    pub clock: Arc<dyn Clock>,
    pub accounts: Arc<dyn Accounts>,
    /// What new streams get.
    pub replicas: usize,
}

/// Counters are there from the beginning: a rule sees the first of each that counts.
fn count_from_zero() {
    for name in [
        "greffe_intake_received_total",
        "greffe_intake_accepted_total",
        "greffe_intake_retries_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for code in CODES {
        metrics::counter!("greffe_intake_rejected_total", "code" => *code).increment(0);
    }
}

/// Starts taking facts in, as soon as this process has the lease; `stop` ends it.
pub fn start(parts: IntakeParts, leases: &Leases, stop: CancellationToken) {
    count_from_zero();
    let reader = Reader {
        rejected: Rejected::new(parts.client.clone(), parts.connect.clone(), parts.replicas),
        parts: Arc::new(parts),
    };
    let mut lease = leases.want(LEASE);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = lease.acquired() => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = reader.lead() => {}
                () = lease.lost() => {}
                () = stop.cancelled() => return,
            }
            // What another process reads is its to measure.
            show(0, 0.0);
        }
    });
}

struct Reader {
    parts: Arc<IntakeParts>,
    rejected: Rejected,
}

/// From one reset of the consumer to the next.
struct Session {
    consumer: PullConsumer,
    stream: Stream,
    /// Counts the sessions: what is left over from an earlier one is delivered again.
    number: u64,
    /// For this session alone.
    client: Client,
    connects: u64,
    inbox: String,
    messages: Subscriber,
    /// Messages asked for that have not come.
    awaited: usize,
    heard: Instant,
    clock: Arc<dyn Clock>,
    /// Made at; with the sequence it names a message that has no name.
    created: i128,
}

impl Reader {
    /// Reads until the lease is lost, which drops this future and the lanes with it.
    async fn lead(&self) {
        let sessions = Arc::new(AtomicU64::new(0));
        let start = || Lanes::start(self.parts.clone(), self.rejected.clone(), sessions.clone());
        let mut lanes = start();
        let mut said = None;
        loop {
            let number = sessions.fetch_add(1, Ordering::SeqCst) + 1;
            let ended = match self.begin(number).await {
                Ok(session) => {
                    said = None;
                    session.run(&mut lanes).await
                }
                Err(error) => Err(error),
            };
            if !lanes.are_whole() {
                tracing::error!("a lane of the intake has ended; all begin again");
                lanes = start();
            }
            if let Err(error) = ended {
                let text = error.to_string();
                if said.as_ref() != Some(&text) {
                    tracing::warn!(%error, "the intake waits");
                    said = Some(text);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Finds or makes the streams, and goes back to the lowest unfinished message.
    async fn begin(&self, number: u64) -> Result<Session, LogError> {
        let shared = &self.parts.client;
        connected(shared)?;
        self.rejected.ensure().await?;
        let mut stream = stream::intake(&context(shared), self.parts.replicas).await?;
        let mut consumer = stream::consumer(&stream, MAX_ACK_PENDING).await?;
        unreadable::put_aside(shared, &mut stream, &mut consumer, &self.rejected).await?;
        consumer.reset(None).await.map_err(nats)?;
        let client = (self.parts.connect)().await?;
        let inbox = client.new_inbox();
        let messages = client.subscribe(inbox.clone()).await.map_err(nats)?;
        let created = stream.cached_info().created.unix_timestamp_nanos();
        Ok(Session {
            consumer,
            stream,
            number,
            connects: connects(&client),
            client,
            inbox,
            messages,
            awaited: 0,
            heard: Instant::now(),
            clock: self.parts.clock.clone(),
            created,
        })
    }
}

fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::SeqCst)
}

impl Session {
    /// Until the connection is another, or something is wrong: then it begins again.
    async fn run(mut self, lanes: &mut Lanes) -> Result<(), LogError> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut measure = tokio::time::interval(MEASURE_EVERY);
        loop {
            self.ask(lanes).await?;
            tokio::select! {
                () = lanes.ended() => return Ok(()),
                message = self.messages.next() => match message {
                    Some(message) => self.take(message, lanes),
                    None => return Err(LogError::Nats("the subscription ended".into())),
                },
                _ = look.tick() => {
                    connected(&self.client)?;
                    if connects(&self.client) != self.connects {
                        return Ok(());
                    }
                    if self.awaited > 0 && self.heard.elapsed() > SILENCE {
                        return Err(LogError::Nats("the stream INTAKE is silent".into()));
                    }
                }
                _ = measure.tick() => self.measure().await?,
            }
        }
    }

    /// Asks for more if few are on their way and there is room for them.
    async fn ask(&mut self, lanes: &Lanes) -> Result<(), LogError> {
        if self.awaited > BATCH / 2 || !lanes.have_room() {
            return Ok(());
        }
        let subject = format!(
            "$JS.API.CONSUMER.MSG.NEXT.{INTAKE}.{}",
            self.consumer.cached_info().name
        );
        let body = json!({
            "batch": BATCH,
            "max_bytes": BATCH_BYTES,
            "expires": EXPIRES.as_nanos() as u64,
        });
        let (inbox, body) = (self.inbox.clone(), body.to_string().into());
        let sent = self.client.publish_with_reply(subject, inbox, body);
        sent.await.map_err(nats)?;
        self.awaited += BATCH;
        self.heard = Instant::now();
        Ok(())
    }

    fn take(&mut self, message: Message, lanes: &Lanes) {
        self.heard = Instant::now();
        let Some(delivery) = message.reply.as_deref().and_then(Delivery::of) else {
            // A request has ended: in time, or because the next message was too large for the rest.
            let pending = message
                .headers
                .as_ref()
                .and_then(|headers| headers.get("Nats-Pending-Messages"))
                .and_then(|pending| pending.as_str().parse().ok());
            self.awaited = self.awaited.saturating_sub(pending.unwrap_or(BATCH));
            return;
        };
        self.awaited = self.awaited.saturating_sub(1);
        metrics::counter!("greffe_intake_received_total").increment(1);
        let unnamed = format!("{}-{}", self.created, delivery.sequence);
        lanes.hand(Work::new(self.number, message, unnamed));
    }

    async fn measure(&mut self) -> Result<(), LogError> {
        let info = self.consumer.get_info().await.map_err(nats)?;
        let unfinished = info.num_pending + info.num_ack_pending as u64;
        let oldest = match unfinished {
            0 => 0.0,
            _ => self.age_of_oldest().await,
        };
        show(unfinished, oldest);
        Ok(())
    }

    /// In seconds; 0 if it was finished meanwhile.
    async fn age_of_oldest(&mut self) -> f64 {
        let Ok(info) = self.stream.info().await else {
            return 0.0;
        };
        let first = info.state.first_timestamp.unix_timestamp_nanos();
        let has_any = info.state.messages > 0;
        let now = self.clock.now().timestamp_nanos_opt().unwrap_or_default();
        let age = (i128::from(now) - first) as f64 / 1e9;
        if has_any { age.max(0.0) } else { 0.0 }
    }
}

fn show(unfinished: u64, oldest_seconds: f64) {
    metrics::gauge!("greffe_intake_unfinished_facts").set(unfinished as f64);
    metrics::gauge!("greffe_intake_oldest_seconds").set(oldest_seconds);
}

/// What the subject of an acknowledgement says of a message (ADR-15).
struct Delivery {
    sequence: u64,
}

impl Delivery {
    /// `None` if it is no such subject.
    fn of(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        // The newer form begins with a domain and the account.
        let from = match tokens.len() {
            7 => 3,
            9.. => 5,
            _ => return None,
        };
        let sequence = tokens.get(from)?.parse().ok()?;
        Some(Self { sequence })
    }
}

/// Room for what is handed to the lanes and not finished.
pub(crate) type Room = Arc<Semaphore>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_found_in_both_forms() {
        let sequence = |reply| Delivery::of(reply).map(|delivery| delivery.sequence);
        assert_eq!(sequence("$JS.ACK.INTAKE.c.1.42.7.1700000000.0"), Some(42));
        let newer = "$JS.ACK._.hash.INTAKE.c.1.42.7.1700000000.0.random";
        assert_eq!(sequence(newer), Some(42));
        assert_eq!(sequence("_INBOX.support.a"), None);
        assert_eq!(sequence("$JS.ACK.INTAKE.c"), None);
    }
}
