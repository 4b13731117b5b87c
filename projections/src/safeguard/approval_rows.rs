//! The rows of approvals while a batch is applied: read at once, written at once.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, RecordedEvent, TermColumn};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ApprovalItem,
    approval_item::{join, split},
};

/// An approval while a batch is applied.
pub(super) struct Row {
    pub(super) position: u64,
    pub(super) item: ApprovalItem,
    pub(super) decided_at: Option<DateTime<Utc>>,
    /// Whether its texts changed, so that they are indexed again.
    pub(super) has_new_texts: bool,
    pub(super) is_changed: bool,
}

/// The rows of the approvals that the events are about; there is none before an approval's first event.
pub(super) async fn load(
    tx: &mut ApplyTx<'_>,
    events: &[Arc<RecordedEvent>],
) -> Result<HashMap<Uuid, Row>, ApplyError> {
    let mut firsts = HashMap::new();
    for event in events {
        firsts.entry(&*event.aggregate_id).or_insert(event.sequence);
    }
    let begun_before = firsts.into_iter().filter(|(_, first)| *first > 1);
    let ids: Vec<Uuid> = begun_before.filter_map(|(id, _)| id.parse().ok()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    type Found = (i64, Option<DateTime<Utc>>, Value, Value);
    let mut found: Vec<Found> = sqlx::query_as(
        "SELECT position, decided_at, doc, sealed FROM approvals WHERE id = ANY($1)",
    )
    .bind(&ids)
    .fetch_all(tx.conn())
    .await?;
    tx.vault()
        .open_all(found.iter_mut().map(|row| &mut row.3).collect())
        .await?;
    let mut rows = HashMap::with_capacity(ids.len());
    for (position, decided_at, doc, personal) in found {
        let item: ApprovalItem = serde_json::from_value(join(doc, personal))
            .map_err(|error| eventlog::LogError::Corrupt(error.to_string()))?;
        let position = position as u64;
        let row = Row {
            position,
            item,
            decided_at,
            has_new_texts: false,
            is_changed: false,
        };
        rows.insert(row.item.id, row);
    }
    Ok(rows)
}

/// Writes the rows that changed.
pub(super) async fn write(
    tx: &mut ApplyTx<'_>,
    rows: HashMap<Uuid, Row>,
) -> Result<(), ApplyError> {
    let mut rows: Vec<Row> = rows.into_values().filter(|row| row.is_changed).collect();
    if rows.is_empty() {
        return Ok(());
    }
    // One order for all, so that two writers never wait for each other in a circle.
    rows.sort_by_key(|row| row.item.id);
    let mut columns = Columns::default();
    for row in rows {
        columns.add(tx, row).await?;
    }
    sqlx::query(
        "INSERT INTO approvals AS a (id, position, reference, status, tool_name, client_id, workflow,
                                     requested_by, requested_at, expires_at, decided_at, doc, sealed, terms)
         SELECT n.id, n.position, n.reference, n.status, n.tool_name, n.client_id, n.workflow,
                n.requested_by, n.requested_at, n.expires_at, n.decided_at, n.doc, n.sealed,
                ($14::bigint[])[n.first_term:n.last_term]
         FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::jsonb[],
                     $13::jsonb[], $15::integer[], $16::integer[])
              AS n(id, position, reference, status, tool_name, client_id, workflow, requested_by, requested_at,
                   expires_at, decided_at, doc, sealed, first_term, last_term)
         ON CONFLICT (id) DO UPDATE SET position = excluded.position, status = excluded.status,
             decided_at = excluded.decided_at, doc = excluded.doc, sealed = excluded.sealed,
             terms = coalesce(excluded.terms, a.terms)
         WHERE a.position < excluded.position",
    )
    .bind(columns.id)
    .bind(columns.position)
    .bind(columns.reference)
    .bind(columns.status)
    .bind(columns.tool_name)
    .bind(columns.client_id)
    .bind(columns.workflow)
    .bind(columns.requested_by)
    .bind(columns.requested_at)
    .bind(columns.expires_at)
    .bind(columns.decided_at)
    .bind(columns.doc)
    .bind(columns.sealed)
    .bind(columns.terms.all)
    .bind(columns.terms.first)
    .bind(columns.terms.last)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The rows of a batch, column by column.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    position: Vec<i64>,
    reference: Vec<String>,
    status: Vec<&'static str>,
    tool_name: Vec<String>,
    client_id: Vec<Option<String>>,
    workflow: Vec<Option<String>>,
    requested_by: Vec<String>,
    requested_at: Vec<DateTime<Utc>>,
    expires_at: Vec<DateTime<Utc>>,
    decided_at: Vec<Option<DateTime<Utc>>>,
    doc: Vec<Value>,
    sealed: Vec<Value>,
    /// `None` keeps the row's terms.
    terms: TermColumn,
}

impl Columns {
    async fn add(&mut self, tx: &mut ApplyTx<'_>, row: Row) -> Result<(), ApplyError> {
        let item = &row.item;
        let texts = row.has_new_texts.then(|| item.texts());
        self.terms
            .push(texts.map(|texts| tx.vault().index_terms(texts)));
        let doc = serde_json::to_value(item)
            .map_err(|error| eventlog::LogError::Corrupt(error.to_string()))?;
        let (doc, personal) = split(doc);
        self.sealed
            .push(tx.vault().seal(&item.subject(), &personal).await?);
        self.doc.push(doc);
        self.id.push(item.id);
        self.position.push(row.position as i64);
        self.status.push(item.status.as_str());
        self.requested_at.push(item.requested_at);
        self.expires_at.push(item.expires_at);
        self.decided_at.push(row.decided_at);
        self.reference.push(row.item.reference);
        self.tool_name.push(row.item.tool_name);
        self.client_id.push(row.item.context.client_id);
        self.workflow.push(row.item.context.workflow);
        self.requested_by.push(row.item.requested_by);
        Ok(())
    }
}
