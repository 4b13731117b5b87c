//! The stream `REJECTED`: what could not be accepted, with why, until someone deals with it.
//!
//! It is a work queue with one consumer, to which everything is delivered for form's sake: `nats.conf`
//! lets nobody delete a message, but what was delivered goes once it is acknowledged.

use std::{collections::VecDeque, error::Error, sync::Arc, time::Duration};

use async_nats::{
    Client, HeaderMap,
    jetstream::{
        self,
        consumer::PullConsumer,
        context::{PublishError, PublishErrorKind},
        message::StreamMessage,
        publish::PublishAck,
    },
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::FieldError;
use eventlog::LogError;
use futures::StreamExt;
use kernel::AggregateId;
use tokio::sync::{Mutex, Semaphore};

use crate::{
    Connect, MAX_FACT_BYTES, Walk, codes,
    connect::OwnConnection,
    counts::Counting,
    head,
    headers::{
        CORRELATION, ERROR_CODE, ERROR_DETAIL, ERROR_FIELDS, MESSAGE_ID, ORIGINAL_ID, TRACEPARENT,
    },
    stream::{self, REJECTED, connected, context, nats},
    subject::shortened,
    walk,
};

/// How JetStream says that what was sent is at fault: it would be refused again.
const AT_FAULT: usize = 400;
/// Messages and bytes fetched at once on the way to one that is to be removed.
const FETCH: usize = 500;
const FETCH_BYTES: usize = 4 * 1024 * 1024;
/// How long that way may take.
const DELIVERED_WITHIN: Duration = Duration::from_secs(30);
/// Readers that are answered at once: what the server holds back for their connection has a bound.
const READERS: usize = 4;

/// A fact that could not be accepted, as it is put aside.
#[derive(Debug)]
pub struct Rejection<'a> {
    /// Where it was published, e.g. `intake.support.sentinel.alert`.
    pub subject: &'a str,
    /// Names the fact: put aside a second time within a day, it is there once.
    pub id: &'a str,
    /// Its `Nats-Msg-Id`, or what stands for it.
    pub original_id: &'a str,
    /// Stable; the table is in `docs/workflows-over-nats.md`.
    pub code: &'a str,
    pub detail: &'a str,
    pub errors: &'a [FieldError],
    pub headers: Option<&'a HeaderMap>,
    pub body: Bytes,
}

/// A fact that could not be accepted, as it is stored.
#[derive(Debug, Clone)]
pub struct RejectedMessage {
    /// Names it in the stream.
    pub sequence: u64,
    /// Of [`domain::operations::RejectedFact`]: also a stream made anew counts from 1.
    pub id: AggregateId,
    /// Where it was published, e.g. `intake.support.sentinel.alert`.
    pub subject: String,
    /// The account that published it.
    pub service: String,
    pub code: String,
    pub detail: String,
    /// Which fields are wrong, if it is `invalid`.
    pub errors: Vec<FieldError>,
    /// When it was put aside.
    pub received_at: DateTime<Utc>,
    pub body: Bytes,
    original_id: String,
    /// The chain that it belongs to, as its publisher said.
    correlation_id: Option<String>,
    traceparent: Option<String>,
}

/// The stream of what could not be accepted. Cheap to clone.
#[derive(Clone)]
pub struct Rejected {
    /// To put aside, and to publish anew.
    client: Client,
    replicas: usize,
    /// The secret prefix of the stream, once it is there.
    prefix: Arc<Mutex<Option<String>>>,
    reading: Arc<Reading>,
    pub(crate) counting: Arc<Counting>,
}

struct Reading {
    connection: OwnConnection,
    turns: Semaphore,
    /// The consumer, and the last sequence that was delivered to it.
    delivered: Mutex<Option<(PullConsumer, u64)>>,
}

impl Rejected {
    /// `client` puts aside and publishes; `connect` makes the connection that reads. `replicas` is what a
    /// new stream gets. Nothing is asked of NATS yet.
    pub fn new(client: Client, connect: Connect, replicas: usize) -> Self {
        let reading = Reading {
            connection: OwnConnection::new(connect),
            turns: Semaphore::new(READERS),
            delivered: Mutex::default(),
        };
        Self {
            client,
            replicas,
            prefix: Arc::default(),
            reading: Arc::new(reading),
            counting: Arc::default(),
        }
    }

    /// Makes the stream if there is none.
    pub async fn ensure(&self) -> Result<(), LogError> {
        *self.prefix.lock().await = None;
        self.reach().await.map(drop)
    }

