//! Reactions: what the platform does in the world, or orders itself, because of an event.
//!
//! A reaction keeps its own checkpoint and may see an event twice: what it orders must carry a
//! command id that derives from the event.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    EventLog, Leases, LogError, LogReader, RecordedEvent, projection::without_quoted, trace,
};

const AFTER_ERROR: Duration = Duration::from_millis(500);
/// How late a checkpoint that only skipped events may be written.
const WRITE_SKIPS_AFTER: Duration = Duration::from_millis(100);

/// Does something once an event has happened.
#[async_trait]
pub trait Reaction: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    fn wants(&self, event_type: &str) -> bool;

    /// An error is tried again: events are never passed over.
    async fn react(&self, event: &RecordedEvent) -> Result<(), LogError>;
}

/// Runs a reaction while this process has its lease. A new reaction starts at the log's beginning.
pub fn run_reaction(
    reaction: Arc<dyn Reaction>,
    log: EventLog,
    reader: LogReader,
    leases: &Leases,
    stop: CancellationToken,
) {
    let mut lease = leases.want(&format!("reaction {}", reaction.name()));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = lease.acquired() => {}
                () = stop.cancelled() => return,
            }
            let run = async {
                loop {
                    if let Err(error) = run_from_checkpoint(&*reaction, &log, &reader).await {
                        let error = without_quoted(&error.to_string());
                        tracing::warn!(reaction = reaction.name(), error, "reaction interrupted");
                        tokio::time::sleep(AFTER_ERROR).await;
                    }
                }
            };
            tokio::select! {
                () = run => {}
                () = lease.lost() => {}
                () = stop.cancelled() => return,
            }
        }
    });
}

async fn run_from_checkpoint(
    reaction: &dyn Reaction,
    log: &EventLog,
    reader: &LogReader,
) -> Result<(), LogError> {
    log.history.check(&mut *log.pool.acquire().await?).await?;
    let position: i64 = sqlx::query_scalar(
        "INSERT INTO projection_checkpoints AS c (name, version, position) VALUES ($1, 1, 0)
         ON CONFLICT (name, version) DO UPDATE SET version = c.version RETURNING position",
    )
    .bind(reaction.name())
    .fetch_one(&log.pool)
    .await?;
    let mut written = position as u64;
    let (mut position, mut written_at) = (written, Instant::now());
    let mut last = Uuid::nil();
    loop {
        let batch = reader.batch_after(position).await?;
        if let Some(event) = batch.last() {
            (position, last) = (event.position, event.event_id);
        }
        let mut has_reacted = false;
        for event in batch
            .iter()
            .filter(|event| reaction.wants(&event.event_type))
        {
            let _following =
                trace::follow("reaction", reaction.name(), std::slice::from_ref(event));
            reaction.react(event).await?;
            has_reacted = true;
        }
        let is_due = has_reacted || written_at.elapsed() >= WRITE_SKIPS_AFTER;
        if position > written && is_due {
            write_checkpoint(&log.pool, reaction.name(), position, last).await?;
            (written, written_at) = (position, Instant::now());
        }
    }
}

/// Not waited for on disk: what is lost with it is done again, which reactions bear. Only where the
/// log holds that event: in a restored database the position would pass over what comes there.
async fn write_checkpoint(
    pool: &PgPool,
    name: &str,
    position: u64,
    event_id: Uuid,
) -> Result<(), LogError> {
    let written = sqlx::query(
        "UPDATE projection_checkpoints SET position = $2, updated_at = clock_timestamp()
         FROM set_config('synchronous_commit', 'off', true)
         WHERE name = $1 AND version = 1 AND position < $2
           AND EXISTS (SELECT FROM events WHERE events.position = $2 AND event_id = $3)",
    )
    .bind(name)
    .bind(position as i64)
    .bind(event_id)
    .execute(pool)
    .await?;
    match written.rows_affected() {
        1 => Ok(()),
        _ => Err(LogError::Moved(format!("the checkpoint of `{name}`"))),
    }
}
