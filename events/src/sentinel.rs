//! Alerts of the networks watched, and the maintenance windows that mute them.
//!
//! An alert is one thing that an outside system watches (`source` and `external_id`). What is wrong
//! with it from a `raised` to its last `resolved` is an *episode*: an alert that comes back within
//! half an hour goes on in the same one.
//!
//! Invariant: times are those of the facts (`occurred_at`), never of their arrival, so that facts
//! published while the platform was down count where they belong.

use chrono::{DateTime, Utc};
use kernel::{AggregateId, DeadlineChange, EventType, PersonalField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    event_enum::event_enum,
    millis,
    schema::{self, personal_fields},
};

/// Due when a maintenance window begins.
pub const MAINTENANCE_START: &str = "maintenance_start";
/// Due when it ends.
pub const MAINTENANCE_END: &str = "maintenance_end";

/// How bad an alert is, as its source says.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// On whose side the cause lies.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Responsibility {
    /// The Internet provider.
    Fai,
    /// The client's own site.
    Local,
    /// The managed-service provider.
    Widip,
    #[default]
    Indetermine,
}

/// What was done about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    TicketCreated,
    DiagnosticMailSent,
    /// The client was asked to look, and has not answered.
    AwaitingDiag,
    DiagReceived,
    Note,
}

event_enum! {
    /// What happened to an alert.
    AlertEvent {
        /// Something is wrong that was not: an episode begins.
        Raised(Box<AlertRaised>) = "sentinel.alert.raised" by [Service, System],
        /// It is still wrong, its source says.
        Repeated(AlertRepeated) = "sentinel.alert.repeated" by [Service, System],
        /// The cause lies elsewhere, or is surer, than was thought.
        Reclassified(AlertReclassified) = "sentinel.alert.reclassified" by [User, Service, System],
        /// Someone has seen it and looks after it.
        Acknowledged(AlertAcknowledged) = "sentinel.alert.acknowledged" by [User],
        /// Something was done about it.
        StepRecorded(AlertStep) = "sentinel.alert.step_recorded" by [Service, User],
        /// It is well again.
        Resolved(AlertResolved) = "sentinel.alert.resolved" by [User, Service, System],
        /// It is wrong again within the episode.
        Reopened(AlertReopened) = "sentinel.alert.reopened" by [Service, System],
        /// It went down more than three times in half an hour: shown as one alert.
        FlappingStarted(AlertFlapping) = "sentinel.alert.flapping_started" by [Service, System],
        /// A source says that it is well, and nobody knew that it was not.
        RecoveryNoted(RecoveryNoted) = "sentinel.alert.recovery_noted" by [Service, System],
    }
}

/// An episode begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRaised {
    /// Counts the episodes of the alert, from 1.
    pub episode: u32,
    /// Which system watches, e.g. `observium`.
    pub source: String,
    /// What names the alert there.
    pub external_id: String,
    /// e.g. `SWITCH-CLI-001`.
    pub device: String,
    /// The client's number; a number the register does not know is "to identify".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// As the source writes it, for display. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_alert")]
    pub client_name: Option<String>,
    pub severity: Severity,
    /// Personal: it is free text.
    #[schemars(schema_with = "schema::sealed_for_alert")]
    pub message: String,
    pub responsibility: Responsibility,
    /// How sure the responsibility is, 0–100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
}

/// It is still wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRepeated {
    pub episode: u32,
    pub severity: Severity,
    /// Personal: it is free text.
    #[schemars(schema_with = "schema::sealed_for_alert")]
    pub message: String,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
    /// Whose the text is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// The cause lies elsewhere, or is surer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertReclassified {
    pub episode: u32,
    pub responsibility: Responsibility,
    /// How sure it is, 0–100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
}

/// Someone looks after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertAcknowledged {
    pub episode: u32,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_alert")]
    pub comment: Option<String>,
    #[serde(serialize_with = "millis")]
    pub acknowledged_at: DateTime<Utc>,
    /// Whose the text is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// Something was done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertStep {
    pub episode: u32,
    pub kind: StepKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_id: Option<i64>,
    /// Personal: it is free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_alert")]
    pub detail: Option<String>,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
    /// Whose the text is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// It is well again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertResolved {
    pub episode: u32,
    /// What ended it, if anybody says. Personal: it is free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_alert")]
    pub resolution: Option<String>,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
    /// Whose the text is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// It is wrong again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertReopened {
    pub episode: u32,
    pub severity: Severity,
    /// Personal: it is free text.
    #[schemars(schema_with = "schema::sealed_for_alert")]
    pub message: String,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
    /// Whose the text is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// It goes up and down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertFlapping {
    pub episode: u32,
    /// How often it went down in the last half hour.
    pub downs: u32,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
}

