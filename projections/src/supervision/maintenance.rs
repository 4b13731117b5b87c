//! Maintenance windows. Whether one runs is asked of the time, not of an event: a window that nobody
//! had the time to begin or end mutes for as long as it was planned.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, RecordedEvent, Vault};
use events::sentinel::MaintenanceEvent;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{
    refs::{Clients, text, told},
    shapes::{Alert, Maintenance, MaintenanceStatus},
};
use crate::{apply::data_error, names::find_names};

/// A row of `supervision_maintenance`, its reason opened.
#[derive(Debug, Clone, FromRow)]
pub(super) struct WindowRow {
    pub id: Uuid,
    pub position: i64,
    pub version: i64,
    pub client_id: Option<String>,
    pub device: Option<String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub planned_by: String,
    pub planned_at: DateTime<Utc>,
    pub sealed: Value,
}

/// The windows that a batch is about.
#[derive(Default)]
pub(super) struct Plans {
    rows: HashMap<Uuid, WindowRow>,
    changed: Vec<Uuid>,
}

impl Plans {
    pub async fn load(tx: &mut ApplyTx<'_>, ids: &[Uuid]) -> Result<Self, ApplyError> {
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let mut rows: Vec<WindowRow> =
            sqlx::query_as("SELECT * FROM supervision_maintenance WHERE id = ANY($1)")
                .bind(ids)
                .fetch_all(tx.conn())
                .await?;
        tx.vault()
            .open_all(rows.iter_mut().map(|row| &mut row.sealed).collect())
            .await?;
        Ok(Self {
            rows: rows.into_iter().map(|row| (row.id, row)).collect(),
            changed: Vec::new(),
        })
    }

    /// Applies an event to its window; `None` if it was applied before.
    pub fn apply(
        &mut self,
        event: &RecordedEvent,
        id: Uuid,
        what: MaintenanceEvent,
    ) -> Result<Option<&WindowRow>, ApplyError> {
        if let (MaintenanceEvent::Planned(planned), false) = (&what, self.rows.contains_key(&id)) {
            let row = WindowRow {
                id,
                position: 0,
                version: 0,
                client_id: planned.client_id.clone(),
                device: planned.device.clone(),
                starts_at: planned.starts_at,
                ends_at: planned.ends_at,
                cancelled_at: None,
                planned_by: planned.by.clone(),
                planned_at: planned.planned_at,
                sealed: json!({ "reason": planned.reason }),
            };
            self.rows.insert(id, row);
        }
        let Some(row) = self.rows.get_mut(&id) else {
            return Err(data_error(
                event,
                "it belongs to a window that was never planned",
            ));
        };
        let position = event.position as i64;
        if position <= row.position {
            return Ok(None);
        }
        (row.position, row.version) = (position, event.sequence as i64);
        if let MaintenanceEvent::Cancelled(cancelled) = what {
            row.cancelled_at = Some(cancelled.cancelled_at);
        }
        self.changed.push(id);
        Ok(Some(row))
    }

    pub async fn write(mut self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        self.changed.sort_unstable();
        self.changed.dedup();
        for id in self.changed {
            let Some(row) = self.rows.remove(&id) else {
                continue;
            };
            let sealed = tx.vault().seal(&row.planned_by, &row.sealed).await?;
            sqlx::query(
                "INSERT INTO supervision_maintenance AS m (id, position, version, client_id, device, starts_at,
                     ends_at, cancelled_at, planned_by, planned_at, sealed)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                 ON CONFLICT (id) DO UPDATE SET position = excluded.position, version = excluded.version,
                     cancelled_at = excluded.cancelled_at
                 WHERE m.position < excluded.position",
            )
            .bind(row.id)
            .bind(row.position)
            .bind(row.version)
            .bind(row.client_id)
            .bind(row.device)
            .bind(row.starts_at)
            .bind(row.ends_at)
            .bind(row.cancelled_at)
            .bind(row.planned_by)
            .bind(row.planned_at)
            .bind(sealed)
            .execute(tx.conn())
            .await?;
        }
        Ok(())
    }
}

impl WindowRow {
    fn status(&self, now: DateTime<Utc>) -> MaintenanceStatus {
        match self {
            _ if self.cancelled_at.is_some() => MaintenanceStatus::Cancelled,
            _ if now < self.starts_at => MaintenanceStatus::Planned,
            _ if now < self.ends_at => MaintenanceStatus::Running,
            _ => MaintenanceStatus::Ended,
        }
    }

    fn item(&self, now: DateTime<Utc>) -> Maintenance {
        Maintenance {
            id: self.id,
            client: told(self.client_id.clone(), None),
            device: self.device.clone(),
            reason: text(&self.sealed, "reason").unwrap_or_default(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            cancelled_at: self.cancelled_at,
            status: self.status(now),
            planned_by: self.planned_by.clone(),
            planned_at: self.planned_at,
            version: self.version.unsigned_abs(),
            position: self.position.unsigned_abs(),
        }
    }
}

/// Rows as they are shown at a time, their reasons opened already.
pub(super) async fn complete(
    conn: &mut PgConnection,
    vault: &Vault,
    rows: &[(WindowRow, DateTime<Utc>)],
) -> Result<Vec<Maintenance>, LogError> {
    let numbers = rows.iter().filter_map(|(row, _)| row.client_id.as_deref());
    let clients = Clients::find(conn, vault, numbers).await?;
    let planners = rows.iter().map(|(row, _)| row.planned_by.as_str());
    let names = find_names(conn, vault, planners).await?;
    let shown = rows.iter().map(|(row, now)| {
        let mut item = row.item(*now);
        clients.complete(&mut item.client);
        if let Some(name) = names.get(&item.planned_by) {
            item.planned_by.clone_from(name);
        }
        item
    });
    Ok(shown.collect())
}

/// The windows that may still run.
pub(super) struct Windows(Vec<Window>);

/// Its client, its device, and from when to when it runs.
type Window = (Option<String>, Option<String>, DateTime<Utc>, DateTime<Utc>);

impl Windows {
    /// Those that run at some time of a stretch, about which alone somebody will ask.
    pub async fn load(
        conn: &mut PgConnection,
        (first, last): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Self, LogError> {
        let query = "SELECT client_id, device, starts_at, ends_at FROM supervision_maintenance
             WHERE cancelled_at IS NULL AND ends_at > $1 AND starts_at <= $2";
        let windows = sqlx::query_as(query).bind(first).bind(last);
        Ok(Self(windows.fetch_all(conn).await?))
    }

    /// Whether one of them mutes the alert: by its device, if the window names one, or its client.
    pub fn mute(&self, alert: &Alert, now: DateTime<Utc>) -> bool {
        let client_id = alert.client.as_ref().map(|client| client.id.as_str());
        self.0.iter().any(|(client, device, from, to)| {
            let is_of_it = match (device, client) {
                (Some(device), _) => *device == alert.device,
                (None, Some(client)) => client_id == Some(client),
                (None, None) => false,
            };
            is_of_it && *from <= now && now < *to
        })
    }
}
