//! From a fact's subject and body to the command of its context, and what becomes of it.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::{
    FieldError, Refusal,
    knowledge::{Enrichment, EnrichmentCommand},
    sentinel::{Alert, AlertCommand, AlertReport, alert_named},
    support::{Ticket, TicketCommand},
    workflow::{Component, ComponentCommand, WorkflowError, WorkflowErrorCommand},
};
use eventlog::{CommandContext, EventLog, ExecuteError, Executed, LogError};
use events::{
    intake::{AlertFact, EnrichmentRunFact, HealthFact, StepFact, TicketFact, WorkflowErrorFact},
    knowledge::run_id,
    support::ticket_id,
    workflow::component_id,
};
use kernel::{AggregateId, LogAggregate, json::JsonFault, new_id};
use serde::Serialize;

use crate::{MAX_FACT_BYTES, codes};

/// A fact as it came.
#[derive(Debug, Clone, Copy)]
pub struct Fact<'a> {
    /// What follows `intake.<service>.`, e.g. `sentinel.alert`.
    pub subject: &'a str,
    pub body: &'a [u8],
}

/// What an accepted fact did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub aggregate_id: AggregateId,
    /// The aggregate's version after it.
    pub version: u64,
    /// Position of its last event; of the log's head if it said nothing new.
    pub position: u64,
    /// Whether the same fact was accepted before.
    pub repeated: bool,
}

/// Why a fact was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// It never can be, as it is.
    #[error("{code}: {detail}")]
    Refused {
        /// Stable; the table is in `docs/workflows-over-nats.md`.
        code: &'static str,
        /// For people; repeats nothing of the body.
        detail: String,
        /// Which fields are wrong, of an `invalid` one.
        errors: Vec<FieldError>,
    },
    /// The log could not be asked: the same fact may go through later.
    #[error(transparent)]
    Failed(#[from] LogError),
}

/// A fact that has been read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ReadFact {
    Alert(Box<AlertFact>),
    Step(Box<StepFact>),
    Ticket(Box<TicketFact>),
    WorkflowError(Box<WorkflowErrorFact>),
    Health(Box<HealthFact>),
    Run(Box<EnrichmentRunFact>),
}

impl ReadFact {
    /// Reads a fact's body as its subject has it. Nothing is asked of the log.
    pub fn read(fact: Fact<'_>) -> Result<Self, NotAccepted> {
        if fact.body.len() > MAX_FACT_BYTES {
            return Err(refused(codes::TOO_LARGE, "A fact has 256 KiB at most."));
        }
        let body = fact.body;
        match fact.subject {
            "sentinel.alert" => parse(body).map(Self::Alert),
            "sentinel.step" => parse(body).map(Self::Step),
            "support.ticket_processed" => parse(body).map(Self::Ticket),
            "workflow.error" => parse(body).map(Self::WorkflowError),
            "workflow.health" => parse(body).map(Self::Health),
            "knowledge.enrichment_run" => parse(body).map(Self::Run),
            _ => Err(refused(
                codes::UNKNOWN_SUBJECT,
                "No facts are taken under this subject.",
            )),
        }
    }

    /// Whom it is about; `None` if it stands for itself.
    pub fn aggregate_id(&self) -> Option<AggregateId> {
        match self {
            Self::Alert(fact) => Some(alert_named(&fact.source, &fact.external_id)),
            Self::Step(fact) => Some(alert_named(&fact.source, &fact.external_id)),
            Self::Ticket(fact) => Some(ticket_id(fact.ticket_id)),
            Self::Health(fact) => Some(component_id(fact.component.trim())),
            Self::Run(fact) => Some(run_id(fact.run_id.trim())),
            Self::WorkflowError(_) => None,
        }
    }

