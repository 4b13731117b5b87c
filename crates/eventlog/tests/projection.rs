//! Projections take each event once; feeds hand each frame once, wherever the socket was cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use common::*;
use eventlog::{
    ApplyError, ApplyTx, Audience, EventLog, FeedHub, FeedItem, Frame, Leases, LogReader, Progress,
    Projection, Projector, RecordedEvent, Relay,
};
use futures::future::join_all;
use kernel::AccreditationLevel;
use proptest::prelude::*;
use serde_json::value::to_raw_value;
use testkit::TestNats;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Counts the lines of each book, and shows every second line on a feed.
struct Lines {
    version: i32,
}

#[async_trait]
impl Projection for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }
    fn version(&self) -> i32 {
        self.version
    }
    fn schema(&self) -> &'static str {
        "CREATE TABLE IF NOT EXISTS lines (book text PRIMARY KEY, count bigint NOT NULL)"
    }
    fn tables(&self) -> &'static [&'static str] {
        &["lines"]
    }
    fn wants(&self, event_type: &str) -> bool {
        event_type == "test.book.written"
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        for event in events {
            sqlx::query(
                "INSERT INTO lines AS l VALUES ($1, 1) ON CONFLICT (book) DO UPDATE SET count = l.count + 1",
            )
            .bind(&event.aggregate_id)
            .execute(tx.conn())
            .await?;
            if event.data["line"] == "poison" {
                let reason = "poison".into();
                return Err(ApplyError::Data {
                    position: event.position,
                    reason,
                });
            }
            if event.position.is_multiple_of(2) {
                tx.frames(vec![Frame {
                    feed: "lines",
                    position: event.position,
                    kind: "lines:written",
                    audience: Audience::Level(AccreditationLevel::N1),
                    recorded_at: event.recorded_at,
                    subject: "person:jean.dupont".into(),
                    data: to_raw_value(&event.data).unwrap(),
                }])
                .await?;
            }
        }
        Ok(())
    }
}

struct Platform {
    log: EventLog,
    progress: Progress,
    hub: FeedHub,
    _stop: DropGuard,
}

async fn start(url: &str, nats: Option<&TestNats>, version: i32) -> Platform {
    let stop = CancellationToken::new();
    let lines: Arc<dyn Projection> = Arc::new(Lines { version });
    let log = process_of_release(url, std::slice::from_ref(&lines)).await;
    let leases = Leases::start(log.pool());
    let client = match nats {
        Some(nats) => Some(nats.client().await),
        None => None,
    };
    if let Some(client) = client.clone() {
        Relay::start(log.clone(), client, &leases, 1, stop.clone());
    }
    let reader = LogReader::start(log.clone(), client, stop.clone())
        .await
        .unwrap();
    let progress = Progress::new(log.pool().clone());
    let projector = Projector {
        log: log.clone(),
        reader,
        progress: progress.clone(),
        orders: |_| None,
    };
    projector.start(vec![lines], &leases, &stop);
    let (pool, vault) = (log.pool().clone(), log.vault().clone());
    let hub = FeedHub::start(pool, vault, progress.clone(), &[("lines", "lines")], &stop)
        .await
        .unwrap();
    Platform {
        log,
        progress,
        hub,
        _stop: stop.drop_guard(),
    }
}

impl Platform {
    async fn settle(&self) -> u64 {
        let head = self.log.head().await.unwrap();
        let settled = self
            .progress
            .wait_for(&["lines"], head, Duration::from_secs(60))
            .await
            .unwrap();
        assert!(settled, "settles: {:?}", self.progress.here());
        head
    }

    async fn counts(&self) -> Vec<(String, i64)> {
        sqlx::query_as("SELECT book, count FROM lines ORDER BY book")
            .fetch_all(self.log.pool())
            .await
            .unwrap()
    }

    async fn write(&self, count: usize) {
        join_all((0..count).map(|n| async move {
            let book = id(&format!("b{}", n % 7));
            while self
                .log
                .execute::<Book>(&book, write("x"), &(), &context())
                .await
                .is_err()
            {}
        }))
        .await;
    }
}

