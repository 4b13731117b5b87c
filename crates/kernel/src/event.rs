//! What the log needs to know of an event, and what travels beside it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::Actor;

/// An event enum of one aggregate, e.g. `ApprovalEvent`.
///
/// It is serialised adjacently tagged, `#[serde(tag = "type", content = "data")]`, every variant
/// renamed to its persisted literal `<context>.<aggregate>.<event>`, e.g.
/// `safeguard.approval.approved`: that literal is a contract, never derived from an identifier.
/// Every variant carries a struct (an empty one if need be), so that `data` is always an object.
pub trait EventType: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The persisted literal, e.g. `safeguard.approval.approved`.
    fn type_name(&self) -> &'static str;

    /// The version of the shape of `data`; older ones are upcast when read.
    fn schema_version(&self) -> u32 {
        1
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

    /// Reads `data` of a stored event back; `data` has been upcast and opened.
    fn decode(type_name: &str, data: &Value) -> Result<Self, DecodeError> {
        serde_json::from_value(serde_json::json!({ "type": type_name, "data": data })).map_err(
            |source| DecodeError {
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

/// A stored event that this build cannot read.
#[derive(Debug, thiserror::Error)]
#[error("event `{type_name}` cannot be read: {source}")]
pub struct DecodeError {
    pub type_name: String,
    #[source]
    pub source: serde_json::Error,
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
