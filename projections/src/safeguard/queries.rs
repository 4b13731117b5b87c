//! Reading approvals.

use chrono::{DateTime, Utc};
use domain::safeguard::Status;
use eventlog::{LogError, Vault};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::{ApprovalItem, Urgency, approval_item::join};
use crate::{
    Page, ReadError,
    names::find_names,
    page::{page, parse_time_cursor, time_cursor},
};

/// Which pending requests.
#[derive(Debug, Clone, Default)]
pub struct PendingFilter {
    /// Words, by their beginnings.
    pub q: Option<String>,
    pub tool: Option<String>,
    pub client: Option<String>,
    pub urgency: Option<Urgency>,
    pub include_postponed: bool,
    pub limit: u32,
    pub cursor: Option<String>,
}

/// Which requests that are over; all but pending ones unless a status is named.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// Requested at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Requested before this time.
    pub to: Option<DateTime<Utc>>,
    pub status: Option<Status>,
    pub tool: Option<String>,
    pub client: Option<String>,
    pub q: Option<String>,
    pub limit: u32,
    pub cursor: Option<String>,
}

/// The approval and, for its reader, until when it is hidden.
type Row = (Value, Value, Option<DateTime<Utc>>);

/// One approval, with its timeline.
pub async fn find_approval(
    pool: &PgPool,
    vault: &Vault,
    id: Uuid,
    reader: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Option<ApprovalItem>, ReadError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.doc, a.sealed, p.until FROM approvals a
         LEFT JOIN approval_postponements p ON p.approval_id = a.id AND p.user_id = $2
         WHERE a.id = $1",
    )
    .bind(id)
    .bind(reader.map(|id| format!("user:{id}")))
    .fetch_all(pool)
    .await?;
    Ok(open(pool, vault, rows, now).await?.pop())
}

/// Pending requests, the most urgent first.
pub async fn list_pending(
    pool: &PgPool,
    vault: &Vault,
    filter: &PendingFilter,
    reader: Uuid,
    now: DateTime<Utc>,
) -> Result<Page<ApprovalItem>, ReadError> {
    let after = parse_time_cursor::<Uuid>(filter.cursor.as_deref())?;
    let (expires_after, expires_until) = filter
        .urgency
        .map_or((None, None), |urgency| urgency.expiries(now));
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.doc, a.sealed, p.until FROM approvals a
         LEFT JOIN approval_postponements p ON p.approval_id = a.id AND p.user_id = $1
         WHERE a.status = 'pending' AND a.expires_at > $2
           AND ($3 OR p.until IS NULL OR p.until <= $2)
           AND ($4::text IS NULL OR a.tool_name = $4)
           AND ($5::text IS NULL OR a.client_id = $5)
           AND ($6::timestamptz IS NULL OR a.expires_at > $6)
           AND ($7::timestamptz IS NULL OR a.expires_at <= $7)
           AND ($8::bigint[] IS NULL OR a.terms @> $8)
           AND ($9::timestamptz IS NULL OR (a.expires_at, a.id) > ($9, $10))
         ORDER BY a.expires_at, a.id LIMIT $11",
    )
    .bind(format!("user:{reader}"))
    .bind(now)
    .bind(filter.include_postponed)
    .bind(&filter.tool)
    .bind(&filter.client)
    .bind(expires_after)
    .bind(expires_until)
    .bind(filter.q.as_deref().map(|q| vault.query_terms(q)))
    .bind(after.map(|(at, _)| at))
    .bind(after.map(|(_, id)| id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(pool)
    .await?;
    let items = open(pool, vault, rows, now).await?;
    Ok(page(items, filter.limit, |item| {
        time_cursor(item.expires_at, item.id)
    }))
}

/// How many pending requests a reader has before him: the badge.
pub async fn count_pending(
    pool: &PgPool,
    reader: Uuid,
    now: DateTime<Utc>,
) -> Result<u64, ReadError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM approvals a
         LEFT JOIN approval_postponements p ON p.approval_id = a.id AND p.user_id = $1
         WHERE a.status = 'pending' AND a.expires_at > $2 AND (p.until IS NULL OR p.until <= $2)",
    )
    .bind(format!("user:{reader}"))
    .bind(now)
    .fetch_one(pool)
    .await?;
    Ok(count as u64)
}

/// How many requests of a party (`service:support`) are pending, up to a limit.
pub async fn count_pending_of(
    pool: &PgPool,
    requester: &str,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<i64, ReadError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (
             SELECT FROM approvals
             WHERE status = 'pending' AND expires_at > $2 AND requested_by = $1
             LIMIT $3) AS pending",
    )
    .bind(requester)
    .bind(now)
    .bind(limit)
    .fetch_one(pool)
    .await?)
}

/// Requests that are over, the latest first.
pub async fn list_history(
    pool: &PgPool,
    vault: &Vault,
    filter: &HistoryFilter,
    reader: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Page<ApprovalItem>, ReadError> {
    let before = parse_time_cursor::<Uuid>(filter.cursor.as_deref())?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.doc, a.sealed, p.until FROM approvals a
         LEFT JOIN approval_postponements p ON p.approval_id = a.id AND p.user_id = $1
         WHERE CASE WHEN $2::text IS NULL THEN a.status <> 'pending' ELSE a.status = $2 END
           AND ($3::timestamptz IS NULL OR a.requested_at >= $3)
           AND ($4::timestamptz IS NULL OR a.requested_at < $4)
           AND ($5::text IS NULL OR a.tool_name = $5)
           AND ($6::text IS NULL OR a.client_id = $6)
           AND ($7::bigint[] IS NULL OR a.terms @> $7)
           AND ($8::timestamptz IS NULL OR (a.requested_at, a.id) < ($8, $9))
         ORDER BY a.requested_at DESC, a.id DESC LIMIT $10",
    )
    .bind(reader.map(|id| format!("user:{id}")))
    .bind(filter.status.map(Status::as_str))
    .bind(filter.from)
    .bind(filter.to)
    .bind(&filter.tool)
    .bind(&filter.client)
    .bind(filter.q.as_deref().map(|q| vault.query_terms(q)))
    .bind(before.map(|(at, _)| at))
    .bind(before.map(|(_, id)| id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(pool)
    .await?;
    let items = open(pool, vault, rows, now).await?;
    Ok(page(items, filter.limit, |item| {
        time_cursor(item.requested_at, item.id)
    }))
}

/// Opens the rows and puts names to those who acted.
async fn open(
    pool: &PgPool,
    vault: &Vault,
    mut rows: Vec<Row>,
    now: DateTime<Utc>,
) -> Result<Vec<ApprovalItem>, ReadError> {
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.1).collect())
        .await?;
    let mut items = Vec::with_capacity(rows.len());
    for (doc, personal, postponed_until) in rows {
        let item: ApprovalItem = serde_json::from_value(join(doc, personal))
            .map_err(|error| LogError::Corrupt(error.to_string()))?;
        items.push(item.seen(postponed_until, now));
    }
    let mut conn = pool.acquire().await?;
    let actors = items.iter().flat_map(ApprovalItem::actors);
    let names = find_names(&mut conn, vault, actors).await?;
    for item in &mut items {
        item.name_actors(&names);
    }
    Ok(items)
}
