//! What is not a command and must still be in the trail: refusals, sensitive reads, failed sign-ins.
//!
//! Who and from where is in the metadata of each event. Anonymous failures are counted per address
//! and minute, so that nobody can flood the log.

use chrono::{DateTime, Utc};
use kernel::{EventType, PersonalField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{event_enum::event_enum, millis, schema};

event_enum! {
    /// Someone signed in was refused something. One aggregate per refusal.
    RefusalEvent {
        /// The refusal.
        Recorded(RefusalRecorded) = "audit.refusal.recorded" by [User, Service],
    }
}

/// Someone signed in was refused something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalRecorded {
    /// What was tried: the operation's name, e.g. `approve_request`.
    pub action: String,
    /// Why not: a stable code, e.g. `own_request`.
    pub code: String,
    /// On what kind of thing, e.g. `safeguard.approval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// On which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    #[serde(serialize_with = "millis")]
    pub refused_at: DateTime<Utc>,
}

event_enum! {
    /// Someone read a sensitive record. One aggregate per read.
    SensitiveReadEvent {
        /// The read.
        Recorded(SensitiveReadRecorded) = "audit.sensitive_read.recorded" by [User, Service, System],
    }
}

/// Someone read a sensitive record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SensitiveReadRecorded {
    /// The operation's name, e.g. `export_audit`.
    pub action: String,
    pub target_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    #[serde(serialize_with = "millis")]
    pub read_at: DateTime<Utc>,
}

event_enum! {
    /// Failed sign-ins of one address in one minute.
    SignInFailuresEvent {
        /// The count so far.
        Counted(SignInFailuresCounted) = "audit.sign_in_failures.counted" by [Anonymous],
    }
}

/// Failed sign-ins of one address in one minute, counted so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignInFailuresCounted {
    /// The address. Personal.
    #[schemars(schema_with = "schema::sealed_for_address")]
    pub ip_address: String,
    /// Start of the minute.
    #[serde(serialize_with = "millis")]
    pub window_started_at: DateTime<Utc>,
    /// Failures in the minute so far; replaces an earlier count of the same minute.
    pub failures: u32,
    /// Whether further tries were refused unheard.
    pub is_limited: bool,
}

impl EventType for RefusalEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }
}

impl EventType for SensitiveReadEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }
}

impl EventType for SignInFailuresEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let Self::Counted(event) = self;
        vec![PersonalField {
            pointer: "/ip_address",
            subject: format!("address:{}", event.ip_address),
        }]
    }
}
