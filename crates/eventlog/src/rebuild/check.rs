//! Compares the rows that are read with rows filled anew from the log, value by value.

use std::sync::Arc;

use futures::TryStreamExt;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};

use super::{NEAR, RebuildError, RebuildProgress, Rebuilder, Session, connect, fill, meter::Meter};
use crate::{LogError, Projection, Vault, applier::Applier, schemas::Generation};

/// Rows opened and compared at once.
const ROWS_AT_ONCE: usize = 500;

/// What a comparison has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Where both kinds of rows stood.
    pub position: u64,
    /// How many rows were compared, up to the first difference.
    pub rows: u64,
    pub difference: Option<Difference>,
}

/// The first row that is not what the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    /// The row's primary key: an id, never a personal value.
    pub key: String,
    /// The column that differs, or how the whole row does. Never the value, which may be personal.
    pub what: String,
}

impl Rebuilder {
    /// Fills rows anew beside those that are read, and compares them as of one position.
    pub async fn check(
        &self,
        projection: Arc<dyn Projection>,
        report: impl FnMut(&RebuildProgress) + Send,
    ) -> Result<Check, RebuildError> {
        let (name, version) = (projection.name(), projection.version());
        let mut session = Session::begin(&self.log, name, version).await?;
        let live = session.checkpoint().await?;
        let mut meter = Meter::unseen(report);
        let applier = self.applier(projection);
        let checked = async {
            // Not read by anybody, the new rows need no indexes.
            session.make_new(&applier).await?;
            let position = fill::fill(&applier, 0, live, &mut meter).await?;
            let (mut reader, position) = session.stand(&applier, position, &mut meter).await?;
            compare(&mut reader, &applier, position).await
        };
        let checked = checked.await;
        let cleared = session.drop_generation(Generation::New).await;
        session.end().await;
        let checked = checked?;
        cleared?;
        Ok(checked)
    }
}

impl Session {
    /// Brings the new rows to exactly where the live ones are, and returns a connection that goes on
    /// seeing both as they are then.
    async fn stand<R: FnMut(&RebuildProgress) + Send>(
        &mut self,
        applier: &Applier,
        mut position: u64,
        meter: &mut Meter<R>,
    ) -> Result<(PgConnection, u64), RebuildError> {
        let mut reader = connect(applier.log.pool()).await?;
        loop {
            position = self.follow(applier, position, meter).await?;
            // The runner waits while this row is held.
            let mut tx = self.connection.begin().await?;
            let live: i64 = sqlx::query_scalar(
                "SELECT position FROM projection_checkpoints
                 WHERE name = $1 AND version = $2 FOR UPDATE",
            )
            .bind(&self.name)
            .bind(self.version)
            .fetch_one(&mut *tx)
            .await?;
            let live = live as u64;
            if live >= position && live - position <= NEAR {
                position = fill::fill(applier, position, live, meter).await?;
                reader
                    .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1")
                    .await?;
                tx.rollback().await?;
                return Ok((reader, position));
            }
            tx.rollback().await?;
            // After a crash of PostgreSQL the live rows may be behind for a moment.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

async fn compare(
    reader: &mut PgConnection,
    applier: &Applier,
    position: u64,
) -> Result<Check, RebuildError> {
    let mut check = Check {
        position,
        rows: 0,
        difference: None,
    };
    for table in applier.projection.tables() {
        let key = primary_key(reader, &*applier.projection, table).await?;
        compare_table(reader, applier, table, &key, &mut check).await?;
        if check.difference.is_some() {
            return Ok(check);
        }
    }
    check.difference = compare_parked(reader, &*applier.projection).await?;
    Ok(check)
}

async fn primary_key(
    reader: &mut PgConnection,
    projection: &dyn Projection,
    table: &str,
) -> Result<Vec<String>, RebuildError> {
    let schema = Generation::Live.schema_of(projection);
    Ok(sqlx::query_scalar(
        "SELECT quote_ident(a.attname) FROM pg_index i
         JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, place) ON true
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
         WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY k.place",
    )
    .bind(format!("{schema}.{table}"))
    .fetch_all(reader)
    .await?)
}

/// A row as it is read, and the same row filled anew; `None`: there is none.
type Pair = (Option<Value>, Option<Value>);

async fn compare_table(
    reader: &mut PgConnection,
    applier: &Applier,
    table: &str,
    key: &[String],
    check: &mut Check,
) -> Result<(), RebuildError> {
    let schema = |generation: Generation| generation.schema_of(&*applier.projection);
    let columns = key.join(", ");
    let query = format!(
        "SELECT to_jsonb(l), to_jsonb(n) FROM {}.{table} l FULL JOIN {}.{table} n USING ({columns})
         ORDER BY {columns}",
        schema(Generation::Live),
        schema(Generation::New)
    );
    let rows = sqlx::query_as::<_, Pair>(&query).fetch(reader);
    let mut rows = rows.try_chunks(ROWS_AT_ONCE);
    loop {
        let mut pairs = match rows.try_next().await {
            Ok(Some(pairs)) => pairs,
            Ok(None) => return Ok(()),
            Err(error) => return Err(error.1.into()),
        };
        open(applier.log.vault(), &mut pairs).await?;
        for pair in pairs {
            check.rows += 1;
            if let Some(what) = difference(&pair) {
                check.difference = Some(Difference {
                    table: table.to_owned(),
                    key: key_of(&pair, key),
                    what,
                });
                return Ok(());
            }
        }
    }
}

/// Sealed with a random nonce, equal values look different until they are opened.
async fn open(vault: &Vault, pairs: &mut [Pair]) -> Result<(), LogError> {
    let parts = pairs
        .iter_mut()
        .flat_map(|(live, new)| [live.as_mut(), new.as_mut()])
        .flatten();
    vault.open_all(parts.collect()).await
}

fn difference((live, new): &Pair) -> Option<String> {
    match (live, new) {
        (Some(live), Some(new)) if live == new => None,
        (Some(Value::Object(live)), Some(Value::Object(new))) => {
            let column = live
                .iter()
                .find(|(name, value)| new.get(*name) != Some(value));
            let name = column.map_or("another column", |(name, _)| name);
            Some(format!("column `{name}` differs"))
        }
        (Some(_), _) => Some("the log does not make this row".into()),
        (None, _) => Some("the row is missing".into()),
    }
}

fn key_of((live, new): &Pair, key: &[String]) -> String {
    let row = live.as_ref().or(new.as_ref());
    let parts = key.iter().filter_map(|column| {
        let value = row?.get(column.trim_matches('"'))?;
        Some(value.as_str().map_or(value.to_string(), str::to_owned))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The parked events of both kinds must be the same ones.
async fn compare_parked(
    reader: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<Option<Difference>, RebuildError> {
    let position: Option<i64> = sqlx::query_scalar(
        "SELECT position FROM parked_events
         WHERE projection = $1 AND version = $2 AND generation IN ('live', 'new')
         GROUP BY position HAVING count(*) = 1 ORDER BY position LIMIT 1",
    )
    .bind(projection.name())
    .bind(projection.version())
    .fetch_optional(reader)
    .await?;
    Ok(position.map(|position| Difference {
        table: "parked_events".into(),
        key: position.to_string(),
        what: "parked on one side only".into(),
    }))
}
