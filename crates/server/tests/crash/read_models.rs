//! Whether the read models are what the log says: emptied and filled anew they must be the same.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{Executor, PgPool};

use crate::place::{
    cluster::{Cluster, MASTER_KEY, open_log, succeeded},
    eventually, output,
};

/// The log's own tables, and what is no read model.
const OF_THE_LOG: [&str; 13] = [
    "_sqlx_migrations",
    "claims",
    "commands",
    "credentials",
    "events",
    // Shown once, when it happens; those who watch prove them.
    "feed_frames",
    "log_meta",
    "login_attempts",
    "numbers",
    "parked_events",
    "projection_checkpoints",
    "projection_rebuilds",
    "subject_keys",
];

/// How often a row, with its table, is there.
type Rows = BTreeMap<(String, String), i64>;

/// How many rows differ between the read models as they are and the same filled from the log. The
/// platform is stopped; nothing is appended meanwhile.
pub async fn diverged(cluster: &Cluster) -> Vec<String> {
    let pool = &cluster.database.pool;
    // The operator's own way to ask, which must not say otherwise.
    let checked = output(cluster.command(&["projection", "check", "--all"]), "");
    println!("{}", String::from_utf8_lossy(&checked.stdout).trim_end());
    let head: i64 = sqlx::query_scalar("SELECT max(position) FROM events")
        .fetch_one(pool)
        .await
        .unwrap();
    let mut rows = opened(cluster, head).await;
    for table in tables(pool).await {
        // What is not filled anew is missing then.
        pool.execute(&*format!("DELETE FROM {table}"))
            .await
            .unwrap();
    }
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT name FROM projection_checkpoints WHERE name <> 'decisions'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    // Each is recorded, and so makes rows beyond the head.
    for name in names {
        let command = cluster.command(&["projection", "rebuild", &name]);
        succeeded(&output(command, ""));
    }
    let projector = cluster.serve("projector");
    caught_up(pool).await;
    projector.stop();
    for (row, count) in opened(cluster, head).await {
        *rows.entry(row).or_default() -= count;
    }
    let diverged: Vec<String> = rows
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|((table, row), count)| format!("{table} {count:+}: {row}"))
        .collect();
    let complaint = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.success(), diverged.is_empty(), "{complaint}");
    diverged
}

/// Waits until every projection has applied the log; the reaction runs elsewhere.
pub async fn caught_up(pool: &PgPool) {
    eventually("the projections are at the end of the log", || async {
        let behind: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM projection_checkpoints
             WHERE name <> 'decisions' AND position < (SELECT max(position) FROM events)",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        (behind == 0).then_some(())
    })
    .await;
}

async fn tables(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> ALL ($1)
         ORDER BY 1",
    )
    .bind(OF_THE_LOG)
    .fetch_all(pool)
    .await
    .unwrap()
}

/// All rows of the read models up to a position, with what is sealed in them opened.
async fn opened(cluster: &Cluster, upto: i64) -> Rows {
    let pool = &cluster.database.pool;
    let log = open_log(&cluster.database.url, &MASTER_KEY).await;
    let mut found = Rows::new();
    for table in tables(pool).await {
        let select = format!("SELECT to_jsonb(t) FROM {table} t");
        let mut rows: Vec<Value> = sqlx::query_scalar(&select).fetch_all(pool).await.unwrap();
        log.vault()
            .open_all(rows.iter_mut().collect())
            .await
            .unwrap();
        let (_, name) = table.rsplit_once('.').unwrap();
        let is_later = |row: &Value| row["position"].as_i64().is_some_and(|it| it > upto);
        for row in rows.into_iter().filter(|row| !is_later(row)) {
            *found.entry((name.to_owned(), row.to_string())).or_default() += 1;
        }
    }
    log.pool().close().await;
    found
}
