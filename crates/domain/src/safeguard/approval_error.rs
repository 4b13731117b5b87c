//! Why an approval refuses a command.

use kernel::AccreditationLevel;

use super::Status;
use crate::{FieldError, Refusal, RefusalKind};

/// Why an approval refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("actions below L3 need no approval")]
    ApprovalNotNeeded(Vec<FieldError>),
    #[error("there is no such request")]
    NotFound,
    #[error("this request was already made")]
    AlreadyRequested,
    #[error("only people and service accounts may ask for an approval")]
    NotAParty,
    #[error("the request changed since you read it; its version is {current}")]
    StaleVersion { current: u64 },
    #[error("the request is already {status}")]
    AlreadyDecided { status: Status },
    #[error("whoever asked cannot decide")]
    OwnRequest,
    #[error("the person on whose behalf it was asked cannot decide")]
    OnBehalfOfDecider,
    #[error("this decision needs level {needed}")]
    LevelTooLow { needed: AccreditationLevel },
    #[error("you already decided on this request")]
    AlreadyVoted,
    #[error("only the requester may do this")]
    NotRequester,
    #[error("the request is not approved")]
    NotApproved,
    #[error("what is about to run is not what was approved")]
    ArgumentsChanged,
    #[error("the grant was already used")]
    GrantUsed,
    #[error("the grant was not claimed in time")]
    GrantLapsed,
    #[error("this is not the grant that was given")]
    WrongGrant,
    #[error("another outcome was already recorded")]
    OutcomeAlreadyRecorded,
}

impl Refusal for ApprovalError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::ApprovalNotNeeded(_) => "approval_not_needed",
            Self::NotFound => "not_found",
            Self::AlreadyRequested => "conflict",
            Self::NotAParty => "forbidden",
            Self::StaleVersion { .. } => "stale_version",
            Self::AlreadyDecided { .. } => "approval_already_decided",
            Self::OwnRequest => "own_request",
            Self::OnBehalfOfDecider => "on_behalf_of_decider",
            Self::LevelTooLow { .. } => "level_too_low",
            Self::AlreadyVoted => "already_voted",
            Self::NotRequester => "not_requester",
            Self::NotApproved => "not_approved",
            Self::ArgumentsChanged => "arguments_changed",
            Self::GrantUsed => "grant_used",
            Self::GrantLapsed => "grant_lapsed",
            Self::WrongGrant => "wrong_grant",
            Self::OutcomeAlreadyRecorded => "outcome_already_recorded",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) | Self::ApprovalNotNeeded(_) => RefusalKind::Invalid,
            Self::NotFound => RefusalKind::NotFound,
            Self::NotAParty
            | Self::OwnRequest
            | Self::OnBehalfOfDecider
            | Self::LevelTooLow { .. }
            | Self::NotRequester => RefusalKind::Forbidden,
            Self::AlreadyRequested
            | Self::StaleVersion { .. }
            | Self::AlreadyDecided { .. }
            | Self::AlreadyVoted
            | Self::NotApproved
            | Self::ArgumentsChanged
            | Self::GrantUsed
            | Self::GrantLapsed
            | Self::WrongGrant
            | Self::OutcomeAlreadyRecorded => RefusalKind::Conflict,
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) | Self::ApprovalNotNeeded(fields) => fields,
            _ => &[],
        }
    }
}
