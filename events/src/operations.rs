//! What operators did to the read models, to the database and to what was not accepted. The aggregate
//! is a projection, whose id is its name, a backup, or a refused fact.
//!
//! Invariant: an order about a parked event takes effect at its own place in the log, so that a
//! rebuild comes to the same rows.

use chrono::{DateTime, Utc};
use kernel::{EventType, PersonalField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{event_enum::event_enum, millis, schema};

event_enum! {
    /// What an operator did to a projection.
    ProjectionEvent {
        /// A parked event, and what waits behind it, is to be applied again.
        RetryOrdered(RetryOrdered) = "operations.projection.retry_ordered" by [User, System],
        /// All its parked events are to be applied again.
        AllRetriesOrdered(AllRetriesOrdered) = "operations.projection.all_retries_ordered" by [User, System],
        /// A parked event is to be passed over for good.
        EventDiscarded(EventDiscarded) = "operations.projection.event_discarded" by [User, System],
        /// Its rows were filled anew from the log.
        Rebuilt(ProjectionRebuilt) = "operations.projection.rebuilt" by [System],
        /// Its rows from before the last rebuild are back.
        RolledBack(ProjectionRolledBack) = "operations.projection.rolled_back" by [System],
    }
}

/// A parked event, and what waits behind it, is to be applied again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetryOrdered {
    /// Of the parked event.
    pub position: u64,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub ordered_at: DateTime<Utc>,
}

/// All parked events of the projection, and what waits behind them, are to be applied again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AllRetriesOrdered {
    /// How many events were parked when it was ordered, those that only wait among them.
    pub parked: u64,
    /// Who ordered it.
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// When it was ordered.
    #[serde(serialize_with = "millis")]
    pub ordered_at: DateTime<Utc>,
}

/// A parked event is passed over for good: the projection never shows what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventDiscarded {
    /// Of the parked event.
    pub position: u64,
    /// Why. Personal.
    #[schemars(schema_with = "schema::sealed_for_actor")]
    pub reason: String,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub discarded_at: DateTime<Utc>,
}

/// The rows of a projection were filled anew from the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectionRebuilt {
    /// The version of the projection, not of the event.
    pub version: u32,
    /// How far the new rows were when they took the place of the others.
    pub position: u64,
    /// Events applied.
    pub events: u64,
    #[serde(serialize_with = "millis")]
    pub rebuilt_at: DateTime<Utc>,
}

/// The rows from before the last rebuild of a projection are back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectionRolledBack {
    /// The version of the projection, not of the event.
    pub version: u32,
    /// From where they go on.
    pub position: u64,
    #[serde(serialize_with = "millis")]
    pub rolled_back_at: DateTime<Utc>,
}

impl EventType for ProjectionEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let Self::EventDiscarded(event) = self else {
            return Vec::new();
        };
        vec![PersonalField {
            pointer: "/reason",
            subject: event.by.clone(),
        }]
    }
}

event_enum! {
    /// What became of a backup of the database.
    BackupEvent {
        /// The database is about to be copied. The copy holds this event.
        Begun(BackupBegun) = "operations.backup.begun" by [System],
        /// The copy is put in the place of the database.
        Restored(BackupRestored) = "operations.backup.restored" by [System],
    }
}

/// The database is about to be copied to a file. The copy holds this event, so that a platform on
/// which nothing more happens can go on from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupBegun {
    /// The name of the file, without its folder.
    pub file: String,
    /// When the copy was begun.
    #[serde(serialize_with = "millis")]
    pub begun_at: DateTime<Utc>,
}

/// A copy takes the place of the database: what happened after the copy is no longer in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupRestored {
    /// The name of the file, without its folder.
    pub file: String,
    /// The last position that the copy holds.
    pub position: u64,
    /// When it was restored.
    #[serde(serialize_with = "millis")]
    pub restored_at: DateTime<Utc>,
}

impl EventType for BackupEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }
}

event_enum! {
    /// What was done about a fact that could not be accepted. The fact itself is in the stream
    /// `REJECTED`.
    RejectedFactEvent {
        /// It was published anew, perhaps corrected.
        Resubmitted(FactResubmitted) = "operations.rejected_fact.resubmitted" by [User],
        /// It is not wanted.
        Discarded(FactDiscarded) = "operations.rejected_fact.discarded" by [User],
    }
}

/// A refused fact was published anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactResubmitted {
    /// Where it was published first, e.g. `intake.support.sentinel.alert`.
    pub subject: String,
    /// Why it was refused.
    pub code: String,
    /// Whether its body was changed.
    pub is_corrected: bool,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub resubmitted_at: DateTime<Utc>,
}

/// A refused fact is not wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactDiscarded {
    /// Where it was published, e.g. `intake.support.sentinel.alert`.
    pub subject: String,
    /// Why it was refused.
    pub code: String,
    /// Why it is not wanted. Personal.
    #[schemars(schema_with = "schema::sealed_for_actor")]
    pub reason: String,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub discarded_at: DateTime<Utc>,
}

impl EventType for RejectedFactEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        match self {
            Self::Discarded(event) => schema::personal_fields(&event.by, &["/reason"]),
            Self::Resubmitted(_) => Vec::new(),
        }
    }
}
