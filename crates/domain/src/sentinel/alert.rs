//! An alert: one thing that an outside system watches.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::{
    intake::{AlertFact, AlertState, StepFact},
    sentinel::*,
};
use kernel::{Actor, AggregateId, LogAggregate};
use serde::{Deserialize, Serialize};

use super::{
    AlertCommand, AlertError, AlertReport,
    alert_command::{check_report, check_step},
};
use crate::{
    fact::to_millis,
    text::{Faults, LONGEST_TEXT, tidy},
};

/// What is down again so soon after it was resolved goes on in the same episode.
pub const REOPENED_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// An alert that goes down so often within [`FLAPPING_WITHIN`] is flapping: more than three times.
pub const FLAPPING_DOWNS: usize = 4;
pub const FLAPPING_WITHIN: TimeDelta = TimeDelta::minutes(30);

/// The id of an alert, however its source pads its names.
pub fn alert_named(source: &str, external_id: &str) -> AggregateId {
    alert_id(&tidy(source), &tidy(external_id))
}

/// An alert. Of its history it keeps what it decides on, and no more.
///
/// Facts may come out of their own order. One that is older than the last transition (raised,
/// reopened, resolved) changes no state: a late `down` is recorded as repeated, a late `up` not at all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Alert {
    episode: Option<Episode>,
    version: u64,
}

/// What an alert knows of its episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Episode {
    number: u32,
    /// Whose its texts are.
    subject: String,
    is_active: bool,
    /// When it was last raised, reopened or resolved.
    moved_at: DateTime<Utc>,
    /// What is known of the cause, and what its sources said of it last: a person's word stands
    /// until they say something new.
    cause: Cause,
    reported_cause: Cause,
    acknowledged_by: Option<String>,
    /// When it went down, the last [`FLAPPING_DOWNS`] times.
    downs: VecDeque<DateTime<Utc>>,
    is_flapping: bool,
}

