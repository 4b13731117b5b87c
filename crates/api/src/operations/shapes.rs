//! Projections and parked events as operators see them.

use chrono::{DateTime, Utc};
use events::millis;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A reader of the log: a read model, or a reaction that keeps a checkpoint.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectionState {
    pub name: String,
    pub version: u32,
    /// How far it has read.
    pub position: u64,
    /// Events it has not read.
    pub lag_events: u64,
    /// Age of the oldest of them.
    pub lag_seconds: u64,
    /// Events it could not apply, and those that wait behind them.
    pub parked: u64,
    /// Why it stands still, if it does in this process.
    pub problem: Option<String>,
    /// Its rows are being filled anew.
    pub rebuild: Option<RebuildState>,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct RebuildState {
    /// `filling`, `indexing`, `swapping`.
    pub state: String,
    #[sqlx(try_from = "i64")]
    pub position: u64,
    /// How far it has to go at least.
    #[sqlx(try_from = "i64")]
    pub target: u64,
    #[serde(serialize_with = "millis")]
    pub started_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectionPage {
    pub items: Vec<ProjectionState>,
    /// Always absent: there is one page.
    pub next_cursor: Option<String>,
}

/// An event that a projection has not applied.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParkedItem {
    pub position: u64,
    /// e.g. `safeguard.approval.approved`.
    pub event_type: String,
    pub aggregate_id: String,
    /// What waits: the events of one key keep their order.
    pub partition_key: String,
    /// Why it failed, without any value of the event; absent: it waits behind an earlier one.
    pub error: Option<String>,
    #[serde(serialize_with = "millis")]
    pub parked_at: DateTime<Utc>,
    /// How many of its key wait behind it.
    pub waiting: u64,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParkedPage {
    pub items: Vec<ParkedItem>,
    pub next_cursor: Option<String>,
}

/// Which parked events.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ParkedFilter {
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Why an event is passed over.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardEvent {
    pub reason: String,
}
