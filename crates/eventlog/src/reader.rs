//! One reader per process: it follows the log and hands recent events to all who ask.
//!
//! Events come from the stream; after a gap, while NATS is away, or when the stream is more than a
//! second behind, from PostgreSQL. Readers pull by position, so a slow one holds nobody up: it falls
//! off the ring and reads PostgreSQL.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{
    Client,
    jetstream::{
        Context,
        consumer::{AckPolicy, DeliverPolicy, pull},
    },
};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    EventLog, LogError, RecordedEvent,
    log::open_recorded,
    recorded::Envelope,
    stream::{self, EVENTS, nats},
};

const RING_BYTES: usize = 32 * 1024 * 1024;
const RING_EVENTS: usize = 20_000;
const PAGE: usize = 1_000;
/// How long [`LogReader::batch_after`] waits before it returns an empty batch as a sign of life.
const WAIT: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A server that does not answer for so long is asked again on another connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A stream that cannot be opened for so long is worth saying, and then once a minute.
const SAY_AFTER: Duration = Duration::from_secs(5);
const SAY_EVERY: Duration = Duration::from_secs(60);
/// A stream that is behind PostgreSQL for so long is left.
const BEHIND_FOR: Duration = Duration::from_secs(1);

type Messages = pull::Stream;

/// Follows the log. Cheap to clone.
#[derive(Clone)]
pub struct LogReader {
    inner: Arc<Inner>,
}

struct Inner {
    log: EventLog,
    ring: Mutex<Ring>,
    last: watch::Sender<u64>,
    caught_up: watch::Sender<Instant>,
    /// PostgreSQL's head at the last look, and when that was.
    looked: watch::Sender<(u64, Instant)>,
    /// Since when the stream cannot be opened, and why.
    unopened: watch::Sender<Option<Unopened>>,
}

#[derive(Clone)]
struct Unopened {
    since: Instant,
    said: Option<Instant>,
    why: String,
}

/// The latest events, contiguous.
struct Ring {
    events: VecDeque<Arc<RecordedEvent>>,
    bytes: usize,
    /// Position of the last event that ever was in the ring, or that it started after.
    last: u64,
}

impl LogReader {
    /// Starts following the log at its head. Without `nats` it reads PostgreSQL alone.
    pub async fn start(
        log: EventLog,
        nats: Option<Client>,
        stop: CancellationToken,
    ) -> Result<Self, LogError> {
        let last = log.head().await?;
        let reader = Self {
            inner: Arc::new(Inner {
                log,
                ring: Mutex::new(Ring {
                    events: VecDeque::new(),
                    bytes: 0,
                    last,
                }),
                last: watch::Sender::new(last),
                caught_up: watch::Sender::new(Instant::now()),
                looked: watch::Sender::new((last, Instant::now())),
                unopened: watch::Sender::new(None),
            }),
        };
        let follower = reader.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = follower.follow(nats) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(reader)
    }

    /// Position of the last event the reader has seen.
    pub fn last(&self) -> u64 {
        *self.inner.last.borrow()
    }

    /// How long ago the reader was last known to have seen all that PostgreSQL holds.
    pub fn behind_for(&self) -> Duration {
        self.inner.caught_up.borrow().elapsed()
    }

    /// Why the stream has not been read for some seconds, PostgreSQL being read instead.
    pub fn stream_problem(&self) -> Option<String> {
        let unopened = self.inner.unopened.borrow();
        let lasting = unopened
            .as_ref()
            .filter(|it| it.since.elapsed() > SAY_AFTER);
        lasting.map(|it| it.why.clone())
    }

