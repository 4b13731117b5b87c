//! Alerts, an episode a row: what a batch makes of them.
//!
//! Events of an alert come in the order of the log. A repeat that happened before the latest report
//! counts as one, and says nothing of how the alert is.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, RecordedEvent, Vault};
use events::{
    ERASED,
    sentinel::{AlertEvent, AlertRaised, Severity, StepKind, alert_subject},
};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    period::start_of_minute,
    refs::{told, word},
    shapes::{Alert, AlertStatus, AlertStep},
    sums::{ActiveShare, AlertShare},
};
use crate::apply::data_error;

/// How long after it last went down or up an alert counts as flapping.
pub(super) const FLAPPING_LASTS: TimeDelta = domain::sentinel::FLAPPING_WITHIN;

/// What is read of a row of `supervision_alerts`.
#[derive(FromRow)]
pub(super) struct AlertRow {
    pub flapping_at: Option<DateTime<Utc>>,
    pub doc: Value,
    pub sealed: Value,
}

/// An alert while a batch is applied.
pub(super) struct Entry {
    pub alert: Alert,
    /// When it last went down or up, once it goes up and down.
    pub flapping_at: Option<DateTime<Utc>>,
    pub before: Option<AlertShare>,
    pub has_new_texts: bool,
    pub is_changed: bool,
}

/// The episodes that a batch is about.
#[derive(Default)]
pub(super) struct Alerts(pub HashMap<(Uuid, u32), Entry>);

impl AlertRow {
    /// The alert and when it last went down or up. The row's sealed part is open.
    pub fn alert(self) -> Result<(Alert, Option<DateTime<Utc>>), LogError> {
        let alert = serde_json::from_value(join(self.doc, self.sealed))
            .map_err(|error| LogError::Corrupt(error.to_string()))?;
        Ok((alert, self.flapping_at))
    }
}

/// Opens rows.
pub(super) async fn open(
    vault: &Vault,
    mut rows: Vec<AlertRow>,
) -> Result<Vec<(Alert, Option<DateTime<Utc>>)>, LogError> {
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.sealed).collect())
        .await?;
    rows.into_iter().map(AlertRow::alert).collect()
}

/// The episode that an event is about; none of a recovery that nobody waited for.
pub(super) fn episode_of(event: &AlertEvent) -> Option<u32> {
    match event {
        AlertEvent::Raised(event) => Some(event.episode),
        AlertEvent::Repeated(event) => Some(event.episode),
        AlertEvent::Reclassified(event) => Some(event.episode),
        AlertEvent::Acknowledged(event) => Some(event.episode),
        AlertEvent::StepRecorded(event) => Some(event.episode),
        AlertEvent::Resolved(event) => Some(event.episode),
        AlertEvent::Reopened(event) => Some(event.episode),
        AlertEvent::FlappingStarted(event) => Some(event.episode),
        AlertEvent::RecoveryNoted(_) => None,
    }
}

/// Whether a command that saw the alert before the event is out of date (`domain::sentinel`).
fn counts(event: &AlertEvent) -> bool {
    matches!(
        event,
        AlertEvent::Raised(_)
            | AlertEvent::Reclassified(_)
            | AlertEvent::Acknowledged(_)
            | AlertEvent::Resolved(_)
            | AlertEvent::Reopened(_)
    )
}

