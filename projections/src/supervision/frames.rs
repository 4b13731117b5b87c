//! The frames of the feed `supervision`: each item as GET shows it after the event.

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, Audience, Frame, RecordedEvent};
use kernel::AccreditationLevel;
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::{
    alert_rows,
    alerts::subject,
    maintenance::{self, WindowRow},
    shapes::Alert,
    support::{TicketRow, items},
};

/// The frames of a batch, before they are completed with names.
#[derive(Default)]
pub(super) struct Frames {
    pub tickets: Vec<(Head, TicketRow)>,
    pub alerts: Vec<(Head, Alert, Option<DateTime<Utc>>)>,
    pub windows: Vec<(Head, WindowRow)>,
    /// Those that need no names.
    pub ready: Vec<Frame>,
}

/// Of what event a frame is.
pub(super) struct Head {
    position: u64,
    kind: &'static str,
    recorded_at: DateTime<Utc>,
}

impl Head {
    pub fn of(event: &RecordedEvent, kind: &'static str) -> Self {
        Self {
            position: event.position,
            kind,
            recorded_at: event.recorded_at,
        }
    }

    pub fn frame(self, subject: String, item: impl Serialize) -> Result<Frame, ApplyError> {
        let data = to_raw_value(&item).map_err(|error| ApplyError::Data {
            position: self.position,
            reason: error.to_string(),
        })?;
        Ok(Frame {
            feed: "supervision",
            position: self.position,
            kind: self.kind,
            audience: Audience::Level(AccreditationLevel::N3),
            recorded_at: self.recorded_at,
            subject,
            data,
        })
    }
}

impl Frames {
    pub async fn complete(self, tx: &mut ApplyTx<'_>) -> Result<Vec<Frame>, ApplyError> {
        if !tx.shows_frames() {
            return Ok(Vec::new());
        }
        let vault = tx.vault().clone();
        let mut frames = self.ready;
        let (heads, rows): (Vec<_>, Vec<_>) = self.tickets.into_iter().unzip();
        let subjects: Vec<String> = rows.iter().map(TicketRow::subject).collect();
        let items = items(tx.conn(), &vault, rows).await?;
        for ((head, subject), item) in heads.into_iter().zip(subjects).zip(items) {
            frames.push(head.frame(subject, item)?);
        }
        let (mut heads, mut alerts) = (Vec::new(), Vec::new());
        for (head, alert, flapping_at) in self.alerts {
            alerts.push((alert, flapping_at, head.recorded_at));
            heads.push(head);
        }
        let alerts = alert_rows::complete(tx.conn(), &vault, alerts).await?;
        for (head, alert) in heads.into_iter().zip(alerts) {
            frames.push(head.frame(subject(&alert)?, alert)?);
        }
        let (mut heads, mut windows) = (Vec::new(), Vec::new());
        for (head, row) in self.windows {
            windows.push((row, head.recorded_at));
            heads.push(head);
        }
        let items = maintenance::complete(tx.conn(), &vault, &windows).await?;
        for ((head, (row, _)), item) in heads.into_iter().zip(windows).zip(items) {
            frames.push(head.frame(row.planned_by, item)?);
        }
        frames.sort_by_key(|frame| frame.position);
        Ok(frames)
    }
}
