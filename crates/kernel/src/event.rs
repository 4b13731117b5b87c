//! What the log needs to know of an event, and what travels beside it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, value::MapAccessDeserializer},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{Actor, tagged::Tagged};

/// An event enum of one aggregate, e.g. `ApprovalEvent`.
///
/// It is serialised adjacently tagged, `#[serde(tag = "type", content = "data")]`, every variant
/// renamed to its persisted literal `<context>.<aggregate>.<event>`, e.g.
/// `safeguard.approval.approved`: that literal is a contract, never derived from an identifier.
/// Every variant carries a struct (an empty one if need be), so that `data` is always an object.
pub trait EventType: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The persisted literal, e.g. `safeguard.approval.approved`.
    fn type_name(&self) -> &'static str;

    /// The steps that bring stored `data` of the event with this literal to today's shape: the first
    /// leads from version 1 to 2. A changed shape is one more step, and nothing else.
    fn upcasters(_type_name: &str) -> &'static [Upcaster] {
        &[]
    }

    /// The version of the shape of `data` as it is written today.
    fn schema_version(&self) -> u32 {
        current_version(Self::upcasters(self.type_name()))
    }

    /// Which parts of `data` are personal and whose: the log seals them before it writes.
    /// A pointer that leads nowhere, or to `null`, is passed over.
    fn personal(&self) -> Vec<PersonalField> {
        Vec::new()
    }

    /// Names to take or give back in the same transaction as the event.
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    /// The number that the log is to give to the event as it appends it; see [`Series`].
    fn series(&self) -> Option<Series> {
        None
    }

    /// Takes the number that the log gave.
    fn set_number(&mut self, _number: String) {}

    /// What becomes due, or is no longer due, because of the event.
    fn deadlines(&self) -> Vec<DeadlineChange> {
        Vec::new()
    }

    /// Reads `data` back that was stored in some version, and has been opened.
    fn decode(type_name: &str, stored_version: u32, data: &Value) -> Result<Self, DecodeError> {
        let data = upcast(type_name, stored_version, Self::upcasters(type_name), data)?;
        Self::deserialize(MapAccessDeserializer::new(Tagged::new(type_name, &data))).map_err(
            |source| DecodeError::Shape {
                type_name: type_name.to_owned(),
                source,
            },
        )
    }

    /// `data` as it is stored, before sealing.
    fn encode(&self) -> Result<Value, serde_json::Error> {
        let mut tagged = serde_json::to_value(self)?;
        Ok(tagged.get_mut("data").map(Value::take).unwrap_or_default())
    }
}

/// A step from one version of an event's `data` to the next.
///
/// Pure, and on opened `data`: a personal value that was erased is the text `effacé` there, whatever
/// it was before, so a step must pass it on. It seals nothing: what it makes is never written.
pub type Upcaster = fn(Value) -> Value;

/// The version that these steps lead to.
pub fn current_version(steps: &[Upcaster]) -> u32 {
    steps.len() as u32 + 1
}

/// Brings `data` from the version it was stored in to the one that the steps lead to. What is of
/// today's shape already is not copied.
pub fn upcast<'a>(
    type_name: &str,
    stored_version: u32,
    steps: &[Upcaster],
    data: &'a Value,
) -> Result<Cow<'a, Value>, DecodeError> {
    let known = current_version(steps);
    if !(1..=known).contains(&stored_version) {
        return Err(DecodeError::Version {
            type_name: type_name.to_owned(),
            stored: stored_version,
            known,
        });
    }
    let missing = &steps[stored_version as usize - 1..];
    // An event that does not open has no data: decoding it says so.
    if missing.is_empty() || !data.is_object() {
        return Ok(Cow::Borrowed(data));
    }
    let data = missing.iter().fold(data.clone(), |data, step| step(data));
    Ok(Cow::Owned(data))
}

/// A stored event that this build cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("event `{type_name}` cannot be read: {source}")]
    Shape {
        type_name: String,
        #[source]
        source: serde_json::Error,
    },
    /// A newer release wrote it: to guess at its shape would be to misread it.
    #[error(
        "event `{type_name}` is stored in version {stored}, and this build knows up to {known}"
    )]
    Version {
        type_name: String,
        stored: u32,
        known: u32,
    },
    /// No event of this build has that name.
    #[error("this build knows no event `{type_name}`")]
    Unknown { type_name: String },
}

/// A personal part of an event's `data`.
///
/// The value at `pointer` must be typed `String`, `Option<String>` or `serde_json::Value`: once the
/// subject's key is destroyed it reads as the text `effacé`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalField {
    /// RFC 6901 JSON pointer within `data`, e.g. `/context/ticket_title`.
    pub pointer: &'static str,
    /// Whose it is: `user:<id>`, `person:<user name>`, `client:<id>`, `conversation:<id>`.
    pub subject: String,
}

/// A name that at most one holder may have, e.g. a user name or `APR-2026-0001`.
/// The log stores a keyed fingerprint of it, never the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Claim {
    /// Refused if another aggregate holds it.
    Take { scope: &'static str, key: String },
    /// Gives it back.
    Release { scope: &'static str, key: String },
}

/// A series of numbers without gaps, in the order of the log, e.g. `APR-2026-0001`, `APR-2026-0002`.
///
/// The number is given under the log's lock: a command that is refused uses none up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What the numbers begin with, e.g. `APR-2026`.
    pub name: String,
    /// The field of `data` that holds the number, e.g. `reference`; a command's outcome may repeat it.
    pub field: &'static str,
}

/// What an event does to the deadlines of its aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadlineChange {
    /// Something is due at a time; replaces an earlier one of the same kind.
    Set {
        kind: &'static str,
        due_at: DateTime<Utc>,
    },
    /// Nothing is due any more.
    Clear { kind: &'static str },
}

/// What travels beside an event: who, because of what, from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    pub actor: Actor,
    /// Shared by everything that one first cause led to.
    pub correlation_id: Uuid,
    /// The event or command that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// From where; sealed like a personal field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The span that wrote it, if it was traced (W3C Trace Context). Not personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// From where a command came. Personal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl Metadata {
    /// Metadata of a first cause.
    pub fn new(actor: Actor, correlation_id: Uuid) -> Self {
        Self {
            actor,
            correlation_id,
            causation_id: None,
            origin: None,
            traceparent: None,
        }
    }

    /// Whose personal data the metadata holds.
    pub fn subject(&self) -> String {
        self.actor.to_string()
    }
}