impl Alerts {
    pub async fn load(tx: &mut ApplyTx<'_>, ids: &[(Uuid, u32)]) -> Result<Self, ApplyError> {
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let found: Vec<AlertRow> = sqlx::query_as(
            "SELECT a.flapping_at, a.doc, a.sealed FROM unnest($1::uuid[], $2::integer[]) AS n(id, episode)
             JOIN supervision_alerts a ON a.alert_id = n.id AND a.episode = n.episode",
        )
        .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind(ids.iter().map(|id| id.1 as i32).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?;
        let alerts = open(tx.vault(), found).await?;
        let entries = alerts.into_iter().map(|(alert, flapping_at)| {
            let entry = Entry {
                before: Some(share(&alert, flapping_at)),
                alert,
                flapping_at,
                has_new_texts: false,
                is_changed: false,
            };
            ((entry.alert.id, entry.alert.episode), entry)
        });
        Ok(Self(entries.collect()))
    }

    /// Applies an event to its episode; `None` if it was applied before or is about none.
    pub fn apply(
        &mut self,
        event: &RecordedEvent,
        id: Uuid,
        what: AlertEvent,
    ) -> Result<Option<&Entry>, ApplyError> {
        let Some(episode) = episode_of(&what) else {
            return Ok(None);
        };
        if let (AlertEvent::Raised(raised), false) = (&what, self.0.contains_key(&(id, episode))) {
            let mut entry = Entry::raised(id, raised);
            let before = self.0.get(&(id, episode.saturating_sub(1)));
            entry.alert.version = before.map_or(0, |before| before.alert.version);
            self.0.insert((id, episode), entry);
        }
        let Some(entry) = self.0.get_mut(&(id, episode)) else {
            return Err(data_error(
                event,
                "it belongs to an episode that never began",
            ));
        };
        if event.position <= entry.alert.position {
            return Ok(None);
        }
        entry.alert.position = event.position;
        entry.alert.version += u64::from(counts(&what));
        entry.is_changed = true;
        entry.apply(event, what);
        Ok(Some(entry))
    }
}

impl Entry {
    fn raised(id: Uuid, raised: &AlertRaised) -> Self {
        Self {
            alert: Alert {
                id,
                episode: raised.episode,
                version: 0,
                source: raised.source.clone(),
                external_id: raised.external_id.clone(),
                device: raised.device.clone(),
                client: told(raised.client_id.clone(), raised.client_name.clone()),
                severity: raised.severity,
                message: raised.message.clone(),
                responsibility: raised.responsibility,
                confidence: raised.confidence,
                status: AlertStatus::Active,
                acknowledged_by: None,
                acknowledged_at: None,
                is_flapping: false,
                is_muted: false,
                is_awaiting_diag: false,
                raised_at: raised.occurred_at,
                last_occurred_at: raised.occurred_at,
                repeats: 0,
                reopenings: 0,
                resolved_at: None,
                resolution: None,
                resolved_by: None,
                steps: Vec::new(),
                position: 0,
            },
            flapping_at: None,
            before: None,
            has_new_texts: true,
            is_changed: true,
        }
    }

    fn apply(&mut self, recorded: &RecordedEvent, event: AlertEvent) {
        let alert = &mut self.alert;
        match event {
            AlertEvent::Raised(_) | AlertEvent::RecoveryNoted(_) => {}
            AlertEvent::Repeated(event) => {
                alert.repeats += 1;
                self.report(event.occurred_at, event.severity, event.message);
            }
            AlertEvent::Reclassified(event) => {
                alert.responsibility = event.responsibility;
                alert.confidence = event.confidence;
            }
            AlertEvent::Acknowledged(event) => {
                alert.acknowledged_by = Some(event.by);
                alert.acknowledged_at = Some(event.acknowledged_at);
            }
            AlertEvent::StepRecorded(event) => {
                self.has_new_texts |= event.detail.is_some();
                alert.steps.push(AlertStep {
                    kind: event.kind,
                    at: event.occurred_at,
                    ticket_id: event.ticket_id,
                    detail: event.detail,
                    by: event.by,
                    url: None,
                });
            }
            AlertEvent::Resolved(event) => {
                self.has_new_texts |= event.resolution != alert.resolution;
                alert.status = AlertStatus::Resolved;
                alert.resolved_at = Some(event.occurred_at);
                alert.resolution = event.resolution;
                alert.resolved_by = Some(event.by);
                self.turned(event.occurred_at);
            }
            AlertEvent::Reopened(event) => {
                self.has_new_texts |= alert.resolution.is_some();
                alert.status = AlertStatus::Active;
                alert.reopenings += 1;
                (alert.resolved_at, alert.resolution, alert.resolved_by) = (None, None, None);
                self.turned(event.occurred_at);
                self.report(event.occurred_at, event.severity, event.message);
            }
            AlertEvent::FlappingStarted(event) => self.flapping_at = Some(event.occurred_at),
        }
        let is_waiting = awaits_diag(&self.alert.steps);
        self.alert.is_awaiting_diag = is_waiting && self.alert.status == AlertStatus::Active;
        debug_assert_eq!(self.alert.position, recorded.position);
    }

