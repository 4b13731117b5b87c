//! The shapes that approvals are read in, for the OpenAPI document. The rows themselves come from
//! `projections`; a test reads every answer back into these, so that the document cannot lie.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::shapes::{ApprovalStatus, ExecutionOutcome, ToolDescription, Urgency};
use crate::shapes::ActionLevel;

/// An approval as read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub id: Uuid,
    #[schema(example = "APR-2026-0001")]
    pub reference: String,
    pub status: ApprovalStatus,
    /// What a decision names to say what its author read.
    pub version: u64,
    pub tool_name: String,
    /// The text `effacé` once the person it is about was erased.
    #[schema(value_type = Object)]
    pub arguments: Value,
    pub arguments_hash: String,
    pub security_level: ActionLevel,
    pub context: ApprovalContext,
    /// `user:<id>` or `service:<name>`.
    #[schema(example = "service:support")]
    pub requested_by: String,
    pub on_behalf_of: Option<String>,
    pub requested_at: String,
    pub expires_at: String,
    /// For the one who asks: until when he hid the card.
    pub postponed_until: Option<String>,
    pub required_approvals: u8,
    pub decisions: Vec<Decision>,
    pub execution: Option<Execution>,
    /// While pending.
    pub urgency: Option<Urgency>,
    /// What happened to it; empty in lists.
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
}

/// Why the action is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalContext {
    pub ticket_id: Option<i64>,
    pub ticket_title: Option<String>,
    pub ticket_description: Option<String>,
    pub client_id: Option<String>,
    pub client_name: Option<String>,
    pub client_critical: bool,
    pub workflow: Option<String>,
    pub confidence: Option<u8>,
}

/// A decision of a person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `approved`, `rejected` or `glass_broken`.
    pub kind: String,
    /// The user name.
    #[schema(example = "jean.dupont")]
    pub by: String,
    /// `user:<id>`.
    pub by_id: String,
    pub at: String,
    pub comment: Option<String>,
}

/// How far the granted action is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Execution {
    pub grant_id: Uuid,
    pub claimed_at: String,
    pub execute_before: String,
    pub outcome: Option<ExecutionOutcome>,
    pub detail: Option<String>,
    pub finished_at: Option<String>,
}

/// Something that happened to an approval.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineEntry {
    pub position: u64,
    pub at: String,
    /// The event's last word, e.g. `vote_recorded`.
    pub kind: String,
    pub by: String,
    pub by_id: String,
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalPage {
    pub items: Vec<Approval>,
    pub next_cursor: Option<String>,
    /// The server's clock, for countdowns.
    pub server_time: String,
}

/// How approvals went over a time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalStats {
    pub from: String,
    pub to: String,
    pub total: u64,
    pub approved: u64,
    pub rejected: u64,
    pub expired: u64,
    pub cancelled: u64,
    pub mean_response_seconds: Option<f64>,
    pub p90_response_seconds: Option<f64>,
    pub top_actions: Vec<ToolCount>,
    pub by_client: Vec<ClientCount>,
    pub by_workflow: Vec<WorkflowCount>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCount {
    pub tool_name: String,
    pub count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCount {
    pub client_id: Option<String>,
    pub client_name: Option<String>,
    pub count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowCount {
    pub workflow: Option<String>,
    pub count: u64,
}

/// A tool as read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    pub name: String,
    pub level: ActionLevel,
    pub description: ToolDescription,
    pub schema_fingerprint: Option<String>,
    pub version: u64,
    pub updated_at: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolPage {
    pub items: Vec<Tool>,
    pub next_cursor: Option<String>,
}
