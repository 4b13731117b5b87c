//! What the clerk does about approvals.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::{
    safeguard::{Approval, ApprovalCommand},
    sentinel::Maintenance,
};
use eventlog::RecordedEvent;
use eventlog::{CommandContext, Deadline, EventLog, ExecuteError, LogError};
use events::{
    safeguard::{ApprovalEvent, EXPIRY, LAPSE},
    sentinel::MaintenanceEvent,
};
use kernel::{AggregateId, DeadlineChange, DecodeError, EventType};

use crate::{Duty, NotDone, Settled};

/// What each event of the platform does to the deadlines.
pub fn deadlines_of(event: &RecordedEvent) -> Result<Vec<DeadlineChange>, DecodeError> {
    match event.aggregate_type.as_str() {
        Approval::TYPE => Ok(event.decode::<ApprovalEvent>()?.deadlines()),
        Maintenance::TYPE => Ok(event.decode::<MaintenanceEvent>()?.deadlines()),
        _ => Ok(Vec::new()),
    }
}

/// Expires requests and lets unused grants lapse.
pub struct ApprovalDuty;

#[async_trait]
impl Duty for ApprovalDuty {
    fn aggregate_type(&self) -> &'static str {
        Approval::TYPE
    }

    async fn act(
        &self,
        log: &EventLog,
        deadline: &Deadline,
        context: CommandContext,
        now: DateTime<Utc>,
    ) -> Result<Settled, NotDone> {
        let command = match deadline.kind.as_str() {
            EXPIRY => ApprovalCommand::Expire { now },
            LAPSE => ApprovalCommand::Lapse { now },
            _ => return Ok(Settled::Unknown),
        };
        let id = AggregateId::new(&*deadline.aggregate_id)
            .map_err(|error| LogError::Corrupt(error.to_string()))?;
        match log.execute::<Approval>(&id, command, &(), &context).await {
            Ok(_) => Ok(Settled::Done),
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(ExecuteError::Contended) => Err(NotDone::Contended),
            Err(refused) => {
                tracing::warn!(aggregate.id = %id, deadline.kind, %refused, "nothing was done");
                Ok(Settled::NotNeeded)
            }
        }
    }
}