    /// Puts a fact aside; returns once it is stored. An error is an outage: if JetStream refuses the head
    /// that is to go with it, the fact is stored with the least.
    pub async fn publish(&self, rejection: Rejection<'_>) -> Result<(), LogError> {
        let prefix = self.reach().await?;
        let subject = format!("{prefix}.rejected.{}", shortened(rejection.subject));
        let store = |head| self.store(subject.clone(), head, rejection.body.clone());
        let mut stored = store(head::whole(&rejection)).await;
        if let Err(error) = &stored
            && is_for_good(error)
        {
            tracing::error!(%error, "the head of a refusal is refused; the least is kept");
            stored = store(head::least(&rejection)).await;
        }
        match stored.map_err(nats) {
            Ok(ack) if ack.stream == REJECTED => {
                tell(&rejection);
                Ok(())
            }
            Ok(ack) => Err(LogError::Nats(format!("stored in {}", ack.stream))),
            Err(error) => {
                // It may have been made anew, with another prefix.
                *self.prefix.lock().await = None;
                Err(error)
            }
        }
    }

    async fn store(
        &self,
        subject: String,
        head: HeaderMap,
        body: Bytes,
    ) -> Result<PublishAck, PublishError> {
        let context = context(&self.client);
        let sent = context.publish_with_headers(subject, head, body).await?;
        sent.await
    }

    /// What waits after a sequence (0: from the oldest), up to another and with it.
    pub fn walk(&self, after: u64, up_to: u64) -> Walk<'_> {
        Walk::new(self, after, up_to)
    }

    /// See [`walk::fetch`].
    pub(crate) async fn fetch(
        &self,
        after: u64,
        most: usize,
    ) -> Result<(VecDeque<RejectedMessage>, bool), LogError> {
        self.reach().await?;
        let turn = self.reading.turns.acquire().await;
        let _turn = turn.map_err(nats)?;
        let client = self.reading.connection.client().await?;
        let fetched = walk::fetch(&client, after, most).await;
        if fetched.is_err() {
            self.reading.connection.forget().await;
        }
        fetched
    }

    /// One that waits; `None` if it was dealt with or never was.
    pub async fn get(&self, sequence: u64) -> Result<Option<RejectedMessage>, LogError> {
        let Some(after) = sequence.checked_sub(1) else {
            return Ok(None);
        };
        self.walk(after, sequence).by(1).next().await
    }

    /// Takes one away for good. What is not there (any more) is no error.
    pub async fn remove(&self, sequence: u64) -> Result<(), LogError> {
        if self.get(sequence).await?.is_none() {
            return Ok(());
        }
        // What is known of the consumer may be old: then it is looked at anew, once.
        let mut failed = None;
        for _ in 0..2 {
            failed = self.take_away(sequence).await.err();
            self.counting.outdate();
            if self.get(sequence).await?.is_none() {
                return Ok(());
            }
            *self.reading.delivered.lock().await = None;
        }
        Err(failed.unwrap_or_else(|| LogError::Nats("the message was not taken away".into())))
    }

    async fn take_away(&self, sequence: u64) -> Result<(), LogError> {
        let client = self.reading.connection.client().await?;
        let consumer = self.delivered_up_to(&client, sequence).await?;
        stream::take_away(&client, REJECTED, &consumer, sequence).await
    }

    /// The consumer, once everything up to a sequence was delivered to it. One at a time looks.
    async fn delivered_up_to(
        &self,
        client: &Client,
        sequence: u64,
    ) -> Result<PullConsumer, LogError> {
        let mut known = self.reading.delivered.lock().await;
        if let Some((consumer, up_to)) = &*known
            && *up_to >= sequence
        {
            return Ok(consumer.clone());
        }
        let delivering = async {
            let stream = context(client).get_stream_no_info(REJECTED).await;
            let mut consumer = stream::consumer(&stream.map_err(nats)?, -1).await?;
            let up_to = deliver_up_to(&mut consumer, sequence).await?;
            Ok::<_, LogError>((consumer, up_to))
        };
        let delivered = tokio::time::timeout(DELIVERED_WITHIN, delivering).await;
        let late = |_| LogError::Nats("REJECTED is not delivered in time".into());
        let (consumer, up_to) = delivered.map_err(late)??;
        *known = Some((consumer.clone(), up_to));
        Ok(consumer)
    }

    /// How many wait, and the last sequence that was given.
    pub async fn waiting(&self) -> Result<(u64, u64), LogError> {
        self.reach().await?;
        let stream = context(&self.client).get_stream(REJECTED).await;
        let stream = stream.map_err(nats)?;
        let state = &stream.cached_info().state;
        Ok((state.messages, state.last_sequence))
    }

    /// Publishes one anew under its first subject, as it came or corrected; returns once it is
    /// stored in `INTAKE`. It is taken in as the same message, so a second time has no effect.
    pub async fn resubmit(
        &self,
        message: &RejectedMessage,
        body: Option<Bytes>,
    ) -> Result<(), LogError> {
        connected(&self.client)?;
        let headers = again(message);
        let body = body.unwrap_or_else(|| message.body.clone());
        let context = context(&self.client);
        let sent = context.publish_with_headers(message.subject.clone(), headers, body);
        sent.await.map_err(nats)?.await.map_err(nats)?;
        Ok(())
    }

    /// The prefix under which the stream takes messages; the stream is made if there is none.
    async fn reach(&self) -> Result<String, LogError> {
        connected(&self.client)?;
        let mut known = self.prefix.lock().await;
        if let Some(prefix) = &*known {
            return Ok(prefix.clone());
        }
        let context = context(&self.client);
        let prefix = stream::rejected(&context, self.replicas).await?;
        Ok(known.insert(prefix).clone())
    }
}

