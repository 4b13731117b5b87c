//! Puts rows in the place of others, in one transaction that waits for readers a moment at most.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, PgTransaction};

use super::{NEAR, RebuildError, RebuildProgress, Session, meter::Meter};
use crate::{
    ApplyError, Projection,
    applier::Applier,
    execute::pause,
    schemas::{Generation, SCHEMA_LOCK},
};

/// Only the runner is held up while we wait for the end of its batch, and then have its row.
const ROW_WITHIN: &str = "SET LOCAL lock_timeout = '5s'; SET LOCAL synchronous_commit = on";
/// Queries that come meanwhile wait behind us for so long at most; then they go first, and we try
/// again. It is also shorter than PostgreSQL's look for deadlocks: nobody dies of one.
const TABLES_WITHIN: &str = "SET LOCAL lock_timeout = '150ms'";
/// Others have the tables to themselves for longer than we may hold them up; ever longer while one
/// of them (a backup, a vacuum) does not let go.
const BETWEEN_TRIES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(400)..=Duration::from_secs(10);

impl Session {
    /// Brings the new rows to where the live ones are, and swaps them.
    pub(super) async fn swap<R: FnMut(&RebuildProgress) + Send>(
        &mut self,
        applier: &Applier,
        mut position: u64,
        meter: &mut Meter<R>,
    ) -> Result<u64, RebuildError> {
        let mut between = *BETWEEN_TRIES.start();
        loop {
            // As little as possible is left for the time in which the runner waits.
            position = self.follow(applier, position, meter).await?;
            let tried = self.try_swap(applier, position).await;
            if let Some(position) = unless_locked(tried)? {
                return Ok(position);
            }
            meter.tick().await?;
            self.wait_to_try_again(&mut between).await?;
        }
    }

    async fn wait_to_try_again(&mut self, between: &mut Duration) -> Result<(), RebuildError> {
        // A dropped transaction ends with the next word on its connection: it must not hold its locks
        // while we wait.
        self.connection.ping().await?;
        tokio::time::sleep(*between + pause(6)).await;
        *between = (*between * 2).min(*BETWEEN_TRIES.end());
        Ok(())
    }

    /// `None` if the live rows are too far, or not yet where the new ones are: after a crash of
    /// PostgreSQL their runner does its last work again.
    async fn try_swap(
        &mut self,
        applier: &Applier,
        position: u64,
    ) -> Result<Option<u64>, ApplyError> {
        let (name, version) = (self.name.clone(), self.version);
        let mut tx = self.connection.begin().await?;
        let live = lock_checkpoint(&mut tx, &name, version).await?.0;
        if live < position || live - position > NEAR {
            tx.rollback().await?;
            return Ok(None);
        }
        let wants = |event: &crate::RecordedEvent| applier.wants(event);
        let events = applier.log.read_wanted(position, live, wants).await?;
        applier.apply(&mut tx, &events).await?;
        lock_tables(&mut tx, &*applier.projection).await?;
        rename(
            &mut tx,
            &name,
            version,
            Generation::Live,
            Generation::Before,
        )
        .await?;
        rename(&mut tx, &name, version, Generation::New, Generation::Live).await?;
        set_checkpoint(&mut tx, &name, version, live, live).await?;
        sqlx::query(
            "UPDATE projection_rebuilds SET state = 'swapped', position = $3, target = $3,
                 swapped_at = clock_timestamp(), updated_at = clock_timestamp()
             WHERE name = $1 AND version = $2 AND state = 'swapping'",
        )
        .bind(&name)
        .bind(version)
        .bind(live as i64)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(live))
    }

    pub(super) async fn roll_back(
        &mut self,
        projection: &dyn Projection,
    ) -> Result<u64, RebuildError> {
        let mut between = *BETWEEN_TRIES.start();
        loop {
            match unless_locked(self.try_roll_back(projection).await)? {
                Some(Some(position)) => return Ok(position),
                Some(None) => return Err(RebuildError::NothingBefore),
                None => self.wait_to_try_again(&mut between).await?,
            }
        }
    }

    async fn try_roll_back(
        &mut self,
        projection: &dyn Projection,
    ) -> Result<Option<Option<u64>>, ApplyError> {
        let (name, version) = (self.name.clone(), self.version);
        let mut tx = self.connection.begin().await?;
        let (live, before) = lock_checkpoint(&mut tx, &name, version).await?;
        let Some(before) = before else {
            return Ok(Some(None));
        };
        lock_tables(&mut tx, projection).await?;
        // `New` is only a place to pass through: nothing else may lie there.
        let new = Generation::New.schema(&name, version);
        tx.execute(&*format!("DROP SCHEMA IF EXISTS {new} CASCADE"))
            .await?;
        sqlx::query(
            "DELETE FROM parked_events WHERE projection = $1 AND version = $2 AND generation = 'new'",
        )
        .bind(&name)
        .bind(version)
        .execute(&mut *tx)
        .await?;
        rename(&mut tx, &name, version, Generation::Before, Generation::New).await?;
        rename(
            &mut tx,
            &name,
            version,
            Generation::Live,
            Generation::Before,
        )
        .await?;
        rename(&mut tx, &name, version, Generation::New, Generation::Live).await?;
        set_checkpoint(&mut tx, &name, version, before, live).await?;
        sqlx::query(
            "UPDATE projection_rebuilds SET state = 'rolled_back', updated_at = clock_timestamp()
             WHERE name = $1 AND version = $2 AND state = 'swapped' AND started_at =
                 (SELECT max(started_at) FROM projection_rebuilds WHERE name = $1 AND version = $2)",
        )
        .bind(&name)
        .bind(version)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(Some(before)))
    }
}