type Cause = (Responsibility, Option<u8>);

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
                AlertState::Down => vec![raised(1, fact)],
                AlertState::Up => vec![AlertEvent::RecoveryNoted(RecoveryNoted {
                    source: fact.source,
                    external_id: fact.external_id,
                    device: fact.device,
                    client_id: fact.client_id,
                    occurred_at: fact.occurred_at,
                })],
            });
        };
        let is_late = fact.occurred_at < episode.moved_at;
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
                let resolved = AlertEvent::Resolved(AlertResolved {
                    episode: episode.number,
                    resolution: fact.resolution,
                    by: report.by.to_string(),
                    occurred_at: fact.occurred_at,
                    subject: episode.subject.clone(),
                });
                reclassified.into_iter().chain([resolved]).collect()
            }
            (AlertState::Up, _) => Vec::new(),
        })
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

    fn decide(&self, command: AlertCommand) -> Result<Vec<AlertEvent>, AlertError> {
        match command {
            AlertCommand::Report(report) => self.report(*report),
            AlertCommand::RecordStep { fact, by, now } => {
                let fact = check_step(*fact, now)?;
                let episode = self.episode.as_ref().ok_or(AlertError::Unknown)?;
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
        Ok(vec![AlertEvent::Resolved(AlertResolved {
            episode: episode.number,
            resolution: Some(resolution),
            by: by.to_string(),
            // Its source's clock may be ahead of ours.
            occurred_at: to_millis(now).max(episode.moved_at),
            subject: episode.subject.clone(),
        })])
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
        let episode = self.episode.as_ref().ok_or(AlertError::Unknown)?;
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

fn raised(episode: u32, fact: AlertFact) -> AlertEvent {
    AlertEvent::Raised(Box::new(AlertRaised {
        episode,
        source: fact.source,
        external_id: fact.external_id,
        device: fact.device,
        client_id: fact.client_id,
        client_name: fact.client_name,
        severity: fact.severity,
        message: fact.message,
        responsibility: fact.responsibility.unwrap_or_default(),
        confidence: fact.confidence,
        occurred_at: fact.occurred_at,
    }))
}

impl Episode {
    fn of(event: &AlertRaised) -> Self {
        let cause = (event.responsibility, event.confidence);
        Self {
            number: event.episode,
            subject: event.subject(),
            is_active: true,
            moved_at: event.occurred_at,
            cause,
            reported_cause: cause,
            acknowledged_by: None,
            downs: VecDeque::from([event.occurred_at]),
            is_flapping: false,
        }
    }

    /// It is down and was resolved: the episode goes on, or another begins.
    fn down_again(&self, fact: AlertFact, by: &Actor) -> Vec<AlertEvent> {
        let at = fact.occurred_at;
        if at - self.moved_at > REOPENED_WITHIN {
            return vec![raised(self.number.saturating_add(1), fact)];
        }
        let reclassified = self.reclassified(&fact, by);
        let reopened = AlertEvent::Reopened(AlertReopened {
            episode: self.number,
            severity: fact.severity,
            message: fact.message,
            occurred_at: at,
            subject: self.subject.clone(),
        });
        let mut events = vec![reopened];
        events.extend(reclassified);
        let recent = self
            .downs
            .iter()
            .filter(|down| at - **down < FLAPPING_WITHIN);
        let downs = recent.count() + 1;
        if downs >= FLAPPING_DOWNS && !self.is_flapping {
            events.push(AlertEvent::FlappingStarted(AlertFlapping {
                episode: self.number,
                downs: downs as u32,
                occurred_at: at,
            }));
        }
        events
    }

    fn repeated(&self, fact: AlertFact) -> AlertEvent {
        AlertEvent::Repeated(AlertRepeated {
            episode: self.number,
            severity: fact.severity,
            message: fact.message,
            occurred_at: fact.occurred_at,
            subject: self.subject.clone(),
        })
    }

    /// If the source says something new about the cause. What it leaves out it does not know.
    fn reclassified(&self, fact: &AlertFact, by: &Actor) -> Option<AlertEvent> {
        let responsibility = fact.responsibility?;
        let (known, sure) = self.reported_cause;
        let same = responsibility == known;
        let said = (responsibility, fact.confidence.or(sure.filter(|_| same)));
        let is_news = said != self.reported_cause && said != self.cause;
        is_news.then(|| self.classified(said, by, fact.occurred_at))
    }

    fn classified(&self, cause: Cause, by: &Actor, at: DateTime<Utc>) -> AlertEvent {
        AlertEvent::Reclassified(AlertReclassified {
            episode: self.number,
            responsibility: cause.0,
            confidence: cause.1,
            by: by.to_string(),
            occurred_at: at,
        })
    }

    fn step(&self, fact: StepFact, by: &Actor) -> AlertEvent {
        AlertEvent::StepRecorded(AlertStep {
            episode: self.number,
            kind: fact.kind,
            ticket_id: fact.ticket_id,
            detail: fact.detail,
            by: by.to_string(),
            occurred_at: fact.occurred_at,
            subject: self.subject.clone(),
        })
    }

    fn apply(&mut self, event: AlertEvent) {
        match event {
            AlertEvent::Reopened(event) => {
                self.is_active = true;
                self.moved_at = event.occurred_at;
                self.downs.push_back(event.occurred_at);
                if self.downs.len() > FLAPPING_DOWNS {
                    self.downs.pop_front();
                }
            }
            AlertEvent::Resolved(event) => {
                self.is_active = false;
                self.moved_at = event.occurred_at;
            }
            AlertEvent::Reclassified(event) => {
                self.cause = (event.responsibility, event.confidence);
                if !event.by.starts_with("user:") {
                    self.reported_cause = self.cause;
                }
            }
            AlertEvent::Acknowledged(event) => self.acknowledged_by = Some(event.by),
            AlertEvent::FlappingStarted(_) => self.is_flapping = true,
            AlertEvent::Raised(_)
            | AlertEvent::Repeated(_)
            | AlertEvent::StepRecorded(_)
            | AlertEvent::RecoveryNoted(_) => {}
        }
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
