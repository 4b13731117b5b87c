//! An event as it is read back, from PostgreSQL or from the stream.

use chrono::{DateTime, SubsecRound, Utc};
use kernel::{Actor, DecodeError, EventType, Metadata, millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use sqlx::{FromRow, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::LogError;

/// An event of the log, its personal parts opened.
#[derive(Debug, Clone)]
pub struct RecordedEvent {
    /// 1, 2, 3 … without gaps, in commit order.
    pub position: u64,
    pub event_id: Uuid,
    /// `<context>.<aggregate>.<event>`.
    pub event_type: String,
    /// The version that `data` was stored in; [`RecordedEvent::decode`] brings it up to date.
    pub schema_version: u32,
    /// `<context>.<aggregate>`.
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// 1, 2, 3 … within the aggregate.
    pub sequence: u64,
    pub recorded_at: DateTime<Utc>,
    /// Without `origin`, which is personal and in nobody's rows: the trail reads it in the log.
    pub metadata: Metadata,
    pub data: Value,
}

impl RecordedEvent {
    /// Reads the data as one of an aggregate's events, in today's shape.
    pub fn decode<E: EventType>(&self) -> Result<E, DecodeError> {
        E::decode(&self.event_type, self.schema_version, &self.data)
    }

    /// What it weighs in a bounded queue (bytes, about).
    pub(crate) fn weight(&self) -> usize {
        512 + weight(&self.data)
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => 32 + text.len(),
        Value::Array(items) => 32 + items.iter().map(weight).sum::<usize>(),
        Value::Object(object) => {
            32 + object
                .iter()
                .map(|(key, value)| 32 + key.len() + weight(value))
                .sum::<usize>()
        }
        _ => 32,
    }
}

/// An event as it lies in PostgreSQL, still sealed: what the relay publishes and readers open.
#[derive(Debug, Clone)]
pub(crate) struct StoredEvent {
    pub position: u64,
    pub event_id: Uuid,
    pub event_type: String,
    pub event_version: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: u64,
    pub recorded_at: DateTime<Utc>,
    /// JSON.
    pub payload: String,
    pub metadata: StoredMetadata,
}

/// [`Metadata`], its origin still sealed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StoredMetadata {
    actor: Actor,
    correlation_id: Uuid,
    #[serde(default)]
    causation_id: Option<Uuid>,
    #[serde(default)]
    origin: Option<Box<RawValue>>,
    #[serde(default)]
    traceparent: Option<String>,
}

/// The columns that are read of an event, in the order of [`Columns`].
pub(crate) const COLUMNS: &str = "position, event_id, event_type, event_version, aggregate_type, \
    aggregate_id, sequence, recorded_at, payload::text, metadata";

/// A message of the stream `EVENTS` (`contracts.md`, "Events"), still sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub position: u64,
    pub event_id: Uuid,
    #[serde(rename = "type")]
    pub event_type: String,
    pub schema_version: u32,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: u64,
    #[serde(serialize_with = "millis")]
    pub recorded_at: DateTime<Utc>,
    pub actor: Actor,
    pub correlation_id: Uuid,
    #[serde(default)]
    pub causation_id: Option<Uuid>,
    /// Sealed; from where the command came. Not read back.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    pub data: Box<RawValue>,
}

/// [`COLUMNS`], by their places: names would be looked up for each of a million rows.
type Columns = (
    i64,
    Uuid,
    String,
    String,
    String,
    String,
    i64,
    DateTime<Utc>,
    String,
    Json<StoredMetadata>,
);

impl StoredEvent {
    /// From [`COLUMNS`].
    pub fn from_row(row: &PgRow) -> Result<Self, LogError> {
        let (
            position,
            event_id,
            event_type,
            event_version,
            aggregate_type,
            aggregate_id,
            sequence,
            recorded_at,
            payload,
            Json(metadata),
        ) = Columns::from_row(row).map_err(corrupt)?;
        Ok(Self {
            position: position as u64,
            event_id,
            event_type,
            event_version,
            aggregate_type,
            aggregate_id,
            sequence: sequence as u64,
            recorded_at,
            payload,
            metadata,
        })
    }

    pub fn into_envelope(self) -> Result<Envelope, LogError> {
        let metadata = self.metadata;
        Ok(Envelope {
            position: self.position,
            event_id: self.event_id,
            schema_version: self.event_version.parse().map_err(corrupt)?,
            event_type: self.event_type,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            recorded_at: as_in_stream(self.recorded_at),
            actor: metadata.actor,
            correlation_id: metadata.correlation_id,
            causation_id: metadata.causation_id,
            origin: metadata.origin,
            traceparent: metadata.traceparent,
            data: RawValue::from_string(self.payload).map_err(corrupt)?,
        })
    }

    /// The event, with `data` still sealed; the caller opens it.
    pub fn into_recorded(self) -> Result<RecordedEvent, LogError> {
        let metadata = self.metadata;
        Ok(RecordedEvent {
            position: self.position,
            event_id: self.event_id,
            event_type: self.event_type,
            schema_version: self.event_version.parse().map_err(corrupt)?,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            recorded_at: as_in_stream(self.recorded_at),
            metadata: Metadata {
                actor: metadata.actor,
                correlation_id: metadata.correlation_id,
                causation_id: metadata.causation_id,
                origin: None,
                traceparent: metadata.traceparent,
            },
            data: serde_json::from_str(&self.payload).map_err(corrupt)?,
        })
    }
}

impl Envelope {
    /// The event, with `data` still sealed; the caller opens it.
    pub fn into_recorded(self) -> Result<RecordedEvent, LogError> {
        Ok(RecordedEvent {
            position: self.position,
            event_id: self.event_id,
            event_type: self.event_type,
            schema_version: self.schema_version,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            recorded_at: self.recorded_at,
            metadata: Metadata {
                actor: self.actor,
                correlation_id: self.correlation_id,
                causation_id: self.causation_id,
                origin: None,
                traceparent: self.traceparent,
            },
            data: serde_json::from_str(self.data.get()).map_err(corrupt)?,
        })
    }
}

/// The stream knows milliseconds: an event is the same from wherever it is read.
fn as_in_stream(recorded_at: DateTime<Utc>) -> DateTime<Utc> {
    recorded_at.trunc_subsecs(3)
}

pub(crate) fn corrupt(error: impl std::fmt::Display) -> LogError {
    LogError::Corrupt(error.to_string())
}
