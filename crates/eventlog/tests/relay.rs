//! The stream holds the log: sequence N is position N, whatever happens to either side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use async_nats::jetstream;
use common::*;
use eventlog::{EVENTS, EventLog, Leases, LogReader, Relay, RelayStatus, ring_doorbell};
use futures::future::join_all;
use serde_json::Value;
use sqlx::PgPool;
use testkit::TestNats;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

struct Relaying {
    status: watch::Receiver<RelayStatus>,
    _stop: DropGuard,
}

async fn relay(log: &EventLog, nats: &TestNats) -> Relaying {
    let stop = CancellationToken::new();
    let client = nats.client().await;
    ring_doorbell(log, client.clone(), stop.clone());
    let leases = Leases::start(log.pool());
    let status = Relay::start(log.clone(), client, &leases, 1, stop.clone());
    Relaying {
        status,
        _stop: stop.drop_guard(),
    }
}

impl Relaying {
    async fn published(&mut self, position: u64) {
        let wait = self.status.wait_for(|status| status.published >= position);
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .expect("published in time")
            .unwrap();
    }

    async fn forked(&mut self) -> String {
        let wait = self.status.wait_for(|status| status.forked);
        let status = tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .expect("fork seen")
            .unwrap();
        status.problem.clone().unwrap()
    }
}

async fn append(log: &EventLog, count: usize) {
    join_all((0..count).map(|n| async move {
        let book = id(&format!("{}-{n}", kernel::new_id()));
        log.execute::<Book>(&book, write("line"), &(), &context())
            .await
            .unwrap()
    }))
    .await;
}