    /// What the latest report says counts.
    fn report(&mut self, at: DateTime<Utc>, severity: Severity, message: String) {
        let alert = &mut self.alert;
        if at < alert.last_occurred_at {
            return;
        }
        alert.last_occurred_at = at;
        alert.severity = severity;
        if alert.message != message {
            alert.message = message;
            self.has_new_texts = true;
        }
    }

    /// It went down or up. Half an hour after the last time the flapping was over: what comes later
    /// is no part of it.
    fn turned(&mut self, at: DateTime<Utc>) {
        if let Some(last) = self.flapping_at
            && at - last < FLAPPING_LASTS
        {
            self.flapping_at = Some(last.max(at));
        }
    }

    /// What it counts for as it is now.
    pub fn share(&self) -> AlertShare {
        share(&self.alert, self.flapping_at)
    }

    /// Whose its texts are.
    pub fn subject(&self) -> Result<String, LogError> {
        subject(&self.alert)
    }

    /// The words it is found by.
    pub fn texts(&self) -> Vec<&str> {
        let alert = &self.alert;
        let mut texts = vec![&*alert.device, &*alert.external_id, &*alert.message];
        if let Some(client) = &alert.client {
            texts.push(&client.id);
            texts.extend(client.name.as_deref());
        }
        texts.extend(alert.resolution.as_deref());
        texts.extend(alert.steps.iter().filter_map(|step| step.detail.as_deref()));
        texts
    }
}

/// Whose the texts of an alert are.
pub(super) fn subject(alert: &Alert) -> Result<String, LogError> {
    let id = kernel::AggregateId::from(alert.id);
    let client_id = alert.client.as_ref().map(|client| client.id.as_str());
    Ok(alert_subject(&id, client_id))
}

/// Whether the last word about a diagnosis is that the client was asked for one.
fn awaits_diag(steps: &[AlertStep]) -> bool {
    let about =
        |step: &&AlertStep| matches!(step.kind, StepKind::AwaitingDiag | StepKind::DiagReceived);
    // Of two at one time the one recorded later counts: `max_by_key` takes the last.
    let last = steps.iter().filter(about).max_by_key(|step| step.at);
    last.is_some_and(|step| step.kind == StepKind::AwaitingDiag)
}

/// What the alert counts for.
fn share(alert: &Alert, flapping_at: Option<DateTime<Utc>>) -> AlertShare {
    let resolution = alert.resolved_at.map(|at| at - alert.raised_at);
    let is_active = alert.status == AlertStatus::Active;
    AlertShare {
        raised_at: alert.raised_at,
        responsibility: word(alert.responsibility),
        severity: word(alert.severity),
        status: alert.status.as_str(),
        resolution_ms: resolution.map_or(0, |it| it.num_milliseconds().max(0)),
        active: is_active.then(|| ActiveShare {
            client_id: alert.client.as_ref().map(|client| client.id.clone()),
            is_acknowledged: alert.acknowledged_at.is_some(),
            is_awaiting_diag: alert.is_awaiting_diag,
        }),
        flapping_at: flapping_at.map(start_of_minute),
    }
}

impl AlertStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Resolved => "resolved",
        }
    }
}

/// Takes the personal parts out: what is left has the text of an erased value in their places.
pub(super) fn split(alert: &Alert) -> Result<(Value, Value), LogError> {
    let doc = serde_json::to_value(alert);
    let mut doc = doc.map_err(|error| LogError::Corrupt(error.to_string()))?;
    let mut personal = BTreeMap::new();
    let details = (0..alert.steps.len()).map(|nth| format!("/steps/{nth}/detail"));
    let texts = ["/message", "/client/name", "/resolution"].map(str::to_owned);
    for pointer in texts.into_iter().chain(details) {
        match doc.pointer_mut(&pointer) {
            None | Some(Value::Null) => {}
            Some(place) => {
                personal.insert(pointer, std::mem::replace(place, json!(ERASED)));
            }
        }
    }
    let personal: Map<String, Value> = personal.into_iter().collect();
    Ok((doc, Value::Object(personal)))
}

/// Puts the personal parts back. If they are erased, the document says so in each place.
fn join(mut doc: Value, personal: Value) -> Value {
    if let Value::Object(personal) = personal {
        for (pointer, value) in personal {
            if let Some(place) = doc.pointer_mut(&pointer) {
                *place = value;
            }
        }
    }
    doc
}
