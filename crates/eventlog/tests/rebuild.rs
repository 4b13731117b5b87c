//! Rows are filled anew, compared and brought back while everybody goes on reading and writing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/shelf.rs"]
mod shelf;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use common::*;
use eventlog::{EventLog, RebuildError};
use serde_json::json;
use shelf::*;
use tokio::task::JoinHandle;

/// Ask again and again on connections that remember their statements. An error or a mixture of old
/// and new rows ends them.
struct Readers {
    is_over: Arc<AtomicBool>,
    /// How many answers each has got.
    answers: Vec<Arc<AtomicU64>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Readers {
    fn start(log: &EventLog) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let answers: Vec<Arc<AtomicU64>> = (0..3).map(|_| Arc::default()).collect();
        let read = |answers: &Arc<AtomicU64>| {
            tokio::spawn(read(log.pool().clone(), is_over.clone(), answers.clone()))
        };
        Self {
            tasks: answers.iter().map(read).collect(),
            is_over,
            answers,
        }
    }

    /// Returns once each has got so many answers more: nobody is held up for good.
    async fn go_on(&self, more: u64) {
        let count = |answers: &Arc<AtomicU64>| answers.load(Ordering::Relaxed);
        let before: Vec<u64> = self.answers.iter().map(count).collect();
        eventually("all readers are answered", || async {
            let now = self.answers.iter().map(count);
            let mut pairs = now.zip(&before);
            pairs.all(|(now, before)| now >= before + more)
        })
        .await;
    }

