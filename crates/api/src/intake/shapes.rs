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

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RejectedFactPage {
    pub items: Vec<RejectedFact>,
    pub next_cursor: Option<String>,
}

/// Which rejected facts.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RejectedFilter {
    /// A page ends sooner when its bodies have 1 MiB.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
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
