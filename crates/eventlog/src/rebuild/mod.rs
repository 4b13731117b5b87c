//! Fills the rows of a projection anew beside those that are read, and puts them in their place in
//! one transaction: readers and the runner go on all the time.
//!
//! The rows come from PostgreSQL's log alone. Frames are not written: they were shown long ago.

mod check;
mod fill;
mod meter;
mod swap;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tokio::time::{Instant, sleep};

use crate::{
    ApplyError, EventLog, LogError, ParkedOrdersOf, Projection,
    applier::Applier,
    projector::lease_of,
    schemas::{Generation, SCHEMA_LOCK, enter},
};

pub use check::{Check, Difference};
use meter::Meter;
pub use meter::RebuildProgress;

/// First key of the locks of those who rebuild; the second names projection and version.
const REBUILD_CLASS: i32 = 731_060;
/// As in `Leases`: whoever runs a version holds it.
const LEASE_CLASS: i32 = 731_058;
/// Closer than this the rest is applied while the runner waits.
const NEAR: u64 = 500;
/// More of them at once take the room and the disk of those who go on reading.
const INDEXES_AT_ONCE: usize = 2;
/// So long PostgreSQL may take to notice that a connection is gone.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Of the rows being filled: a crash loses them as a whole, and indexes are made in memory.
/// An index whose maker is gone ends soon: what is dropped would wait for it.
const SESSION: &str = "SET synchronous_commit = off; SET maintenance_work_mem = '128MB';
                       SET client_connection_check_interval = '1s';
                       SET application_name = 'greffe rebuild'";

/// Rebuilds projections, checks them, and goes back.
#[derive(Clone)]
pub struct Rebuilder {
    pub log: EventLog,
    /// As in the projector: what was decided about parked events is done again.
    pub orders: ParkedOrdersOf,
}

/// Why rows were not rebuilt, compared, or brought back.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("it is being rebuilt or compared by somebody else")]
    Busy,
    #[error("it was never filled: a projector fills it at its first start")]
    NeverFilled,
    #[error("there are no rows from before the last rebuild")]
    NothingBefore,
    #[error("there is no such version of a read model")]
    NoSuchVersion,
    #[error("a projector runs this version")]
    InUse,
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Apply(error.into())
    }
}

impl From<LogError> for RebuildError {
    fn from(error: LogError) -> Self {
        Self::Apply(error.into())
    }
}

impl Rebuilder {
    /// Fills the rows anew and puts them in place of those that are read, which are kept as they
    /// were before. Returns the position of the swap. Dropped midway, it leaves the old rows.
    pub async fn rebuild(
        &self,
        projection: Arc<dyn Projection>,
        report: impl FnMut(&RebuildProgress) + Send,
    ) -> Result<u64, RebuildError> {
        let (name, version) = (projection.name(), projection.version());
        let mut session = Session::begin(&self.log, name, version).await?;
        let live = session.checkpoint().await?;
        let mut meter = Meter::start(&self.log, name, version, report).await?;
        let rebuilt = async {
            let applier = self.applier(projection);
            let indexes = session.make_new(&applier).await?;
            let mut position = fill::fill(&applier, 0, live, &mut meter).await?;
            meter.state("indexing").await?;
            make_indexes(self.log.pool(), indexes).await?;
            session.analyze(&applier).await?;
            position = session.follow(&applier, position, &mut meter).await?;
            meter.state("swapping").await?;
            session.drop_before().await?;
            session.swap(&applier, position, &mut meter).await
        };
        let rebuilt = rebuilt.await;
        match &rebuilt {
            Ok(position) => meter.swapped(*position),
            // The first error is the one to tell.
            Err(_) => drop((
                meter.state("failed").await,
                session.drop_generation(Generation::New).await,
            )),
        }
        session.end().await;
        rebuilt
    }

