//! Where the tables of a projection lie: a schema per version, and beside it the one that a rebuild
//! fills and the one that the last rebuild replaced.

use std::sync::Arc;

use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};

use crate::{ApplyError, Projection};

/// First key of the lock that one process at a time holds while it makes or renames schemas.
pub(crate) const SCHEMA_LOCK: &str = "SELECT pg_advisory_xact_lock(731059, 0)";

/// Which rows of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// Those that are read.
    Live,
    /// Those that a rebuild fills.
    New,
    /// Those that the last rebuild replaced.
    Before,
}

impl Generation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::New => "new",
            Self::Before => "before",
        }
    }

    /// The schema of a version's rows, e.g. `approvals_v3_new`.
    pub fn schema(self, name: &str, version: i32) -> String {
        let suffix = match self {
            Self::Live => "",
            Self::New => "_new",
            Self::Before => "_before",
        };
        format!("{name}_v{version}{suffix}")
    }

    pub fn schema_of(self, projection: &dyn Projection) -> String {
        self.schema(projection.name(), projection.version())
    }
}

/// Connections that read these versions of the projections: every query of a process names tables
/// alone, and finds those of its release.
pub fn search_path(
    options: PgConnectOptions,
    projections: &[Arc<dyn Projection>],
) -> PgConnectOptions {
    let schemas = projections
        .iter()
        .map(|it| Generation::Live.schema_of(&**it));
    // The log's own tables come first: what is made without a schema's name is made there.
    let path: Vec<String> = ["public".to_owned()].into_iter().chain(schemas).collect();
    options.options([("search_path", path.join(","))])
}

/// Puts the schema first in the connection's path: there tables are made and found.
pub(crate) async fn enter(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT set_config('search_path', $1 || ',' || current_setting('search_path'), false)",
    )
    .bind(schema)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes the schema, the tables and the checkpoint if they are not there, on a connection that has
/// entered the schema.
pub(crate) async fn prepare(
    connection: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<(), ApplyError> {
    let mut tx = connection.begin().await?;
    // One at a time, in all processes: `IF NOT EXISTS` does not keep two from making one table.
    tx.execute(SCHEMA_LOCK).await?;
    let schema = Generation::Live.schema_of(projection);
    let make = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
    tx.execute(&*make).await?;
    tx.execute(projection.schema()).await?;
    sqlx::query(
        "INSERT INTO projection_checkpoints (name, version, position) VALUES ($1, $2, 0)
         ON CONFLICT (name, version) DO NOTHING",
    )
    .bind(projection.name())
    .bind(projection.version())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// How far a reader of the log is: a version of a projection, or a reaction.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Checkpoint {
    pub name: String,
    pub version: i32,
    pub position: i64,
    /// Events it has not read.
    pub behind: i64,
    /// Age of the oldest of them (seconds).
    pub seconds: f64,
    /// Events it could not apply, and those that wait behind them.
    pub parked: i64,
    /// Whether this release reads it: other versions belong to other releases.
    pub is_in_use: bool,
    /// Where the rows stand that the last rebuild replaced, if they are kept.
    pub before_position: Option<i64>,
}

/// Every reader that keeps a checkpoint, as seen by a pool made with [`search_path`].
pub async fn checkpoints(pool: &PgPool) -> Result<Vec<Checkpoint>, sqlx::Error> {
    sqlx::query_as(
        "WITH head AS (SELECT coalesce(max(position), 0) AS position FROM events),
              named AS (SELECT *, name || '_v' || version AS schema FROM projection_checkpoints)
         SELECT c.name, c.version, c.position, c.before_position,
                greatest(h.position - c.position, 0) AS behind,
                coalesce((SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)
                          FROM events e WHERE e.position = c.position + 1), 0)::float8 AS seconds,
                (SELECT count(*) FROM parked_events p WHERE p.projection = c.name
                    AND p.version = c.version AND p.generation = 'live') AS parked,
                -- A reaction has no tables.
                (c.schema = ANY (current_schemas(false))
                    OR NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = c.schema)) AS is_in_use
         FROM named c, head h ORDER BY c.name, c.version",
    )
    .fetch_all(pool)
    .await
}
