//! A process never writes on a database that holds another history than it knows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{Book, another_process, context, database, id, open, write};
use eventlog::{EventLog, ExecuteError, LogError, LogReader};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

async fn note(
    log: &EventLog,
    book: &str,
    line: &str,
) -> Result<(), ExecuteError<common::BookError>> {
    log.execute::<Book>(&id(book), write(line), &(), &context())
        .await
        .map(drop)
}

/// What a server does that comes back without its last transaction.
async fn lose_the_last_event(pool: &PgPool) {
    sqlx::raw_sql(
        "DELETE FROM events WHERE position = (SELECT max(position) FROM events);
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'greffe writer' AND datname = current_database()",
    )
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn after_a_lost_tail_nothing_more_is_written() {
    let db = database().await;
    let log = open(&db.pool).await;
    for line in ["one", "two", "three"] {
        note(&log, "a", line).await.unwrap();
    }
    lose_the_last_event(&db.pool).await;
    // Somebody who knows nothing of it writes in its place.
    note(&another_process(&db.url).await, "b", "other")
        .await
        .unwrap();

    let refused = note(&log, "c", "four").await;
    assert!(
        matches!(refused, Err(ExecuteError::Log(LogError::Parted(_)))),
        "{refused:?}"
    );
    assert!(log.parted().await.contains("position 3"));
    assert_eq!(log.head().await.unwrap(), 3);
    // Opened again it knows the history that there is.
    note(&open(&db.pool).await, "c", "four").await.unwrap();
}

#[tokio::test]
async fn a_reader_notices_another_event_and_another_epoch() {
    for change in [
        "UPDATE events SET event_id = gen_random_uuid() WHERE position = 2",
        "UPDATE log_meta SET epoch = gen_random_uuid()",
    ] {
        let db = database().await;
        let log = open(&db.pool).await;
        let stop = CancellationToken::new();
        let reader = LogReader::start(log.clone(), None, stop.clone())
            .await
            .unwrap();
        for line in ["one", "two"] {
            note(&log, "a", line).await.unwrap();
        }
        assert!(!reader.batch_after(1).await.unwrap().is_empty());
        let early = tokio::time::timeout(Duration::from_millis(600), log.parted()).await;
        assert!(early.is_err(), "nothing has changed: {early:?}");
        sqlx::query(change).execute(&db.pool).await.unwrap();
        tokio::time::timeout(Duration::from_secs(60), log.parted())
            .await
            .unwrap_or_else(|_| panic!("never noticed: {change}"));
        stop.cancel();
    }
}
