//! An alert: one thing that an outside system watches.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::{
    intake::{AlertFact, AlertState},
    sentinel::*,
};
use kernel::{Actor, AggregateId, LogAggregate};
use serde::{Deserialize, Serialize};

use super::{
    AlertCommand, AlertError, AlertReport,
    alert_command::{check_report, check_step},
    episode::{Cause, Episode, MOST_STEPS, is_person, raised},
};
use crate::{
    fact::to_millis,
    text::{Faults, LONGEST_TEXT, tidy},
};

/// The id of an alert, however its source pads its names.
pub fn alert_named(source: &str, external_id: &str) -> AggregateId {
    alert_id(&tidy(source), &tidy(external_id))
}

/// An alert. Of its history it keeps what it decides on, and no more.
///
/// Facts may come out of their own order: the state is that of the report that happened last, and of
/// two at one time that of the one that came last. A report that is older than another changes no
/// state: a late `down` of an alert that was raised is recorded as repeated, a late `up` not at all.
/// Older than what a person said when resolving it, a report is late as well.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Alert {
    episode: Option<Episode>,
    /// When the latest of all reports happened, recoveries of what was well included.
    heard_at: Option<DateTime<Utc>>,
    version: u64,
}

impl Alert {
    /// Counts what people decide on: raised, reclassified, acknowledged, resolved, reopened. Not
    /// repeats, steps and flapping: an acknowledgement is not refused because of them.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The number of the current episode; `None` if it was never raised.
    pub fn episode(&self) -> Option<u32> {
        Some(self.episode.as_ref()?.number)
    }

    pub fn is_active(&self) -> bool {
        self.episode
            .as_ref()
            .is_some_and(|episode| episode.is_active)
    }

    fn report(&self, report: AlertReport) -> Result<Vec<AlertEvent>, AlertError> {
        let fact = check_report(report.fact, report.now)?;
        let Some(episode) = &self.episode else {
            return Ok(match fact.state {
                AlertState::Down => self.raised_first(fact, &report.by),
                AlertState::Up => self.recovery(fact),
            });
        };
        let heard_at = self.heard_at.max(Some(episode.moved_at));
        let is_late = Some(fact.occurred_at) < heard_at;
        Ok(match (fact.state, episode.is_active) {
            (AlertState::Down, _) if is_late => vec![episode.repeated(fact)],
            (AlertState::Down, true) => {
                let reclassified = episode.reclassified(&fact, &report.by);
                let repeated = episode.repeated(fact);
                std::iter::once(repeated).chain(reclassified).collect()
            }
            (AlertState::Down, false) => episode.down_again(fact, &report.by),
            (AlertState::Up, true) if !is_late => {
                let reclassified = episode.reclassified(&fact, &report.by);
                let resolved = episode.resolved(fact.resolution, &report.by, fact.occurred_at);
                reclassified.into_iter().chain([resolved]).collect()
            }
            (AlertState::Up, true) => Vec::new(),
            (AlertState::Up, false) => self.recovery(fact),
        })
    }

    /// It is down for the first time; if a recovery came before it that happened later, it is over.
    fn raised_first(&self, fact: AlertFact, by: &Actor) -> Vec<AlertEvent> {
        let at = fact.occurred_at;
        let event = raised(1, fact);
        let over = self.heard_at.filter(|heard| at < *heard);
        let over = over.map(|heard| Episode::of(&event).resolved(None, by, heard));
        let raised = AlertEvent::Raised(Box::new(event));
        std::iter::once(raised).chain(over).collect()
    }

    /// It is well, as it was: noted if it is news, so that an older `down` that is still to come is
    /// known to be over.
    fn recovery(&self, fact: AlertFact) -> Vec<AlertEvent> {
        if Some(fact.occurred_at) <= self.heard_at {
            return Vec::new();
        }
        vec![AlertEvent::RecoveryNoted(RecoveryNoted {
            source: fact.source,
            external_id: fact.external_id,
            device: fact.device,
            client_id: fact.client_id,
            occurred_at: fact.occurred_at,
        })]
    }

    /// When the report that an event records happened; `None` if it records none.
    fn heard(event: &AlertEvent) -> Option<DateTime<Utc>> {
        match event {
            AlertEvent::Raised(event) => Some(event.occurred_at),
            AlertEvent::Repeated(event) => Some(event.occurred_at),
            AlertEvent::Reopened(event) => Some(event.occurred_at),
            AlertEvent::RecoveryNoted(event) => Some(event.occurred_at),
            AlertEvent::Resolved(event) => (!is_person(&event.by)).then_some(event.occurred_at),
            AlertEvent::Reclassified(_)
            | AlertEvent::Acknowledged(_)
            | AlertEvent::StepRecorded(_)
            | AlertEvent::FlappingStarted(_) => None,
        }
    }

