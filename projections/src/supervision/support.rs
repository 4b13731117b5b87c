//! Tickets: each counts once, by its latest report. A report that happened before the one that counts
//! is counted as a report, and changes nothing else.

use std::collections::{HashMap, hash_map};

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, RecordedEvent, TermColumn, Vault};
use events::support::{TicketProcessed, ticket_id};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::{
    refs::{self, text, told, value, word},
    shapes::Ticket,
    sums::{Sums, TicketShare},
};

/// No ticket takes longer than 30 years: a sum of durations stays a number.
const LONGEST_MS: i64 = 30 * 366 * 24 * 3_600_000;

/// A row of `supervision_tickets`, its texts opened.
#[derive(Debug, Clone, FromRow)]
pub(super) struct TicketRow {
    pub ticket_id: i64,
    pub position: i64,
    pub category: String,
    pub outcome: String,
    pub automatic: bool,
    pub client_id: Option<String>,
    pub duration_ms: Option<i64>,
    pub reports: i32,
    pub first_occurred_at: DateTime<Utc>,
    pub occurred_at: DateTime<Utc>,
    pub reported_position: i64,
    pub reported_by: String,
    pub sealed: Value,
}

/// The columns of [`TicketRow`].
pub(super) const TICKET: &str = "ticket_id, position, category, outcome, automatic, client_id, \
     duration_ms, reports, first_occurred_at, occurred_at, reported_position, reported_by, sealed";

/// The tickets that a batch is about.
#[derive(Default)]
pub(super) struct Tickets {
    rows: HashMap<i64, Entry>,
}

struct Entry {
    row: TicketRow,
    before: Option<TicketShare>,
    is_changed: bool,
    /// Whose the texts are, if they changed.
    subject: Option<String>,
}

impl Tickets {
    pub async fn load(tx: &mut ApplyTx<'_>, ids: &[i64]) -> Result<Self, ApplyError> {
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let query = format!("SELECT {TICKET} FROM supervision_tickets WHERE ticket_id = ANY($1)");
        let found: Vec<TicketRow> = sqlx::query_as(&query)
            .bind(ids)
            .fetch_all(tx.conn())
            .await?;
        let found = open(tx.vault(), found).await?;
        let rows = found.into_iter().map(|row| {
            let entry = Entry {
                before: Some(row.share()),
                is_changed: false,
                subject: None,
                row,
            };
            (entry.row.ticket_id, entry)
        });
        Ok(Self {
            rows: rows.collect(),
        })
    }

    /// Applies a report; the row, if it was not applied before.
    pub fn processed(
        &mut self,
        event: &RecordedEvent,
        report: TicketProcessed,
    ) -> Option<&TicketRow> {
        let subject = report.subject();
        let (id, position) = (report.ticket_id, event.position as i64);
        let told = row_of(event, report);
        let entry = match self.rows.entry(id) {
            hash_map::Entry::Occupied(entry) => entry.into_mut(),
            hash_map::Entry::Vacant(place) => {
                let entry = place.insert(Entry {
                    row: told,
                    before: None,
                    is_changed: true,
                    subject: Some(subject),
                });
                return Some(&entry.row);
            }
        };
        if position <= entry.row.position {
            return None;
        }
        entry.is_changed = true;
        let row = &mut entry.row;
        let (reports, first) = (row.reports + 1, row.first_occurred_at.min(told.occurred_at));
        if told.occurred_at >= row.occurred_at {
            *row = told;
            entry.subject = Some(subject);
        }
        (row.reports, row.first_occurred_at, row.position) = (reports, first, position);
        Some(row)
    }

