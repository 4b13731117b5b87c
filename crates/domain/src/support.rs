//! Tickets that the workflow SUPPORT has dealt with.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::{
    intake::TicketFact,
    support::{TicketEvent, TicketProcessed},
};
use kernel::LogAggregate;
use serde::{Deserialize, Serialize};

use crate::{
    FieldError, Refusal, RefusalKind,
    fact::{LONGEST_CLIENT_ID, LONGEST_MS, LONGEST_NAME},
    text::Faults,
};

/// Longest title of a ticket (characters): GLPI's own bound.
const LONGEST_TITLE: usize = 255;

/// What can be asked of a ticket.
#[derive(Debug, Clone)]
pub enum TicketCommand {
    /// The workflow has dealt with it, perhaps not for the first time.
    Report {
        fact: Box<TicketFact>,
        now: DateTime<Utc>,
    },
}

/// Why a report is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
}

impl Refusal for TicketError {
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

/// A ticket as it was reported. Its latest report counts, by the time it speaks of; one that says
/// the same again is no event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ticket {
    latest: Option<Box<TicketProcessed>>,
    version: u64,
}

impl Ticket {
    fn report(&self, fact: TicketFact, now: DateTime<Utc>) -> Result<TicketProcessed, TicketError> {
        let mut faults = Faults::default();
        faults.ticket(Some(fact.ticket_id));
        if let Some(duration_ms) = fact.duration_ms {
            faults.within("duration_ms", duration_ms, 0, LONGEST_MS);
        }
        let client_id = fact.client_id.as_deref();
        let client_name = fact.client_name.as_deref();
        let report = TicketProcessed {
            ticket_id: fact.ticket_id,
            title: faults.optional("title", fact.title.as_deref(), LONGEST_TITLE),
            category: fact.category,
            outcome: fact.outcome,
            automatic: fact.automatic,
            client_id: faults.optional("client_id", client_id, LONGEST_CLIENT_ID),
            client_name: faults.optional("client_name", client_name, LONGEST_NAME),
            duration_ms: fact.duration_ms,
            occurred_at: faults.happened("occurred_at", fact.occurred_at, now),
        };
        faults.refuse(TicketError::Invalid)?;
        Ok(report)
    }
}

impl Aggregate for Ticket {
    const TYPE: &'static str = "support.ticket";
    type Command = TicketCommand;
    type Event = TicketEvent;
    type Error = TicketError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let TicketCommand::Report { fact, now } = command;
        let report = self.report(*fact, now)?;
        if self.latest.as_deref() != Some(&report) {
            sink.write(TicketEvent::Processed(report), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        let TicketEvent::Processed(report) = event;
        self.version += 1;
        let is_latest = self
            .latest
            .as_ref()
            .is_none_or(|latest| report.occurred_at >= latest.occurred_at);
        if is_latest {
            self.latest = Some(Box::new(report));
        }
    }
}

impl LogAggregate for Ticket {
    fn version(&self) -> u64 {
        self.version
    }
}
