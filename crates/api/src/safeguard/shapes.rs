//! What callers send and read about approvals (`contracts.md`, "HTTP").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::shapes::ActionLevel;

/// Asks for an approval.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestApproval {
    #[schema(example = "ad_reset_password", min_length = 1, max_length = 128)]
    pub tool_name: String,
    /// What the tool will be called with; the grant is bound to it.
    pub arguments: BTreeMap<String, Value>,
    /// The level asked for; never lower than the registry's in effect.
    #[serde(default)]
    pub security_level: Option<ActionLevel>,
    #[serde(default)]
    pub context: RequestContext,
    /// User name of the person a bot asks for; that person cannot decide.
    #[serde(default)]
    #[schema(example = "jean.dupont")]
    pub on_behalf_of: Option<String>,
    /// 60 to 86400; 3600 if absent.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 86400)]
    pub expires_in_seconds: Option<i64>,
}

/// What helps an approver decide.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RequestContext {
    #[serde(default)]
    pub ticket_id: Option<i64>,
    #[serde(default)]
    pub ticket_title: Option<String>,
    #[serde(default)]
    pub ticket_description: Option<String>,
    /// Id in the client registry; an unknown one counts as critical.
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    pub client_name: Option<String>,
    /// Can raise what the registry says, never lower it.
    #[serde(default)]
    pub client_critical: Option<bool>,
    #[serde(default)]
    pub workflow: Option<String>,
    /// 0 to 100.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100)]
    pub confidence: Option<u8>,
}

/// Answer to a request for approval.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestedApproval {
    pub id: Uuid,
    #[schema(example = "APR-2026-0001")]
    pub reference: String,
    pub version: u64,
    pub position: u64,
    pub expires_at: String,
}

/// A yes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApproveRequest {
    /// The version the approver read.
    pub version: u64,
    #[serde(default)]
    pub comment: Option<String>,
}

/// A no; it needs a reason.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RejectRequest {
    pub version: u64,
    pub reason: String,
}

/// Hides the card for oneself, until a time before the expiry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PostponeRequest {
    pub version: u64,
    #[schema(minimum = 1)]
    pub minutes: i64,
    #[serde(default)]
    pub reason: Option<String>,
}

/// Withdraws a request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CancelApproval {
    #[serde(default)]
    pub reason: Option<String>,
}

/// Asks for the single-use grant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClaimExecution {
    /// `sha256:` and the hex of SHA-256 over the RFC 8785 form of `{"arguments":…,"tool_name":"…"}`.
    pub arguments_hash: String,
}

/// The grant: act before its end, once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClaimedExecution {
    pub id: Uuid,
    pub version: u64,
    pub position: u64,
    pub grant_id: Uuid,
    pub execute_before: String,
}

/// How the action ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordExecution {
    pub grant_id: Uuid,
    pub outcome: ExecutionOutcome,
    #[serde(default)]
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionOutcome {
    Succeeded,
    Failed,
}

/// Approves alone, past the four eyes; loudly audited.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BreakGlass {
    pub version: u64,
    pub reason: String,
}

/// What a tool does, for those who approve it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ToolDescription {
    #[serde(default)]
    pub fr: String,
    #[serde(default)]
    pub en: String,
}

/// A tool of the registry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PutTool {
    pub level: ActionLevel,
    #[serde(default)]
    pub description: Option<ToolDescription>,
    /// What the tool's schema looked like when it was classified; a change makes it L3.
    #[serde(default)]
    pub schema_fingerprint: Option<String>,
    /// The version the caller saw; refused if it changed since.
    #[serde(default)]
    pub version: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    Pending,
    Approved,
    Executing,
    Executed,
    ExecutionFailed,
    Lapsed,
    Rejected,
    Expired,
    Cancelled,
}

/// Time left: red ≤ 15 min, yellow ≤ 45, green above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    Red,
    Yellow,
    Green,
}

/// An approval as read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    pub id: Uuid,
    #[schema(example = "APR-2026-0001")]
    pub reference: String,
    pub status: ApprovalStatus,
    pub version: u64,
    pub tool_name: String,
    #[schema(value_type = BTreeMap<String, Value>)]
    pub arguments: Value,
    pub arguments_hash: String,
    pub security_level: ActionLevel,
    pub context: RequestContext,
    /// `user:<id>` or `service:<name>`.
    #[schema(example = "service:support")]
    pub requested_by: String,
    pub requested_at: String,
    pub expires_at: String,
    /// For the one who asks: until when he hid the card.
    pub postponed_until: Option<String>,
    pub required_approvals: u32,
    pub decisions: Vec<Decision>,
    pub execution: Option<Execution>,
    /// While pending.
    pub urgency: Option<Urgency>,
}

/// A vote.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// `approved` or `rejected`.
    pub kind: String,
    #[schema(example = "user:0198c1d2-aaaa-7bbb-8ccc-000000000001")]
    pub by: String,
    pub at: String,
    pub comment: Option<String>,
}

/// How far the granted action is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Execution {
    pub grant_id: Option<Uuid>,
    pub outcome: Option<ExecutionOutcome>,
    pub detail: Option<String>,
    pub claimed_at: Option<String>,
    pub finished_at: Option<String>,
}

/// Something that happened to an approval.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    pub position: u64,
    pub at: String,
    /// The event's last word, e.g. `vote_recorded`.
    pub kind: String,
    pub by: String,
    pub detail: Option<String>,
}

/// An approval with what happened to it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApprovalDetail {
    #[serde(flatten)]
    pub approval: Approval,
    pub timeline: Vec<TimelineEntry>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApprovalPage {
    pub items: Vec<Approval>,
    pub next_cursor: Option<String>,
    /// The server's clock, for countdowns.
    pub server_time: String,
}

/// How approvals went over a time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApprovalStats {
    pub from: String,
    pub to: String,
    pub total: u64,
    pub approved: u64,
    pub rejected: u64,
    pub expired: u64,
    pub cancelled: u64,
    pub mean_response_seconds: Option<u64>,
    pub p90_response_seconds: Option<u64>,
    pub top_actions: Vec<ToolCount>,
    pub by_client: Vec<ClientCount>,
    pub by_workflow: Vec<WorkflowCount>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ToolCount {
    pub tool_name: String,
    pub count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClientCount {
    pub client_id: Option<String>,
    pub client_name: Option<String>,
    pub count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkflowCount {
    pub workflow: Option<String>,
    pub count: u64,
}

/// A tool as read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    pub name: String,
    pub level: ActionLevel,
    pub description: ToolDescription,
    pub schema_fingerprint: Option<String>,
    pub version: u64,
    pub updated_at: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ToolPage {
    pub items: Vec<Tool>,
    pub next_cursor: Option<String>,
}

/// Which pending approvals.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PendingFilter {
    /// Words to find, by their beginnings.
    pub q: Option<String>,
    pub tool: Option<String>,
    /// Client id.
    pub client: Option<String>,
    #[param(inline)]
    pub urgency: Option<Urgency>,
    /// Also those the caller has postponed.
    pub include_postponed: Option<bool>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Which approvals of the past.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryFilter {
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<chrono::DateTime<chrono::Utc>>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<chrono::DateTime<chrono::Utc>>,
    #[param(inline)]
    pub status: Option<ApprovalStatus>,
    pub tool: Option<String>,
    pub client: Option<String>,
    pub q: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Over which time.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsFilter {
    /// 1 to 366; 7 if absent. `from` and `to` go before it.
    #[param(minimum = 1, maximum = 366)]
    pub days: Option<u32>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<chrono::DateTime<chrono::Utc>>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<chrono::DateTime<chrono::Utc>>,
}
