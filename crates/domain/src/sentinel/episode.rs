//! An episode of an alert: from `raised` to its last `resolved`.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use events::{
    intake::{AlertFact, StepFact},
    sentinel::*,
};
use kernel::Actor;
use serde::{Deserialize, Serialize};

/// What is down again so soon after it was resolved goes on in the same episode.
pub const REOPENED_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// An alert that goes down so often within [`FLAPPING_WITHIN`] is flapping: more than three times.
pub const FLAPPING_DOWNS: usize = 4;
pub const FLAPPING_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// Steps of an episode at most, those of workflows and notes of people together: whoever reads the
/// alert is given all of them.
pub const MOST_STEPS: u32 = 100;

/// What an alert knows of its episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Episode {
    pub number: u32,
    /// Whose its texts are.
    pub subject: String,
    pub is_active: bool,
    /// When it was last raised, reopened or resolved.
    pub moved_at: DateTime<Utc>,
    /// What is known of the cause, and what its sources said of it last: a person's word stands
    /// until they say something new.
    pub cause: Cause,
    reported_cause: Cause,
    pub acknowledged_by: Option<String>,
    /// When it went down, the last [`FLAPPING_DOWNS`] times.
    downs: VecDeque<DateTime<Utc>>,
    /// When it last went down or up since it was found to flap.
    flapping_at: Option<DateTime<Utc>>,
    /// How many are recorded.
    pub steps: u32,
}

/// On whose side the cause lies, and how sure that is (%).
pub(super) type Cause = (Responsibility, Option<u8>);

/// Whether an event's `by` is a person, and not a source.
pub(super) fn is_person(by: &str) -> bool {
    by.starts_with("user:")
}

pub(super) fn raised(episode: u32, fact: AlertFact) -> AlertRaised {
    AlertRaised {
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
    }
}

impl Episode {
    pub fn of(event: &AlertRaised) -> Self {
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
            flapping_at: None,
            steps: 0,
        }
    }

    /// It is down and was resolved: the episode goes on, or another begins.
    pub fn down_again(&self, fact: AlertFact, by: &Actor) -> Vec<AlertEvent> {
        let at = fact.occurred_at;
        if at - self.moved_at > REOPENED_WITHIN {
            let event = raised(self.number.saturating_add(1), fact);
            return vec![AlertEvent::Raised(Box::new(event))];
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
        if downs >= FLAPPING_DOWNS && !self.is_flapping(at) {
            events.push(AlertEvent::FlappingStarted(AlertFlapping {
                episode: self.number,
                downs: downs as u32,
                occurred_at: at,
            }));
        }
        events
    }

    /// Half an hour after it last went down or up the flapping is over; it can begin again.
    fn is_flapping(&self, at: DateTime<Utc>) -> bool {
        self.flapping_at
            .is_some_and(|last| at - last < FLAPPING_WITHIN)
    }

    /// It went down or up.
    fn moved(&mut self, at: DateTime<Utc>) {
        self.moved_at = at;
        if self.is_flapping(at) {
            self.flapping_at = self.flapping_at.max(Some(at));
        }
    }

    pub fn resolved(
        &self,
        resolution: Option<String>,
        by: &Actor,
        at: DateTime<Utc>,
    ) -> AlertEvent {
        AlertEvent::Resolved(AlertResolved {
            episode: self.number,
            resolution,
            by: by.to_string(),
            occurred_at: at,
            subject: self.subject.clone(),
        })
    }

    pub fn repeated(&self, fact: AlertFact) -> AlertEvent {
        AlertEvent::Repeated(AlertRepeated {
            episode: self.number,
            severity: fact.severity,
            message: fact.message,
            occurred_at: fact.occurred_at,
            subject: self.subject.clone(),
        })
    }

    /// If the source says something new about the cause. What it leaves out it does not know.
    pub fn reclassified(&self, fact: &AlertFact, by: &Actor) -> Option<AlertEvent> {
        let responsibility = fact.responsibility?;
        let (known, sure) = self.reported_cause;
        let same = responsibility == known;
        let said = (responsibility, fact.confidence.or(sure.filter(|_| same)));
        let is_news = said != self.reported_cause && said != self.cause;
        is_news.then(|| self.classified(said, by, fact.occurred_at))
    }

    pub fn classified(&self, cause: Cause, by: &Actor, at: DateTime<Utc>) -> AlertEvent {
        AlertEvent::Reclassified(AlertReclassified {
            episode: self.number,
            responsibility: cause.0,
            confidence: cause.1,
            by: by.to_string(),
            occurred_at: at,
        })
    }

    pub fn step(&self, fact: StepFact, by: &Actor) -> AlertEvent {
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

    pub fn apply(&mut self, event: AlertEvent) {
        match event {
            AlertEvent::Reopened(event) => {
                self.is_active = true;
                self.moved(event.occurred_at);
                self.downs.push_back(event.occurred_at);
                if self.downs.len() > FLAPPING_DOWNS {
                    self.downs.pop_front();
                }
            }
            AlertEvent::Resolved(event) => {
                self.is_active = false;
                self.moved(event.occurred_at);
            }
            AlertEvent::Reclassified(event) => {
                self.cause = (event.responsibility, event.confidence);
                if !is_person(&event.by) {
                    self.reported_cause = self.cause;
                }
            }
            AlertEvent::Acknowledged(event) => self.acknowledged_by = Some(event.by),
            AlertEvent::FlappingStarted(event) => self.flapping_at = Some(event.occurred_at),
            AlertEvent::StepRecorded(_) => self.steps = self.steps.saturating_add(1),
            AlertEvent::Raised(_) | AlertEvent::Repeated(_) | AlertEvent::RecoveryNoted(_) => {}
        }
    }
}