/// A recovery of something that nobody knew to be wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryNoted {
    pub source: String,
    pub external_id: String,
    pub device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(serialize_with = "millis")]
    pub occurred_at: DateTime<Utc>,
}

/// Whose the texts of an alert are: the client's; the alert's own if it names none.
pub fn alert_subject(alert_id: &AggregateId, client_id: Option<&str>) -> String {
    match client_id {
        Some(client_id) => format!("client:{client_id}"),
        None => format!("alert:{alert_id}"),
    }
}

/// The id of an alert in the log.
pub fn alert_id(source: &str, external_id: &str) -> AggregateId {
    AggregateId::derived("alert", &format!("{source}\n{external_id}"))
}

impl EventType for AlertEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        match self {
            Self::Raised(event) => personal_fields(&event.subject(), &["/message", "/client_name"]),
            Self::Repeated(event) => personal_fields(&event.subject, &["/message"]),
            Self::Reopened(event) => personal_fields(&event.subject, &["/message"]),
            Self::Acknowledged(event) => personal_fields(&event.subject, &["/comment"]),
            Self::StepRecorded(event) => personal_fields(&event.subject, &["/detail"]),
            Self::Resolved(event) => personal_fields(&event.subject, &["/resolution"]),
            Self::Reclassified(_) | Self::FlappingStarted(_) | Self::RecoveryNoted(_) => Vec::new(),
        }
    }
}

impl AlertRaised {
    /// Whose its texts are.
    pub fn subject(&self) -> String {
        let id = alert_id(&self.source, &self.external_id);
        alert_subject(&id, self.client_id.as_deref())
    }
}

event_enum! {
    /// What happened to a maintenance window.
    MaintenanceEvent {
        /// Someone will work on something, and its alerts are to disturb nobody.
        Planned(MaintenancePlanned) = "sentinel.maintenance.planned" by [User],
        /// It is not needed, or over before its time.
        Cancelled(MaintenanceCancelled) = "sentinel.maintenance.cancelled" by [User],
        /// Its time has come.
        Started(MaintenanceStarted) = "sentinel.maintenance.started" by [System],
        /// Its time is over: what is still wrong is told again.
        Ended(MaintenanceEnded) = "sentinel.maintenance.ended" by [System],
    }
}

/// Someone will work on something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenancePlanned {
    pub maintenance_id: Uuid,
    /// All alerts of this client; or those of the device, if it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Personal: it is free text.
    #[schemars(schema_with = "schema::sealed_for_actor")]
    pub reason: String,
    #[serde(serialize_with = "millis")]
    pub starts_at: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub ends_at: DateTime<Utc>,
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub planned_at: DateTime<Utc>,
}

/// It is not needed, or over before its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenanceCancelled {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    #[serde(serialize_with = "millis")]
    pub cancelled_at: DateTime<Utc>,
}

/// Its time has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenanceStarted {
    #[serde(serialize_with = "millis")]
    pub started_at: DateTime<Utc>,
}

/// Its time is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenanceEnded {
    #[serde(serialize_with = "millis")]
    pub ended_at: DateTime<Utc>,
}

impl EventType for MaintenanceEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        match self {
            Self::Planned(event) => personal_fields(&event.by, &["/reason"]),
            Self::Cancelled(_) | Self::Started(_) | Self::Ended(_) => Vec::new(),
        }
    }

    fn deadlines(&self) -> Vec<DeadlineChange> {
        match self {
            Self::Planned(event) => vec![
                DeadlineChange::Set {
                    kind: MAINTENANCE_START,
                    due_at: event.starts_at,
                },
                DeadlineChange::Set {
                    kind: MAINTENANCE_END,
                    due_at: event.ends_at,
                },
            ],
            Self::Started(_) => vec![DeadlineChange::Clear {
                kind: MAINTENANCE_START,
            }],
            Self::Cancelled(_) | Self::Ended(_) => vec![
                DeadlineChange::Clear {
                    kind: MAINTENANCE_START,
                },
                DeadlineChange::Clear {
                    kind: MAINTENANCE_END,
                },
            ],
        }
    }
}
