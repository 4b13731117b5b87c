//! What SUPERVISION shows, as it is answered and as its feed tells it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{
    millis, optional_millis,
    sentinel::{Responsibility, Severity, StepKind},
    support::{TicketCategory, TicketOutcome},
    workflow::HealthStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::names;

/// A client that an item names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClientRef {
    /// The client's number.
    pub id: String,
    /// By the register; of a client to identify, as the source writes it.
    pub name: Option<String>,
    /// `null` for a client to identify: nobody knows whether it is critical.
    pub critical: Option<bool>,
    /// Whether the register knows the number.
    pub is_known: bool,
}

/// A ticket with its latest report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// Its number in GLPI.
    pub ticket_id: i64,
    /// Its id in the log.
    pub aggregate_id: String,
    pub title: Option<String>,
    #[schema(value_type = names::TicketCategory)]
    pub category: TicketCategory,
    #[schema(value_type = names::TicketOutcome)]
    pub outcome: TicketOutcome,
    pub automatic: bool,
    pub client: Option<ClientRef>,
    pub duration_ms: Option<u64>,
    /// How often it was reported.
    pub reports: u32,
    #[serde(serialize_with = "millis")]
    pub first_occurred_at: DateTime<Utc>,
    /// Of the latest report, by which the ticket counts.
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
    /// `service:<name>`.
    pub reported_by: String,
    /// In GLPI, if it is configured.
    pub url: Option<String>,
    pub position: u64,
}

/// An error of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowError {
    pub id: Uuid,
    pub workflow: String,
    pub message: String,
    pub tool: Option<String>,
    pub ticket_id: Option<i64>,
    pub attempts: Option<u32>,
    /// Whether it worked in the end.
    pub recovered: bool,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
    pub reported_by: String,
    /// Of the ticket in GLPI, if it is configured.
    pub url: Option<String>,
    pub position: u64,
}

/// Something that was done about an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertStep {
    #[schema(value_type = names::StepKind)]
    pub kind: StepKind,
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    pub ticket_id: Option<i64>,
    pub detail: Option<String>,
    /// A user name, or `service:<name>`.
    pub by: String,
    /// Of the ticket in GLPI, if it is configured.
    pub url: Option<String>,
}

/// An alert in one of its episodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    pub id: Uuid,
    /// Counts the episodes of the alert, from 1.
    pub episode: u32,
    /// What a command names to say what its author read.
    pub version: u64,
    pub source: String,
    pub external_id: String,
    pub device: String,
    pub client: Option<ClientRef>,
    #[schema(value_type = names::AlertSeverity)]
    pub severity: Severity,
    pub message: String,
    #[schema(value_type = names::Responsibility)]
    pub responsibility: Responsibility,
    /// How sure the responsibility is, 0–100 %.
    pub confidence: Option<u8>,
    pub status: AlertStatus,
    pub acknowledged_by: Option<String>,
    #[serde(serialize_with = "optional_millis")]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// It goes up and down; over half an hour after the last time it did.
    pub is_flapping: bool,
    /// A maintenance window mutes its notifications now.
    pub is_muted: bool,
    /// Active, and the client was asked to look.
    pub is_awaiting_diag: bool,
    #[serde(serialize_with = "millis")]
    pub raised_at: DateTime<Utc>,
    /// Of the latest report.
    #[serde(serialize_with = "millis")]
    pub last_occurred_at: DateTime<Utc>,
    pub repeats: u32,
    pub reopenings: u32,
    #[serde(serialize_with = "optional_millis")]
    pub resolved_at: Option<DateTime<Utc>>,
    pub resolution: Option<String>,
    pub resolved_by: Option<String>,
    pub steps: Vec<AlertStep>,
    pub position: u64,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    Active,
    Resolved,
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Maintenance {
    pub id: Uuid,
    /// All alerts of this client are muted; only those of the device, if it is named.
    pub client: Option<ClientRef>,
    pub device: Option<String>,
    pub reason: String,
    #[serde(serialize_with = "millis")]
    pub starts_at: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub ends_at: DateTime<Utc>,
    /// Since when it mutes nothing, if someone cancelled it: also while it ran.
    #[serde(serialize_with = "optional_millis")]
    pub cancelled_at: Option<DateTime<Utc>>,
    pub status: MaintenanceStatus,
    pub planned_by: String,
    #[serde(serialize_with = "millis")]
    pub planned_at: DateTime<Utc>,
    pub version: u64,
    pub position: u64,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceStatus {
    Planned,
    Running,
    Ended,
    Cancelled,
}

/// Something that the platform or its workflows lean on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WatchedComponent {
    /// e.g. `glpi`.
    pub component: String,
    pub status: WatchedStatus,
    /// Since when it is so.
    #[serde(serialize_with = "optional_millis")]
    pub since: Option<DateTime<Utc>>,
    pub detail: Option<String>,
    /// How long it took to answer when it changed, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Whether anything was ever heard of it.
    pub is_configured: bool,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WatchedStatus {
    Ok,
    Degraded,
    Down,
    Unknown,
}

impl From<HealthStatus> for WatchedStatus {
    fn from(status: HealthStatus) -> Self {
        match status {
            HealthStatus::Ok => Self::Ok,
            HealthStatus::Degraded => Self::Degraded,
            HealthStatus::Down => Self::Down,
        }
    }
}

/// A component got better or worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthChange {
    pub component: String,
    #[schema(value_type = names::HealthStatus)]
    pub status: HealthStatus,
    #[schema(value_type = Option<names::HealthStatus>)]
    pub previous: Option<HealthStatus>,
    pub detail: Option<String>,
    pub latency_ms: Option<u64>,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
    pub position: u64,
}

/// A run of ENRICHISSEUR.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// What names it where it ran.
    pub run_id: String,
    /// Its id in the log.
    pub aggregate_id: String,
    #[serde(serialize_with = "millis")]
    pub started_at: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub finished_at: DateTime<Utc>,
    #[serde(serialize_with = "optional_millis")]
    pub next_run_at: Option<DateTime<Utc>>,
    pub added: u32,
    pub updated: u32,
    pub failed: u32,
    /// The new entries by where they come from.
    pub by_source: BTreeMap<String, u32>,
    pub reported_by: String,
    pub position: u64,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    TicketProcessed,
    AlertRaised,
    AlertReopened,
    AlertResolved,
    ApprovalRequested,
    ApprovalDecided,
    WorkflowError,
    HealthChanged,
    EnrichmentFinished,
}

/// One line of what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    pub position: u64,
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    pub kind: ActivityKind,
    /// With `target_id`, what the audit trail knows it by.
    pub target_type: String,
    pub target_id: String,
    /// e.g. `#1234`, a device, a tool, a component.
    pub label: String,
    /// The outcome, state or decision.
    pub status: Option<String>,
    pub category: Option<String>,
    pub client: Option<ClientRef>,
}
