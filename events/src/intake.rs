//! The facts that workflows publish under `intake.<service>.` (`contracts.md`, "Intake").
//!
//! These are messages, not events: what of them is accepted becomes an event of its context. Their
//! JSON Schemas are published in `events/intake`; a field that is not known is refused, so
//! that a misspelt one does not get lost in silence.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    sentinel::{Responsibility, Severity, StepKind},
    support::{TicketCategory, TicketOutcome},
    workflow::HealthStatus,
};

/// Makes the schema of a body.
pub type SchemaOf = fn() -> Schema;

/// The subjects after `intake.<service>.`, with the schema of each one's body.
pub const SUBJECTS: &[(&str, SchemaOf)] = &[
    ("sentinel.alert", || schemars::schema_for!(AlertFact)),
    ("sentinel.step", || schemars::schema_for!(StepFact)),
    ("support.ticket_processed", || {
        schemars::schema_for!(TicketFact)
    }),
    ("workflow.error", || {
        schemars::schema_for!(WorkflowErrorFact)
    }),
    ("workflow.health", || schemars::schema_for!(HealthFact)),
    ("knowledge.enrichment_run", || {
        schemars::schema_for!(EnrichmentRunFact)
    }),
];

/// Whether something is wrong or well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    Down,
    Up,
}

/// `sentinel.alert`: something watched is wrong, still wrong, or well again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertFact {
    /// Which system watches, e.g. `observium`.
    pub source: String,
    /// What names the alert there: the same for down and up.
    pub external_id: String,
    pub state: AlertState,
    pub device: String,
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    pub client_name: Option<String>,
    pub severity: Severity,
    pub message: String,
    #[serde(default)]
    pub responsibility: Option<Responsibility>,
    /// 0–100 %.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub confidence: Option<u8>,
    /// What ended it; with `up` only.
    #[serde(default)]
    pub resolution: Option<String>,
    pub occurred_at: DateTime<Utc>,
}

/// `sentinel.step`: something was done about an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFact {
    pub source: String,
    pub external_id: String,
    pub kind: StepKind,
    #[serde(default)]
    pub ticket_id: Option<i64>,
    #[serde(default)]
    pub detail: Option<String>,
    pub occurred_at: DateTime<Utc>,
}

/// `support.ticket_processed`: a ticket was dealt with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketFact {
    pub ticket_id: i64,
    #[serde(default)]
    pub title: Option<String>,
    pub category: TicketCategory,
    pub outcome: TicketOutcome,
    pub automatic: bool,
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    pub client_name: Option<String>,
    #[serde(default)]
    pub duration_ms: Option<u64>,
    pub occurred_at: DateTime<Utc>,
}

/// `workflow.error`: something went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowErrorFact {
    pub workflow: String,
    pub message: String,
    #[serde(default)]
    pub tool: Option<String>,
    #[serde(default)]
    pub ticket_id: Option<i64>,
    #[serde(default)]
    pub attempts: Option<u32>,
    #[serde(default)]
    pub recovered: bool,
    pub occurred_at: DateTime<Utc>,
}

/// `workflow.health`: how a component is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthFact {
    pub component: String,
    pub status: HealthStatus,
    #[serde(default)]
    pub detail: Option<String>,
    #[serde(default)]
    pub latency_ms: Option<u64>,
    pub occurred_at: DateTime<Utc>,
}

/// `knowledge.enrichment_run`: a run of ENRICHISSEUR is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrichmentRunFact {
    pub run_id: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    #[serde(default)]
    pub next_run_at: Option<DateTime<Utc>>,
    pub added: u32,
    pub updated: u32,
    pub failed: u32,
    #[serde(default)]
    pub by_source: BTreeMap<String, u32>,
}
