//! The relay copies the log to the stream `EVENTS`, one process at a time.
//!
//! It never publishes over another history: each message names the sequence it must follow, and
//! after every error the stream's last message is compared with the log's row at that position.

use std::{collections::VecDeque, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        Context,
        context::{PublishAckFuture, traits::Publisher as _},
        message::PublishMessage,
    },
};
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use uuid::Uuid;

use crate::{
    EventLog, Leases, LogError, flood,
    recorded::{StoredEvent, corrupt},
    stream::{self, DOORBELL, EventsStream, nats},
    trace,
};

const PAGE: usize = 1_000;
const MAX_IN_FLIGHT: usize = 2_000;
const MAX_BYTES_IN_FLIGHT: usize = 8 * 1024 * 1024;
/// At worst the relay looks at the log so often.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often an idle relay looks whether the stream is still what it left.
const CHECK_STREAM_EVERY: Duration = Duration::from_secs(1);
/// How long the stream must be reported missing before it is made anew.
const MISSING_FOR: Duration = Duration::from_secs(10);
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// What the relay has done and what stops it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RelayStatus {
    /// Whether this process is the one that relays.
    pub leads: bool,
    /// Position up to which the stream is known to hold the log.
    pub published: u64,
    /// When the oldest event that is not yet in the stream was recorded.
    pub oldest_unpublished: Option<DateTime<Utc>>,
    /// Why nothing is published now.
    pub problem: Option<String>,
    /// The stream and the log have parted.
    pub forked: bool,
}

/// Copies the log to the stream while it has the lease.
pub struct Relay {
    log: EventLog,
    context: Context,
    client: Client,
    replicas: usize,
    status: watch::Sender<RelayStatus>,
}

impl Relay {
    /// Starts it; `stop` ends it. `replicas` is what a new stream gets.
    pub fn start(
        log: EventLog,
        client: Client,
        leases: &Leases,
        replicas: usize,
        stop: CancellationToken,
    ) -> watch::Receiver<RelayStatus> {
        let (status, receiver) = watch::channel(RelayStatus::default());
        let context = stream::context(&client);
        let relay = Self {
            log,
            context,
            client,
            replicas,
            status,
        };
        let mut lease = leases.want("relay");
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = lease.acquired() => {}
                    () = stop.cancelled() => return,
                }
                tokio::select! {
                    () = relay.lead() => {}
                    () = lease.lost() => {}
                    () = stop.cancelled() => return,
                }
                relay.status.send_modify(|status| status.leads = false);
            }
        });
        receiver
    }

    async fn lead(&self) {
        self.status.send_modify(|status| status.leads = true);
        let mut missing_since = None;
        loop {
            let error = match self.publish_from_here(&mut missing_since).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let forked = matches!(error, LogError::Forked(_));
            let problem = error.to_string();
            metrics::counter!("greffe_relay_errors_total").increment(1);
            let is_news = self.status.borrow().problem.as_ref() != Some(&problem);
            match is_news {
                true if forked => tracing::error!(%problem, "the relay has stopped: fork"),
                true => tracing::warn!(%problem, "the relay starts again"),
                false => {}
            }
            self.status.send_modify(|status| {
                status.problem = Some(problem);
                status.forked = forked;
            });
            tokio::time::sleep(if forked {
                CHECK_STREAM_EVERY
            } else {
                AFTER_ERROR
            })
            .await;
        }
    }

    /// Publishes from where the stream stands until something goes wrong.
    async fn publish_from_here(
        &self,
        missing_since: &mut Option<Instant>,
    ) -> Result<std::convert::Infallible, LogError> {
        // Read before the stream is: what an operator resets in between is not taken for a fork.
        let (epoch, _) = self.log.epoch().await?;
        let events = self.find_or_create(missing_since).await?;
        self.check_fork(epoch, &events).await?;
        let mut doorbell = self.client.subscribe(DOORBELL).await.map_err(nats)?;
        let mut appended = self.log.appended();
        let mut last = events.last_sequence;
        let mut checked = Instant::now();
        loop {
            let before = last;
            last = self.publish_all(&events.ingest_prefix, last).await?;
            self.status.send_modify(|status| {
                status.published = last;
                status.oldest_unpublished = None;
                status.problem = None;
                status.forked = false;
            });
            metrics::gauge!("greffe_relay_position").set(last as f64);
            flood::linger((last - before) as usize, PAGE).await;
            tokio::select! {
                changed = appended.changed() => changed.map_err(|_| LogError::Closed)?,
                rung = doorbell.next() => {
                    rung.ok_or_else(|| LogError::Nats("the doorbell fell silent".into()))?;
                    // Several rings at once are one.
                    while doorbell.next().now_or_never().flatten().is_some() {}
                }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if checked.elapsed() >= CHECK_STREAM_EVERY {
                checked = Instant::now();
                let now = stream::find(&self.context).await?;
                if now.is_none_or(|now| now.last_sequence != last) {
                    return Err(LogError::Nats(
                        "the stream EVENTS is not what the relay left".into(),
                    ));
                }
            }
        }
    }

    async fn find_or_create(
        &self,
        missing_since: &mut Option<Instant>,
    ) -> Result<EventsStream, LogError> {
        if let Some(events) = stream::find(&self.context).await? {
            *missing_since = None;
            return Ok(events);
        }
        let (epoch, _) = self.log.epoch().await?;
        let since = *missing_since.get_or_insert_with(Instant::now);
        if self.log.stream_was_made().await? && since.elapsed() < MISSING_FOR {
            return Err(LogError::Nats("there is no stream EVENTS".into()));
        }
        tracing::warn!(%epoch, "making the stream EVENTS");
        stream::create(&self.context, epoch, self.replicas).await?;
        self.log.note_stream_made().await?;
        stream::find(&self.context)
            .await?
            .ok_or_else(|| LogError::Nats("the stream EVENTS vanished".into()))
    }

    /// Whether the stream's last message is the log's event at that position.
    async fn check_fork(&self, epoch: Uuid, events: &EventsStream) -> Result<(), LogError> {
        let last = events.last_sequence;
        let problem = if events.epoch != Some(epoch) {
            Some(format!(
                "the stream belongs to another history than {epoch}"
            ))
        } else if last == 0 {
            None
        } else {
            let ours = self.log.event_id_at(last).await?;
            let theirs = stream::event_id_at(&self.context, last).await?;
            match ours {
                None => Some(format!(
                    "the stream holds position {last}, the log does not"
                )),
                ours if ours != theirs => Some(format!(
                    "the stream and the log hold different events at position {last}"
                )),
                _ => None,
            }
        };
        match problem {
            Some(problem) => {
                self.log.close_for_fork(epoch, &problem).await?;
                Err(LogError::Forked(problem))
            }
            None => Ok(()),
        }
    }

    /// Publishes all that is in the log after `last`; returns the position reached.
    async fn publish_all(&self, prefix: &str, mut last: u64) -> Result<u64, LogError> {
        let mut in_flight: VecDeque<InFlight> = VecDeque::new();
        let mut bytes = 0;
        let mut pages = self.read_ahead(last);
        while let Some(page) = pages.recv().await {
            let Page { oldest, messages } = page?;
            self.status
                .send_modify(|status| status.oldest_unpublished = Some(oldest));
            for message in messages {
                while in_flight.len() >= MAX_IN_FLIGHT || bytes >= MAX_BYTES_IN_FLIGHT {
                    bytes -= confirm(in_flight.pop_front()).await?;
                }
                last += 1;
                let weight = message.payload.len();
                let span = match message.traceparent {
                    Some(of) => trace::follow_one("relay", stream::EVENTS, last, &of),
                    None => Span::none(),
                };
                let sent = PublishMessage::build()
                    .payload(message.payload)
                    .expected_last_sequence(last - 1)
                    .outbound_message(format!("{prefix}.events.{}", message.event_type));
                let ack = self.context.publish_message(sent).await.map_err(nats)?;
                bytes += weight;
                in_flight.push_back((last, weight, ack, span));
            }
        }
        while !in_flight.is_empty() {
            confirm(in_flight.pop_front()).await?;
        }
        Ok(last)
    }

    /// Reads and encodes pages while earlier ones are on their way, up to the log's end.
    fn read_ahead(&self, mut last: u64) -> mpsc::Receiver<Result<Page, LogError>> {
        let (sender, pages) = mpsc::channel(2);
        let log = self.log.clone();
        tokio::spawn(async move {
            loop {
                let page = match log.stored_after(last, PAGE).await {
                    Ok(events) if events.is_empty() => return,
                    Ok(events) => encode(events, last),
                    Err(error) => Err(error),
                };
                let count = page.as_ref().map_or(0, |page| page.messages.len());
                last += count as u64;
                // The publisher has given up, or this was the last page.
                if sender.send(page).await.is_err() || count < PAGE {
                    return;
                }
            }
        });
        pages
    }
}