    /// Removes what a rebuild or a comparison leaves that was dropped midway.
    pub async fn abandon(&self, projection: &dyn Projection) -> Result<(), RebuildError> {
        let (name, version) = (projection.name(), projection.version());
        let give_up = Instant::now() + NOTICED_WITHIN;
        let mut session = loop {
            match Session::begin(&self.log, name, version).await {
                Err(RebuildError::Busy) if Instant::now() < give_up => sleep(LOOK_AGAIN).await,
                begun => break begun?,
            }
        };
        let abandoned = session.abandon().await;
        session.end().await;
        abandoned
    }

    /// Brings back the rows from before the last rebuild; the runner goes on from where they stand,
    /// which is returned. What was there is kept in their place.
    pub async fn roll_back(&self, projection: &dyn Projection) -> Result<u64, RebuildError> {
        let (name, version) = (projection.name(), projection.version());
        let mut session = Session::begin(&self.log, name, version).await?;
        let back = session.roll_back(projection).await;
        session.end().await;
        back
    }

    /// Removes the rows kept from before the last rebuild.
    pub async fn drop_before(&self, projection: &dyn Projection) -> Result<(), RebuildError> {
        let (name, version) = (projection.name(), projection.version());
        let mut session = Session::begin(&self.log, name, version).await?;
        let dropped = session.drop_before().await;
        session.end().await;
        dropped
    }

    /// Removes a version that no process runs: its rows, its checkpoint and what it parked.
    pub async fn drop_version(&self, name: &str, version: i32) -> Result<(), RebuildError> {
        let mut session = Session::begin(&self.log, name, version).await?;
        let dropped = session.drop_version().await;
        session.end().await;
        dropped
    }

    fn applier(&self, projection: Arc<dyn Projection>) -> Applier {
        Applier {
            projection,
            log: self.log.clone(),
            orders: self.orders,
            generation: Generation::New,
        }
    }
}

/// Who may rebuild a version: one at a time, until the connection ends.
pub(crate) struct Session {
    name: String,
    version: i32,
    connection: PgConnection,
}

