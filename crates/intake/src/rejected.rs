//! The stream `REJECTED`: what could not be accepted, with why, until someone deals with it.
//!
//! It is a work queue with one consumer, to which everything is delivered for form's sake: `nats.conf`
//! lets nobody delete a message, but what was delivered goes once it is acknowledged.

use std::sync::Arc;

use async_nats::{
    Client, HeaderMap,
    jetstream::{
        consumer::PullConsumer,
        message::StreamMessage,
        stream::{DirectGetError, DirectGetErrorKind, Stream},
    },
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::FieldError;
use eventlog::LogError;
use futures::StreamExt;
use kernel::AggregateId;
use tokio::sync::Mutex;

use crate::{
    headers::{
        CORRELATION, ERROR_CODE, ERROR_DETAIL, ERROR_FIELDS, MESSAGE_ID, ORIGINAL_ID, TRACEPARENT,
        kept,
    },
    stream::{self, REJECTED, connected, context, nats},
};

/// Longest sentence of a refusal (characters).
const LONGEST_DETAIL: usize = 1_000;
/// Longest `Nats-Msg-Id` that is kept (bytes), and how many wrong fields are named.
const LONGEST_ID: usize = 1_024;
const MOST_FIELDS: usize = 32;
/// Messages fetched at once on the way to one that is to be removed.
const FETCH: usize = 500;

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
    client: Client,
    replicas: usize,
    known: Arc<Mutex<Option<Known>>>,
}

#[derive(Clone)]
struct Known {
    stream: Stream,
    prefix: String,
}

impl Rejected {
    /// `replicas` is what a new stream gets. Nothing is asked of NATS yet.
    pub fn new(client: Client, replicas: usize) -> Self {
        Self {
            client,
            replicas,
            known: Arc::default(),
        }
    }

    /// Makes the stream if there is none.
    pub async fn ensure(&self) -> Result<(), LogError> {
        *self.known.lock().await = None;
        self.reach().await.map(drop)
    }

    /// Puts a fact aside; returns once it is stored.
    pub async fn publish(&self, rejection: Rejection<'_>) -> Result<(), LogError> {
        let known = self.reach().await?;
        let subject = format!("{}.rejected.{}", known.prefix, literal(rejection.subject));
        let mut headers = kept(rejection.headers);
        headers.insert(MESSAGE_ID, rejection.id);
        let is_long = rejection.original_id.len() > LONGEST_ID;
        headers.insert(
            ORIGINAL_ID,
            if is_long {
                rejection.id
            } else {
                rejection.original_id
            },
        );
        headers.insert(ERROR_CODE, rejection.code);
        headers.insert(ERROR_DETAIL, one_line(rejection.detail));
        if !rejection.errors.is_empty() {
            let shown = &rejection.errors[..rejection.errors.len().min(MOST_FIELDS)];
            let errors = serde_json::to_string(shown).map_err(nats)?;
            headers.insert(ERROR_FIELDS, errors);
        }
        let context = context(&self.client);
        let sent = context.publish_with_headers(subject, headers, rejection.body.clone());
        let stored = async { sent.await.map_err(nats)?.await.map_err(nats) }.await;
        match stored {
            Ok(ack) if ack.stream == REJECTED => {
                tell(&rejection);
                Ok(())
            }
            Ok(ack) => Err(LogError::Nats(format!("stored in {}", ack.stream))),
            Err(error) => {
                // It may have been made anew, with another prefix.
                *self.known.lock().await = None;
                Err(error)
            }
        }
    }

    /// Up to `limit` that wait, oldest first, after a sequence (0: from the oldest).
    pub async fn list(&self, after: u64, limit: usize) -> Result<Vec<RejectedMessage>, LogError> {
        let known = self.reach().await?;
        let mut found = Vec::new();
        let mut next = after + 1;
        while found.len() < limit {
            let got = known
                .stream
                .direct_get_next_for_subject(">", Some(next))
                .await;
            let Some(message) = present(got)? else { break };
            next = message.sequence + 1;
            found.push(read(message)?);
        }
        Ok(found)
    }

    /// One that waits; `None` if it was dealt with or never was.
    pub async fn get(&self, sequence: u64) -> Result<Option<RejectedMessage>, LogError> {
        let known = self.reach().await?;
        match present(known.stream.direct_get(sequence).await)? {
            Some(message) => read(message).map(Some),
            None => Ok(None),
        }
    }

    /// Takes one away for good. What is not there (any more) is no error.
    pub async fn remove(&self, sequence: u64) -> Result<(), LogError> {
        if self.get(sequence).await?.is_none() {
            return Ok(());
        }
        let known = self.reach().await?;
        let mut consumer = stream::consumer(&known.stream, -1).await?;
        deliver_up_to(&mut consumer, sequence).await?;
        stream::take_away(&self.client, REJECTED, &consumer, sequence).await?;
        match self.get(sequence).await? {
            None => Ok(()),
            Some(_) => Err(LogError::Nats("the message was not taken away".into())),
        }
    }

    /// How many wait.
    pub async fn waiting(&self) -> Result<u64, LogError> {
        let mut stream = self.reach().await?.stream;
        let info = stream.info().await.map_err(nats)?;
        Ok(info.state.messages)
    }

    /// Publishes one anew under its first subject, as it came or corrected; returns once it is
    /// stored in `INTAKE`. It is taken in as the same message, so a second time has no effect.
    pub async fn resubmit(
        &self,
        message: &RejectedMessage,
        body: Option<Bytes>,
    ) -> Result<(), LogError> {
        connected(&self.client)?;
        let id = format!("resubmitted-{}", message.id);
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, id.as_str());
        // With an id that another fact has used it would be refused again.
        if message.code != "idempotency_key_reused" {
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
        let body = body.unwrap_or_else(|| message.body.clone());
        let context = context(&self.client);
        let sent = context.publish_with_headers(message.subject.clone(), headers, body);
        sent.await.map_err(nats)?.await.map_err(nats)?;
        Ok(())
    }

    async fn reach(&self) -> Result<Known, LogError> {
        connected(&self.client)?;
        let mut known = self.known.lock().await;
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        let context = context(&self.client);
        let (stream, prefix) = stream::rejected(&context, self.replicas).await?;
        Ok(known.insert(Known { stream, prefix }).clone())
    }
}

/// Only what was delivered can be acknowledged.
async fn deliver_up_to(consumer: &mut PullConsumer, sequence: u64) -> Result<(), LogError> {
    loop {
        let info = consumer.get_info().await.map_err(nats)?;
        if info.delivered.stream_sequence >= sequence {
            return Ok(());
        }
        let fetch = consumer.fetch().max_messages(FETCH);
        let mut batch = fetch.messages().await.map_err(nats)?;
        while let Some(message) = batch.next().await {
            message.map_err(nats)?;
        }
    }
}

fn present(got: Result<StreamMessage, DirectGetError>) -> Result<Option<StreamMessage>, LogError> {
    match got {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(nats(error)),
    }
}

fn read(message: StreamMessage) -> Result<RejectedMessage, LogError> {
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

/// A header is one line, and not a long one.
fn one_line(text: &str) -> String {
    let letters = text.chars().take(LONGEST_DETAIL);
    let shown = letters.map(|it| if it.is_control() { ' ' } else { it });
    shown.collect()
}

/// A service may publish to `intake.<name>.*` too: as a wildcard it would lead elsewhere.
fn literal(subject: &str) -> String {
    subject.replace(['*', '>'], "_")
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
