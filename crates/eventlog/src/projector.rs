//! Runs projections: each from its checkpoint, batch by batch, while this process has its lease.

use std::{sync::Arc, time::Duration};

use sqlx::{Connection, Executor, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    ApplyError, EventLog, Leases, LogError, LogReader, ParkedOrdersOf, Progress, Projection,
    RecordedEvent,
    applier::Applier,
    flood,
    schemas::{Generation, enter, prepare},
    trace,
};

const AFTER_ERROR: Duration = Duration::from_millis(500);
const AFTER_MOVE: Duration = Duration::from_millis(20);
/// How late a checkpoint that only skipped events may be written.
const WRITE_SKIPS_AFTER: Duration = Duration::from_millis(100);
/// Batches of this size mean that events are waiting.
const BACKLOG: usize = 500;
/// How often a runner that applies nothing looks whether its checkpoint is still where it left it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A lost transaction takes its checkpoint with it and is applied again: it need not be waited for.
/// And plans that stay right while the tables grow: a plan made on an empty table would read it whole.
const SESSION: &str = "SET synchronous_commit = off; SET enable_seqscan = off; SET jit = off;
    SET application_name = 'greffe projector'";

/// Runs projections, each for itself, while this process has the lease of each.
pub struct Projector {
    pub log: EventLog,
    pub reader: LogReader,
    pub progress: Progress,
    /// How operators' decisions about parked events are told from other events.
    pub orders: ParkedOrdersOf,
}

impl Projector {
    /// Starts the projections; `stop` ends them between two batches.
    pub fn start(
        self,
        projections: Vec<Arc<dyn Projection>>,
        leases: &Leases,
        stop: &CancellationToken,
    ) {
        for projection in projections {
            let (name, version) = (projection.name(), projection.version());
            let mut lease = leases.want(&lease_of(name, version));
            self.progress.expect_version(name, version);
            let stop = stop.clone();
            let runner = Runner {
                applier: Applier {
                    projection,
                    log: self.log.clone(),
                    orders: self.orders,
                    generation: Generation::Live,
                },
                reader: self.reader.clone(),
                progress: self.progress.clone(),
            };
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        () = lease.acquired() => {}
                        () = stop.cancelled() => return,
                    }
                    tokio::select! {
                        () = runner.run() => {}
                        () = lease.lost() => runner.progress.forget(name),
                        () = stop.cancelled() => return,
                    }
                }
            });
        }
    }
}

/// The lease of who runs a version of a projection.
pub fn lease_of(name: &str, version: i32) -> String {
    format!("projection {name} v{version}")
}

struct Runner {
    applier: Applier,
    reader: LogReader,
    progress: Progress,
}

impl Runner {
    fn projection(&self) -> &dyn Projection {
        &*self.applier.projection
    }