    /// The episode, if the person saw it as it is and something can still be done about it.
    fn acted_on(&self, version: u64) -> Result<&Episode, AlertError> {
        let episode = self.episode.as_ref().ok_or(AlertError::Unknown)?;
        if !episode.is_active {
            return Err(AlertError::Resolved);
        }
        if version != self.version {
            return Err(AlertError::StaleVersion {
                current: self.version,
            });
        }
        Ok(episode)
    }

    /// The episode, if it can take another step.
    fn with_room_for_a_step(&self) -> Result<&Episode, AlertError> {
        let episode = self.episode.as_ref().ok_or(AlertError::Unknown)?;
        match episode.steps < MOST_STEPS {
            true => Ok(episode),
            false => Err(AlertError::TooManySteps),
        }
    }

    fn decide(&self, command: AlertCommand) -> Result<Vec<AlertEvent>, AlertError> {
        match command {
            AlertCommand::Report(report) => self.report(*report),
            AlertCommand::RecordStep { fact, by, now } => {
                let fact = check_step(*fact, now)?;
                let episode = self.with_room_for_a_step()?;
                Ok(vec![episode.step(fact, &by)])
            }
            AlertCommand::Acknowledge {
                version,
                comment,
                by,
                now,
            } => self.acknowledge(version, comment.as_deref(), &by, now),
            AlertCommand::Reclassify {
                version,
                responsibility,
                confidence,
                by,
                now,
            } => self.reclassify(version, (responsibility, confidence), &by, now),
            AlertCommand::Resolve {
                version,
                resolution,
                by,
                now,
            } => self.resolve(version, &resolution, &by, now),
            AlertCommand::Note { detail, by, now } => self.note(&detail, &by, now),
        }
    }

    fn acknowledge(
        &self,
        version: u64,
        comment: Option<&str>,
        by: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Vec<AlertEvent>, AlertError> {
        let mut faults = Faults::default();
        let comment = faults.optional("comment", comment, LONGEST_TEXT);
        faults.refuse(AlertError::Invalid)?;
        let by = by.to_string();
        if let Some(episode) = &self.episode
            && episode.is_active
            && episode.acknowledged_by.as_ref() == Some(&by)
        {
            return Ok(Vec::new());
        }
        let episode = self.acted_on(version)?;
        Ok(vec![AlertEvent::Acknowledged(AlertAcknowledged {
            episode: episode.number,
            by,
            comment,
            acknowledged_at: to_millis(now),
            subject: episode.subject.clone(),
        })])
    }

    fn reclassify(
        &self,
        version: u64,
        cause: Cause,
        by: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Vec<AlertEvent>, AlertError> {
        let mut faults = Faults::default();
        if let Some(confidence) = cause.1 {
            faults.within("confidence", confidence, 0, 100);
        }
        faults.refuse(AlertError::Invalid)?;
        let episode = self.acted_on(version)?;
        if episode.cause == cause {
            return Ok(Vec::new());
        }
        Ok(vec![episode.classified(cause, by, to_millis(now))])
    }

    fn resolve(
        &self,
        version: u64,
        resolution: &str,
        by: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Vec<AlertEvent>, AlertError> {
        let mut faults = Faults::default();
        let resolution = faults.required("resolution", resolution, LONGEST_TEXT);
        faults.refuse(AlertError::Invalid)?;
        let episode = self.acted_on(version)?;
        // Its source's clock may be ahead of ours.
        let at = to_millis(now).max(episode.moved_at);
        Ok(vec![episode.resolved(Some(resolution), by, at)])
    }

    fn note(
        &self,
        detail: &str,
        by: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Vec<AlertEvent>, AlertError> {
        let mut faults = Faults::default();
        let detail = faults.required("detail", detail, LONGEST_TEXT);
        faults.refuse(AlertError::Invalid)?;
        let episode = self.with_room_for_a_step()?;
        Ok(vec![AlertEvent::StepRecorded(AlertStep {
            episode: episode.number,
            kind: StepKind::Note,
            ticket_id: None,
            detail: Some(detail),
            by: by.to_string(),
            occurred_at: to_millis(now),
            subject: episode.subject.clone(),
        })])
    }
}

impl Aggregate for Alert {
    const TYPE: &'static str = "sentinel.alert";
    type Command = AlertCommand;
    type Event = AlertEvent;
    type Error = AlertError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        let counts = matches!(
            event,
            AlertEvent::Raised(_)
                | AlertEvent::Reclassified(_)
                | AlertEvent::Acknowledged(_)
                | AlertEvent::Resolved(_)
                | AlertEvent::Reopened(_)
        );
        self.version += u64::from(counts);
        self.heard_at = self.heard_at.max(Self::heard(&event));
        match (event, &mut self.episode) {
            (AlertEvent::Raised(event), episode) => *episode = Some(Episode::of(&event)),
            (event, Some(episode)) => episode.apply(event),
            (_, None) => {}
        }
    }
}

impl LogAggregate for Alert {
    fn version(&self) -> u64 {
        Alert::version(self)
    }
}
