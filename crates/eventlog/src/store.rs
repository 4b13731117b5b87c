//! cqrs-es's `EventStore` on the log, for code written against that trait.

use std::collections::HashMap;

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};
use kernel::{Actor, AggregateId, LogAggregate, Metadata, new_id};
use serde_json::Value;

use crate::{Append, AppendError, EventLog, LogError};

/// An aggregate loaded through cqrs-es.
pub struct LogContext<A> {
    id: AggregateId,
    aggregate: A,
    sequence: u64,
}

impl<A: LogAggregate> AggregateContext<A> for LogContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A: LogAggregate> EventStore<A> for EventLog {
    type AC = LogContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let id = AggregateId::new(aggregate_id).map_err(unexpected)?;
        let events = self.events_of::<A>(&id).await.map_err(unexpected)?;
        Ok(events
            .into_iter()
            .map(|(sequence, payload)| envelope(&id, sequence, payload, HashMap::new()))
            .collect())
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<LogContext<A>, AggregateError<A::Error>> {
        let id = AggregateId::new(aggregate_id).map_err(unexpected)?;
        let loaded = self.load_fresh::<A>(&id).await.map_err(unexpected)?;
        Ok(LogContext {
            id,
            aggregate: A::clone(&loaded.state),
            sequence: loaded.sequence,
        })
    }

    /// `metadata` may name the `actor` (`user:<id>`) and the `correlation_id`; the rest is dropped.
    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: LogContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let actor = match metadata.get("actor") {
            Some(actor) => actor.parse().map_err(unexpected)?,
            None => Actor::system("cqrs-es"),
        };
        let correlation_id = match metadata.get("correlation_id") {
            Some(id) => id.parse().map_err(unexpected)?,
            None => new_id(),
        };
        let about = Metadata::new(actor, correlation_id);
        let aggregate = (A::TYPE, &context.id);
        let append = Append::new(
            &self.vault,
            aggregate,
            context.sequence,
            &events,
            &about,
            None,
            &Value::Null,
        )
        .await
        .map_err(refused)?;
        self.append(append).await.map_err(refused)?;
        Ok((context.sequence + 1..)
            .zip(events)
            .map(|(sequence, event)| envelope(&context.id, sequence, event, metadata.clone()))
            .collect())
    }
}

fn envelope<A: LogAggregate>(
    id: &AggregateId,
    sequence: u64,
    payload: A::Event,
    metadata: HashMap<String, String>,
) -> EventEnvelope<A> {
    EventEnvelope {
        aggregate_id: id.to_string(),
        sequence: sequence as usize,
        payload,
        metadata,
    }
}

fn refused<E: std::error::Error>(error: AppendError) -> AggregateError<E> {
    match error {
        AppendError::Conflict { .. } => AggregateError::AggregateConflict,
        AppendError::Log(
            error @ (LogError::Database(_) | LogError::Unavailable(_) | LogError::NoRoom),
        ) => AggregateError::DatabaseConnectionError(Box::new(error)),
        other => unexpected(other),
    }
}

fn unexpected<E: std::error::Error>(
    error: impl std::error::Error + Send + Sync + 'static,
) -> AggregateError<E> {
    AggregateError::UnexpectedError(Box::new(error))
}
