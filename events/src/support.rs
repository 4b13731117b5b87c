//! Tickets that the workflow SUPPORT has dealt with.

use chrono::{DateTime, Utc};
use kernel::{AggregateId, EventType, PersonalField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event_enum::event_enum,
    millis,
    schema::{self, personal_fields},
};

/// What a ticket asks for (PRD 3.3.2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TicketCategory {
    ResetMdp,
    Deblocage,
    /// The client's answer to a diagnostic mail: never resolved automatically.
    Diag,
    Autre,
}

/// Where a ticket stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TicketOutcome {
    Resolved,
    InProgress,
    Escalated,
    Failed,
}

event_enum! {
    /// What happened to a ticket of SUPPORT.
    TicketEvent {
        /// The workflow has dealt with it, perhaps not for the first time.
        Processed(TicketProcessed) = "support.ticket.processed" by [Service],
    }
}

/// The workflow has dealt with a ticket. The latest report counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TicketProcessed {
    /// Its number in GLPI.
    pub ticket_id: i64,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_ticket")]
    pub title: Option<String>,
    pub category: TicketCategory,
    pub outcome: TicketOutcome,
    /// Whether nobody had to help.
    pub automatic: bool,
    /// The client's number; a number the register does not know is "to identify".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// As the workflow writes it, for display. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_ticket")]
    pub client_name: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
}

/// The id of a ticket in the log.
pub fn ticket_id(number: i64) -> AggregateId {
    AggregateId::derived("ticket", &number.to_string())
}

impl TicketProcessed {
    /// Whose its texts are: the client's; the ticket's own if it names none.
    pub fn subject(&self) -> String {
        match &self.client_id {
            Some(client_id) => format!("client:{client_id}"),
            None => format!("ticket:{}", self.ticket_id),
        }
    }
}

impl EventType for TicketEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let Self::Processed(event) = self;
        personal_fields(&event.subject(), &["/title", "/client_name"])
    }
}