    pub async fn write(self, tx: &mut ApplyTx<'_>, sums: &mut Sums) -> Result<(), ApplyError> {
        let mut entries: Vec<Entry> = self
            .rows
            .into_values()
            .filter(|entry| entry.is_changed)
            .collect();
        if entries.is_empty() {
            return Ok(());
        }
        // One order for all, so that two writers never wait for each other in a circle.
        entries.sort_by_key(|entry| entry.row.ticket_id);
        let (mut sealed, mut terms) = (Vec::new(), TermColumn::default());
        for entry in &mut entries {
            let row = &entry.row;
            sums.ticket(entry.before.take(), &row.share());
            sealed.push(match &entry.subject {
                Some(subject) => Some(tx.vault().seal(subject, &row.sealed).await?),
                None => None,
            });
            terms.push(entry.subject.as_ref().map(|_| {
                let number = row.ticket_id.to_string();
                let texts = row.texts(&number);
                tx.vault().index_terms(texts)
            }));
        }
        fn column<T>(entries: &[Entry], of: impl Fn(&TicketRow) -> T) -> Vec<T> {
            entries.iter().map(|entry| of(&entry.row)).collect()
        }
        sqlx::query(
            "INSERT INTO supervision_tickets AS t (ticket_id, position, category, outcome, automatic, client_id,
                 duration_ms, reports, first_occurred_at, occurred_at, reported_position, reported_by, sealed, terms)
             SELECT n.ticket_id, n.position, n.category, n.outcome, n.automatic, n.client_id, n.duration_ms,
                    n.reports, n.first, n.occurred_at, n.reported_position, n.reported_by,
                    coalesce(n.sealed, o.sealed), coalesce(($14::bigint[])[n.first_term:n.last_term], o.terms)
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::text[],
                         $7::bigint[], $8::integer[], $9::timestamptz[], $10::timestamptz[], $11::bigint[],
                         $12::text[], $13::jsonb[], $15::integer[], $16::integer[])
                  AS n(ticket_id, position, category, outcome, automatic, client_id, duration_ms, reports, first,
                       occurred_at, reported_position, reported_by, sealed, first_term, last_term)
             LEFT JOIN supervision_tickets o ON n.sealed IS NULL AND o.ticket_id = n.ticket_id
             ON CONFLICT (ticket_id) DO UPDATE SET position = excluded.position, category = excluded.category,
                 outcome = excluded.outcome, automatic = excluded.automatic, client_id = excluded.client_id,
                 duration_ms = excluded.duration_ms, reports = excluded.reports,
                 first_occurred_at = excluded.first_occurred_at, occurred_at = excluded.occurred_at,
                 reported_position = excluded.reported_position, reported_by = excluded.reported_by,
                 sealed = excluded.sealed, terms = excluded.terms
             WHERE t.position < excluded.position",
        )
        .bind(column(&entries, |row| row.ticket_id))
        .bind(column(&entries, |row| row.position))
        .bind(column(&entries, |row| row.category.clone()))
        .bind(column(&entries, |row| row.outcome.clone()))
        .bind(column(&entries, |row| row.automatic))
        .bind(column(&entries, |row| row.client_id.clone()))
        .bind(column(&entries, |row| row.duration_ms))
        .bind(column(&entries, |row| row.reports))
        .bind(column(&entries, |row| row.first_occurred_at))
        .bind(column(&entries, |row| row.occurred_at))
        .bind(column(&entries, |row| row.reported_position))
        .bind(column(&entries, |row| row.reported_by.clone()))
        .bind(sealed)
        .bind(terms.all)
        .bind(terms.first)
        .bind(terms.last)
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

fn row_of(event: &RecordedEvent, report: TicketProcessed) -> TicketRow {
    let position = event.position as i64;
    TicketRow {
        ticket_id: report.ticket_id,
        position,
        category: word(report.category),
        outcome: word(report.outcome),
        automatic: report.automatic,
        client_id: report.client_id,
        duration_ms: report
            .duration_ms
            .map(|ms| i64::try_from(ms).unwrap_or(i64::MAX).min(LONGEST_MS)),
        reports: 1,
        first_occurred_at: report.occurred_at,
        occurred_at: report.occurred_at,
        reported_position: position,
        reported_by: event.metadata.actor.to_string(),
        sealed: json!({ "title": report.title, "client_name": report.client_name }),
    }
}

impl TicketRow {
    fn share(&self) -> TicketShare {
        TicketShare {
            occurred_at: self.occurred_at,
            category: self.category.clone(),
            outcome: self.outcome.clone(),
            automatic: self.automatic,
            client_id: self.client_id.clone(),
            duration_ms: self.duration_ms,
        }
    }

    fn texts<'a>(&'a self, number: &'a str) -> Vec<&'a str> {
        let mut texts = vec![number];
        texts.extend(self.client_id.as_deref());
        texts.extend(["title", "client_name"].map(|it| self.sealed[it].as_str().unwrap_or("")));
        texts
    }

    /// The ticket as it is shown, but for what the register knows of its client.
    pub fn item(&self) -> Result<Ticket, LogError> {
        Ok(Ticket {
            ticket_id: self.ticket_id,
            aggregate_id: ticket_id(self.ticket_id).as_str().to_owned(),
            title: text(&self.sealed, "title"),
            category: value(&self.category)?,
            outcome: value(&self.outcome)?,
            automatic: self.automatic,
            client: told(self.client_id.clone(), text(&self.sealed, "client_name")),
            duration_ms: self.duration_ms.map(i64::unsigned_abs),
            reports: self.reports.unsigned_abs(),
            first_occurred_at: self.first_occurred_at,
            occurred_at: self.occurred_at,
            reported_by: self.reported_by.clone(),
            url: None,
            position: self.position as u64,
        })
    }

    /// Whose its texts are.
    pub fn subject(&self) -> String {
        match &self.client_id {
            Some(client_id) => format!("client:{client_id}"),
            None => format!("ticket:{}", self.ticket_id),
        }
    }
}

pub(super) async fn open(
    vault: &Vault,
    mut rows: Vec<TicketRow>,
) -> Result<Vec<TicketRow>, LogError> {
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.sealed).collect())
        .await?;
    Ok(rows)
}

/// Rows as they are shown.
pub(super) async fn items(
    conn: &mut PgConnection,
    vault: &Vault,
    rows: Vec<TicketRow>,
) -> Result<Vec<Ticket>, LogError> {
    let rows = open(vault, rows).await?;
    let ids = rows.iter().filter_map(|row| row.client_id.as_deref());
    let clients = refs::Clients::find(conn, vault, ids).await?;
    rows.iter()
        .map(|row| {
            let mut ticket = row.item()?;
            clients.complete(&mut ticket.client);
            Ok(ticket)
        })
        .collect()
}
