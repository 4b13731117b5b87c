//! The knowledge base: so far, the runs that enrich it.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::{
    intake::EnrichmentRunFact,
    knowledge::{EnrichmentEvent, EnrichmentFinished},
};
use kernel::LogAggregate;
use serde::{Deserialize, Serialize};

use crate::{
    FieldError, Refusal, RefusalKind,
    fact::{LARGEST_COUNT, LONGEST_ID, LONGEST_NAME, to_millis},
    text::Faults,
};

/// Most sources of one run.
const MOST_SOURCES: usize = 100;
/// How far ahead a run may be announced.
const NEXT_WITHIN: TimeDelta = TimeDelta::days(366);

/// What can be asked of a run.
#[derive(Debug, Clone)]
pub enum EnrichmentCommand {
    /// It is over. Told again, the latest word counts.
    Finish {
        fact: Box<EnrichmentRunFact>,
        now: DateTime<Utc>,
    },
}

/// Why a report is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrichmentError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
}

impl Refusal for EnrichmentError {
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

/// A run of ENRICHISSEUR. A report that says the same again is no event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Enrichment {
    latest: Option<Box<EnrichmentFinished>>,
    version: u64,
}

fn check(
    fact: EnrichmentRunFact,
    now: DateTime<Utc>,
) -> Result<EnrichmentFinished, EnrichmentError> {
    let mut faults = Faults::default();
    for (field, count) in [
        ("added", fact.added),
        ("updated", fact.updated),
        ("failed", fact.failed),
    ] {
        faults.within(field, count, 0, LARGEST_COUNT);
    }
    if fact.by_source.len() > MOST_SOURCES {
        faults.add("by_source", "too_many");
    }
    let mut by_source = std::collections::BTreeMap::new();
    for (source, count) in fact.by_source {
        let source = faults.required("by_source", &source, LONGEST_NAME);
        faults.within("by_source", count, 0, LARGEST_COUNT);
        if by_source.insert(source, count).is_some() {
            faults.add("by_source", "duplicate");
        }
    }
    let started_at = faults.happened("started_at", fact.started_at, now);
    let finished_at = faults.happened("finished_at", fact.finished_at, now);
    if finished_at < started_at {
        faults.add("finished_at", "before_start");
    }
    let next_run_at = fact.next_run_at.map(to_millis);
    if next_run_at.is_some_and(|next| next < finished_at || next > now + NEXT_WITHIN) {
        faults.add("next_run_at", "out_of_range");
    }
    let run_id = faults.required("run_id", &fact.run_id, LONGEST_ID);
    faults.refuse(EnrichmentError::Invalid)?;
    Ok(EnrichmentFinished {
        run_id,
        started_at,
        finished_at,
        next_run_at,
        added: fact.added,
        updated: fact.updated,
        failed: fact.failed,
        by_source,
    })
}

impl Aggregate for Enrichment {
    const TYPE: &'static str = "knowledge.enrichment";
    type Command = EnrichmentCommand;
    type Event = EnrichmentEvent;
    type Error = EnrichmentError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let EnrichmentCommand::Finish { fact, now } = command;
        let report = check(*fact, now)?;
        if self.latest.as_deref() != Some(&report) {
            sink.write(EnrichmentEvent::Finished(report), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        let EnrichmentEvent::Finished(report) = event;
        self.version += 1;
        self.latest = Some(Box::new(report));
    }
}

impl LogAggregate for Enrichment {
    fn version(&self) -> u64 {
        self.version
    }
}
