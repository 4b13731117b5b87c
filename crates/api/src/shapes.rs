//! Shapes that several contexts share, as callers see them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How risky an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ActionLevel {
    L0,
    L1,
    L2,
    L3,
    L4,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AccreditationLevel {
    N0,
    N1,
    N2,
    N3,
    N4,
}

/// Answer to every command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandAnswer {
    pub id: String,
    /// What a later command names to say what it saw.
    pub version: u64,
    /// Position of the command's last event; a query with `Greffe-Min-Position` waits for it.
    pub position: u64,
    /// What the operation adds, e.g. `reference`.
    #[serde(flatten)]
    #[schema(ignore)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Who did something. The name is looked up when shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// `user`, `service`, `system` or `anonymous`.
    pub kind: String,
    pub id: String,
    pub name: Option<String>,
}
