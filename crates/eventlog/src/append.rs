//! What is appended, and what is checked before a request may queue: one bad event would stop the
//! relay for ever.

use chrono::{DateTime, Utc};
use kernel::{AggregateId, Claim, EventType, Metadata, Series};
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use crate::{AppendError, CommandKey, LogError, Vault};

/// The largest event, as JSON text with everything that travels beside it (bytes).
pub const MAX_EVENT_BYTES: usize = 256 * 1024;
/// Room for positions, ids and times beside an event's data and metadata (bytes).
const ENVELOPE_BYTES: usize = 1024;
/// Events in one request.
const MAX_EVENTS: usize = 100;

/// One command's events, all or none of which are appended.
#[derive(Debug)]
pub struct Append {
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: AggregateId,
    /// The aggregate's sequence that the decision was taken on; 0 for a new one.
    pub(crate) expected: u64,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) metadata: Box<RawValue>,
    pub(crate) key: Option<CommandKey>,
    /// What a repetition of the command is answered.
    pub(crate) outcome: Box<RawValue>,
    pub(crate) claims: Vec<ClaimChange>,
    pub(crate) guards: Vec<Guard>,
}

/// Another aggregate that a decision rests on: the append is refused if it has moved since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: AggregateId,
    /// What the decision saw; 0 if there was no such aggregate.
    pub(crate) sequence: u64,
}

#[derive(Debug)]
pub(crate) struct NewEvent {
    pub event_id: Uuid,
    pub event_type: &'static str,
    pub event_version: u32,
    pub payload: Box<RawValue>,
    pub series: Option<Series>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimChange {
    pub scope: &'static str,
    pub key: [u8; 32],
    pub release: bool,
}

/// What an append did.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Position of the last event; the log's head if there was none.
    pub position: u64,
    pub recorded_at: DateTime<Utc>,
    /// The number given to the event that asked for one.
    pub number: Option<String>,
    /// The first answer, if this was a repetition.
    pub repeated: Option<Repeated>,
}

/// What a command did when it was first sent.
#[derive(Debug, Clone)]
pub struct Repeated {
    /// Maybe another than the repetition named: a command that makes something new draws an id
    /// each time it is sent.
    pub aggregate_id: AggregateId,
    pub outcome: Value,
}

impl Append {
    /// Seals, checks and packs a command's events.
    pub async fn new<E: EventType>(
        vault: &Vault,
        aggregate: (&'static str, &AggregateId),
        expected: u64,
        events: &[E],
        metadata: &Metadata,
        key: Option<CommandKey>,
        outcome: &Value,
    ) -> Result<Self, AppendError> {
        if events.len() > MAX_EVENTS {
            return Err(AppendError::Invalid(format!(
                "over {MAX_EVENTS} events in one command"
            )));
        }
        let mut metadata = metadata.clone();
        metadata.traceparent = crate::trace::traceparent();
        let metadata = pack(&sealed_metadata(vault, &metadata).await?)?;
        let mut packed = Vec::with_capacity(events.len());
        let mut claims = Vec::new();
        for event in events {
            let payload = pack(&sealed_payload(vault, event).await?)?;
            if payload.get().len() + metadata.get().len() + ENVELOPE_BYTES > MAX_EVENT_BYTES {
                return Err(AppendError::Invalid("an event is over 256 KiB".into()));
            }
            packed.push(NewEvent {
                event_id: kernel::new_id(),
                event_type: event.type_name(),
                event_version: event.schema_version(),
                payload,
                series: event.series(),
            });
            claims.extend(event.claims().into_iter().map(|claim| {
                let (scope, key, release) = match claim {
                    Claim::Take { scope, key } => (scope, key, false),
                    Claim::Release { scope, key } => (scope, key, true),
                };
                let key = vault.fingerprint(&format!("claim:{scope}"), &key);
                ClaimChange {
                    scope,
                    key,
                    release,
                }
            }));
        }
        if packed.iter().filter(|event| event.series.is_some()).count() > 1 {
            return Err(AppendError::Invalid("two numbers in one command".into()));
        }
        let (aggregate_type, aggregate_id) = aggregate;
        Ok(Self {
            aggregate_type,
            aggregate_id: aggregate_id.clone(),
            expected,
            events: packed,
            metadata,
            key,
            outcome: pack(outcome)?,
            claims,
            guards: Vec::new(),
        })
    }

    /// What else the decision rests on.
    pub fn with_guards(mut self, guards: &[Guard]) -> Self {
        self.guards = guards.to_vec();
        self
    }
}

async fn sealed_payload<E: EventType>(vault: &Vault, event: &E) -> Result<Value, AppendError> {
    let mut data = event
        .encode()
        .map_err(|error| AppendError::Invalid(error.to_string()))?;
    if has_nul(&data) {
        return Err(AppendError::Invalid("U+0000 cannot be stored".into()));
    }
    for field in event.personal() {
        if let Some(value) = data.pointer_mut(field.pointer)
            && !value.is_null()
        {
            *value = vault.seal(&field.subject, value).await?;
        }
    }
    Ok(data)
}

async fn sealed_metadata(vault: &Vault, metadata: &Metadata) -> Result<Value, AppendError> {
    let mut value =
        serde_json::to_value(metadata).map_err(|error| AppendError::Invalid(error.to_string()))?;
    if has_nul(&value) {
        return Err(AppendError::Invalid("U+0000 cannot be stored".into()));
    }
    if let Some(origin) = value.get_mut("origin") {
        *origin = vault.seal(&metadata.subject(), origin).await?;
    }
    Ok(value)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(object) => object
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn pack(value: &Value) -> Result<Box<RawValue>, AppendError> {
    serde_json::value::to_raw_value(value)
        .map_err(|error| AppendError::Log(LogError::Corrupt(error.to_string())))
}