    /// Events after a position, in order, without gaps; waits for the next one. An empty batch
    /// after half a second is a sign of life.
    pub async fn batch_after(&self, position: u64) -> Result<Vec<Arc<RecordedEvent>>, LogError> {
        let mut last = self.inner.last.subscribe();
        let news = last.wait_for(|last| *last > position);
        if tokio::time::timeout(WAIT, news).await.is_err() {
            return Ok(Vec::new());
        }
        // What is in memory may be of a history that the database no longer holds.
        self.inner.log.history.assert_known()?;
        let recent = self.ring().after(position);
        match recent {
            Some(batch) => Ok(batch),
            None => self.inner.log.read_after(position, PAGE).await,
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // The ring is changed by whole steps: a panic elsewhere leaves it whole.
        self.inner
            .ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what follows; anything else is dropped (a gap is filled from PostgreSQL).
    fn add(&self, events: Vec<Arc<RecordedEvent>>) {
        if let Some(last) = events.last() {
            self.inner.log.history.saw(last.position, last.event_id);
        }
        let mut ring = self.ring();
        events.into_iter().for_each(|event| ring.add(event));
        let last = ring.last;
        drop(ring);
        self.inner
            .last
            .send_if_modified(|old| std::mem::replace(old, last) != last);
    }

    async fn follow(&self, client: Option<Client>) {
        let mut messages: Option<Messages> = None;
        let mut opening: Option<BoxFuture<'static, Result<Messages, LogError>>> = None;
        let mut appended = self.inner.log.appended();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if let (None, None, Some(client)) = (&messages, &opening, &client) {
                let log = self.inner.log.clone();
                opening = Some(open(log, client.clone(), self.last() + 1).boxed());
            }
            tokio::select! {
                opened = maybe(opening.as_mut()) => {
                    opening = None;
                    match opened {
                        Ok(opened) => {
                            self.inner.unopened.send_replace(None);
                            messages = Some(opened);
                        }
                        Err(error) => {
                            self.not_opened(&error);
                            tokio::time::sleep(LOOK_EVERY).await;
                        }
                    }
                }
                batch = next_batch(messages.as_mut()) => {
                    if let Err(error) = self.take(batch).await {
                        tracing::debug!(%error, "the stream broke; reading PostgreSQL");
                        messages = None;
                        self.look(true).await;
                    }
                }
                // Without a stream an append of this process is read at once.
                changed = appended.changed(), if messages.is_none() => {
                    if changed.is_err() { return }
                    self.look(true).await;
                }
                _ = tick.tick() => {
                    let is_late = self.behind_for() > BEHIND_FOR;
                    if self.look(messages.is_none() || is_late).await && is_late {
                        messages = None;
                    }
                }
            }
        }
    }

    /// Notes why the stream was not opened; it is tried again at once, so not every time is said.
    fn not_opened(&self, error: &LogError) {
        self.inner.unopened.send_modify(|unopened| {
            let now = Instant::now();
            let unopened = unopened.get_or_insert_with(|| Unopened {
                since: now,
                said: None,
                why: String::new(),
            });
            unopened.why = error.to_string();
            let is_due = unopened.said.is_none_or(|said| now - said > SAY_EVERY);
            if now - unopened.since > SAY_AFTER && is_due {
                tracing::warn!(%error, "the stream cannot be read; reading PostgreSQL");
                unopened.said = Some(now);
            }
        });
    }

    /// Takes a batch of the stream. An error means that another consumer is needed.
    async fn take(&self, batch: Result<Vec<Envelope>, LogError>) -> Result<(), LogError> {
        let mut batch = batch?;
        let last = self.last();
        batch.retain(|event| event.position > last);
        let Some(first) = batch.first() else {
            return Ok(());
        };
        if first.position != last + 1 {
            return Err(LogError::Nats(format!(
                "position {} follows {last}",
                first.position
            )));
        }
        let events = open_recorded(
            &self.inner.log.vault,
            batch.into_iter().map(Envelope::into_recorded),
        )
        .await?;
        self.add(events);
        Ok(())
    }

    /// Compares with PostgreSQL, and reads what is missing if told to. Says whether it was behind.
    async fn look(&self, read: bool) -> bool {
        match tokio::time::timeout(ANSWER_WITHIN, self.look_and_read(read)).await {
            Ok(Ok(was_behind)) => was_behind,
            // Said once, where it is noted.
            Ok(Err(LogError::Parted(_))) => true,
            Err(_) => {
                tracing::warn!("PostgreSQL does not answer");
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the log cannot be read");
                true
            }
        }
    }

    async fn look_and_read(&self, read: bool) -> Result<bool, LogError> {
        let now = Instant::now();
        let head = self.inner.log.head_of_known_history().await?;
        if head < self.last() {
            self.inner
                .log
                .history
                .part("the log is shorter than it was");
            self.inner.log.history.assert_known()?;
        }
        let (earlier_head, earlier) = self.inner.looked.send_replace((head, now));
        let was_behind = self.last() < head;
        while read && self.last() < head {
            let events = self.inner.log.read_after(self.last(), PAGE).await?;
            if events.is_empty() {
                break;
            }
            self.add(events);
        }
        // Under load something is always on its way: what was there at the last look is what counts.
        if self.last() >= head {
            self.inner.caught_up.send_replace(now);
        } else if self.last() >= earlier_head {
            self.inner.caught_up.send_replace(earlier);
        }
        Ok(was_behind)
    }
}

impl Ring {
    fn add(&mut self, event: Arc<RecordedEvent>) {
        if event.position != self.last + 1 {
            return;
        }
        self.last = event.position;
        self.bytes += event.weight();
        self.events.push_back(event);
        while self.bytes > RING_BYTES || self.events.len() > RING_EVENTS {
            match self.events.pop_front() {
                Some(oldest) => self.bytes -= oldest.weight(),
                None => break,
            }
        }
    }

