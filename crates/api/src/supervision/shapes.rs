//! What callers of SUPERVISION send, and the pages they read. The items and dashboards themselves are
//! those of `projections`.

use chrono::{DateTime, Utc};
use events::millis;
use projections::supervision::{
    Activity, Alert, HealthChange, PendingCounts, Period, Run, Ticket, WatchedComponent,
    WorkflowError, names,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::safeguard::{Approval, ApprovalStats};

/// A period that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub enum NamedRange {
    #[serde(rename = "today")]
    Today,
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
}

/// Which period. `from` and `to` go before `range`.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeriodFilter {
    #[param(inline)]
    pub range: Option<NamedRange>,
    /// With `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<DateTime<Utc>>,
    /// With `from`; itself not included, and 400 days after it at most.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<DateTime<Utc>>,
}

/// Which tickets; of all times without a period.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TicketFilter {
    #[param(inline)]
    pub range: Option<NamedRange>,
    /// With `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<DateTime<Utc>>,
    /// With `from`; itself not included, and 400 days after it at most.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<DateTime<Utc>>,
    #[param(value_type = Option<names::TicketCategory>, inline)]
    pub category: Option<events::support::TicketCategory>,
    #[param(value_type = Option<names::TicketOutcome>, inline)]
    pub outcome: Option<events::support::TicketOutcome>,
    pub automatic: Option<bool>,
    /// A client's number; `-` for what names no client.
    pub client_id: Option<String>,
    /// `false`: of clients to identify.
    pub known_client: Option<bool>,
    /// Words to find, by their beginnings.
    pub q: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Which alerts, by when they were raised; of all times without a period.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlertFilter {
    #[param(inline)]
    pub range: Option<NamedRange>,
    /// With `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<DateTime<Utc>>,
    /// With `from`; itself not included, and 400 days after it at most.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<DateTime<Utc>>,
    /// With `active` the period does not count.
    #[param(value_type = Option<projections::supervision::AlertStatus>, inline)]
    pub status: Option<projections::supervision::AlertStatus>,
    #[param(value_type = Option<names::Responsibility>, inline)]
    pub responsibility: Option<events::sentinel::Responsibility>,
    #[param(value_type = Option<names::AlertSeverity>, inline)]
    pub severity: Option<events::sentinel::Severity>,
    /// A client's number; `-` for what names no client.
    pub client_id: Option<String>,
    /// `false`: of clients to identify.
    pub known_client: Option<bool>,
    pub device: Option<String>,
    /// Those that go up and down now.
    pub flapping: Option<bool>,
    /// Active ones for which the client was asked to look.
    pub awaiting_diag: Option<bool>,
    /// Active ones that someone looks after.
    pub acknowledged: Option<bool>,
    /// Words to find, by their beginnings.
    pub q: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Which errors; of all times without a period.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ErrorFilter {
    #[param(inline)]
    pub range: Option<NamedRange>,
    /// With `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<DateTime<Utc>>,
    /// With `from`; itself not included, and 400 days after it at most.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<DateTime<Utc>>,
    pub workflow: Option<String>,
    pub recovered: Option<bool>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Which runs, by when they finished; of all times without a period.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    #[param(inline)]
    pub range: Option<NamedRange>,
    /// With `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<DateTime<Utc>>,
    /// With `from`; itself not included, and 400 days after it at most.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<DateTime<Utc>>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageFilter {
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Which episode of an alert.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EpisodeFilter {
    /// The latest if absent.
    #[param(minimum = 1)]
    pub episode: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    Csv,
    Xlsx,
}

/// How an export is written.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportFilter {
    #[param(inline, value_type = ExportFormat)]
    pub format: Option<ExportFormat>,
}

/// How approvals go.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SafeguardDashboard {
    pub period: Period,
    #[serde(serialize_with = "millis")]
    pub as_of: DateTime<Utc>,
    pub pending_counts: PendingCounts,
    /// The 20 most urgent.
    #[schema(value_type = Vec<Approval>)]
    pub pending: Vec<Value>,
    /// Of the requests made in the period.
    #[schema(value_type = ApprovalStats)]
    pub stats: projections::safeguard::ApprovalStats,
    /// Requests made in the period before.
    pub previous_total: u64,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TicketPage {
    pub items: Vec<Ticket>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertPage {
    pub items: Vec<Alert>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WorkflowErrorPage {
    pub items: Vec<WorkflowError>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunPage {
    pub items: Vec<Run>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActivityPage {
    pub items: Vec<Activity>,
    pub next_cursor: Option<String>,
}

/// How the components are, and how they were.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComponentsHealth {
    /// 100 at most.
    pub components: Vec<WatchedComponent>,
    /// How many there are, shown or not.
    pub components_total: u64,
    /// The latest first.
    pub changes: Vec<HealthChange>,
    pub next_cursor: Option<String>,
}
