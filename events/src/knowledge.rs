//! The knowledge base: so far, the runs that enrich it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::{AggregateId, EventType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{event_enum::event_enum, millis};

event_enum! {
    /// What happened to a run of ENRICHISSEUR.
    EnrichmentEvent {
        /// It is over; if it is told again, the latest word counts.
        Finished(EnrichmentFinished) = "knowledge.enrichment.finished" by [Service, System],
    }
}

/// A run of ENRICHISSEUR is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnrichmentFinished {
    /// What names it where it ran.
    pub run_id: String,
    #[serde(serialize_with = "millis")]
    pub started_at: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub finished_at: DateTime<Utc>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "crate::optional_millis"
    )]
    pub next_run_at: Option<DateTime<Utc>>,
    /// Entries that are new.
    pub added: u32,
    /// Entries that were changed.
    pub updated: u32,
    /// Documents that could not be taken in.
    pub failed: u32,
    /// The new entries by where they come from, e.g. `tickets`.
    #[serde(default)]
    pub by_source: BTreeMap<String, u32>,
}

/// The id of a run in the log.
pub fn run_id(outside: &str) -> AggregateId {
    AggregateId::derived("enrichment", outside)
}

impl EventType for EnrichmentEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }
}