    /// Up to a page after a position; `None` if that is no longer in the ring.
    fn after(&self, position: u64) -> Option<Vec<Arc<RecordedEvent>>> {
        let first = self.last + 1 - self.events.len() as u64;
        let skip = usize::try_from((position + 1).checked_sub(first)?).ok()?;
        Some(self.events.iter().skip(skip).take(PAGE).cloned().collect())
    }
}

/// A stream that parted from the log (a restored backup) is not read: PostgreSQL is right.
async fn assert_same_history(log: &EventLog, context: &Context) -> Result<(), LogError> {
    let other = || LogError::Nats("the stream EVENTS holds another history".into());
    let found = stream::find(context)
        .await?
        .ok_or_else(|| LogError::Nats("there is no stream EVENTS".into()))?;
    let (epoch, fork) = log.epoch().await?;
    if fork.is_some() || found.epoch != Some(epoch) {
        return Err(other());
    }
    let last = found.last_sequence;
    if last > 0 && log.event_id_at(last).await? != stream::event_id_at(context, last).await? {
        return Err(other());
    }
    Ok(())
}

/// A consumer of its own from a position on; it leaves nothing behind.
async fn open(log: EventLog, client: Client, from: u64) -> Result<Messages, LogError> {
    let context = stream::context(&client);
    assert_same_history(&log, &context).await?;
    let stream = context.get_stream_no_info(EVENTS).await.map_err(nats)?;
    let consumer = stream
        .create_consumer(pull::Config {
            // Readers may pull from any consumer whose name they know.
            name: Some(uuid::Uuid::new_v4().simple().to_string()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: from,
            },
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(30),
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        })
        .await
        .map_err(nats)?;
    consumer
        .stream()
        .max_messages_per_batch(1_000)
        .expires(Duration::from_secs(5))
        .heartbeat(Duration::from_secs(1))
        .messages()
        .await
        .map_err(nats)
}

/// The next message and all that have arrived behind it.
async fn next_batch(messages: Option<&mut Messages>) -> Result<Vec<Envelope>, LogError> {
    let Some(messages) = messages else {
        return std::future::pending().await;
    };
    let mut batch = Vec::new();
    let mut next = messages.next().await;
    loop {
        let message = next
            .ok_or_else(|| LogError::Nats("the consumer ended".into()))?
            .map_err(nats)?;
        let sequence = message.info().map_err(nats)?.stream_sequence;
        let event: Envelope = serde_json::from_slice(&message.payload).map_err(nats)?;
        if event.position != sequence {
            return Err(LogError::Nats(format!(
                "sequence {sequence} holds position {}",
                event.position
            )));
        }
        batch.push(event);
        if batch.len() >= PAGE {
            return Ok(batch);
        }
        match messages.next().now_or_never() {
            Some(more) => next = more,
            None => return Ok(batch),
        }
    }
}

async fn maybe<T>(future: Option<&mut BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
