//! Random histories of the log, beside a model of it in memory: first one question at a time, then
//! many at once while connections, servers and streams are lost.
//!
//! `GREFFE_TEST_SEED` plays a run's questions again; how those of many at once meet is left to the
//! machine. A database restored to an earlier moment is in `relay.rs` and in the server's proofs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod alone;
mod card;
mod crowd;
mod fold;
mod history;
mod oracle;
mod process;
mod trouble;
mod turn;
mod wire;

use kernel::EventType;
use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;
use sqlx::PgPool;

use crate::{
    alone::Alone,
    card::CardEvent,
    crowd::Crowd,
    oracle::{Oracle, Row},
    trouble::{Trouble, trouble},
    turn::turn,
};

/// Tags that begin so are refused by the database.
const SPOILT: &str = "spoilt";
const HISTORIES: u32 = 40;
const TURNS: usize = 60;
const CROWD: usize = 12;
const TURNS_IN_CROWD: usize = 120;
const TROUBLES: usize = 100;

#[test]
fn every_answer_is_the_models() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut alone = runtime.block_on(async { Alone::new(database().await).await });
    let alone = std::cell::RefCell::new(&mut alone);
    let played = runner().run(&vec(turn(), 1..TURNS), |turns| {
        runtime.block_on(alone.borrow_mut().play(&turns))
    });
    if let Err(error) = played {
        panic!("{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_in_trouble_are_answered_as_if_one_after_the_other() {
    let mut runner = runner();
    let turns = drawn(&mut runner, vec(vec(turn(), TURNS_IN_CROWD), CROWD));
    let mut troubles = drawn(&mut runner, vec(trouble(), TROUBLES));
    // Once: what takes long.
    troubles.insert(5, (0, Trouble::StreamDeleted));
    troubles.insert(20, (0, Trouble::LockHeld { ms: 2_300 }));
    troubles.insert(50, (0, Trouble::NatsRestarted { ms: 3_000 }));
    let crowd = Crowd::start(database().await).await;

    let mut attempts = crowd.play(turns, &troubles).await;
    attempts.extend(crowd.settle(CROWD).await);

    let pool = &crowd.database.pool;
    let log = rows(pool, 0).await;
    let summary = history::summary(&attempts);
    let lost = crowd.processes.iter().map(|it| it.wire.lost_answers());
    println!(
        "{} events, {summary:?}, {} answers lost",
        log.len(),
        lost.sum::<u64>()
    );
    let oracle = history::explain(&attempts, &log);
    assert_names_and_numbers(pool, &oracle).await;
    let nats = crowd.nats.client().await;
    assert_eq!(
        testkit::assert_stream_is_log(pool, &nats).await,
        oracle.head()
    );
    fold::assert_is_fold_of_log(pool).await;
}

/// The log's own tables beside the events hold what the events say.
async fn assert_names_and_numbers(pool: &PgPool, oracle: &Oracle) {
    let holders: Vec<String> = sqlx::query_scalar("SELECT aggregate_id FROM claims ORDER BY 1")
        .fetch_all(pool)
        .await
        .unwrap();
    let mut expected: Vec<String> = oracle.names.values().cloned().collect();
    expected.sort();
    assert_eq!(holders, expected, "who holds a name");
    let numbers: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT series, count(*), max(number) FROM numbers GROUP BY series ORDER BY series",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let expected: Vec<(String, i64, i64)> = oracle
        .numbers
        .iter()
        .map(|(series, last)| (series.clone(), *last as i64, *last as i64))
        .collect();
    assert_eq!(numbers, expected, "the numbers given");
}

fn drawn<T: std::fmt::Debug>(runner: &mut TestRunner, of: impl Strategy<Value = T>) -> T {
    of.new_tree(runner).unwrap().current()
}

/// Of `GREFFE_TEST_SEED`, else a new one. It is printed, so that a failure can be played again.
fn runner() -> TestRunner {
    let given = std::env::var("GREFFE_TEST_SEED").ok();
    let seed = match given.map(|text| text.parse()) {
        Some(seed) => seed.unwrap(),
        None => uuid::Uuid::new_v4().as_u64_pair().0,
    };
    println!("GREFFE_TEST_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
    let config = Config {
        cases: HISTORIES,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// With a rule that only the database knows.
async fn database() -> testkit::TestDatabase {
    let database = common::database().await;
    let rule = format!(
        "ALTER TABLE events ADD CONSTRAINT unspoilt CHECK (payload ->> 'tag' NOT LIKE '{SPOILT}%')"
    );
    sqlx::raw_sql(&rule).execute(&database.pool).await.unwrap();
    database
}

/// The log after a position, as if it began there.
async fn rows(pool: &PgPool, base: u64) -> Vec<Row> {
    let rows: Vec<(i64, String, i64, String, Value)> = sqlx::query_as(
        "SELECT position, aggregate_id, sequence, event_type, payload FROM events
         WHERE position > $1 ORDER BY position",
    )
    .bind(base as i64)
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(position, card, sequence, event_type, payload)| Row {
            position: position as u64 - base,
            card,
            sequence: sequence as u64,
            event: CardEvent::decode(&event_type, 1, &payload).unwrap(),
        })
        .collect()
}
