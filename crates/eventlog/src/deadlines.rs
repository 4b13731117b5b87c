//! What is due when: a projection of the events, generic over the contexts.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::DeadlineChange;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use crate::{ApplyError, ApplyTx, LogError, Projection, RecordedEvent};

/// What an event does to the deadlines of its aggregate; an event without any gives nothing.
pub type DeadlinesOf = fn(&RecordedEvent) -> Result<Vec<DeadlineChange>, kernel::DecodeError>;

/// The projection that fills the table `deadlines`.
pub struct Deadlines {
    deadlines_of: DeadlinesOf,
}

impl Deadlines {
    pub const NAME: &'static str = "deadlines";

    pub fn new(deadlines_of: DeadlinesOf) -> Self {
        Self { deadlines_of }
    }
}

/// Something to do at a time.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Deadline {
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub kind: String,
    pub due_at: DateTime<Utc>,
    /// The event that set it: what is done about it is done once per this event.
    pub set_by: Uuid,
}

/// What is due at a time, soonest first.
pub async fn due_deadlines(
    pool: &PgPool,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Deadline>, LogError> {
    Ok(sqlx::query_as(
        "SELECT aggregate_type, aggregate_id, kind, due_at, set_by FROM deadlines
         WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(pool)
    .await?)
}

/// When the next thing is due that is not due yet.
pub async fn next_due_after(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, LogError> {
    let next = "SELECT min(due_at) FROM deadlines WHERE due_at > $1";
    Ok(sqlx::query_scalar(next).bind(now).fetch_one(pool).await?)
}

/// Whether anything of these types of aggregates is due at a time.
pub async fn is_anything_due(
    pool: &PgPool,
    now: DateTime<Utc>,
    aggregate_types: &[&str],
) -> Result<bool, LogError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM deadlines WHERE due_at <= $1 AND aggregate_type = ANY($2))",
    )
    .bind(now)
    .bind(aggregate_types)
    .fetch_one(pool)
    .await?)
}

#[async_trait]
impl Projection for Deadlines {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn version(&self) -> i32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("../sql/deadlines.sql")
    }

    fn tables(&self) -> &'static [&'static str] {
        &["deadlines"]
    }

    fn wants(&self, _event_type: &str) -> bool {
        true
    }

    fn partition_key(&self, event: &RecordedEvent) -> Option<String> {
        Some(event.aggregate_id.clone())
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        let mut latest = Latest::new();
        for event in events {
            let changes = (self.deadlines_of)(event).map_err(|error| ApplyError::Data {
                position: event.position,
                reason: error.to_string(),
            })?;
            for change in changes {
                let (kind, due) = match change {
                    DeadlineChange::Set { kind, due_at } => (kind, Some((due_at, event.event_id))),
                    DeadlineChange::Clear { kind } => (kind, None),
                };
                latest.insert((&event.aggregate_type, &event.aggregate_id, kind), due);
            }
        }
        let (set, cleared): (Vec<_>, Vec<_>) =
            latest.into_iter().partition(|(_, due)| due.is_some());
        clear(tx, &cleared).await?;
        write(tx, &set).await
    }
}

/// Type, id and kind of a deadline: when it is due and which event says so; `None` if it is cleared.
/// Of one batch only the last word on each counts. Sorted, so that writers meet rows in one order.
type Latest<'a> = BTreeMap<(&'a str, &'a str, &'static str), Option<(DateTime<Utc>, Uuid)>>;
type Change<'a> = (
    (&'a str, &'a str, &'static str),
    Option<(DateTime<Utc>, Uuid)>,
);

async fn write(tx: &mut ApplyTx<'_>, set: &[Change<'_>]) -> Result<(), ApplyError> {
    if set.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO deadlines (aggregate_type, aggregate_id, kind, due_at, set_by)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[])
         ON CONFLICT (aggregate_type, aggregate_id, kind)
         DO UPDATE SET due_at = excluded.due_at, set_by = excluded.set_by",
    )
    .bind(set.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
    .bind(set.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
    .bind(set.iter().map(|(key, _)| key.2).collect::<Vec<_>>())
    .bind(
        set.iter()
            .map(|(_, due)| due.map(|due| due.0))
            .collect::<Vec<_>>(),
    )
    .bind(
        set.iter()
            .map(|(_, due)| due.map(|due| due.1))
            .collect::<Vec<_>>(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn clear(tx: &mut ApplyTx<'_>, cleared: &[Change<'_>]) -> Result<(), ApplyError> {
    if cleared.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM deadlines d USING unnest($1::text[], $2::text[], $3::text[]) AS c(type, id, kind)
         WHERE d.aggregate_type = c.type AND d.aggregate_id = c.id AND d.kind = c.kind",
    )
    .bind(cleared.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
    .bind(cleared.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
    .bind(cleared.iter().map(|(key, _)| key.2).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}
