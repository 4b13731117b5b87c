//! The dashboards: numbers of a period beside those of the period before.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{
    millis, optional_millis,
    sentinel::{Responsibility, Severity},
    support::{TicketCategory, TicketOutcome},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{names, period::Period, shapes::*};

/// A number and what it was in the period before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Count {
    pub value: u64,
    pub previous: u64,
    /// `null` if it was nothing before.
    pub change_percent: Option<f64>,
}

impl Count {
    /// The change is in per cent of what was before, to one decimal.
    pub fn new(value: u64, previous: u64) -> Self {
        let change = (value as f64 - previous as f64) * 100.0 / previous as f64;
        Self {
            value,
            previous,
            change_percent: (previous > 0).then(|| one_decimal(change)),
        }
    }
}

pub(super) fn one_decimal(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Requests that wait for a decision, by the time they have left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PendingCounts {
    pub value: u64,
    pub red: u64,
    pub yellow: u64,
    pub green: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KnowledgeCounts {
    pub entries: u64,
    pub added_today: u64,
}

/// Everything at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    pub period: Period,
    #[serde(serialize_with = "millis")]
    pub as_of: DateTime<Utc>,
    pub tickets: Count,
    pub alerts: Count,
    pub pending_approvals: PendingCounts,
    pub knowledge: KnowledgeCounts,
    /// Facts that could not be accepted and wait for someone; `null` if NATS does not say.
    pub rejected_facts: Option<u64>,
    /// 100 at most.
    pub health: Vec<WatchedComponent>,
    /// How many components there are, shown or not.
    pub health_total: u64,
    /// The latest 30, newest first.
    pub activity: Vec<Activity>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CategoryCount {
    #[schema(value_type = names::TicketCategory)]
    pub category: TicketCategory,
    pub count: u64,
    pub previous: u64,
    pub automatic_count: u64,
    /// `null` for `DIAG`, which is never automatic, and where there is no ticket.
    pub automatic_percent: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutcomeCount {
    #[schema(value_type = names::TicketOutcome)]
    pub outcome: TicketOutcome,
    pub count: u64,
}

/// Counts of one step of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesPoint {
    /// When the step begins.
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    /// By category or responsibility: all of them, always.
    pub counts: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TicketsOfClient {
    pub client: Option<ClientRef>,
    pub count: u64,
}

/// What SUPPORT has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Support {
    pub period: Period,
    #[serde(serialize_with = "millis")]
    pub as_of: DateTime<Utc>,
    pub total: Count,
    /// All four, always.
    pub by_category: Vec<CategoryCount>,
    pub by_outcome: Vec<OutcomeCount>,
    /// Over the tickets that say how long they took.
    pub mean_duration_ms: Option<f64>,
    /// Every step of the period.
    pub series: Vec<SeriesPoint>,
    /// The ten with the most tickets.
    pub by_client: Vec<TicketsOfClient>,
    /// The latest ten of the period.
    pub latest: Vec<Ticket>,
    /// The latest 20 of the last 24 h.
    pub errors: Vec<WorkflowError>,
    pub errors_24h: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResponsibilityCount {
    #[schema(value_type = names::Responsibility)]
    pub responsibility: Responsibility,
    pub count: u64,
    pub percent: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeverityCount {
    #[schema(value_type = names::AlertSeverity)]
    pub severity: Severity,
    pub count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImpactState {
    Red,
    Yellow,
    Green,
}

/// A client with an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImpactedClient {
    pub client: ClientRef,
    /// `red`: an active alert that does not wait for a diagnosis; `yellow`: all active ones wait for
    /// it; `green`: none is active, and one was resolved in the last 24 h.
    pub state: ImpactState,
    pub active: u64,
    pub awaiting_diag: u64,
    /// When the oldest active one was raised.
    #[serde(serialize_with = "optional_millis")]
    pub since: Option<DateTime<Utc>>,
    /// Of the oldest active alert; of a green client, of the last resolved one.
    #[schema(value_type = names::Responsibility)]
    pub responsibility: Responsibility,
    /// Of a green client: when the last one was resolved.
    #[serde(serialize_with = "optional_millis")]
    pub resolved_at: Option<DateTime<Utc>>,
}

/// What SENTINEL has seen. Counts are of the episodes raised in the period, except those of now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sentinel {
    pub period: Period,
    #[serde(serialize_with = "millis")]
    pub as_of: DateTime<Utc>,
    pub total: Count,
    pub active: u64,
    pub resolved: u64,
    pub active_now: u64,
    pub acknowledged_now: u64,
    pub flapping_now: u64,
    pub muted_now: u64,
    /// All four, always.
    pub by_responsibility: Vec<ResponsibilityCount>,
    /// All three, always.
    pub by_severity: Vec<SeverityCount>,
    /// Every step of the period.
    pub series: Vec<SeriesPoint>,
    pub mean_resolution_seconds: Option<f64>,
    /// Red first, then by since when; 200 at most.
    pub impacted_clients: Vec<ImpactedClient>,
    /// How many there are, shown or not.
    pub impacted_total: u64,
    /// The newest 20 of the period.
    pub timeline: Vec<Alert>,
    /// Those that run and those to come.
    pub maintenance: Vec<Maintenance>,
    /// How many of all impacted clients the register does not know.
    pub clients_to_identify: u64,
}

/// What one step of a period brought to the knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KnowledgePoint {
    /// When the step begins.
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    pub added: u64,
    pub updated: u64,
    pub failed: u64,
    /// Entries at the end of the step.
    pub entries: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceCount {
    pub source: String,
    pub count: u64,
}

/// What ENRICHISSEUR has brought. A run counts when it finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Enrichisseur {
    pub period: Period,
    #[serde(serialize_with = "millis")]
    pub as_of: DateTime<Utc>,
    /// At the end of the period.
    pub entries: u64,
    pub added: Count,
    pub updated: u64,
    pub failed: u64,
    pub runs_total: u64,
    /// Runs with a document that could not be taken in.
    pub failed_runs: u64,
    pub series: Vec<KnowledgePoint>,
    pub by_source: Vec<SourceCount>,
    /// The newest 20 of the period.
    pub runs: Vec<Run>,
    #[serde(serialize_with = "optional_millis")]
    pub last_run_at: Option<DateTime<Utc>>,
    /// As the last run says.
    #[serde(serialize_with = "optional_millis")]
    pub next_run_at: Option<DateTime<Utc>>,
}
