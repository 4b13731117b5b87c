//! Writing the sums of a batch: a statement per table, and one more where rows have come to nothing.

use std::collections::BTreeMap;

use eventlog::{ApplyError, ApplyTx};
use sqlx::{
    Postgres,
    postgres::PgArguments,
    query::{Query, QueryScalar},
};

use super::sums::Sums;

/// Adds to rows, and says whether any of them counts nothing now.
type Add<'q> = QueryScalar<'q, Postgres, bool, PgArguments>;
/// Removes those of the rows that count nothing.
type Remove<'q> = Query<'q, Postgres, PgArguments>;

async fn change(tx: &mut ApplyTx<'_>, add: Add<'_>, remove: Remove<'_>) -> Result<(), ApplyError> {
    if add.fetch_one(tx.conn()).await? {
        remove.execute(tx.conn()).await?;
    }
    Ok(())
}

/// A column of the keys.
fn keys<'a, K, V, T>(sums: &'a BTreeMap<K, V>, of: impl Fn(&'a K) -> T) -> Vec<T> {
    sums.keys().map(of).collect()
}

/// A column of the numbers.
fn numbers<K, V>(sums: &BTreeMap<K, V>, of: impl Fn(&V) -> i64) -> Vec<i64> {
    sums.values().map(of).collect()
}

impl Sums {
    /// Each table after the other, row after row by key. What comes to nothing within the batch is
    /// not written.
    pub async fn write(mut self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        self.tickets.retain(|_, sum| *sum != [0; 3]);
        self.alerts.retain(|_, sum| *sum != [0; 2]);
        self.clients.retain(|_, sum| *sum != 0);
        self.active.retain(|_, sum| *sum != [0; 3]);
        self.flapping.retain(|_, sum| *sum != 0);
        self.write_tickets(tx).await?;
        self.write_alerts(tx).await?;
        self.write_clients(tx).await?;
        self.write_active(tx).await?;
        self.write_flapping(tx).await
    }