impl RejectedMessage {
    /// Whether `INTAKE` would take it anew with this body: the headers that it gets count too.
    pub fn fits_again(&self, body: &[u8]) -> bool {
        encoded_bytes(&again(self)) + body.len() <= MAX_FACT_BYTES
    }
}

/// What a fact is published anew with.
fn again(message: &RejectedMessage) -> HeaderMap {
    let id = format!("resubmitted-{}", message.id);
    let mut headers = HeaderMap::new();
    headers.insert(MESSAGE_ID, id.as_str());
    // With an id that another fact has used it would be refused again.
    if message.code != codes::KEY_REUSED {
        headers.insert(ORIGINAL_ID, message.original_id.as_str());
    }
    for (name, value) in [
        (CORRELATION, &message.correlation_id),
        (TRACEPARENT, &message.traceparent),
    ] {
        if let Some(value) = value {
            headers.insert(name, value.as_str());
        }
    }
    headers
}

/// Bytes of a head on the wire: the version, a line for each value, an empty line.
pub(crate) fn encoded_bytes(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values
            .iter()
            .map(move |value| name.len() + value.as_str().len() + ": \r\n".len())
    });
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}

/// Only what was delivered can be acknowledged. Returns up to where it was.
async fn deliver_up_to(consumer: &mut PullConsumer, sequence: u64) -> Result<u64, LogError> {
    loop {
        let info = consumer.get_info().await.map_err(nats)?;
        if info.delivered.stream_sequence >= sequence {
            return Ok(info.delivered.stream_sequence);
        }
        let fetch = consumer.fetch().max_messages(FETCH).max_bytes(FETCH_BYTES);
        let mut batch = fetch.messages().await.map_err(nats)?;
        while let Some(message) = batch.next().await {
            message.map_err(nats)?;
        }
    }
}

pub(crate) fn read(message: StreamMessage) -> Result<RejectedMessage, LogError> {
    let header = |name: &str| {
        let value = message.headers.get(name);
        value.map(|value| value.as_str().to_owned())
    };
    let received_at = i64::try_from(message.time.unix_timestamp_nanos())
        .map(DateTime::from_timestamp_nanos)
        .map_err(nats)?;
    let subject = message.subject.strip_prefix("rejected.");
    let subject = subject.unwrap_or(&message.subject).to_owned();
    // Whatever stands there, the rest can be shown and dealt with.
    let errors = header(ERROR_FIELDS).and_then(|errors| serde_json::from_str(&errors).ok());
    let key = format!(
        "{}\n{}",
        message.sequence,
        message.time.unix_timestamp_nanos()
    );
    Ok(RejectedMessage {
        sequence: message.sequence,
        id: AggregateId::derived("rejected_fact", &key),
        service: subject.split('.').nth(1).unwrap_or_default().to_owned(),
        code: header(ERROR_CODE).unwrap_or_default(),
        detail: header(ERROR_DETAIL).unwrap_or_default(),
        errors: errors.unwrap_or_default(),
        received_at,
        original_id: header(ORIGINAL_ID).unwrap_or_default(),
        correlation_id: header(CORRELATION),
        traceparent: header(TRACEPARENT),
        body: message.payload.clone(),
        subject,
    })
}

/// Whether the same message would be refused again.
fn is_for_good(error: &PublishError) -> bool {
    if error.kind() == PublishErrorKind::MaxPayloadExceeded {
        return true;
    }
    let said = error.source();
    let said = said.and_then(|said| said.downcast_ref::<jetstream::Error>());
    said.is_some_and(|said| said.code() == AT_FAULT)
}

/// Counted and said, whoever put it aside.
fn tell(rejection: &Rejection<'_>) {
    let mut tokens = rejection.subject.splitn(3, '.').skip(1);
    let (service, subject) = (tokens.next(), tokens.next());
    let code = rejection.code.to_owned();
    metrics::counter!("greffe_intake_rejected_total", "code" => code).increment(1);
    tracing::warn!(
        service,
        intake.subject = subject,
        code = rejection.code,
        "a fact was not accepted"
    );
}
