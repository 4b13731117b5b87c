//! A projection in two versions, and processes that run one of them.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use eventlog::{
    ApplyError, ApplyTx, Audience, EventLog, Frame, Leases, LogReader, ParkedOrder, ParkedOrdersOf,
    Progress, Projection, Projector, Rebuilder, RecordedEvent,
};
use futures::future::join_all;
use kernel::AccreditationLevel;
use serde_json::{json, value::to_raw_value};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;

/// The lines of each book, in two tables that always agree.
pub struct Shelf {
    pub version: i32,
    /// Cannot apply lines that begin with `poison`.
    pub is_broken: bool,
    /// So many batches are still ended by PostgreSQL, as if they had collided.
    pub collisions: AtomicUsize,
}

/// Of which the first batches collide.
pub fn colliding_shelf(collisions: usize) -> Arc<Shelf> {
    Arc::new(Shelf {
        version: 1,
        is_broken: true,
        collisions: collisions.into(),
    })
}

pub fn shelf(version: i32) -> Arc<dyn Projection> {
    Arc::new(Shelf {
        version,
        is_broken: true,
        collisions: AtomicUsize::default(),
    })
}

/// A corrected build.
pub fn fixed_shelf(version: i32) -> Arc<dyn Projection> {
    Arc::new(Shelf {
        version,
        is_broken: false,
        collisions: AtomicUsize::default(),
    })
}

#[async_trait]
impl Projection for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }
    fn version(&self) -> i32 {
        self.version
    }
    fn schema(&self) -> &'static str {
        match self.version {
            1 => {
                "CREATE TABLE IF NOT EXISTS shelf (book text PRIMARY KEY, count bigint NOT NULL CHECK (count < 100000000),
                                                   lines text NOT NULL, sealed jsonb NOT NULL);
                 CREATE INDEX IF NOT EXISTS shelf_count ON shelf (count);
                 CREATE TABLE IF NOT EXISTS copies (book text PRIMARY KEY, count bigint NOT NULL)"
            }
            _ => {
                "CREATE TABLE IF NOT EXISTS shelf (book text PRIMARY KEY, count text NOT NULL,
                                                   lines text NOT NULL, sealed jsonb NOT NULL);
                 CREATE TABLE IF NOT EXISTS copies (book text PRIMARY KEY, count bigint NOT NULL)"
            }
        }
    }
    fn tables(&self) -> &'static [&'static str] {
        &["shelf", "copies"]
    }
    fn wants(&self, event_type: &str) -> bool {
        event_type == "test.book.written"
    }
    fn partition_key(&self, event: &RecordedEvent) -> Option<String> {
        Some(event.aggregate_id.clone())
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        let left = |left: usize| left.checked_sub(1);
        let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
        if self.collisions.fetch_update(set, fetch, left).is_ok() {
            let collide = "DO $$ BEGIN RAISE deadlock_detected; END $$";
            sqlx::query(collide).execute(tx.conn()).await?;
        }
        for event in events {
            let line = event.data["line"].as_str().ok_or(ApplyError::Data {
                position: event.position,
                reason: "there is no line".into(),
            })?;
            if self.is_broken && line.starts_with("poison") {
                let reason = format!("invalid line: string {line:?}");
                return Err(ApplyError::Data {
                    position: event.position,
                    reason,
                });
            }
            // A line that is a number weighs as much.
            let weight: i64 = line.parse().unwrap_or(1);
            let sealed = tx
                .vault()
                .seal("person:jean.dupont", &json!({ "last": line }))
                .await?;
            let cast = if self.version == 1 { "bigint" } else { "text" };
            sqlx::query(&format!(
                "INSERT INTO shelf AS s VALUES ($1, $4::{cast}, $2, $3)
                 ON CONFLICT (book) DO UPDATE SET count = (s.count::bigint + $4)::{cast},
                     lines = s.lines || ' ' || $2, sealed = $3"
            ))
            .bind(&event.aggregate_id)
            .bind(line)
            .bind(sealed)
            .bind(weight)
            .execute(tx.conn())
            .await?;
            sqlx::query(
                "INSERT INTO copies AS c VALUES ($1, $2)
                 ON CONFLICT (book) DO UPDATE SET count = c.count + $2",
            )
            .bind(&event.aggregate_id)
            .bind(weight)
            .execute(tx.conn())
            .await?;
            tx.frames(vec![Frame {
                feed: "shelf",
                position: event.position,
                kind: "shelf:written",
                audience: Audience::Level(AccreditationLevel::N1),
                recorded_at: event.recorded_at,
                subject: "person:jean.dupont".into(),
                data: to_raw_value(&event.data).unwrap(),
            }])
            .await?;
        }
        Ok(())
    }
}

