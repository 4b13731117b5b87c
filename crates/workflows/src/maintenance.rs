//! What the clerk does about maintenance windows: makes it known that they begin and end.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::sentinel::{Maintenance, MaintenanceCommand};
use eventlog::{CommandContext, Deadline, EventLog, ExecuteError, LogError};
use events::sentinel::{MAINTENANCE_END, MAINTENANCE_START};
use kernel::AggregateId;

use crate::{Duty, NotDone, Settled};

/// Starts and ends maintenance windows. What is muted is computed from their times, not from this.
pub struct MaintenanceDuty;

#[async_trait]
impl Duty for MaintenanceDuty {
    fn aggregate_type(&self) -> &'static str {
        Maintenance::TYPE
    }

    async fn act(
        &self,
        log: &EventLog,
        deadline: &Deadline,
        context: CommandContext,
        now: DateTime<Utc>,
    ) -> Result<Settled, NotDone> {
        let command = match deadline.kind.as_str() {
            MAINTENANCE_START => MaintenanceCommand::Start { now },
            MAINTENANCE_END => MaintenanceCommand::End { now },
            _ => return Ok(Settled::Unknown),
        };
        let id = AggregateId::new(&*deadline.aggregate_id)
            .map_err(|error| LogError::Corrupt(error.to_string()))?;
        let done = log
            .execute::<Maintenance>(&id, command, &(), &context)
            .await;
        match done {
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
