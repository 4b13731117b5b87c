//! Tells services what was decided on their requests: stream `DECISIONS`.
//!
//! A decision may be published more than once and must never be missed. Nothing personal leaves
//! here: the body is made of ids, a reference, a hash and a time (`contracts.md`, "Decisions").

use std::{sync::Arc, time::Duration};

use async_nats::{Client, connection::State};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::safeguard::Approval;
use eventlog::{EventLog, Leases, LogError, LogReader, Reaction, RecordedEvent, run_reaction};
use events::safeguard::{ApprovalEvent, ApprovalRequested};
use kernel::{Actor, ActorKind, AggregateId, Clock};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::decisions_stream::{DecisionsStream, KEPT_DAYS, nats};

const NAME: &str = "decisions";
/// How often the stream is looked for when nothing is decided: a lost one is made anew.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The event types that end or grant a request, the status each leads to, and where its time is.
const STATUSES: &[(&str, &str, &str)] = &[
    ("safeguard.approval.approved", "approved", "approved_at"),
    ("safeguard.approval.rejected", "rejected", "rejected_at"),
    ("safeguard.approval.expired", "expired", "expired_at"),
    ("safeguard.approval.cancelled", "cancelled", "cancelled_at"),
    ("safeguard.approval.lapsed", "lapsed", "lapsed_at"),
];

/// The body of a decision.
#[derive(Debug, Serialize)]
struct Decision<'a> {
    id: &'a str,
    reference: String,
    status: &'static str,
    version: u64,
    position: u64,
    arguments_hash: String,
    decided_at: String,
}

/// Publishes the decisions on what services asked.
pub struct Decisions {
    log: EventLog,
    client: Client,
    clock: Arc<dyn Clock>,
    replicas: usize,
    stream: Mutex<Option<DecisionsStream>>,
}

impl Decisions {
    /// Starts publishing, one process at a time; `stop` ends it. `replicas` is what a new stream
    /// gets.
    pub fn start(
        log: EventLog,
        reader: LogReader,
        client: Client,
        clock: Arc<dyn Clock>,
        replicas: usize,
        leases: &Leases,
        stop: CancellationToken,
    ) {
        let decisions = Arc::new(Self {
            log: log.clone(),
            client,
            clock,
            replicas,
            stream: Mutex::default(),
        });
        tokio::spawn(decisions.clone().keep_stream(stop.clone()));
        run_reaction(decisions, log, reader, leases, stop);
    }

    /// Services wait on the stream: it is there also when nothing is decided.
    async fn keep_stream(self: Arc<Self>, stop: CancellationToken) {
        let mut said = None;
        loop {
            let looked = self
                .look_after_stream()
                .await
                .map_err(|error| error.to_string())
                .err();
            if looked.is_some() && looked != said {
                tracing::warn!(error = looked, "the stream DECISIONS cannot be reached");
            }
            // Until it is reached it is looked for more often.
            let pause = looked
                .as_ref()
                .map_or(LOOK_EVERY, |_| Duration::from_millis(500));
            said = looked;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn look_after_stream(&self) -> Result<(), LogError> {
        let mut known = self.stream.lock().await;
        *known = None;
        self.reach(&mut known).await.map(drop)
    }

    /// The stream, made and filled if need be.
    async fn reach<'a>(
        &self,
        known: &'a mut Option<DecisionsStream>,
    ) -> Result<&'a DecisionsStream, LogError> {
        if self.client.connection_state() != State::Connected {
            *known = None;
            // What is published now would wait in memory and come out later, many times.
            return Err(LogError::Nats("not connected".into()));
        }
        let stream = match known.take() {
            Some(stream) => stream,
            None => {
                let mut stream =
                    DecisionsStream::find_or_create(&self.client, self.replicas).await?;
                if !stream.is_filled() {
                    self.fill(&stream).await?;
                    stream.note_filled().await?;
                }
                stream
            }
        };
        Ok(known.insert(stream))
    }

