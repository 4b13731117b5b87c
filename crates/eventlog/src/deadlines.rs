//! What is due when: a projection of the events, generic over the contexts.

use std::sync::Arc;

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

/// The earliest deadlines, soonest first.
pub async fn next_deadlines(pool: &PgPool, limit: i64) -> Result<Vec<Deadline>, LogError> {
    Ok(sqlx::query_as(
        "SELECT aggregate_type, aggregate_id, kind, due_at, set_by FROM deadlines
         ORDER BY due_at LIMIT $1",
    )
    .bind(limit)
    .fetch_all(pool)
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

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        for event in events {
            let changes = (self.deadlines_of)(event).map_err(|error| ApplyError::Data {
                position: event.position,
                reason: error.to_string(),
            })?;
            for change in changes {
                match change {
                    DeadlineChange::Set { kind, due_at } => set(tx, event, kind, due_at).await?,
                    DeadlineChange::Clear { kind } => clear(tx, event, kind).await?,
                }
            }
        }
        Ok(())
    }
}

async fn set(
    tx: &mut ApplyTx<'_>,
    event: &RecordedEvent,
    kind: &str,
    due_at: DateTime<Utc>,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO deadlines (aggregate_type, aggregate_id, kind, due_at, set_by)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (aggregate_type, aggregate_id, kind) DO UPDATE SET due_at = $4, set_by = $5",
    )
    .bind(&event.aggregate_type)
    .bind(&event.aggregate_id)
    .bind(kind)
    .bind(due_at)
    .bind(event.event_id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn clear(tx: &mut ApplyTx<'_>, event: &RecordedEvent, kind: &str) -> Result<(), ApplyError> {
    sqlx::query(
        "DELETE FROM deadlines WHERE aggregate_type = $1 AND aggregate_id = $2 AND kind = $3",
    )
    .bind(&event.aggregate_type)
    .bind(&event.aggregate_id)
    .bind(kind)
    .execute(tx.conn())
    .await?;
    Ok(())
}
