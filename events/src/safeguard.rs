//! Approvals of risky actions, and the registry that says how risky each tool is.

use chrono::{DateTime, Datelike, Utc};
use kernel::{ActionLevel, DeadlineChange, EventType, PersonalField, Series};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{ERASED, event_enum::event_enum, millis, names::fold_user_name, schema};

pub use tool::{TOOL_NAME_CLAIM, ToolDescription, ToolEvent, ToolReclassified, ToolRegistered};

mod tool;

/// Due when a pending request expires.
pub const EXPIRY: &str = "expiry";
/// Due when an approval that nobody used lapses.
pub const LAPSE: &str = "lapse";

/// Whose personal data an approval holds, all of it: the arguments, the ticket and what people
/// write about it later. One subject per approval, so that destroying one key erases it whole.
///
/// The person on whose behalf a bot asks; else the one the arguments name (`arguments.username`);
/// else the client; else the approval by itself. `None` if that person is erased already: what is
/// written from now on must then be [`ERASED`] instead of being sealed for somebody else.
pub fn approval_subject(
    approval_id: &str,
    on_behalf_of: Option<&str>,
    arguments: &Value,
    client_id: Option<&str>,
) -> Option<String> {
    if on_behalf_of == Some(ERASED) || arguments == ERASED {
        return None;
    }
    let named = arguments.get("username").and_then(Value::as_str);
    let person = [on_behalf_of, named]
        .into_iter()
        .flatten()
        .map(fold_user_name)
        .find(|name| !name.is_empty());
    Some(match (person, client_id) {
        (Some(name), _) => format!("person:{name}"),
        (None, Some(client_id)) => format!("client:{client_id}"),
        (None, None) => format!("approval:{approval_id}"),
    })
}

event_enum! {
    /// What happened to a request for approval.
    ApprovalEvent {
        /// Someone asks.
        Requested(Box<ApprovalRequested>) = "safeguard.approval.requested" by [User, Service],
        /// Someone is for it, and more votes are needed.
        VoteRecorded(VoteRecorded) = "safeguard.approval.vote_recorded" by [User],
        /// The last vote needed is in: the action may run, once.
        Approved(ApprovalGranted) = "safeguard.approval.approved" by [User],
        /// Someone is against it, which ends it.
        Rejected(ApprovalRejected) = "safeguard.approval.rejected" by [User],
        /// Nobody decided in time.
        Expired(ApprovalExpired) = "safeguard.approval.expired" by [System],
        /// The request was withdrawn.
        Cancelled(ApprovalCancelled) = "safeguard.approval.cancelled" by [User, Service],
        /// Someone does not want to see it for a while. Changes nothing for anybody else.
        Postponed(ApprovalPostponed) = "safeguard.approval.postponed" by [User],
        /// A super admin decided alone; `approved` follows in the same append.
        GlassBroken(GlassBroken) = "safeguard.approval.glass_broken" by [User],
        /// The requester took the grant and is about to act.
        ExecutionClaimed(ExecutionClaimed) = "safeguard.approval.execution_claimed" by [Service],
        /// The action ran.
        Executed(ActionExecuted) = "safeguard.approval.executed" by [Service],
        /// The action ran and failed, or could not run.
        ExecutionFailed(ExecutionFailed) = "safeguard.approval.execution_failed" by [Service],
        /// Nobody used the grant in time.
        Lapsed(ApprovalLapsed) = "safeguard.approval.lapsed" by [System],
    }
}

/// Why an action is asked for, as the requester tells it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestContext {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_id: Option<i64>,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub ticket_title: Option<String>,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub ticket_description: Option<String>,
    /// The client's number in the register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// For display. Personal: a practice may bear its owner's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub client_name: Option<String>,
    /// Whether the client is critical, by the register or by the requester: it can only be raised.
    #[serde(default)]
    pub client_critical: bool,
    /// e.g. `SUPPORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// How sure the workflow is, 0–100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

/// Someone asks for an approval. What was frozen here never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRequested {
    pub approval_id: Uuid,
    /// `APR-<year>-<number>`, for people.
    pub reference: String,
    pub tool_name: String,
    /// What the tool is called with. Personal.
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub arguments: Value,
    /// `sha256:` + hex of SHA-256 over the RFC 8785 form of `{"arguments":…,"tool_name":"…"}`.
    pub arguments_hash: String,
    /// The higher of the level asked and the registry's.
    #[schemars(schema_with = "schema::action_level")]
    pub security_level: ActionLevel,
    pub context: RequestContext,
    #[schemars(schema_with = "schema::party")]
    pub requested_by: String,
    /// Who answers for the requesting service account, and counts as requester: `user:<uuid>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_owner: Option<String>,
    /// The user name of the person who asked the bot. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub on_behalf_of: Option<String>,
    #[serde(serialize_with = "millis")]
    pub requested_at: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub expires_at: DateTime<Utc>,
    /// 1; 2 if the action is L4 or the client critical.
    pub required_approvals: u8,
}

/// Someone is for it, and more votes are needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VoteRecorded {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub comment: Option<String>,
    #[serde(serialize_with = "millis")]
    pub voted_at: DateTime<Utc>,
    /// The request's version after it.
    pub version: u64,
    /// Whose the comment is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// The last vote needed is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalGranted {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub comment: Option<String>,
    #[serde(serialize_with = "millis")]
    pub approved_at: DateTime<Utc>,
    /// The grant lapses if it is not claimed before.
    #[serde(serialize_with = "millis")]
    pub claim_before: DateTime<Utc>,
    /// The request's version after it.
    pub version: u64,
    /// Whose the comment is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// Someone is against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRejected {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// Personal.
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub reason: String,
    #[serde(serialize_with = "millis")]
    pub rejected_at: DateTime<Utc>,
    /// The request's version after it.
    pub version: u64,
    /// Whose the reason is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// Nobody decided in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalExpired {
    /// When it was noticed; `expires_at` of the request is when it happened.
    #[serde(serialize_with = "millis")]
    pub expired_at: DateTime<Utc>,
    /// The request's version after it.
    pub version: u64,
}

