//! How the workflows and what they lean on are: errors, and the health of components.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::{
    intake::{HealthFact, WorkflowErrorFact},
    workflow::{
        ComponentEvent, HealthChanged, HealthStatus, WorkflowErrorEvent, WorkflowErrorReported,
    },
};
use kernel::LogAggregate;
use serde::{Deserialize, Serialize};

use crate::{
    FieldError, Refusal, RefusalKind,
    fact::{LONGEST_MS, LONGEST_NAME},
    text::{Faults, LONGEST_TEXT},
};

/// Most tries that an error may tell of.
const MOST_ATTEMPTS: u32 = 1_000_000;

/// What can be asked of an error: that it be recorded, once.
#[derive(Debug, Clone)]
pub enum WorkflowErrorCommand {
    Report {
        fact: Box<WorkflowErrorFact>,
        now: DateTime<Utc>,
    },
}

/// What can be asked of a component.
#[derive(Debug, Clone)]
pub enum ComponentCommand {
    /// How it is. Nothing is recorded while it stays as it is, or of a time before its last change.
    ReportHealth {
        fact: Box<HealthFact>,
        now: DateTime<Utc>,
    },
}

/// Why a report is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
}

impl Refusal for ReportError {
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

/// An error of a workflow. Recorded once; recording again does nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WorkflowError {
    is_recorded: bool,
}

fn check_error(
    fact: WorkflowErrorFact,
    now: DateTime<Utc>,
) -> Result<WorkflowErrorReported, ReportError> {
    let mut faults = Faults::default();
    faults.ticket(fact.ticket_id);
    if let Some(attempts) = fact.attempts {
        faults.within("attempts", attempts, 0, MOST_ATTEMPTS);
    }
    let report = WorkflowErrorReported {
        workflow: faults.required("workflow", &fact.workflow, LONGEST_NAME),
        message: faults.required("message", &fact.message, LONGEST_TEXT),
        tool: faults.optional("tool", fact.tool.as_deref(), LONGEST_NAME),
        ticket_id: fact.ticket_id,
        attempts: fact.attempts,
        recovered: fact.recovered,
        occurred_at: faults.happened("occurred_at", fact.occurred_at, now),
    };
    faults.refuse(ReportError::Invalid)?;
    Ok(report)
}

impl Aggregate for WorkflowError {
    const TYPE: &'static str = "workflow.error";
    type Command = WorkflowErrorCommand;
    type Event = WorkflowErrorEvent;
    type Error = ReportError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let WorkflowErrorCommand::Report { fact, now } = command;
        let report = check_error(*fact, now)?;
        if !self.is_recorded {
            sink.write(WorkflowErrorEvent::Reported(report), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, _: Self::Event) {
        self.is_recorded = true;
    }
}

impl LogAggregate for WorkflowError {
    fn version(&self) -> u64 {
        u64::from(self.is_recorded)
    }
}

/// A component that the platform or its workflows lean on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Component {
    status: Option<HealthStatus>,
    changed_at: Option<DateTime<Utc>>,
    version: u64,
}

impl Component {
    /// How it is, if anybody has said so.
    pub fn status(&self) -> Option<HealthStatus> {
        self.status
    }

    /// When it last changed, as who said so has it: up to five minutes ahead of the clock here.
    pub fn changed_at(&self) -> Option<DateTime<Utc>> {
        self.changed_at
    }

    fn report(
        &self,
        fact: HealthFact,
        now: DateTime<Utc>,
    ) -> Result<Option<HealthChanged>, ReportError> {
        let mut faults = Faults::default();
        if let Some(latency_ms) = fact.latency_ms {
            faults.within("latency_ms", latency_ms, 0, LONGEST_MS);
        }
        let report = HealthChanged {
            component: faults.required("component", &fact.component, LONGEST_NAME),
            status: fact.status,
            previous: self.status,
            detail: faults.optional("detail", fact.detail.as_deref(), LONGEST_TEXT),
            latency_ms: fact.latency_ms,
            occurred_at: faults.happened("occurred_at", fact.occurred_at, now),
        };
        faults.refuse(ReportError::Invalid)?;
        let is_late = self
            .changed_at
            .is_some_and(|changed| report.occurred_at < changed);
        let is_news = self.status != Some(report.status) && !is_late;
        Ok(is_news.then_some(report))
    }
}

impl Aggregate for Component {
    const TYPE: &'static str = "workflow.component";
    type Command = ComponentCommand;
    type Event = ComponentEvent;
    type Error = ReportError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let ComponentCommand::ReportHealth { fact, now } = command;
        if let Some(report) = self.report(*fact, now)? {
            sink.write(ComponentEvent::HealthChanged(report), self)
                .await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        let ComponentEvent::HealthChanged(event) = event;
        self.status = Some(event.status);
        self.changed_at = Some(event.occurred_at);
        self.version += 1;
    }
}

impl LogAggregate for Component {
    fn version(&self) -> u64 {
        self.version
    }
}
