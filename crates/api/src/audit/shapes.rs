//! What auditors ask for and read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::shapes::Party;

/// Which items of the trail.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// `user:<id>`, `service:<name>`, or a user name.
    pub actor: Option<String>,
    /// e.g. `safeguard.approval.approved` or a beginning, `safeguard.`.
    pub action: Option<String>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<DateTime<Utc>>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<DateTime<Utc>>,
    /// Words, by their beginnings.
    pub q: Option<String>,
    #[param(inline)]
    pub format: Option<Format>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Json,
    Csv,
    Jsonl,
}

/// One thing that someone did, or was refused.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditItem {
    pub position: u64,
    pub at: String,
    pub actor: Party,
    /// The event's type, e.g. `safeguard.approval.approved`; of a refusal, the operation.
    pub action: String,
    /// `accepted`, `refused` or `failed`.
    pub outcome: String,
    pub target_type: String,
    pub target_id: String,
    pub reason: Option<String>,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    /// The version that the event was stored in.
    pub schema_version: u32,
    /// The event's data in today's shape; as it was stored, if a newer release wrote it.
    pub details: Value,
    /// Why a sealed part of it does not open, which then reads `illisible`: `damaged`, `key_missing` or
    /// `key_damaged`; absent if it can be read.
    pub unreadable: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    pub items: Vec<AuditItem>,
    pub next_cursor: Option<String>,
}

/// Which raw events.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventFilter {
    /// Events after this position; from the start if absent.
    pub after: Option<u64>,
    /// e.g. `safeguard`.
    pub context: Option<String>,
    pub aggregate_id: Option<String>,
    /// e.g. `safeguard.approval.approved`.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    pub event_type: Option<String>,
    pub correlation_id: Option<Uuid>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// An event as the log has it, its personal parts opened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RawEvent {
    pub position: u64,
    pub event_id: Uuid,
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version that `data` is in: as it was stored, never converted.
    pub schema_version: u32,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: u64,
    pub recorded_at: String,
    pub actor: Party,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    pub data: Value,
    /// Why a sealed part of it does not open, which then reads `illisible`: `damaged`, `key_missing` or
    /// `key_damaged`; absent if it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    pub items: Vec<RawEvent>,
    /// Ask next with `after=` this; absent at the end.
    pub next_cursor: Option<String>,
}