/// The request was withdrawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalCancelled {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub reason: Option<String>,
    #[serde(serialize_with = "millis")]
    pub cancelled_at: DateTime<Utc>,
    /// The request's version after it.
    pub version: u64,
    /// Whose the reason is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// Someone does not want to see it for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalPostponed {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// When it shows again; before the expiry.
    #[serde(serialize_with = "millis")]
    pub until: DateTime<Utc>,
    /// Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub reason: Option<String>,
    #[serde(serialize_with = "millis")]
    pub postponed_at: DateTime<Utc>,
    /// Whose the reason is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// A super admin decided alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GlassBroken {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    /// Personal.
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub reason: String,
    #[serde(serialize_with = "millis")]
    pub broken_at: DateTime<Utc>,
    /// Whose the reason is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// The requester took the grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionClaimed {
    #[schemars(schema_with = "schema::party")]
    pub by: String,
    pub grant_id: Uuid,
    #[serde(serialize_with = "millis")]
    pub claimed_at: DateTime<Utc>,
    /// The requester must not begin later than this.
    #[serde(serialize_with = "millis")]
    pub execute_before: DateTime<Utc>,
}

/// The action ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionExecuted {
    pub grant_id: Uuid,
    /// What came of it. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub detail: Option<String>,
    #[serde(serialize_with = "millis")]
    pub executed_at: DateTime<Utc>,
    /// Whose the detail is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// The action failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionFailed {
    pub grant_id: Uuid,
    /// What went wrong. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_request")]
    pub detail: Option<String>,
    #[serde(serialize_with = "millis")]
    pub failed_at: DateTime<Utc>,
    /// Whose the detail is; known when it is written only, never stored.
    #[serde(skip)]
    pub subject: String,
}

/// Nobody used the grant in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalLapsed {
    #[serde(serialize_with = "millis")]
    pub lapsed_at: DateTime<Utc>,
    /// The request's version after it.
    pub version: u64,
}

impl EventType for ApprovalEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let (subject, pointers): (&str, &[&'static str]) = match self {
            Self::Requested(event) => return event.personal(),
            Self::VoteRecorded(event) => (&event.subject, &["/comment"]),
            Self::Approved(event) => (&event.subject, &["/comment"]),
            Self::Rejected(event) => (&event.subject, &["/reason"]),
            Self::Cancelled(event) => (&event.subject, &["/reason"]),
            Self::Postponed(event) => (&event.subject, &["/reason"]),
            Self::GlassBroken(event) => (&event.subject, &["/reason"]),
            Self::Executed(event) => (&event.subject, &["/detail"]),
            Self::ExecutionFailed(event) => (&event.subject, &["/detail"]),
            Self::Expired(_) | Self::ExecutionClaimed(_) | Self::Lapsed(_) => return Vec::new(),
        };
        sealed_for(subject, pointers)
    }

    fn series(&self) -> Option<Series> {
        let Self::Requested(event) = self else {
            return None;
        };
        Some(Series {
            name: format!("APR-{}", event.requested_at.year()),
            field: "reference",
        })
    }

    fn set_number(&mut self, number: String) {
        if let Self::Requested(event) = self {
            event.reference = number;
        }
    }

    fn deadlines(&self) -> Vec<DeadlineChange> {
        match self {
            Self::Requested(event) => {
                vec![DeadlineChange::Set {
                    kind: EXPIRY,
                    due_at: event.expires_at,
                }]
            }
            Self::Approved(event) => vec![
                DeadlineChange::Clear { kind: EXPIRY },
                DeadlineChange::Set {
                    kind: LAPSE,
                    due_at: event.claim_before,
                },
            ],
            Self::Rejected(_) | Self::Expired(_) | Self::Cancelled(_) => {
                vec![DeadlineChange::Clear { kind: EXPIRY }]
            }
            Self::ExecutionClaimed(_) | Self::Lapsed(_) => {
                vec![DeadlineChange::Clear { kind: LAPSE }]
            }
            Self::VoteRecorded(_)
            | Self::Postponed(_)
            | Self::GlassBroken(_)
            | Self::Executed(_)
            | Self::ExecutionFailed(_) => Vec::new(),
        }
    }
}

impl ApprovalRequested {
    /// Whose personal data the approval holds; see [`approval_subject`].
    pub fn subject(&self) -> Option<String> {
        approval_subject(
            &self.approval_id.to_string(),
            self.on_behalf_of.as_deref(),
            &self.arguments,
            self.context.client_id.as_deref(),
        )
    }

    fn personal(&self) -> Vec<PersonalField> {
        let subject = self.subject().unwrap_or_default();
        sealed_for(
            &subject,
            &[
                "/arguments",
                "/on_behalf_of",
                "/context/ticket_title",
                "/context/ticket_description",
                "/context/client_name",
            ],
        )
    }
}

/// Without a subject there is nothing personal left to seal: the domain wrote [`ERASED`]. It is
/// sealed all the same, so that a text that slipped through is never in clear.
fn sealed_for(subject: &str, pointers: &[&'static str]) -> Vec<PersonalField> {
    let subject = if subject.is_empty() {
        "approval:erased"
    } else {
        subject
    };
    pointers
        .iter()
        .map(|pointer| PersonalField {
            pointer,
            subject: subject.to_owned(),
        })
        .collect()
}
