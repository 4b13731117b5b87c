//! Removes what is no longer needed: feed frames after a day, outcomes of commands after thirty.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use eventlog::{Leases, LogError, prune_frames};
use kernel::Clock;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// `contracts.md`: idempotency keys are kept 30 days.
const COMMANDS_KEPT: TimeDelta = TimeDelta::days(30);
/// Rows removed at a time, so that no transaction is long.
const CHUNK: i64 = 5_000;
const REST: Duration = Duration::from_millis(50);

/// What one round removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    pub frames: u64,
    pub commands: u64,
}

/// Tidies up at intervals, one process at a time.
pub struct Housekeeping;

impl Housekeeping {
    pub fn start(
        pool: PgPool,
        clock: Arc<dyn Clock>,
        every: Duration,
        leases: &Leases,
        stop: CancellationToken,
    ) {
        let mut lease = leases.want("housekeeping");
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = lease.acquired() => {}
                    () = stop.cancelled() => return,
                }
                let rounds = async {
                    loop {
                        match prune(&pool, clock.now()).await {
                            Ok(pruned) => {
                                tracing::debug!(pruned.frames, pruned.commands, "tidied up");
                            }
                            Err(error) => tracing::warn!(%error, "tidying up was interrupted"),
                        }
                        tokio::time::sleep(every).await;
                    }
                };
                tokio::select! {
                    () = rounds => {}
                    () = lease.lost() => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }
}

/// Removes everything that is too old now.
pub async fn prune(pool: &PgPool, now: DateTime<Utc>) -> Result<Pruned, LogError> {
    let frames = prune_frames(pool, now).await?;
    // Whole days: once a day there is something to do, and no key goes early.
    let before = (now - COMMANDS_KEPT)
        .date_naive()
        .and_time(NaiveTime::MIN)
        .and_utc();
    let mut commands = 0;
    loop {
        let removed = sqlx::query(
            "DELETE FROM commands WHERE command_id IN
               (SELECT command_id FROM commands WHERE recorded_at < $1
                ORDER BY recorded_at LIMIT $2)",
        )
        .bind(before)
        .bind(CHUNK)
        .execute(pool)
        .await?
        .rows_affected();
        commands += removed;
        if removed < CHUNK as u64 {
            return Ok(Pruned { frames, commands });
        }
        tokio::time::sleep(REST).await;
    }
}