async fn counts_in_log(log: &EventLog) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT aggregate_id, count(*) FROM events WHERE event_type = 'test.book.written'
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(log.pool())
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_takes_effect_once_with_runners_killed_and_racing() {
    let (db, nats) = (database().await, testkit::nats().await);
    for round in 0..6 {
        // Two at once; both are dropped in the middle of their work.
        let (one, two) = tokio::join!(
            start(&db.url, Some(&nats), 1),
            start(&db.url, (round % 2 == 0).then_some(&nats), 1)
        );
        tokio::join!(one.write(80), two.write(80));
    }
    let last = start(&db.url, Some(&nats), 1).await;
    last.settle().await;
    assert_eq!(last.counts().await, counts_in_log(&last.log).await);
    assert_eq!(last.log.head().await.unwrap(), 6 * 160);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_from_postgresql_while_nats_is_away() {
    let (db, nats) = (database().await, testkit::nats().await);
    let platform = start(&db.url, Some(&nats), 1).await;
    platform.write(30).await;
    platform.settle().await;
    nats.kill().await;
    platform.write(30).await;
    platform.settle().await;
    nats.restart().await;
    platform.write(30).await;
    platform.settle().await;
    assert_eq!(platform.counts().await, counts_in_log(&platform.log).await);
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_stops_the_projection_loudly() {
    let db = database().await;
    let platform = start(&db.url, None, 1).await;
    platform.write(10).await;
    platform.settle().await;
    platform
        .log
        .execute::<Book>(&id("p"), write("poison"), &(), &context())
        .await
        .unwrap();
    eventually("the projection says that it is stuck", || async {
        platform.progress.here()["lines"].problem.as_deref() == Some("event 11: poison")
    })
    .await;
    // Half of the batch is not there.
    assert!(platform.counts().await.iter().all(|(book, _)| book != "p"));
}

#[tokio::test]
async fn a_checkpoint_moves_over_events_that_are_not_wanted() {
    let db = database().await;
    let platform = start(&db.url, None, 1).await;
    platform.write(1).await;
    platform
        .log
        .execute::<Book>(&id("b0"), BookCommand::Close, &(), &context())
        .await
        .unwrap();
    platform.settle().await;
    eventually("the checkpoint is written", || async {
        sqlx::query_scalar("SELECT position FROM projection_checkpoints WHERE name = 'lines'")
            .fetch_one(&db.pool)
            .await
            .is_ok_and(|position: i64| position == 2)
    })
    .await;
}

fn position(item: FeedItem) -> u64 {
    match item {
        FeedItem::Frame(frame) => frame.position,
        FeedItem::Reset { position } => panic!("reset to {position}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_cut_anywhere_and_resumed_shows_every_frame_once() {
    let (db, nats) = (database().await, testkit::nats().await);
    let platform = start(&db.url, Some(&nats), 1).await;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 25,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let cuts = proptest::collection::vec(0_usize..12, 1..8);
    let handle = tokio::runtime::Handle::current();
    let platform = &platform;
    tokio::task::block_in_place(|| {
        runner
            .run(&cuts, |cuts| {
                handle.block_on(async {
                    let start = platform.settle().await;
                    let appended = 60;
                    let mut seen = Vec::new();
                    let follow = async {
                        let mut after = start;
                        let mut cuts = cuts.iter().copied().chain(std::iter::repeat(usize::MAX));
                        let until = start + appended;
                        let expected = until / 2 - start / 2;
                        while (seen.len() as u64) < expected {
                            // A socket that is cut after so many frames.
                            let mut feed =
                                platform.hub.subscribe("lines", Some(after)).await.unwrap();
                            for _ in 0..cuts.next().unwrap_or(usize::MAX) {
                                if seen.len() as u64 == expected {
                                    break;
                                }
                                after = position(feed.next().await.unwrap().unwrap());
                                seen.push(after);
                            }
                        }
                    };
                    let both = async { tokio::join!(platform.write(appended as usize), follow) };
                    tokio::time::timeout(Duration::from_secs(60), both)
                        .await
                        .unwrap();
                    let even: Vec<u64> = (start + 1..=start + appended)
                        .filter(|p| p % 2 == 0)
                        .collect();
                    prop_assert_eq!(seen, even);
                    Ok(())
                })
            })
            .unwrap();
    });
}

#[tokio::test]
async fn a_cursor_that_is_of_no_use_is_reset() {
    let db = database().await;
    let platform = start(&db.url, None, 1).await;
    platform.write(10).await;
    let head = platform.settle().await;
    eventually("the hub has followed", || async {
        platform
            .hub
            .subscribe("lines", None)
            .await
            .unwrap()
            .position()
            == head
    })
    .await;
    let reset = async |after: u64| {
        let mut feed = platform.hub.subscribe("lines", Some(after)).await.unwrap();
        matches!(feed.next().await.unwrap(), Some(FeedItem::Reset { position }) if position == head)
    };
    assert!(reset(head + 1).await, "ahead of the log: another history");
    assert!(!reset(0).await);
    sqlx::query("UPDATE events SET recorded_at = recorded_at - interval '25 hours'")
        .execute(&db.pool)
        .await
        .unwrap();
    assert!(reset(0).await, "older than what is kept");
    let live = platform.hub.subscribe("lines", Some(head)).await.unwrap();
    assert_eq!(
        live.position(),
        head,
        "a reader that is up to date is not disturbed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_projection_notices_that_its_checkpoint_was_moved() {
    let db = database().await;
    let platform = start(&db.url, None, 1).await;
    platform.write(20).await;
    platform.settle().await;
    // A crash of PostgreSQL lost the last transactions, which nobody waited for.
    let mut session = platform.log.pool().acquire().await.unwrap();
    let mut tx = sqlx::Connection::begin(&mut *session).await.unwrap();
    sqlx::query(
        "UPDATE lines SET count = count - lost.lines FROM (
             SELECT aggregate_id, count(*) AS lines FROM (
                 SELECT aggregate_id FROM events ORDER BY position DESC LIMIT 5) AS last
             GROUP BY aggregate_id) AS lost
         WHERE book = lost.aggregate_id",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query("UPDATE projection_checkpoints SET position = position - 5 WHERE name = 'lines'")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    eventually("it is made good, without any event", || async {
        let (counts, log) = (platform.counts().await, counts_in_log(&platform.log).await);
        counts == log
    })
    .await;
    platform.settle().await;
    assert_eq!(platform.counts().await, counts_in_log(&platform.log).await);
}
