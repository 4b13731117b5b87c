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
    #[serde(deserialize_with = "crate::json::exact_arguments")]
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
    /// Of `[A-Za-z0-9 _.-]`.
    #[serde(default)]
    #[schema(example = "SUPPORT", max_length = 64, pattern = "^[A-Za-z0-9 _.-]*$")]
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
    /// Whether this is the answer to an earlier sending with the same idempotency key.
    pub repeated: bool,
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
    /// Whether this grant was given before under the same idempotency key: whoever got it then may
    /// have acted. Act only if it is false, or if it is your own sending that you repeat.
    pub repeated: bool,
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

/// Approves alone, past the four eyes; loudly audited.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BreakGlass {
    pub version: u64,
    pub reason: String,
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

/// What a tool does, for those who approve it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ToolDescription {
    #[serde(default)]
    pub fr: String,
    #[serde(default)]
    pub en: String,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionOutcome {
    Succeeded,
    Failed,
}

/// Where a request is in its life.
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
