//! Why an alert refuses a command.

use crate::{FieldError, Refusal, RefusalKind};

/// Why an alert refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("nobody has reported this alert")]
    Unknown,
    #[error("the alert is resolved")]
    Resolved,
    #[error("the alert changed since you read it; its version is {current}")]
    StaleVersion { current: u64 },
    #[error("the episode has as many steps as it can have")]
    TooManySteps,
}

impl Refusal for AlertError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Unknown => "alert_unknown",
            Self::Resolved => "alert_resolved",
            Self::StaleVersion { .. } => "stale_version",
            Self::TooManySteps => "too_many_steps",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::Unknown => RefusalKind::NotFound,
            Self::Resolved | Self::StaleVersion { .. } | Self::TooManySteps => {
                RefusalKind::Conflict
            }
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            _ => &[],
        }
    }
}
