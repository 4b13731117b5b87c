//! Facts that could not be accepted, as people see them.

use chrono::{DateTime, Utc};
use events::millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::problem::FieldError;

/// A fact that could not be accepted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RejectedFact {
    /// Names it among those that wait.
    pub sequence: u64,
    /// Where it was published, e.g. `intake.support.sentinel.alert`.
    pub subject: String,
    /// The account that published it.
    pub service: String,
    /// Why it was refused; stable.
    pub code: String,
    pub detail: String,
    pub errors: Vec<FieldError>,
    #[serde(serialize_with = "millis")]
    pub received_at: DateTime<Utc>,
    /// As it came, but for bytes that are not UTF-8. It is text, whatever it looks like.
    pub body: String,
    /// Of the body (bytes).
    pub size: u64,
}

#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct RejectedFactPage {
    pub items: Vec<RejectedFact>,
    pub next_cursor: Option<String>,
    /// Of the first page only, as are those below: how many facts the filter has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many facts of the service (of all, without one) were refused with each code, most first. The
    /// filter's code does not count here: it is what can be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_code: Option<Vec<CodeCount>>,
    /// Whether there are more than the 10,000 oldest, or 64 MiB of them, which are counted at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_more_than_counted: Option<bool>,
    /// The last sequence when it was counted, `up_to` of what acts on many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sequence: Option<u64>,
}

/// How many facts were refused with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeCount {
    pub code: String,
    pub count: u64,
}

/// Which rejected facts.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RejectedFilter {
    /// A page ends sooner when its bodies have 1 MiB.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
    /// Of this account only, e.g. `support`.
    pub service: Option<String>,
    /// Refused with this code only, e.g. `invalid`.
    pub code: Option<String>,
}

/// Publish it anew.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResubmitFact {
    /// Corrected; as it came, if absent.
    #[serde(default)]
    pub body: Option<String>,
}

/// Why it is not wanted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardFact {
    pub reason: String,
}

/// Which facts an act on many takes: those after one sequence and up to another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResubmitFacts {
    /// Of this account only.
    #[serde(default)]
    pub service: Option<String>,
    /// Refused with this code only.
    #[serde(default)]
    pub code: Option<String>,
    /// From the oldest, if absent; `next_after` of the call before.
    #[serde(default)]
    pub after: Option<u64>,
    /// What came later stays: `last_sequence` of the list that somebody has seen.
    pub up_to: u64,
}

/// As [`ResubmitFacts`], with why they are not wanted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardFacts {
    /// Of this account only.
    #[serde(default)]
    pub service: Option<String>,
    /// Refused with this code only.
    #[serde(default)]
    pub code: Option<String>,
    /// From the oldest, if absent; `next_after` of the call before.
    #[serde(default)]
    pub after: Option<u64>,
    /// What came later stays: `last_sequence` of the list that somebody has seen.
    pub up_to: u64,
    pub reason: String,
}

/// What became of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ManyAnswer {
    pub done: u64,
    /// Those that stay where they are, and why.
    pub failed: Vec<FailedFact>,
    /// Where the next call begins; null when all up to `up_to` was gone through.
    pub next_after: Option<u64>,
}

/// A fact that an act on many could not deal with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FailedFact {
    pub sequence: u64,
    /// As the act on this one alone answers.
    pub code: String,
    pub detail: String,
}

/// What may be published.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FactSchemas {
    pub items: Vec<FactSchema>,
    /// Always absent: there is one page.
    pub next_cursor: Option<String>,
}

/// One kind of fact.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FactSchema {
    /// After `intake.<service>.`
    pub subject: String,
    /// JSON Schema of the body.
    pub schema: Value,
}