/// Every message of the stream is the event of its position, and none is missing.
async fn assert_stream_is_log(pool: &PgPool, nats: &TestNats) {
    let events: Vec<(i64, uuid::Uuid, String)> =
        sqlx::query_as("SELECT position, event_id, event_type FROM events ORDER BY position")
            .fetch_all(pool)
            .await
            .unwrap();
    let context = jetstream::new(nats.client().await);
    let mut stream = context.get_stream(EVENTS).await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    assert_eq!(
        state.last_sequence,
        events.len() as u64,
        "the stream ends where the log does"
    );
    assert_eq!(state.messages, events.len() as u64, "and misses nothing");
    for (position, event_id, event_type) in events {
        let message = stream.get_raw_message(position as u64).await.unwrap();
        let body: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(body["position"], position);
        assert_eq!(body["event_id"], event_id.to_string());
        assert_eq!(message.subject.as_str(), format!("events.{event_type}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_the_log_while_eight_processes_append() {
    let (db, nats) = (database().await, testkit::nats().await);
    let log = open(&db.pool).await;
    let mut relaying = relay(&log, &nats).await;
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(another_process(&db.url).await);
    }
    join_all(others.iter().map(|log| append(log, 60))).await;
    append(&log, 20).await;
    relaying.published(500).await;
    assert_dense(&db.pool).await;
    assert_stream_is_log(&db.pool, &nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_stopped_while_publishing_is_followed_by_another() {
    let (db, nats) = (database().await, testkit::nats().await);
    let log = open(&db.pool).await;
    append(&log, 400).await;
    for _ in 0..12 {
        // Dropped at once: anywhere between the first publish and the last acknowledgement.
        let mut relaying = relay(&log, &nats).await;
        let before = relaying.status.borrow().published;
        append(&log, 30).await;
        let moved = relaying.status.wait_for(|status| status.published > before);
        drop(tokio::time::timeout(Duration::from_millis(300), moved).await);
    }
    let mut relaying = relay(&log, &nats).await;
    relaying.published(400 + 12 * 30).await;
    assert_stream_is_log(&db.pool, &nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_at_once_do_no_harm() {
    let (db, nats) = (database().await, testkit::nats().await);
    let (one, two) = (open(&db.pool).await, another_process(&db.url).await);
    // Leases from different databases: both lead, as if the lease had failed.
    let lonely = testkit::fresh_database().await;
    let client = nats.client().await;
    let stop = CancellationToken::new();
    let first = Relay::start(
        one.clone(),
        client.clone(),
        &Leases::start(&db.pool),
        1,
        stop.clone(),
    );
    let leases = Leases::start(&lonely.pool);
    let second = Relay::start(two.clone(), client, &leases, 1, stop.clone());
    tokio::join!(append(&one, 300), append(&two, 300));
    for mut status in [first, second] {
        let wait = status.wait_for(|status| status.published >= 600);
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .expect("published")
            .unwrap();
    }
    assert_stream_is_log(&db.pool, &nats).await;
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_a_restart_of_nats() {
    let (db, nats) = (database().await, testkit::nats().await);
    let log = open(&db.pool).await;
    let mut relaying = relay(&log, &nats).await;
    append(&log, 50).await;
    relaying.published(50).await;
    nats.kill().await;
    append(&log, 50).await;
    nats.restart().await;
    append(&log, 50).await;
    relaying.published(150).await;
    assert_stream_is_log(&db.pool, &nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_stream_is_made_anew_from_the_log() {
    let (db, nats) = (database().await, testkit::nats().await);
    let log = open(&db.pool).await;
    let mut relaying = relay(&log, &nats).await;
    append(&log, 80).await;
    relaying.published(80).await;
    let context = jetstream::new(nats.client().await);
    nats.delete_stream(EVENTS).await;
    append(&log, 20).await;
    relaying.published(100).await;
    eventually("the stream is whole again", || async {
        match context.get_stream(EVENTS).await {
            Ok(mut stream) => stream
                .info()
                .await
                .is_ok_and(|info| info.state.messages == 100),
            Err(_) => false,
        }
    })
    .await;
    assert_stream_is_log(&db.pool, &nats).await;
    // It cannot be thinned out: a message cannot be deleted, the stream not purged.
    let stream = context.get_stream(EVENTS).await.unwrap();
    assert!(stream.delete_message(50).await.is_err());
    assert!(stream.purge().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_seen_as_a_fork() {
    for appended_after_restore in [0, 3, 10] {
        let (db, nats) = (database().await, testkit::nats().await);
        let log = open(&db.pool).await;
        {
            let mut relaying = relay(&log, &nats).await;
            append(&log, 20).await;
            relaying.published(20).await;
        }
        // The restored backup ends at 15; others append before the relay looks.
        sqlx::query("DELETE FROM events WHERE position > 15")
            .execute(&db.pool)
            .await
            .unwrap();
        let restored = another_process(&db.url).await;
        append(&restored, appended_after_restore).await;

        let mut relaying = relay(&restored, &nats).await;
        let why = relaying.forked().await;
        assert!(why.contains("position 20"), "{why}");
        let refused = restored
            .execute::<Book>(&id("late"), write("x"), &(), &context())
            .await;
        assert!(
            matches!(
                refused,
                Err(eventlog::ExecuteError::Log(eventlog::LogError::Forked(_)))
            ),
            "appends are refused in every process"
        );
        let context = jetstream::new(nats.client().await);
        let mut stream = context.get_stream(EVENTS).await.unwrap();
        assert_eq!(
            stream.info().await.unwrap().state.last_sequence,
            20,
            "nothing was published over it"
        );

        // The operator decides for the database: a new epoch, a new stream.
        restored.begin_epoch().await.unwrap();
        nats.delete_stream(EVENTS).await;
        append(&restored, 1).await;
        relaying.published(16 + appended_after_restore as u64).await;
        assert_stream_is_log(&db.pool, &nats).await;
    }
}

#[tokio::test]
async fn another_platforms_stream_is_not_written_to() {
    let nats = testkit::nats().await;
    let (one, two) = (database().await, database().await);
    let first = open(&one.pool).await;
    let mut relaying = relay(&first, &nats).await;
    append(&first, 5).await;
    relaying.published(5).await;
    drop(relaying);
    let second = open(&two.pool).await;
    append(&second, 9).await;
    let mut relaying = relay(&second, &nats).await;
    assert!(relaying.forked().await.contains("another history"));
    assert_stream_is_log(&one.pool, &nats).await;
}

/// A reader that is gone for good leaves its place; one that comes now and then keeps it.
#[tokio::test]
async fn an_unused_consumer_of_the_stream_ends() {
    let (db, nats) = (database().await, testkit::nats().await);
    let log = open(&db.pool).await;
    let mut relaying = relay(&log, &nats).await;
    append(&log, 1).await;
    relaying.published(1).await;
    let context = jetstream::new(nats.client().await);
    let events = context.get_stream(EVENTS).await.unwrap();
    let config = |inactive_threshold| jetstream::consumer::pull::Config {
        durable_name: Some("readers".into()),
        inactive_threshold,
        ..Default::default()
    };
    let days = |n: u64| Duration::from_secs(n * 24 * 60 * 60);
    let endless = events.create_consumer(config(days(36))).await;
    assert!(endless.is_err(), "longer than the stream allows");
    let consumer = events.create_consumer(config(Duration::ZERO)).await;
    let consumer = consumer.unwrap();
    let config = &consumer.cached_info().config;
    assert_eq!(config.inactive_threshold, days(35));
}

/// A stream that cannot be read is said, and only while it is so.
#[tokio::test]
async fn the_reader_says_that_it_reads_without_the_stream() {
    let (db, nats) = (database().await, testkit::nats().await);
    let log = open(&db.pool).await;
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let client = Some(nats.client().await);
    let reader = LogReader::start(log.clone(), client, stop).await.unwrap();
    assert_eq!(reader.stream_problem(), None);
    let until = async |is_said: bool| {
        let wait = async {
            while reader.stream_problem().is_some() != is_said {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .unwrap();
    };
    until(true).await;
    assert!(
        reader
            .stream_problem()
            .unwrap()
            .contains("no stream EVENTS")
    );
    append(&log, 1).await;
    let mut relaying = relay(&log, &nats).await;
    relaying.published(1).await;
    until(false).await;
}
