//! Writing the alerts of a batch, and completing them when they are shown.

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, TermColumn, Vault};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    alerts::{Alerts, Entry, FLAPPING_LASTS, split},
    maintenance::Windows,
    refs::{Clients, word},
    shapes::Alert,
    sums::Sums,
};
use crate::names::find_names;

/// The rows of a batch, column by column.
#[derive(Default)]
struct Columns {
    alert_id: Vec<Uuid>,
    episode: Vec<i32>,
    position: Vec<i64>,
    client_id: Vec<Option<String>>,
    device: Vec<String>,
    severity: Vec<String>,
    responsibility: Vec<String>,
    status: Vec<&'static str>,
    raised_at: Vec<DateTime<Utc>>,
    resolved_at: Vec<Option<DateTime<Utc>>>,
    is_acknowledged: Vec<bool>,
    is_awaiting_diag: Vec<bool>,
    flapping_at: Vec<Option<DateTime<Utc>>>,
    doc: Vec<Value>,
    /// `None` keeps the row's.
    sealed: Vec<Option<Value>>,
    /// `None` keeps the row's.
    terms: TermColumn,
}

impl Alerts {
    pub async fn write(self, tx: &mut ApplyTx<'_>, sums: &mut Sums) -> Result<(), ApplyError> {
        let entries = self.0.into_values().filter(|entry| entry.is_changed);
        let mut entries: Vec<Entry> = entries.collect();
        if entries.is_empty() {
            return Ok(());
        }
        // One order for all, so that two writers never wait for each other in a circle.
        entries.sort_by_key(|entry| (entry.alert.id, entry.alert.episode));
        let mut columns = Columns::default();
        for mut entry in entries {
            sums.alert(entry.before.take(), &entry.share());
            columns.add(tx, entry).await?;
        }
        columns.write(tx).await
    }
}

impl Columns {
    async fn add(&mut self, tx: &mut ApplyTx<'_>, entry: Entry) -> Result<(), ApplyError> {
        let (doc, personal) = split(&entry.alert)?;
        let (sealed, terms) = match entry.has_new_texts {
            true => {
                let sealed = tx.vault().seal(&entry.subject()?, &personal).await?;
                let terms = tx.vault().index_terms(entry.texts());
                (Some(sealed), Some(terms))
            }
            false => (None, None),
        };
        let Entry {
            alert, flapping_at, ..
        } = entry;
        self.sealed.push(sealed);
        self.terms.push(terms);
        self.doc.push(doc);
        self.alert_id.push(alert.id);
        self.episode.push(alert.episode as i32);
        self.position.push(alert.position as i64);
        self.severity.push(word(alert.severity));
        self.responsibility.push(word(alert.responsibility));
        self.status.push(alert.status.as_str());
        self.raised_at.push(alert.raised_at);
        self.resolved_at.push(alert.resolved_at);
        self.is_acknowledged.push(alert.acknowledged_at.is_some());
        self.is_awaiting_diag.push(alert.is_awaiting_diag);
        self.flapping_at.push(flapping_at);
        self.client_id.push(alert.client.map(|client| client.id));
        self.device.push(alert.device);
        Ok(())
    }

    async fn write(self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        sqlx::query(
            "INSERT INTO supervision_alerts AS a (alert_id, episode, position, client_id, device, severity,
                 responsibility, status, raised_at, resolved_at, is_acknowledged, is_awaiting_diag, flapping_at,
                 doc, sealed, terms)
             SELECT n.alert_id, n.episode, n.position, n.client_id, n.device, n.severity, n.responsibility,
                    n.status, n.raised_at, n.resolved_at, n.is_acknowledged, n.is_awaiting_diag, n.flapping_at,
                    n.doc, coalesce(n.sealed, o.sealed),
                    coalesce(($16::bigint[])[n.first_term:n.last_term], o.terms)
             FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[],
                         $13::timestamptz[], $14::jsonb[], $15::jsonb[],
                         $17::integer[], $18::integer[])
                  AS n(alert_id, episode, position, client_id, device, severity, responsibility, status, raised_at,
                       resolved_at, is_acknowledged, is_awaiting_diag, flapping_at, doc, sealed,
                       first_term, last_term)
             LEFT JOIN supervision_alerts o
               ON n.sealed IS NULL AND o.alert_id = n.alert_id AND o.episode = n.episode
             ON CONFLICT (alert_id, episode) DO UPDATE SET position = excluded.position,
                 severity = excluded.severity, responsibility = excluded.responsibility, status = excluded.status,
                 resolved_at = excluded.resolved_at, is_acknowledged = excluded.is_acknowledged,
                 is_awaiting_diag = excluded.is_awaiting_diag, flapping_at = excluded.flapping_at,
                 doc = excluded.doc, sealed = excluded.sealed, terms = excluded.terms
             WHERE a.position < excluded.position",
        )
        .bind(self.alert_id)
        .bind(self.episode)
        .bind(self.position)
        .bind(self.client_id)
        .bind(self.device)
        .bind(self.severity)
        .bind(self.responsibility)
        .bind(self.status)
        .bind(self.raised_at)
        .bind(self.resolved_at)
        .bind(self.is_acknowledged)
        .bind(self.is_awaiting_diag)
        .bind(self.flapping_at)
        .bind(self.doc)
        .bind(self.sealed)
        .bind(self.terms.all)
        .bind(self.terms.first)
        .bind(self.terms.last)
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

/// Alerts as they are shown at a time: with names, and what depends on the time.
pub(super) async fn complete(
    conn: &mut PgConnection,
    vault: &Vault,
    alerts: Vec<(Alert, Option<DateTime<Utc>>, DateTime<Utc>)>,
) -> Result<Vec<Alert>, LogError> {
    let times = || alerts.iter().map(|(.., now)| *now);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Ok(Vec::new());
    };
    let windows = Windows::load(conn, (first, last)).await?;
    let numbers = alerts
        .iter()
        .filter_map(|(alert, ..)| alert.client.as_ref());
    let clients = Clients::find(conn, vault, numbers.map(|client| client.id.as_str())).await?;
    let actors = alerts.iter().flat_map(|(alert, ..)| actors(alert));
    let names = find_names(conn, vault, actors).await?;
    let name = |by: &mut String| {
        if let Some(name) = names.get(by) {
            by.clone_from(name);
        }
    };
    let shown = alerts.into_iter().map(|(mut alert, flapping_at, now)| {
        alert.is_muted = windows.mute(&alert, now);
        alert.is_flapping = flapping_at.is_some_and(|last| last + FLAPPING_LASTS > now);
        clients.complete(&mut alert.client);
        alert.steps.iter_mut().for_each(|step| name(&mut step.by));
        alert.acknowledged_by.iter_mut().for_each(name);
        alert.resolved_by.iter_mut().for_each(name);
        alert
    });
    Ok(shown.collect())
}

fn actors(alert: &Alert) -> impl Iterator<Item = &str> {
    let steps = alert.steps.iter().map(|step| step.by.as_str());
    let others = alert.acknowledged_by.iter().chain(&alert.resolved_by);
    steps.chain(others.map(String::as_str))
}
