//! A read model, as those who run the platform dealt with it.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::operations::{
    AllRetriesOrdered, EventDiscarded, ProjectionEvent, ProjectionRebuilt, ProjectionRolledBack,
    RetryOrdered,
};
use kernel::{Actor, LogAggregate};
use serde::{Deserialize, Serialize};

use crate::{
    FieldError, Refusal, RefusalKind,
    text::{Faults, LONGEST_TEXT},
};

/// What can be asked of a projection.
#[derive(Debug, Clone)]
pub enum ProjectionCommand {
    /// Apply a parked event again, and what waits behind it.
    Retry {
        position: u64,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// Apply all parked events again, of which there are so many.
    RetryAll {
        parked: u64,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// Pass a parked event over. Also a second time: an order that came too early did nothing.
    Discard {
        position: u64,
        reason: String,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// Its rows were filled anew.
    RecordRebuild {
        version: u32,
        position: u64,
        events: u64,
        now: DateTime<Utc>,
    },
    /// Its earlier rows are back.
    RecordRollBack {
        version: u32,
        position: u64,
        now: DateTime<Utc>,
    },
}

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
}

impl Refusal for ProjectionError {
    fn code(&self) -> &'static str {
        "invalid"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }

    fn fields(&self) -> &[FieldError] {
        let Self::Invalid(fields) = self;
        fields
    }
}

/// A read model, as those who run the platform dealt with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Projection {
    version: u64,
}

impl Aggregate for Projection {
    const TYPE: &'static str = "operations.projection";
    type Command = ProjectionCommand;
    type Event = ProjectionEvent;
    type Error = ProjectionError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        sink.write(decide(command)?, self).await;
        Ok(())
    }

    fn apply(&mut self, _: Self::Event) {
        self.version += 1;
    }
}

fn decide(command: ProjectionCommand) -> Result<ProjectionEvent, ProjectionError> {
    Ok(match command {
        ProjectionCommand::Retry { position, by, now } => {
            ProjectionEvent::RetryOrdered(RetryOrdered {
                position,
                by: by.to_string(),
                ordered_at: now,
            })
        }
        ProjectionCommand::RetryAll { parked, by, now } => {
            ProjectionEvent::AllRetriesOrdered(AllRetriesOrdered {
                parked,
                by: by.to_string(),
                ordered_at: now,
            })
        }
        ProjectionCommand::Discard {
            position,
            reason,
            by,
            now,
        } => {
            let mut faults = Faults::default();
            let reason = faults.required("reason", &reason, LONGEST_TEXT);
            faults.refuse(ProjectionError::Invalid)?;
            ProjectionEvent::EventDiscarded(EventDiscarded {
                position,
                reason,
                by: by.to_string(),
                discarded_at: now,
            })
        }
        ProjectionCommand::RecordRebuild {
            version,
            position,
            events,
            now,
        } => ProjectionEvent::Rebuilt(ProjectionRebuilt {
            version,
            position,
            events,
            rebuilt_at: now,
        }),
        ProjectionCommand::RecordRollBack {
            version,
            position,
            now,
        } => ProjectionEvent::RolledBack(ProjectionRolledBack {
            version,
            position,
            rolled_back_at: now,
        }),
    })
}

impl LogAggregate for Projection {
    fn version(&self) -> u64 {
        self.version
    }
}
