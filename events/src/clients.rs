//! The register of client organisations.
//!
//! Invariant: a client nobody registered is never taken as non-critical; that rule is the readers'.

use chrono::{DateTime, Utc};
use kernel::{EventType, PersonalField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{event_enum::event_enum, millis, schema};

event_enum! {
    /// What happened to a client.
    ClientEvent {
        /// The client became known.
        Registered(ClientRegistered) = "clients.client.registered" by [User],
        /// It has another name.
        Renamed(ClientRenamed) = "clients.client.renamed" by [User],
        /// It is, or no longer is, critical (health/HDS).
        CriticalityChanged(CriticalityChanged) = "clients.client.criticality_changed" by [User],
    }
}

/// A client became known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientRegistered {
    /// The number the outside knows it by, e.g. GLPI's `42`.
    pub client_id: String,
    /// Personal: a practice may bear its owner's name.
    #[schemars(schema_with = "schema::sealed_for_client")]
    pub name: String,
    /// Health/HDS: its sensitive actions need two approvals.
    pub critical: bool,
    #[serde(serialize_with = "millis")]
    pub registered_at: DateTime<Utc>,
}

/// A client has another name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientRenamed {
    /// The number the outside knows it by.
    pub client_id: String,
    /// Personal.
    #[schemars(schema_with = "schema::sealed_for_client")]
    pub name: String,
    #[serde(serialize_with = "millis")]
    pub renamed_at: DateTime<Utc>,
}

/// A client became critical, or ceased to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CriticalityChanged {
    /// The number the outside knows it by.
    pub client_id: String,
    pub critical: bool,
    #[serde(serialize_with = "millis")]
    pub changed_at: DateTime<Utc>,
}

impl EventType for ClientEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let client_id = match self {
            Self::Registered(event) => &event.client_id,
            Self::Renamed(event) => &event.client_id,
            Self::CriticalityChanged(_) => return Vec::new(),
        };
        vec![PersonalField {
            pointer: "/name",
            subject: format!("client:{client_id}"),
        }]
    }
}