    /// Takes it into the log; returns once it is durable.
    pub async fn accept(
        self,
        log: &EventLog,
        context: &CommandContext,
        now: DateTime<Utc>,
    ) -> Result<Accepted, NotAccepted> {
        let id = self.aggregate_id().unwrap_or_else(|| own_id(context));
        let by = context.metadata.actor.clone();
        match self {
            Self::Alert(fact) => {
                let fact = *fact;
                let report = Box::new(AlertReport { fact, by, now });
                execute::<Alert>(log, id, AlertCommand::Report(report), context).await
            }
            Self::Step(fact) => {
                let command = AlertCommand::RecordStep { fact, by, now };
                execute::<Alert>(log, id, command, context).await
            }
            Self::Ticket(fact) => {
                let command = TicketCommand::Report { fact, now };
                execute::<Ticket>(log, id, command, context).await
            }
            Self::WorkflowError(fact) => {
                let command = WorkflowErrorCommand::Report { fact, now };
                execute::<WorkflowError>(log, id, command, context).await
            }
            Self::Health(fact) => {
                let command = ComponentCommand::ReportHealth { fact, now };
                execute::<Component>(log, id, command, context).await
            }
            Self::Run(fact) => {
                let command = EnrichmentCommand::Finish { fact, now };
                execute::<Enrichment>(log, id, command, context).await
            }
        }
    }
}

/// Reads a fact and takes it into the log; returns once it is durable. The context's actor is who
/// says so; its key, which the caller has made, keeps a repetition from having a second effect.
pub async fn accept(
    log: &EventLog,
    fact: Fact<'_>,
    context: &CommandContext,
    now: DateTime<Utc>,
) -> Result<Accepted, NotAccepted> {
    ReadFact::read(fact)?.accept(log, context, now).await
}

/// Of a fact that is about nothing but itself: its repetition is the same.
fn own_id(context: &CommandContext) -> AggregateId {
    let id = context.key.map_or_else(new_id, |key| key.id);
    AggregateId::from(id)
}

async fn execute<A>(
    log: &EventLog,
    id: AggregateId,
    command: A::Command,
    context: &CommandContext,
) -> Result<Accepted, NotAccepted>
where
    A: LogAggregate + Aggregate<Services = ()>,
    A::Command: Clone,
    A::Error: Refusal,
{
    match log.execute_unloaded::<A>(&id, command, &(), context).await {
        Ok(done) => Ok(accepted(done)),
        Err(error) => Err(not_accepted(error)),
    }
}

fn accepted<A>(done: Executed<A>) -> Accepted {
    Accepted {
        aggregate_id: done.aggregate_id,
        version: done.version,
        position: done.position,
        repeated: done.repeated,
    }
}

fn not_accepted<E: Refusal>(error: ExecuteError<E>) -> NotAccepted {
    match error {
        ExecuteError::Refused(refusal) => NotAccepted::Refused {
            code: codes::known(refusal.code()),
            detail: explain(&refusal),
            errors: refusal.fields().to_vec(),
        },
        ExecuteError::KeyReused => refused(
            codes::KEY_REUSED,
            "Another fact was accepted with this Nats-Msg-Id.",
        ),
        ExecuteError::Invalid(reason) => refused(codes::INVALID, reason),
        ExecuteError::Taken { scope } => refused(codes::INVALID, format!("already taken: {scope}")),
        ExecuteError::Contended | ExecuteError::Outdated => {
            LogError::Unavailable("the aggregate is changing too fast".into()).into()
        }
        // What is stored does not open: to try again is in vain, and would hold up the others.
        ExecuteError::Log(error @ (LogError::Corrupt(_) | LogError::Decode(_))) => {
            tracing::error!(%error, "a fact cannot be taken in");
            refused(codes::INTERNAL, "What is known of this cannot be read.")
        }
        ExecuteError::Log(error) => NotAccepted::Failed(error),
    }
}

/// The sentence of a refusal, with the fields that are wrong.
fn explain(refusal: &impl Refusal) -> String {
    let fields = refusal.fields().iter();
    let fields: Vec<String> = fields
        .map(|fault| format!("{} ({})", fault.field, fault.code))
        .collect();
    match fields.is_empty() {
        true => refusal.to_string(),
        false => format!("{refusal}: {}", fields.join(", ")),
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, NotAccepted> {
    kernel::json::parse(body).map_err(|fault: JsonFault| NotAccepted::Refused {
        code: codes::INVALID,
        errors: fault
            .field
            .into_iter()
            .map(|field| FieldError::new(field, &*fault.code))
            .collect(),
        detail: fault.detail,
    })
}

pub(crate) fn refused(code: &'static str, detail: impl Into<String>) -> NotAccepted {
    NotAccepted::Refused {
        code,
        detail: detail.into(),
        errors: Vec::new(),
    }
}