/// Position, bytes, acknowledgement, and the span that ends with it.
type InFlight = (u64, usize, PublishAckFuture, Span);

/// Events as they are published; the first follows the position that was asked for.
struct Page {
    /// When the first was recorded.
    oldest: DateTime<Utc>,
    messages: Vec<Message>,
}

struct Message {
    event_type: String,
    /// Of the append, if it was traced and this process traces.
    traceparent: Option<String>,
    payload: bytes::Bytes,
}

fn encode(events: Vec<StoredEvent>, mut last: u64) -> Result<Page, LogError> {
    let oldest = events
        .first()
        .map(|event| event.recorded_at)
        .unwrap_or_default();
    let mut messages = Vec::with_capacity(events.len());
    let is_traced = trace::is_on();
    for event in events {
        if event.position != last + 1 {
            let found = event.position;
            return Err(LogError::Corrupt(format!(
                "position {found} follows {last}"
            )));
        }
        last = event.position;
        let event_type = event.event_type.clone();
        let envelope = event.into_envelope()?;
        let payload = serde_json::to_vec(&envelope).map_err(corrupt)?.into();
        messages.push(Message {
            event_type,
            traceparent: envelope.traceparent.filter(|_| is_traced),
            payload,
        });
    }
    Ok(Page { oldest, messages })
}

/// Waits for an acknowledgement; it counts only if the sequence is the position.
async fn confirm(sent: Option<InFlight>) -> Result<usize, LogError> {
    let Some((position, weight, ack, _span)) = sent else {
        return Ok(0);
    };
    let ack = ack.await.map_err(nats)?;
    if ack.sequence == position {
        Ok(weight)
    } else {
        Err(LogError::Nats(format!(
            "position {position} was stored at {}",
            ack.sequence
        )))
    }
}

/// Tells other processes that this one has appended. Best effort: they look by themselves too.
pub fn ring_doorbell(log: &EventLog, client: Client, stop: CancellationToken) {
    let mut appended = log.appended();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                changed = appended.changed() => if changed.is_err() { return },
                () = stop.cancelled() => return,
            }
            if let Err(error) = client.publish(DOORBELL, "".into()).await {
                tracing::debug!(%error, "the doorbell could not be rung");
            }
        }
    });
}