    async fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn read(pool: sqlx::PgPool, is_over: Arc<AtomicBool>, answers: Arc<AtomicU64>) {
    // Writers may hold up who waits for a connection: here it is the tables that count.
    let mut connection = pool.acquire().await.unwrap();
    while !is_over.load(Ordering::Relaxed) {
        let (lines, copies): (Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT sum(count)::bigint FROM shelf), (SELECT sum(count)::bigint FROM copies)",
        )
        .fetch_one(&mut *connection)
        .await
        .expect("no query fails");
        assert_eq!(lines, copies, "old and new rows are never mixed");
        assert!(lines > Some(0), "there are always rows");
        answers.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

const ALTER: &str = "WITH a AS (UPDATE shelf SET count = count + 1000000)
                     UPDATE copies SET count = count + 1000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_under_load_is_not_noticed() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    process.write(600).await;
    process.settle().await;
    // Rows that the log would not make, so that old and new ones can be told apart.
    process.execute(ALTER).await;
    let readers = Readers::start(&process.log);
    readers.go_on(1).await;
    let rebuilder = process.rebuilder();
    let rebuild = rebuilder.rebuild(process.projection(), |_| {});
    let (swapped, ()) = tokio::join!(rebuild, process.write(600));
    let swapped = swapped.unwrap();
    assert!(swapped >= 600, "{swapped}");
    process.settle().await;
    readers.end().await;
    assert_eq!(process.counts().await, counts_in_log(&process.log).await);
    let check = rebuilder.check(process.projection(), |_| {}).await.unwrap();
    assert_eq!((check.difference, check.rows), (None, 74));
    assert_eq!(
        process.count("SELECT count(*) FROM feed_frames").await,
        1_200,
        "each event was shown once"
    );
    let (state, position): (String, i64) =
        sqlx::query_as("SELECT state, position FROM projection_rebuilds")
            .fetch_one(process.log.pool())
            .await
            .unwrap();
    assert_eq!((&*state, position as u64), ("swapped", swapped));
    let indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'shelf_v1' AND indexname = 'shelf_count'";
    assert_eq!(process.count(indexes).await, 1, "indexes are made again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_killed_anywhere_leaves_the_old_rows_and_can_be_begun_again() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    process.write(1_000).await;
    process.settle().await;
    let before = process.counts().await;
    let mut killed = 0;
    for milliseconds in [5, 30, 60, 120, 200] {
        let rebuilder = process.rebuilder();
        let rebuild = rebuilder.rebuild(process.projection(), |_| {});
        let time = Duration::from_millis(milliseconds);
        killed += u32::from(tokio::time::timeout(time, rebuild).await.is_err());
        assert_eq!(process.counts().await, before);
        // What was filled so far goes.
        process
            .rebuilder()
            .abandon(&*process.projection())
            .await
            .unwrap();
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'shelf_v1_new'";
        assert_eq!(process.count(left).await, 0);
        let going_on = "SELECT count(*) FROM projection_rebuilds
                        WHERE state IN ('filling', 'indexing', 'swapping')";
        assert_eq!(process.count(going_on).await, 0);
    }
    assert!(killed >= 1, "none was killed");
    // Each may follow at once.
    for _ in 0..5 {
        let rebuilder = process.rebuilder();
        rebuilder
            .rebuild(process.projection(), |_| {})
            .await
            .unwrap();
    }
    process.write(50).await;
    process.settle().await;
    assert_eq!(process.counts().await, counts_in_log(&process.log).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_collides_is_applied_again() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    process.write(300).await;
    process.settle().await;
    let colliding = colliding_shelf(5);
    let rebuilder = process.rebuilder();
    let swapped = rebuilder.rebuild(colliding.clone(), |_| {}).await.unwrap();
    assert_eq!(swapped, 300);
    assert_eq!(colliding.collisions.load(Ordering::SeqCst), 0);
    process.settle().await;
    assert_eq!(process.counts().await, counts_in_log(&process.log).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_back_brings_the_earlier_rows_which_then_catch_up() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    process.write(300).await;
    process.settle().await;
    let rebuilder = process.rebuilder();
    let projection = process.projection();
    let nothing = rebuilder.roll_back(&*projection).await;
    assert!(matches!(nothing, Err(RebuildError::NothingBefore)));
    process.execute(ALTER).await;
    let swapped = rebuilder.rebuild(projection.clone(), |_| {}).await.unwrap();
    process.write(200).await;
    process.settle().await;
    assert_eq!(process.counts().await, counts_in_log(&process.log).await);
    let frames = "SELECT count(*) FROM feed_frames";
    assert_eq!(process.count(frames).await, 500);
    let back = rebuilder.roll_back(&*projection).await.unwrap();
    assert_eq!(back, swapped, "they stand where they were left");
    eventually("they catch up, altered as they were", || async {
        process.count("SELECT sum(count)::bigint FROM shelf").await == 37_000_500
    })
    .await;
    assert_eq!(
        process.count(frames).await,
        500,
        "no frame is written twice"
    );
    // And forward again: what was rolled back from was kept.
    rebuilder.roll_back(&*projection).await.unwrap();
    eventually("the rebuilt rows are back", || async {
        process.counts().await == counts_in_log(&process.log).await
    })
    .await;
    rebuilder.drop_before(&*projection).await.unwrap();
    let nothing = rebuilder.roll_back(&*projection).await;
    assert!(matches!(nothing, Err(RebuildError::NothingBefore)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_finds_what_the_log_does_not_say() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    process.write(200).await;
    process.settle().await;
    let check = async || {
        let rebuilder = process.rebuilder();
        let check = rebuilder.check(process.projection(), |_| {}).await.unwrap();
        let found = check.difference;
        found.map(|it| format!("{} {}: {}", it.table, it.key, it.what))
    };
    assert_eq!(check().await, None);
    // Sealed anew it looks different, and is the same.
    let seal = async |value| {
        let vault = process.log.vault();
        let sealed = vault.seal("person:jean.dupont", &value).await.unwrap();
        sqlx::query("UPDATE shelf SET sealed = $1 WHERE book = 'b7'")
            .bind(sealed)
            .execute(process.log.pool())
            .await
            .unwrap();
    };
    seal(json!({ "last": "x" })).await;
    assert_eq!(check().await, None);
    seal(json!({ "last": "secret" })).await;
    let said = "shelf b7: column `sealed` differs";
    assert_eq!(check().await.as_deref(), Some(said));
    process
        .execute("UPDATE shelf SET count = 5 WHERE book = 'b3'")
        .await;
    let said = "shelf b3: column `count` differs";
    assert_eq!(check().await.as_deref(), Some(said));
    process.execute("DELETE FROM shelf WHERE book = 'b2'").await;
    let said = "shelf b2: the row is missing";
    assert_eq!(check().await.as_deref(), Some(said));
    process
        .execute("INSERT INTO shelf SELECT 'a', 1, '', '{}'")
        .await;
    let said = "shelf a: the log does not make this row";
    assert_eq!(check().await.as_deref(), Some(said));
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shelf_v1_%'";
    assert_eq!(process.count(left).await, 0, "nothing is left behind");
    // A rebuild makes it good.
    let rebuilder = process.rebuilder();
    rebuilder
        .rebuild(process.projection(), |_| {})
        .await
        .unwrap();
    assert_eq!(check().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_go_on_side_by_side() {
    let db = database().await;
    let old = start(&db.url, shelf(1)).await;
    old.write(100).await;
    old.settle().await;
    let new = start(&db.url, shelf(2)).await;
    tokio::join!(old.write(100), new.write(100));
    old.settle().await;
    new.settle().await;
    let log = counts_in_log(&old.log).await;
    assert_eq!(old.counts().await, log);
    assert_eq!(new.counts().await, log);
    let type_of = "SELECT pg_typeof(count)::text FROM shelf LIMIT 1";
    for (process, kind) in [(&old, "bigint"), (&new, "text")] {
        let found: String = sqlx::query_scalar(type_of)
            .fetch_one(process.log.pool())
            .await
            .unwrap();
        assert_eq!(found, kind);
        let checkpoints = eventlog::checkpoints(process.log.pool()).await.unwrap();
        let in_use: Vec<_> = checkpoints
            .iter()
            .map(|it| (it.version, it.is_in_use))
            .collect();
        assert_eq!(in_use, [(1, kind == "bigint"), (2, kind == "text")]);
    }
    // The old release goes; its rows stay until they are dropped.
    let dropped = new.rebuilder().drop_version("shelf", 1).await;
    assert!(matches!(dropped, Err(RebuildError::InUse)), "{dropped:?}");
    drop(old);
    eventually("nobody runs it any more", || async {
        new.rebuilder().drop_version("shelf", 1).await.is_ok()
    })
    .await;
    let dropped = new.rebuilder().drop_version("shelf", 1).await;
    assert!(matches!(dropped, Err(RebuildError::NoSuchVersion)));
    new.write(20).await;
    new.settle().await;
    assert_eq!(new.counts().await, counts_in_log(&new.log).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_waits_for_a_long_reader_and_holds_nobody_up() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    process.write(200).await;
    process.settle().await;
    let mut session = process.log.pool().acquire().await.unwrap();
    let mut long = sqlx::Connection::begin(&mut *session).await.unwrap();
    sqlx::query("SELECT * FROM shelf")
        .execute(&mut *long)
        .await
        .unwrap();
    let readers = Readers::start(&process.log);
    let (rebuilder, projection) = (process.rebuilder(), process.projection());
    let rebuild = tokio::spawn(async move { rebuilder.rebuild(projection, |_| {}).await });
    eventually("it would swap", || async {
        let state = "SELECT count(*) FROM projection_rebuilds WHERE state = 'swapping'";
        process.count(state).await == 1
    })
    .await;
    let second = process
        .rebuilder()
        .rebuild(process.projection(), |_| {})
        .await;
    assert!(matches!(second, Err(RebuildError::Busy)));
    // Several tries later all go on but the rebuild.
    tokio::time::sleep(Duration::from_secs(2)).await;
    readers.go_on(20).await;
    process.write(20).await;
    process.settle().await;
    assert!(!rebuild.is_finished());
    long.commit().await.unwrap();
    let swapped = tokio::time::timeout(Duration::from_secs(60), rebuild).await;
    assert_eq!(swapped.unwrap().unwrap().unwrap(), 220);
    readers.end().await;
    assert_eq!(process.counts().await, counts_in_log(&process.log).await);
}