/// Orders are lines of the book `orders`: `retry shelf 7`, `retry-all shelf`.
pub fn orders(event: &RecordedEvent) -> Option<ParkedOrder> {
    if event.aggregate_id != "orders" {
        return None;
    }
    let mut words = event.data["line"].as_str()?.split(' ');
    let (what, projection) = (words.next()?, words.next()?.to_owned());
    if what == "retry-all" {
        return Some(ParkedOrder::RetryAll { projection });
    }
    let position = words.next()?.parse().ok()?;
    match what {
        "retry" => Some(ParkedOrder::Retry {
            projection,
            position,
        }),
        "discard" => Some(ParkedOrder::Discard {
            projection,
            position,
        }),
        _ => None,
    }
}

/// A process that runs one version.
pub struct Process {
    pub log: EventLog,
    pub progress: Progress,
    projection: Arc<dyn Projection>,
    _stop: DropGuard,
}

pub async fn start(url: &str, projection: Arc<dyn Projection>) -> Process {
    start_with(url, projection, orders).await
}

pub async fn start_with(
    url: &str,
    projection: Arc<dyn Projection>,
    orders: ParkedOrdersOf,
) -> Process {
    let stop = CancellationToken::new();
    let log = process_of_release(url, std::slice::from_ref(&projection)).await;
    let leases = Leases::start(log.pool());
    let reader = LogReader::start(log.clone(), None, stop.clone())
        .await
        .unwrap();
    let progress = Progress::new(log.pool().clone());
    let projector = Projector {
        log: log.clone(),
        reader,
        progress: progress.clone(),
        orders,
    };
    projector.start(vec![projection.clone()], &leases, &stop);
    Process {
        log,
        progress,
        projection,
        _stop: stop.drop_guard(),
    }
}

impl Process {
    pub fn rebuilder(&self) -> Rebuilder {
        Rebuilder {
            log: self.log.clone(),
            orders,
        }
    }

    pub fn projection(&self) -> Arc<dyn Projection> {
        self.projection.clone()
    }

    pub async fn settle(&self) -> u64 {
        let head = self.log.head().await.unwrap();
        let settled = self
            .progress
            .wait_for(&["shelf"], head, Duration::from_secs(60))
            .await
            .unwrap();
        assert!(settled, "settles: {:?}", self.progress.here());
        head
    }

    /// Appends one line; returns its position.
    pub async fn line(&self, book: &str, line: &str) -> u64 {
        let written = self
            .log
            .execute::<Book>(&id(book), write(line), &(), &context())
            .await
            .unwrap();
        written.position
    }

    pub async fn write(&self, count: usize) {
        join_all((0..count).map(|n| async move {
            let book = id(&format!("b{}", n % 37));
            while self
                .log
                .execute::<Book>(&book, write("x"), &(), &context())
                .await
                .is_err()
            {}
        }))
        .await;
    }

    /// Book and number of lines, as text: the versions differ in the column's type.
    pub async fn counts(&self) -> Vec<(String, String)> {
        sqlx::query_as("SELECT book, count::text FROM shelf ORDER BY book")
            .fetch_all(self.log.pool())
            .await
            .unwrap()
    }

    pub async fn lines(&self, book: &str) -> Option<String> {
        sqlx::query_scalar("SELECT lines FROM shelf WHERE book = $1")
            .bind(book)
            .fetch_optional(self.log.pool())
            .await
            .unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        sqlx::query(sql).execute(self.log.pool()).await.unwrap();
    }

    pub async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(self.log.pool())
            .await
            .unwrap()
    }
}

pub async fn counts_in_log(log: &EventLog) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT aggregate_id, count(*)::text FROM events WHERE event_type = 'test.book.written'
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(log.pool())
    .await
    .unwrap()
}