/// Holds the runner up; returns where the live rows are, and those from before.
async fn lock_checkpoint(
    tx: &mut PgTransaction<'_>,
    name: &str,
    version: i32,
) -> Result<(u64, Option<u64>), ApplyError> {
    tx.execute(ROW_WITHIN).await?;
    tx.execute(SCHEMA_LOCK).await?;
    let (live, before): (i64, Option<i64>) = sqlx::query_as(
        "SELECT position, before_position FROM projection_checkpoints
         WHERE name = $1 AND version = $2 FOR UPDATE",
    )
    .bind(name)
    .bind(version)
    .fetch_one(&mut **tx)
    .await?;
    Ok((live as u64, before.map(|before| before as u64)))
}

/// Waits for all queries on the live rows, and holds up those that come: none sees both kinds.
async fn lock_tables(
    tx: &mut PgTransaction<'_>,
    projection: &dyn Projection,
) -> Result<(), ApplyError> {
    let schema = Generation::Live.schema_of(projection);
    let tables = projection.tables().iter();
    let tables: Vec<String> = tables.map(|table| format!("{schema}.{table}")).collect();
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    tx.execute(TABLES_WITHIN).await?;
    tx.execute(&*lock).await?;
    Ok(())
}

/// Tables and parked events of a generation become another's.
async fn rename(
    conn: &mut PgConnection,
    name: &str,
    version: i32,
    from: Generation,
    to: Generation,
) -> Result<(), ApplyError> {
    let schema = |generation: Generation| generation.schema(name, version);
    let rename = format!("ALTER SCHEMA {} RENAME TO {}", schema(from), schema(to));
    conn.execute(&*rename).await?;
    sqlx::query(
        "UPDATE parked_events SET generation = $4
         WHERE projection = $1 AND version = $2 AND generation = $3",
    )
    .bind(name)
    .bind(version)
    .bind(from.as_str())
    .bind(to.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

async fn set_checkpoint(
    conn: &mut PgConnection,
    name: &str,
    version: i32,
    position: u64,
    before: u64,
) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE projection_checkpoints SET position = $3, before_position = $4,
             updated_at = clock_timestamp()
         WHERE name = $1 AND version = $2",
    )
    .bind(name)
    .bind(version)
    .bind(position as i64)
    .bind(before as i64)
    .execute(conn)
    .await?;
    Ok(())
}

/// `None` if somebody had a lock for too long.
fn unless_locked<T>(tried: Result<Option<T>, ApplyError>) -> Result<Option<T>, ApplyError> {
    let code = match &tried {
        Err(ApplyError::Database(error)) => error.as_database_error().and_then(|it| it.code()),
        _ => None,
    };
    match code.as_deref() {
        // Lock not available; deadlock detected.
        Some("55P03" | "40P01") => Ok(None),
        _ => tried,
    }
}
