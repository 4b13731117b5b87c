//! What can be asked of an approval, with the facts each decision needs.

use chrono::{DateTime, TimeDelta, Utc};
use events::safeguard::RequestContext;
use kernel::{AccreditationLevel, ActionLevel, Actor};
use serde_json::Value;
use uuid::Uuid;

/// Everything that can be asked of an approval.
#[derive(Debug, Clone)]
pub enum ApprovalCommand {
    Request(Box<RequestApproval>),
    Approve(Approve),
    Reject(Reject),
    Postpone(Postpone),
    Cancel(Cancel),
    Claim(Claim),
    RecordExecution(RecordExecution),
    BreakGlass(BreakGlass),
    /// The clerk: does nothing unless the request is pending and its time is over.
    Expire {
        now: DateTime<Utc>,
    },
    /// The clerk: does nothing unless the grant is unclaimed and its time is over.
    Lapse {
        now: DateTime<Utc>,
    },
}

/// Who asks for the approval.
#[derive(Debug, Clone)]
pub struct Requester {
    pub actor: Actor,
    /// Of a service account: who answers for it, and counts as requester.
    pub owner_id: Option<Uuid>,
}

/// What the register says of the client whose id a request gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredClient {
    pub name: String,
    pub critical: bool,
}

/// Asks for an approval.
#[derive(Debug, Clone)]
pub struct RequestApproval {
    pub approval_id: Uuid,
    pub requester: Requester,
    pub tool_name: String,
    pub arguments: Value,
    /// The level asked; `None` leaves it to the registry.
    pub asked_level: Option<ActionLevel>,
    /// The registry's level of the tool, as [`super::Tool::effective_level`] says; `None`: unknown.
    pub registry_level: Option<ActionLevel>,
    /// Whether the registry knows the tool by another spelling of its name only.
    pub is_misspelt: bool,
    /// `client_critical` is what the caller asks; the register can only raise it.
    pub context: RequestContext,
    /// The register's entry of `context.client_id`; `None`: it has none, or there is no id.
    pub client: Option<RegisteredClient>,
    pub on_behalf_of: Option<String>,
    /// `None`: 60 min.
    pub expires_in_seconds: Option<u64>,
    pub now: DateTime<Utc>,
}

/// The person who decides, as known when he does.
#[derive(Debug, Clone)]
pub struct Decider {
    pub user_id: Uuid,
    pub username: String,
    pub level: AccreditationLevel,
}

impl Decider {
    pub(super) fn actor(&self) -> Actor {
        Actor::user(self.user_id)
    }
}

#[derive(Debug, Clone)]
pub struct Approve {
    pub by: Decider,
    /// The version of the request that he saw.
    pub version: u64,
    pub comment: Option<String>,
    /// How long the grant may wait for its claim; [`super::CLAIM_WINDOW`] unless configured.
    pub claim_window: TimeDelta,
    pub now: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct Reject {
    pub by: Decider,
    pub version: u64,
    pub reason: String,
    pub now: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct Postpone {
    pub by: Decider,
    pub version: u64,
    pub minutes: u32,
    pub reason: Option<String>,
    pub now: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct Cancel {
    pub by: Actor,
    /// Of a person.
    pub level: Option<AccreditationLevel>,
    pub reason: Option<String>,
    pub now: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct Claim {
    pub by: Actor,
    /// Of what is about to run.
    pub arguments_hash: String,
    /// A fresh id: the grant's, if it is given.
    pub grant_id: Uuid,
    /// How long after the claim the action may begin; [`super::EXECUTION_WINDOW`] unless configured.
    pub execution_window: TimeDelta,
    pub now: DateTime<Utc>,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionOutcome {
    Succeeded,
    Failed,
}

#[derive(Debug, Clone)]
pub struct RecordExecution {
    pub by: Actor,
    pub grant_id: Uuid,
    pub outcome: ExecutionOutcome,
    pub detail: Option<String>,
    pub now: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct BreakGlass {
    pub by: Decider,
    pub version: u64,
    pub reason: String,
    pub claim_window: TimeDelta,
    pub now: DateTime<Utc>,
}
