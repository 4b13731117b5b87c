//! What is recorded of refusals and sensitive reads before the answer goes out.

use std::convert::Infallible;

use domain::audit::{RecordedRead, RecordedRefusal};
use eventlog::{CommandContext, ExecuteError};
use events::audit::{RefusalRecorded, SensitiveReadRecorded};
use kernel::{AggregateId, LogAggregate, Metadata};

use crate::{App, Problem, access, caller::Caller};

/// Ids that may stand in clear: anything else a caller writes in a path is not kept.
const LONGEST_TARGET: usize = 64;

impl App {
    /// Records that someone known was refused something, if it is a decision about him.
    pub async fn audit_refusal(
        &self,
        caller: &Caller,
        operation: &str,
        target: Option<&str>,
        problem: &Problem,
    ) -> Result<(), Problem> {
        if !problem.audited {
            return Ok(());
        }
        let is_plain = |id: &&str| {
            id.len() <= LONGEST_TARGET
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
        };
        let command = RefusalRecorded {
            action: operation.to_owned(),
            code: problem.code.to_owned(),
            target_type: access::rule(operation)
                .and_then(|rule| rule.target)
                .map(str::to_owned),
            target_id: target.filter(is_plain).map(str::to_owned),
            refused_at: caller.at,
        };
        let id = AggregateId::from(kernel::new_id());
        record_infallible::<RecordedRefusal>(self, &id, command, caller.metadata()).await
    }

    /// Records that someone reads what is sensitive.
    pub async fn audit_read(
        &self,
        caller: &Caller,
        operation: &str,
        target_type: &str,
    ) -> Result<(), Problem> {
        let command = SensitiveReadRecorded {
            action: operation.to_owned(),
            target_type: target_type.to_owned(),
            target_id: None,
            read_at: caller.at,
        };
        let id = AggregateId::from(kernel::new_id());
        record_infallible::<RecordedRead>(self, &id, command, caller.metadata()).await
    }

    /// Records that someone reads what is sensitive, once per hour: for what pages ask for again
    /// and again.
    pub async fn audit_repeated_read(
        &self,
        caller: &Caller,
        operation: &str,
        target_type: &str,
        target_id: Option<&str>,
    ) -> Result<(), Problem> {
        let command = SensitiveReadRecorded {
            action: operation.to_owned(),
            target_type: target_type.to_owned(),
            target_id: target_id.map(str::to_owned),
            read_at: caller.at,
        };
        let id = RecordedRead::id_within_hour(&caller.actor, &command);
        record_infallible::<RecordedRead>(self, &id, command, caller.metadata()).await
    }
}

/// Runs a command that nothing refuses.
pub async fn record_infallible<A>(
    app: &App,
    id: &AggregateId,
    command: A::Command,
    metadata: Metadata,
) -> Result<(), Problem>
where
    A: LogAggregate + cqrs_es::Aggregate<Error = Infallible, Services = ()>,
    A::Command: Clone,
{
    let context = CommandContext {
        metadata,
        key: None,
    };
    match app.log.execute::<A>(id, command, &(), &context).await {
        Ok(_) => Ok(()),
        Err(ExecuteError::Refused(never)) => match never {},
        Err(ExecuteError::Log(error)) => Err(error.into()),
        Err(other) => Err(Problem::internal(other)),
    }
}
