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
}

impl Refusal for AlertError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Unknown => "alert_unknown",
            Self::Resolved => "alert_resolved",
            Self::StaleVersion { .. } => "stale_version",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::Unknown => RefusalKind::NotFound,
            Self::Resolved | Self::StaleVersion { .. } => RefusalKind::Conflict,
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            _ => &[],
        }
    }
}
