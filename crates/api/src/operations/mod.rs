//! What those who run the platform see of the read models, and what they decide about events that
//! could not be applied. Decisions are events of the log: the runners obey them in its order.

mod queries;
mod routes;
mod shapes;

use chrono::{DateTime, Utc};
use domain::operations::{Projection, ProjectionCommand};
use eventlog::{CommandContext, EventLog, Executed, ParkedEvent, ParkedOrder, RecordedEvent};
use events::operations::ProjectionEvent;
use kernel::{Actor, AggregateId, Metadata};

pub use routes::routes;

use crate::{Problem, commands, shapes::CommandAnswer};

/// What is to become of a parked event.
#[derive(Debug, Clone)]
pub enum Order {
    /// Apply it again, and what waits behind it.
    Retry,
    /// Pass it over for good.
    Discard { reason: String },
}

/// A rebuild or roll-back that was done, for the record.
#[derive(Debug, Clone)]
pub enum Maintenance {
    Rebuilt {
        version: u32,
        position: u64,
        events: u64,
    },
    RolledBack {
        version: u32,
        position: u64,
    },
}

/// The context of a command given at the command line.
pub fn operator_context() -> CommandContext {
    let metadata = Metadata::new(Actor::system("operator"), kernel::new_id());
    CommandContext {
        metadata,
        key: None,
    }
}

/// Puts an order about a parked event on record; the projection's runner obeys it soon after.
pub async fn order(
    log: &EventLog,
    projection: &str,
    position: u64,
    order: Order,
    context: &CommandContext,
    now: DateTime<Utc>,
) -> Result<CommandAnswer, Problem> {
    if let Some(known) = known(log, projection, context).await? {
        return Ok(known);
    }
    let parked = parked_event(log, projection, position).await?;
    let by = context.metadata.actor.clone();
    let command = match order {
        Order::Retry => ProjectionCommand::Retry { position, by, now },
        Order::Discard { .. } if parked.error.is_none() => {
            return Err(Problem::conflict(
                "only_waiting",
                "This event only waits behind an earlier one, which is to be dealt with first.",
            )
            .audited());
        }
        Order::Discard { reason } => ProjectionCommand::Discard {
            position,
            reason,
            by,
            now,
        },
    };
    let executed = log
        .execute::<Projection>(&id(projection)?, command, &(), context)
        .await?;
    Ok(commands::answer(projection, executed))
}

/// Puts on record that all parked events of a projection are to be applied again; its runner does it
/// soon after. `not_parked` if there is none.
pub async fn order_all(
    log: &EventLog,
    projection: &str,
    context: &CommandContext,
    now: DateTime<Utc>,
) -> Result<CommandAnswer, Problem> {
    if let Some(known) = known(log, projection, context).await? {
        return Ok(known);
    }
    queries::require(log, projection).await?;
    let parked = eventlog::parked_events(log.pool(), Some(projection)).await?;
    if parked.is_empty() {
        return Err(Problem::conflict("not_parked", "Nothing is parked (any more).").audited());
    }
    let command = ProjectionCommand::RetryAll {
        parked: parked.len() as u64,
        by: context.metadata.actor.clone(),
        now,
    };
    let executed = log
        .execute::<Projection>(&id(projection)?, command, &(), context)
        .await?;
    Ok(commands::answer(projection, executed))
}

/// The answer to a command that was given before.
async fn known(
    log: &EventLog,
    projection: &str,
    context: &CommandContext,
) -> Result<Option<CommandAnswer>, Problem> {
    let Some(key) = &context.key else {
        return Ok(None);
    };
    let known = log.find_outcome(key).await?;
    Ok(known.map(|known| commands::answer(projection, Executed::<Projection>::from(known))))
}

/// Puts on record that the rows of a projection were filled anew, or taken back.
pub async fn record_maintenance(
    log: &EventLog,
    projection: &str,
    done: Maintenance,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let command = match done {
        Maintenance::Rebuilt {
            version,
            position,
            events,
        } => ProjectionCommand::RecordRebuild {
            version,
            position,
            events,
            now,
        },
        Maintenance::RolledBack { version, position } => ProjectionCommand::RecordRollBack {
            version,
            position,
            now,
        },
    };
    log.execute::<Projection>(&id(projection)?, command, &(), &operator_context())
        .await?;
    Ok(())
}

/// A parked event of a projection; `not_parked` if it is none (any more).
pub async fn parked_event(
    log: &EventLog,
    projection: &str,
    position: u64,
) -> Result<ParkedEvent, Problem> {
    queries::require(log, projection).await?;
    let parked = eventlog::parked_events(log.pool(), Some(projection)).await?;
    let found = parked.into_iter().find(|it| it.position == position);
    found.ok_or_else(|| {
        let detail = format!("Event {position} is not parked (any more).");
        Problem::conflict("not_parked", detail).audited()
    })
}

/// What an event orders about parked events; most order nothing.
pub fn parked_orders(event: &RecordedEvent) -> Option<ParkedOrder> {
    if event.aggregate_type != <Projection as cqrs_es::Aggregate>::TYPE {
        return None;
    }
    let projection = event.aggregate_id.clone();
    match event.decode() {
        Ok(ProjectionEvent::RetryOrdered(order)) => Some(ParkedOrder::Retry {
            projection,
            position: order.position,
        }),
        Ok(ProjectionEvent::AllRetriesOrdered(_)) => Some(ParkedOrder::RetryAll { projection }),
        Ok(ProjectionEvent::EventDiscarded(order)) => Some(ParkedOrder::Discard {
            projection,
            position: order.position,
        }),
        Ok(ProjectionEvent::Rebuilt(_) | ProjectionEvent::RolledBack(_)) => None,
        Err(error) => {
            tracing::error!(event.position = event.position, error = %error, "an operator's order cannot be read");
            None
        }
    }
}

fn id(projection: &str) -> Result<AggregateId, Problem> {
    AggregateId::new(projection).map_err(|_| queries::unknown(projection))
}