    /// Publishes what a new stream lacks: the decisions of the last 30 days that were published
    /// into the one before it. The services' consumers were lost with it.
    async fn fill(&self, stream: &DecisionsStream) -> Result<(), LogError> {
        let types: Vec<&str> = STATUSES
            .iter()
            .map(|(event_type, ..)| *event_type)
            .collect();
        let positions: Vec<i64> = sqlx::query_scalar(
            "SELECT position FROM events
             WHERE event_type = ANY($1) AND recorded_at > $2
               AND position <= (SELECT position FROM projection_checkpoints WHERE name = $3)
             ORDER BY position",
        )
        .bind(types)
        .bind(self.oldest())
        .bind(NAME)
        .fetch_all(self.log.pool())
        .await?;
        if !positions.is_empty() {
            tracing::warn!(
                decisions = positions.len(),
                "filling a new stream DECISIONS"
            );
        }
        for position in positions {
            let events = self.log.read_after(position as u64 - 1, 1).await?;
            for event in events {
                self.publish(stream, &event).await?;
            }
        }
        Ok(())
    }

    fn oldest(&self) -> DateTime<Utc> {
        self.clock.now() - TimeDelta::days(i64::from(KEPT_DAYS))
    }

    async fn publish(
        &self,
        stream: &DecisionsStream,
        event: &RecordedEvent,
    ) -> Result<(), LogError> {
        let Some((_, status, time)) = STATUSES.iter().find(|it| it.0 == event.event_type) else {
            return Ok(());
        };
        let Some((service, reference, arguments_hash)) = self.request(event).await? else {
            return Ok(());
        };
        let data = events::upcast(&event.event_type, event.schema_version, &event.data)?;
        let decision = Decision {
            id: &event.aggregate_id,
            reference,
            status,
            version: data["version"].as_u64().unwrap_or_default(),
            position: event.position,
            arguments_hash,
            decided_at: data[time].as_str().map_or_else(
                || {
                    event
                        .recorded_at
                        .to_rfc3339_opts(SecondsFormat::Millis, true)
                },
                ToOwned::to_owned,
            ),
        };
        let body = serde_json::to_vec(&decision).map_err(nats)?;
        let rest = format!("{service}.{}.{status}", event.aggregate_id);
        stream
            .publish(&rest, &event.event_id.to_string(), body)
            .await?;
        metrics::counter!("greffe_decisions_published_total", "status" => *status).increment(1);
        Ok(())
    }

    /// Which service asked, the reference and the hash; none if a person asked.
    async fn request(
        &self,
        event: &RecordedEvent,
    ) -> Result<Option<(String, String, String)>, LogError> {
        let id = AggregateId::new(event.aggregate_id.clone())
            .map_err(|error| LogError::Corrupt(error.to_string()))?;
        // Who decided it in this process has just had it in hand; what was asked never changes.
        let approval = self.log.remembered::<Approval>(&id);
        if let Some(requested) = approval.as_deref().and_then(Approval::request) {
            return Ok(asked_by_service(requested));
        }
        let first = self
            .log
            .first_event(&event.aggregate_type, id.as_str())
            .await?;
        match first.map(|first| first.decode()).transpose()? {
            Some(ApprovalEvent::Requested(requested)) => Ok(asked_by_service(&requested)),
            _ => Ok(None),
        }
    }
}

fn asked_by_service(requested: &ApprovalRequested) -> Option<(String, String, String)> {
    let by: Actor = requested.requested_by.parse().ok()?;
    let (reference, hash) = (&requested.reference, &requested.arguments_hash);
    (by.kind == ActorKind::Service).then(|| (by.id, reference.clone(), hash.clone()))
}

#[async_trait]
impl Reaction for Decisions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, event_type: &str) -> bool {
        STATUSES.iter().any(|it| it.0 == event_type)
    }

    async fn react(&self, event: &RecordedEvent) -> Result<(), LogError> {
        if event.recorded_at <= self.oldest() {
            return Ok(());
        }
        let mut known = self.stream.lock().await;
        let stream = self.reach(&mut known).await?;
        let published = self.publish(stream, event).await;
        if published.is_err() {
            // Perhaps it is another stream by now.
            *known = None;
        }
        published
    }
}
