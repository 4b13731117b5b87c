//! A fact that could not be accepted, as those who looked at it dealt with it.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::operations::{FactDiscarded, FactResubmitted, RejectedFactEvent};
use kernel::{Actor, LogAggregate};
use serde::{Deserialize, Serialize};

use crate::{
    FieldError, Refusal, RefusalKind,
    text::{Faults, LONGEST_TEXT},
};

/// What can be asked of a refused fact.
#[derive(Debug, Clone)]
pub enum RejectedFactCommand {
    /// It is published anew. A second time does nothing.
    Resubmit {
        /// Where it was published first, e.g. `intake.support.sentinel.alert`.
        subject: String,
        /// Why it was refused.
        code: String,
        is_corrected: bool,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// It is not wanted. A second time does nothing.
    Discard {
        subject: String,
        code: String,
        reason: String,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// An act on many is begun. It says nothing of any fact: its reason is checked, and
    /// its key remembered.
    BeginMany {
        /// Of a discard.
        reason: Option<String>,
    },
}

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectedFactError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("this fact was discarded")]
    Discarded,
    #[error("this fact was resubmitted")]
    Resubmitted,
}

impl Refusal for RejectedFactError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Discarded | Self::Resubmitted => "conflict",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::Discarded | Self::Resubmitted => RefusalKind::Conflict,
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            Self::Discarded | Self::Resubmitted => &[],
        }
    }
}

/// A refused fact. It is dealt with once, in one way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RejectedFact {
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    Resubmitted,
    Discarded,
}

impl RejectedFact {
    fn decide(
        &self,
        command: RejectedFactCommand,
    ) -> Result<Option<RejectedFactEvent>, RejectedFactError> {
        match command {
            RejectedFactCommand::Resubmit {
                subject,
                code,
                is_corrected,
                by,
                now,
            } => match self.end {
                Some(End::Discarded) => Err(RejectedFactError::Discarded),
                Some(End::Resubmitted) => Ok(None),
                None => Ok(Some(RejectedFactEvent::Resubmitted(FactResubmitted {
                    subject,
                    code,
                    is_corrected,
                    by: by.to_string(),
                    resubmitted_at: now,
                }))),
            },
            RejectedFactCommand::Discard {
                subject,
                code,
                reason,
                by,
                now,
            } => match self.end {
                Some(End::Resubmitted) => Err(RejectedFactError::Resubmitted),
                Some(End::Discarded) => Ok(None),
                None => {
                    let reason = checked_reason(&reason)?;
                    Ok(Some(RejectedFactEvent::Discarded(FactDiscarded {
                        subject,
                        code,
                        reason,
                        by: by.to_string(),
                        discarded_at: now,
                    })))
                }
            },
            RejectedFactCommand::BeginMany { reason } => {
                if let Some(reason) = reason {
                    checked_reason(&reason)?;
                }
                Ok(None)
            }
        }
    }
}

fn checked_reason(reason: &str) -> Result<String, RejectedFactError> {
    let mut faults = Faults::default();
    let reason = faults.required("reason", reason, LONGEST_TEXT);
    faults.refuse(RejectedFactError::Invalid)?;
    Ok(reason)
}

impl Aggregate for RejectedFact {
    const TYPE: &'static str = "operations.rejected_fact";
    type Command = RejectedFactCommand;
    type Event = RejectedFactEvent;
    type Error = RejectedFactError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.end = Some(match event {
            RejectedFactEvent::Resubmitted(_) => End::Resubmitted,
            RejectedFactEvent::Discarded(_) => End::Discarded,
        });
    }
}

impl LogAggregate for RejectedFact {
    fn version(&self) -> u64 {
        u64::from(self.end.is_some())
    }
}