    async fn write_tickets(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        let sums = &self.tickets;
        if sums.is_empty() {
            return Ok(());
        }
        let add = sqlx::query_scalar(
            "WITH changed AS (
                 INSERT INTO supervision_ticket_sums AS s
                     (step, at, category, outcome, automatic, count, timed, duration_ms)
                 SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::boolean[],
                                      $6::bigint[], $7::bigint[], $8::bigint[])
                 ON CONFLICT (step, at, category, outcome, automatic) DO UPDATE
                 SET count = s.count + excluded.count, timed = s.timed + excluded.timed,
                     duration_ms = s.duration_ms + excluded.duration_ms
                 RETURNING count)
             SELECT EXISTS (SELECT FROM changed WHERE count = 0)",
        )
        .bind(keys(sums, |key| key.0.0))
        .bind(keys(sums, |key| key.0.1))
        .bind(keys(sums, |key| &*key.1))
        .bind(keys(sums, |key| &*key.2))
        .bind(keys(sums, |key| key.3))
        .bind(numbers(sums, |sum| sum[0]))
        .bind(numbers(sums, |sum| sum[1]))
        .bind(numbers(sums, |sum| sum[2]));
        let remove = sqlx::query(
            "DELETE FROM supervision_ticket_sums s
             USING unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::boolean[])
                   AS n(step, at, category, outcome, automatic)
             WHERE s.count = 0 AND s.step = n.step AND s.at = n.at AND s.category = n.category
               AND s.outcome = n.outcome AND s.automatic = n.automatic",
        )
        .bind(keys(sums, |key| key.0.0))
        .bind(keys(sums, |key| key.0.1))
        .bind(keys(sums, |key| &*key.1))
        .bind(keys(sums, |key| &*key.2))
        .bind(keys(sums, |key| key.3));
        change(tx, add, remove).await
    }

    async fn write_alerts(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        let sums = &self.alerts;
        if sums.is_empty() {
            return Ok(());
        }
        let add = sqlx::query_scalar(
            "WITH changed AS (
                 INSERT INTO supervision_alert_sums AS s
                     (step, at, responsibility, severity, status, count, resolution_ms)
                 SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[],
                                      $6::bigint[], $7::bigint[])
                 ON CONFLICT (step, at, responsibility, severity, status) DO UPDATE
                 SET count = s.count + excluded.count,
                     resolution_ms = s.resolution_ms + excluded.resolution_ms
                 RETURNING count)
             SELECT EXISTS (SELECT FROM changed WHERE count = 0)",
        )
        .bind(keys(sums, |key| key.0.0))
        .bind(keys(sums, |key| key.0.1))
        .bind(keys(sums, |key| &*key.1))
        .bind(keys(sums, |key| &*key.2))
        .bind(keys(sums, |key| key.3))
        .bind(numbers(sums, |sum| sum[0]))
        .bind(numbers(sums, |sum| sum[1]));
        let remove = sqlx::query(
            "DELETE FROM supervision_alert_sums s
             USING unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[])
                   AS n(step, at, responsibility, severity, status)
             WHERE s.count = 0 AND s.step = n.step AND s.at = n.at
               AND s.responsibility = n.responsibility AND s.severity = n.severity
               AND s.status = n.status",
        )
        .bind(keys(sums, |key| key.0.0))
        .bind(keys(sums, |key| key.0.1))
        .bind(keys(sums, |key| &*key.1))
        .bind(keys(sums, |key| &*key.2))
        .bind(keys(sums, |key| key.3));
        change(tx, add, remove).await
    }

    async fn write_clients(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        let sums = &self.clients;
        if sums.is_empty() {
            return Ok(());
        }
        let add = sqlx::query_scalar(
            "WITH changed AS (
                 INSERT INTO supervision_client_sums AS s (step, at, client_id, count)
                 SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::bigint[])
                 ON CONFLICT (step, at, client_id) DO UPDATE SET count = s.count + excluded.count
                 RETURNING count)
             SELECT EXISTS (SELECT FROM changed WHERE count = 0)",
        )
        .bind(keys(sums, |key| key.0.0))
        .bind(keys(sums, |key| key.0.1))
        .bind(keys(sums, |key| &*key.1))
        .bind(numbers(sums, |sum| *sum));
        let remove = sqlx::query(
            "DELETE FROM supervision_client_sums s
             USING unnest($1::text[], $2::timestamptz[], $3::text[]) AS n(step, at, client_id)
             WHERE s.count = 0 AND s.step = n.step AND s.at = n.at AND s.client_id = n.client_id",
        )
        .bind(keys(sums, |key| key.0.0))
        .bind(keys(sums, |key| key.0.1))
        .bind(keys(sums, |key| &*key.1));
        change(tx, add, remove).await
    }

    async fn write_active(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        let sums = &self.active;
        if sums.is_empty() {
            return Ok(());
        }
        let add = sqlx::query_scalar(
            "WITH changed AS (
                 INSERT INTO supervision_active_sums AS s (client_id, count, acknowledged, awaiting_diag)
                 SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
                 ON CONFLICT (client_id) DO UPDATE
                 SET count = s.count + excluded.count,
                     acknowledged = s.acknowledged + excluded.acknowledged,
                     awaiting_diag = s.awaiting_diag + excluded.awaiting_diag
                 RETURNING count)
             SELECT EXISTS (SELECT FROM changed WHERE count = 0)",
        )
        .bind(keys(sums, String::as_str))
        .bind(numbers(sums, |sum| sum[0]))
        .bind(numbers(sums, |sum| sum[1]))
        .bind(numbers(sums, |sum| sum[2]));
        let remove = sqlx::query(
            "DELETE FROM supervision_active_sums WHERE count = 0 AND client_id = ANY($1)",
        )
        .bind(keys(sums, String::as_str));
        change(tx, add, remove).await
    }

    async fn write_flapping(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        let sums = &self.flapping;
        if sums.is_empty() {
            return Ok(());
        }
        let add = sqlx::query_scalar(
            "WITH changed AS (
                 INSERT INTO supervision_flapping_sums AS s (at, count)
                 SELECT * FROM unnest($1::timestamptz[], $2::bigint[])
                 ON CONFLICT (at) DO UPDATE SET count = s.count + excluded.count
                 RETURNING count)
             SELECT EXISTS (SELECT FROM changed WHERE count = 0)",
        )
        .bind(keys(sums, |at| *at))
        .bind(numbers(sums, |sum| *sum));
        let remove =
            sqlx::query("DELETE FROM supervision_flapping_sums WHERE count = 0 AND at = ANY($1)")
                .bind(keys(sums, |at| *at));
        change(tx, add, remove).await
    }
}