    fn name(&self) -> &'static str {
        self.projection().name()
    }

    async fn run(&self) {
        loop {
            let error = match self.run_from_checkpoint().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let name = self.name();
            match &error {
                ApplyError::Data { position, .. } => {
                    tracing::error!(projection = name, position, "the projection is stuck");
                }
                ApplyError::Log(LogError::Moved(_)) => {
                    // An operator has gone back to earlier rows: nobody is told of later ones.
                    tracing::info!(projection = name, "beginning again at another checkpoint");
                    tokio::time::sleep(AFTER_MOVE).await;
                    continue;
                }
                other => {
                    let error = other.told();
                    tracing::warn!(projection = name, error, "projection interrupted");
                }
            }
            self.progress.set_problem(name, Some(error.told()));
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }

    /// On a connection of its own: a runner may be dropped at any moment, also in the middle of
    /// `BEGIN`, and must not leave a transaction open in the pool.
    async fn run_from_checkpoint(&self) -> Result<std::convert::Infallible, ApplyError> {
        let options = self.applier.log.pool.connect_options();
        let mut connection = PgConnection::connect_with(&options).await?;
        connection.execute(SESSION).await?;
        let connection = &mut connection;
        self.applier.log.history.check(connection).await?;
        let name = self.name();
        enter(connection, &Generation::Live.schema_of(self.projection())).await?;
        prepare(connection, self.projection()).await?;
        let mut written = self.retry_parked(connection).await?;
        let mut position = written;
        let mut skipping_since: Option<Instant> = None;
        let mut looked = Instant::now();
        self.progress.set(name, position);
        loop {
            let batch = match skipping_since {
                Some(since) => {
                    let due = since + WRITE_SKIPS_AFTER;
                    match tokio::time::timeout_at(due, self.reader.batch_after(position)).await {
                        Ok(batch) => batch?,
                        Err(_) => Vec::new(),
                    }
                }
                None => self.reader.batch_after(position).await?,
            };
            let count = batch.len();
            let last = batch.last().map_or(position, |event| event.position);
            let wanted: Vec<_> = batch
                .into_iter()
                .filter(|event| self.applier.wants(event))
                .collect();
            let skips_are_due = skipping_since.is_some_and(|s| s.elapsed() >= WRITE_SKIPS_AFTER);
            if !wanted.is_empty() || (skips_are_due && last > written) {
                self.apply(connection, &wanted, written, last).await?;
                (written, looked) = (last, Instant::now());
            } else if looked.elapsed() >= LOOK_EVERY {
                self.look(connection, written).await?;
                looked = Instant::now();
            }
            skipping_since = (last > written).then(|| skipping_since.unwrap_or_else(Instant::now));
            position = last;
            self.progress.set(name, position);
            flood::linger(count, BACKLOG).await;
        }
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: &[Arc<RecordedEvent>],
        from: u64,
        to: u64,
    ) -> Result<(), ApplyError> {
        let _following = trace::follow("projection", self.name(), events);
        let applied = self.apply_between(connection, events, from, to, false);
        match applied.await {
            Err(error) if error.is_data() => {
                self.apply_between(connection, events, from, to, true).await
            }
            applied => applied,
        }
    }

    /// In one transaction with the checkpoint. `with_care`: what cannot be applied is parked; that costs
    /// a savepoint, and so is only done where something is parked, ordered or has just failed.
    async fn apply_between(
        &self,
        connection: &mut PgConnection,
        events: &[Arc<RecordedEvent>],
        from: u64,
        to: u64,
        with_care: bool,
    ) -> Result<(), ApplyError> {
        let mut tx = connection.begin().await?;
        // First of all: who holds this row (a swap) holds the runner up before it has seen a table.
        let has_parked: Option<bool> = sqlx::query_scalar(
            "UPDATE projection_checkpoints SET position = $3, updated_at = clock_timestamp()
             WHERE name = $1 AND position = $2 AND version = $4
             RETURNING EXISTS (SELECT FROM parked_events
                 WHERE projection = $1 AND version = $4 AND generation = 'live')",
        )
        .bind(self.name())
        .bind(from as i64)
        .bind(to as i64)
        .bind(self.projection().version())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(has_parked) = has_parked else {
            return Err(self.moved());
        };
        let is_ordered = || {
            events
                .iter()
                .any(|event| self.applier.order(event).is_some())
        };
        let applied = match with_care || has_parked || is_ordered() {
            true => self.applier.apply(&mut tx, events).await,
            false => self.applier.apply_all(&mut tx, events).await,
        };
        match applied {
            Ok(()) => tx.commit().await?,
            Err(error) => {
                tx.rollback().await?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Tries what is parked once more, as a build that was corrected, or knows newer events, can apply
    /// what the one before it could not. Returns the checkpoint.
    async fn retry_parked(&self, connection: &mut PgConnection) -> Result<u64, ApplyError> {
        let mut tx = connection.begin().await?;
        let position: i64 = sqlx::query_scalar(
            "SELECT position FROM projection_checkpoints WHERE name = $1 AND version = $2 FOR UPDATE",
        )
        .bind(self.name())
        .bind(self.projection().version())
        .fetch_one(&mut *tx)
        .await?;
        self.applier.retry_all(&mut tx).await?;
        tx.commit().await?;
        Ok(position as u64)
    }

    /// Whether the checkpoint is where this runner left it: an operator may have gone back to earlier
    /// rows, or a crash of PostgreSQL may have lost the last transactions.
    async fn look(&self, connection: &mut PgConnection, written: u64) -> Result<(), ApplyError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM projection_checkpoints WHERE name = $1 AND version = $2",
        )
        .bind(self.name())
        .bind(self.projection().version())
        .fetch_optional(connection)
        .await?;
        match found == Some(written as i64) {
            true => Ok(()),
            false => Err(self.moved()),
        }
    }

    fn moved(&self) -> ApplyError {
        let name = self.name();
        LogError::Moved(format!("the checkpoint of `{name}`")).into()
    }
}
