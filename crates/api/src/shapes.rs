//! Shapes that several contexts share, as callers see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;

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
    /// Whether this is the answer to an earlier sending with the same idempotency key.
    pub repeated: bool,
    /// What the operation adds, e.g. `reference`.
    #[serde(flatten)]
    #[schema(ignore)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// Items of a page when the caller does not say, and at most.
const DEFAULT_LIMIT: u32 = 50;
const MOST_ITEMS: u32 = 200;

/// How many items a page has.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    match (1..=MOST_ITEMS).contains(&limit) {
        true => Ok(limit),
        false => Err(Problem::field(
            "limit",
            "out_of_range",
            format!("`limit` is 1 to {MOST_ITEMS}."),
        )),
    }
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
