//! How the workflows and what they lean on are: errors, and the health of components.

use chrono::{DateTime, Utc};
use kernel::{AggregateId, EventType, PersonalField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event_enum::event_enum,
    millis,
    schema::{self, personal_fields},
};

event_enum! {
    /// An error of a workflow: recorded once, and nothing happens to it.
    WorkflowErrorEvent {
        /// Something went wrong, for good or for a while.
        Reported(WorkflowErrorReported) = "workflow.error.reported" by [Service],
    }
}

/// Something went wrong in a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowErrorReported {
    /// e.g. `SUPPORT`.
    pub workflow: String,
    /// Personal: it is free text.
    #[schemars(schema_with = "schema::sealed_for_workflow")]
    pub message: String,
    /// The tool that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_id: Option<i64>,
    /// How often it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Whether it worked in the end.
    pub recovered: bool,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
}

impl WorkflowErrorReported {
    /// Whose its text is: the ticket's; the workflow's own if it names none.
    pub fn subject(&self) -> String {
        match self.ticket_id {
            Some(ticket_id) => format!("ticket:{ticket_id}"),
            None => format!("workflow:{}", self.workflow),
        }
    }
}

impl EventType for WorkflowErrorEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let Self::Reported(event) = self;
        personal_fields(&event.subject(), &["/message"])
    }
}

/// How a component is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    Ok,
    Degraded,
    Down,
}

event_enum! {
    /// What happened to a component that the platform or its workflows lean on.
    ComponentEvent {
        /// It is better or worse than before. Nothing is written while it stays as it is.
        HealthChanged(HealthChanged) = "workflow.component.health_changed" by [Service, System],
    }
}

/// A component is better or worse than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthChanged {
    /// e.g. `glpi`, `observium`, `mcp`, `postgresql`, `nats`.
    pub component: String,
    pub status: HealthStatus,
    /// What it was; absent the first time it is heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<HealthStatus>,
    /// Personal: it is free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_component")]
    pub detail: Option<String>,
    /// How long it took to answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
}

/// The id of a component in the log.
pub fn component_id(name: &str) -> AggregateId {
    AggregateId::derived("component", name)
}

impl EventType for ComponentEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let Self::HealthChanged(event) = self;
        let subject = format!("component:{}", event.component);
        personal_fields(&subject, &["/detail"])
    }
}