impl Session {
    async fn begin(log: &EventLog, name: &str, version: i32) -> Result<Self, RebuildError> {
        let mut connection = connect(log.pool()).await?;
        let is_alone: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, hashtext($2))")
            .bind(REBUILD_CLASS)
            .bind(lease_of(name, version))
            .fetch_one(&mut connection)
            .await?;
        if !is_alone {
            return Err(RebuildError::Busy);
        }
        Ok(Self {
            name: name.to_owned(),
            version,
            connection,
        })
    }

    /// Another may begin at once: only dropped, the connection keeps its locks until PostgreSQL notices.
    async fn end(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "a connection could not be closed in order");
        }
    }

    fn schema(&self, generation: Generation) -> String {
        generation.schema(&self.name, self.version)
    }

    /// How far the rows are that are read.
    async fn checkpoint(&mut self) -> Result<u64, RebuildError> {
        let position: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM projection_checkpoints WHERE name = $1 AND version = $2",
        )
        .bind(&self.name)
        .bind(self.version)
        .fetch_optional(&mut self.connection)
        .await?;
        match position {
            Some(position) => Ok(position as u64),
            None => Err(RebuildError::NeverFilled),
        }
    }

    /// Makes empty tables; returns what makes their indexes, which is left for later: one by one
    /// each row costs several times as much.
    async fn make_new(&mut self, applier: &Applier) -> Result<Vec<String>, RebuildError> {
        self.drop_generation(Generation::New).await?;
        let schema = self.schema(Generation::New);
        let mut tx = self.connection.begin().await?;
        tx.execute(&*format!("CREATE SCHEMA {schema}")).await?;
        enter(&mut tx, &schema).await?;
        tx.execute(applier.projection.schema()).await?;
        let indexes: Vec<(String, String)> = sqlx::query_as(
            "SELECT format('%I.%I', n.nspname, c.relname), pg_get_indexdef(i.indexrelid)
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND NOT i.indisunique",
        )
        .bind(&schema)
        .fetch_all(&mut *tx)
        .await?;
        for (index, _) in &indexes {
            tx.execute(&*format!("DROP INDEX {index}")).await?;
        }
        tx.commit().await?;
        Ok(indexes.into_iter().map(|(_, make)| make).collect())
    }

    /// The planner knows the new rows before the first query meets them.
    async fn analyze(&mut self, applier: &Applier) -> Result<(), RebuildError> {
        let schema = self.schema(Generation::New);
        for table in applier.projection.tables() {
            let analyze = format!("ANALYZE {schema}.{table}");
            self.connection.execute(&*analyze).await?;
        }
        Ok(())
    }

    /// Fills until the rows that are read are near.
    async fn follow<R: FnMut(&RebuildProgress) + Send>(
        &mut self,
        applier: &Applier,
        mut position: u64,
        meter: &mut Meter<R>,
    ) -> Result<u64, RebuildError> {
        loop {
            let live = self.checkpoint().await?;
            if live.saturating_sub(position) <= NEAR {
                return Ok(position);
            }
            position = fill::fill(applier, position, live, meter).await?;
        }
    }

    async fn drop_before(&mut self) -> Result<(), RebuildError> {
        self.drop_generation(Generation::Before).await
    }

    async fn drop_generation(&mut self, generation: Generation) -> Result<(), RebuildError> {
        let schema = self.schema(generation);
        let mut tx = self.connection.begin().await?;
        tx.execute(SCHEMA_LOCK).await?;
        tx.execute(&*format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))
            .await?;
        sqlx::query(
            "WITH gone AS (DELETE FROM parked_events
                           WHERE projection = $1 AND version = $2 AND generation = $3)
             UPDATE projection_checkpoints SET before_position = NULL
             WHERE name = $1 AND version = $2 AND $3 = 'before'",
        )
        .bind(&self.name)
        .bind(self.version)
        .bind(generation.as_str())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    async fn abandon(&mut self) -> Result<(), RebuildError> {
        self.drop_generation(Generation::New).await?;
        sqlx::query(
            "UPDATE projection_rebuilds SET state = 'failed', updated_at = clock_timestamp()
             WHERE name = $1 AND version = $2 AND state IN ('filling', 'indexing', 'swapping')",
        )
        .bind(&self.name)
        .bind(self.version)
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    async fn drop_version(&mut self) -> Result<(), RebuildError> {
        let schema = self.schema(Generation::Live);
        let is_there: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
                .bind(&schema)
                .fetch_one(&mut self.connection)
                .await?;
        if !is_there {
            return Err(RebuildError::NoSuchVersion);
        }
        let mut tx = self.connection.begin().await?;
        // Whoever runs it has this lock; whoever would begin to waits for the end of this.
        let nobody_runs: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1, hashtext($2))")
                .bind(LEASE_CLASS)
                .bind(lease_of(&self.name, self.version))
                .fetch_one(&mut *tx)
                .await?;
        if !nobody_runs {
            return Err(RebuildError::InUse);
        }
        tx.execute(SCHEMA_LOCK).await?;
        for generation in [Generation::Live, Generation::New, Generation::Before] {
            let schema = generation.schema(&self.name, self.version);
            tx.execute(&*format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))
                .await?;
        }
        for table in ["projection_checkpoints", "projection_rebuilds"] {
            let remove = format!("DELETE FROM {table} WHERE name = $1 AND version = $2");
            sqlx::query(&remove)
                .bind(&self.name)
                .bind(self.version)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("DELETE FROM parked_events WHERE projection = $1 AND version = $2")
            .bind(&self.name)
            .bind(self.version)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// Makes indexes, each on a connection of its own.
async fn make_indexes(pool: &PgPool, indexes: Vec<String>) -> Result<(), RebuildError> {
    let made = stream::iter(indexes).map(|make| async move {
        let mut connection = connect(pool).await?;
        connection.execute(&*make).await?;
        Ok::<(), RebuildError>(connection.close().await?)
    });
    let made = made.buffer_unordered(INDEXES_AT_ONCE);
    made.try_for_each(|()| async { Ok(()) }).await
}

/// A connection of its own: what is dropped midway must not leave a transaction open in the pool.
pub(crate) async fn connect(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let mut connection = pool.connect_options().connect().await?;
    connection.execute(SESSION).await?;
    Ok(connection)
}
