//! The activity feed: a line for each event that is worth one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, RecordedEvent, Vault};
use events::safeguard::ApprovalEvent;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{
    refs::{Clients, value, word},
    shapes::{Activity, ActivityKind},
};
use crate::{apply::last_word, names::table_is_there};

/// The lines of a batch.
#[derive(Default)]
pub(super) struct Lines {
    position: Vec<i64>,
    at: Vec<DateTime<Utc>>,
    kind: Vec<String>,
    target_type: Vec<String>,
    target_id: Vec<String>,
    label: Vec<Option<String>>,
    status: Vec<Option<String>>,
    category: Vec<Option<String>>,
    client_id: Vec<Option<String>>,
}

/// What a line says beside its target.
pub(super) struct Line {
    pub at: DateTime<Utc>,
    pub kind: ActivityKind,
    pub label: Option<String>,
    pub status: Option<String>,
    pub category: Option<String>,
    pub client_id: Option<String>,
}

impl Lines {
    pub fn add(&mut self, event: &RecordedEvent, line: Line) {
        self.position.push(event.position as i64);
        self.at.push(line.at);
        self.kind.push(word(line.kind));
        self.target_type.push(event.aggregate_type.clone());
        // The audit trail knows a component by its name.
        let name = line.label.clone();
        let name = name.filter(|_| line.kind == ActivityKind::HealthChanged);
        self.target_id
            .push(name.unwrap_or_else(|| event.aggregate_id.clone()));
        self.label.push(line.label);
        self.status.push(line.status);
        self.category.push(line.category);
        self.client_id.push(line.client_id);
    }

    pub async fn write(self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        if self.position.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO supervision_activity
                 (position, at, kind, target_type, target_id, label, status, category, client_id)
             SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[],
                                  $6::text[], $7::text[], $8::text[], $9::text[])
             ON CONFLICT (position) DO NOTHING",
        )
        .bind(self.position)
        .bind(self.at)
        .bind(self.kind)
        .bind(self.target_type)
        .bind(self.target_id)
        .bind(self.label)
        .bind(self.status)
        .bind(self.category)
        .bind(self.client_id)
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

/// The line of a request or a decision about one; of a decision the request has the label.
pub(super) fn line_of(event: &RecordedEvent, what: ApprovalEvent) -> Option<Line> {
    let at = match what {
        ApprovalEvent::Requested(requested) => {
            return Some(Line {
                at: requested.requested_at,
                kind: ActivityKind::ApprovalRequested,
                label: Some(requested.tool_name.clone()),
                status: Some("pending".into()),
                category: None,
                client_id: requested.context.client_id.clone(),
            });
        }
        ApprovalEvent::Approved(it) => it.approved_at,
        ApprovalEvent::Rejected(it) => it.rejected_at,
        ApprovalEvent::Expired(it) => it.expired_at,
        ApprovalEvent::Cancelled(it) => it.cancelled_at,
        _ => return None,
    };
    Some(Line {
        at,
        kind: ActivityKind::ApprovalDecided,
        label: None,
        status: Some(last_word(&event.event_type).to_owned()),
        category: None,
        client_id: None,
    })
}

#[derive(FromRow)]
struct Row {
    position: i64,
    at: DateTime<Utc>,
    kind: String,
    target_type: String,
    target_id: String,
    label: Option<String>,
    status: Option<String>,
    category: Option<String>,
    client_id: Option<String>,
}

/// Lines before a position, the last recorded first.
pub(super) async fn list(
    conn: &mut PgConnection,
    vault: &Vault,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Activity>, LogError> {
    let mut rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM supervision_activity WHERE position < $1 ORDER BY position DESC LIMIT $2",
    )
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let requests = requests(conn, &rows).await?;
    for row in &mut rows {
        if let (None, Some((tool, client))) = (&row.label, requests.get(&row.target_id)) {
            (row.label, row.client_id) = (Some(tool.clone()), client.clone());
        }
    }
    let numbers = rows.iter().filter_map(|row| row.client_id.as_deref());
    let clients = Clients::find(conn, vault, numbers).await?;
    let lines = rows.into_iter().map(|row| {
        Ok(Activity {
            position: row.position.unsigned_abs(),
            at: row.at,
            kind: value(&row.kind)?,
            target_type: row.target_type,
            label: row.label.unwrap_or_else(|| row.target_id.clone()),
            target_id: row.target_id,
            status: row.status,
            category: row.category,
            client: row.client_id.map(|id| clients.get(&id, None)),
        })
    });
    lines.collect()
}

/// The tool and client of each request that lines without a label are about.
async fn requests(
    conn: &mut PgConnection,
    rows: &[Row],
) -> Result<HashMap<String, (String, Option<String>)>, LogError> {
    let decided = rows.iter().filter(|row| row.label.is_none());
    let ids: Vec<Uuid> = decided.filter_map(|it| it.target_id.parse().ok()).collect();
    if ids.is_empty() || !table_is_there(&mut *conn, "approvals").await? {
        return Ok(HashMap::new());
    }
    let found: Vec<(Uuid, String, Option<String>)> =
        sqlx::query_as("SELECT id, tool_name, client_id FROM approvals WHERE id = ANY($1)")
            .bind(ids)
            .fetch_all(conn)
            .await?;
    let requests = found.into_iter();
    Ok(requests
        .map(|(id, tool, client)| (id.to_string(), (tool, client)))
        .collect())
}
