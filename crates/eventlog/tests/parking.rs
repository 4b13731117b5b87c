//! What an event holds holds up its own key alone, until an operator decides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/shelf.rs"]
mod shelf;

use std::time::Duration;

use common::*;
use eventlog::{is_parked, parked_events};
use shelf::*;

/// Position and error of what is parked.
async fn parked(process: &Process) -> Vec<(u64, Option<String>)> {
    let parked = parked_events(process.log.pool(), Some("shelf"))
        .await
        .unwrap();
    parked
        .into_iter()
        .map(|it| (it.position, it.error))
        .collect()
}

fn poisoned() -> Option<String> {
    Some("invalid line: string \"\"".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_waits_and_the_others_flow_until_the_build_is_corrected() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    let first = process.line("p", "poison of jean.dupont").await;
    process.line("a", "1").await;
    let second = process.line("p", "2").await;
    process.line("a", "3").await;
    // Refused by PostgreSQL: the rest of its batch is applied all the same.
    let huge = process.line("huge", "100000000").await;
    process.line("b", "4").await;
    process.settle().await;
    assert_eq!(process.lines("a").await.as_deref(), Some("1 3"));
    assert_eq!(process.lines("b").await.as_deref(), Some("4"));
    assert_eq!(process.lines("p").await, None);
    let refused = Some("SQLSTATE 23514, constraint shelf_count_check".to_owned());
    let expected = [(first, poisoned()), (second, None), (huge, refused)];
    assert_eq!(parked(&process).await, expected);
    let event = parked_events(process.log.pool(), None)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (&*event.event_type, &*event.aggregate_id),
        ("test.book.written", "p")
    );
    let pool = process.log.pool();
    assert_eq!(is_parked(pool, "shelf", "p").await.unwrap(), Some(first));
    assert_eq!(is_parked(pool, "shelf", "a").await.unwrap(), None);
    let problem = process.progress.here()["shelf"].problem.clone();
    assert_eq!(problem, None, "it is not stuck");

    // A restart keeps it; another try with the same build too.
    drop(process);
    let process = start(&db.url, shelf(1)).await;
    let third = process.line("p", "5").await;
    process
        .line("orders", &format!("retry shelf {second}"))
        .await;
    process.line("a", "6").await;
    process.settle().await;
    assert_eq!(process.lines("a").await.as_deref(), Some("1 3 6"));
    let of_p = [(first, poisoned()), (second, None), (third, None)];
    assert_eq!(
        parked(&process)
            .await
            .into_iter()
            .filter(|it| it.0 != huge)
            .collect::<Vec<_>>(),
        of_p
    );

    // The corrected build applies all of it, in order, as it starts.
    drop(process);
    let process = start(&db.url, fixed_shelf(1)).await;
    process.line("p", "7").await;
    process.settle().await;
    let lines = process.lines("p").await;
    assert_eq!(lines.as_deref(), Some("poison of jean.dupont 2 5 7"));
    // Told to as well, it does nothing twice.
    process
        .line("orders", &format!("retry shelf {first}"))
        .await;
    process.line("p", "8").await;
    process.settle().await;
    let lines = process.lines("p").await;
    assert_eq!(lines.as_deref(), Some("poison of jean.dupont 2 5 7 8"));
    assert_eq!(parked(&process).await.len(), 1, "only the huge one");
    assert_eq!(
        is_parked(process.log.pool(), "shelf", "p").await.unwrap(),
        None
    );
    let frames = "SELECT count(*) FROM feed_frames WHERE position = ";
    assert_eq!(
        process.count(&format!("{frames}{first}")).await,
        1,
        "its frame came late"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discarded_event_is_passed_over_and_a_rebuild_comes_to_the_same_rows() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    let first = process.line("p", "poison").await;
    let waits = process.line("p", "1").await;
    let second = process.line("p", "poison again").await;
    let last = process.line("p", "2").await;
    process.settle().await;
    let order = async |what: &str, position: u64| {
        process
            .line("orders", &format!("{what} shelf {position}"))
            .await;
        process.line("a", "x").await;
        process.settle().await;
        parked(&process).await
    };
    let all = [
        (first, poisoned()),
        (waits, None),
        (second, None),
        (last, None),
    ];
    assert_eq!(order("discard", waits).await, all, "it only waits");
    assert_eq!(order("discard", 3_000).await, all, "there is no such event");
    let rest = [(second, poisoned()), (last, None)];
    assert_eq!(order("discard", first).await, rest);
    assert_eq!(process.lines("p").await.as_deref(), Some("1"));
    // Halfway, and with other keys in between, a rebuild parks the same events.
    let rebuilder = process.rebuilder();
    let projection = process.projection();
    let same = async || {
        rebuilder
            .check(projection.clone(), |_| {})
            .await
            .unwrap()
            .difference
    };
    assert_eq!(same().await, None);
    let rebuilt = async || {
        rebuilder.rebuild(projection.clone(), |_| {}).await.unwrap();
        process.settle().await;
        (process.lines("p").await, parked(&process).await)
    };
    assert_eq!(rebuilt().await, (Some("1".into()), rest.to_vec()));
    assert_eq!(order("discard", second).await, []);
    assert_eq!(process.lines("p").await.as_deref(), Some("1 2"));
    assert_eq!(same().await, None);
    assert_eq!(rebuilt().await, (Some("1 2".into()), vec![]));
    // What was parked belongs to the rows: going back brings both.
    rebuilder.roll_back(&*projection).await.unwrap();
    eventually("the earlier rows are there and have caught up", || async {
        process.lines("p").await.as_deref() == Some("1 2") && parked(&process).await.is_empty()
    })
    .await;
}

/// Among many that can be applied, those at fault are found, and only their keys wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_large_batch_only_what_is_at_fault_is_parked() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    let mut expected = Vec::new();
    for nth in 0..60 {
        process.line(&format!("b{}", nth % 7), "1").await;
        if nth % 20 == 5 {
            let key = format!("p{nth}");
            expected.push((process.line(&key, "poison").await, poisoned()));
            expected.push((process.line(&key, "2").await, None));
        }
    }
    process.settle().await;
    // As one batch, in a rebuild.
    let rebuilder = process.rebuilder();
    rebuilder
        .rebuild(process.projection(), |_| {})
        .await
        .unwrap();
    process.settle().await;
    assert_eq!(parked(&process).await, expected);
    let mut counts = counts_in_log(&process.log).await;
    counts.retain(|(book, _)| book.starts_with('b'));
    assert_eq!(process.counts().await, counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_parked_is_retried_by_one_order() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    let still = process.line("s", "poison").await;
    process.line("orders", "retry-all shelf").await;
    process.settle().await;
    assert_eq!(parked(&process).await, [(still, poisoned())]);
    // A rebuild obeys at the same place, and comes to the same rows.
    let rebuilder = process.rebuilder();
    rebuilder
        .rebuild(process.projection(), |_| {})
        .await
        .unwrap();
    process.settle().await;
    assert_eq!(parked(&process).await, [(still, poisoned())]);

    for key in ["p", "q", "r"] {
        process.line(key, "100000000").await;
        process.line(key, "1").await;
    }
    process.settle().await;
    assert_eq!(parked(&process).await.len(), 7);
    // What stood in the way goes, save for one key.
    process
        .execute("ALTER TABLE shelf DROP CONSTRAINT shelf_count_check")
        .await;
    process.line("orders", "retry-all other").await;
    process.settle().await;
    assert_eq!(parked(&process).await.len(), 7, "that was for others");
    process.line("orders", "retry-all shelf").await;
    process.settle().await;
    for key in ["p", "q", "r"] {
        assert_eq!(process.lines(key).await.as_deref(), Some("100000000 1"));
    }
    assert_eq!(parked(&process).await, [(still, poisoned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_parks_nothing() {
    let server = testkit::postgres_server().await;
    let db = server.fresh_database().await;
    eventlog::migrate(&db.pool).await.unwrap();
    let process = start(&db.url, shelf(1)).await;
    for _ in 0..3 {
        tokio::join!(process.write(150), async {
            tokio::time::sleep(Duration::from_millis(120)).await;
            server.restart().await;
        });
    }
    eventually("it has caught up", || async {
        let head = process.log.head().await.unwrap_or(u64::MAX);
        process
            .progress
            .here()
            .get("shelf")
            .is_some_and(|it| it.position >= head)
    })
    .await;
    assert_eq!(parked(&process).await, []);
    assert_eq!(process.counts().await, counts_in_log(&process.log).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_does_not_open_is_parked_and_the_log_is_read_on() {
    let db = database().await;
    let process = start(&db.url, shelf(1)).await;
    process.line("a", "1").await;
    let broken = process.line("p", "2").await;
    process.line("a", "3").await;
    process.settle().await;
    drop(process);
    // A disk has turned a letter; a rebuild reads it again.
    sqlx::query("UPDATE events SET payload = jsonb_set(payload, '{line,v}', '\"AAAA\"') WHERE position = $1")
        .bind(broken as i64)
        .execute(&db.pool)
        .await
        .unwrap();
    let process = start(&db.url, shelf(1)).await;
    let rebuilder = process.rebuilder();
    rebuilder
        .rebuild(process.projection(), |_| {})
        .await
        .unwrap();
    process.line("a", "4").await;
    process.settle().await;
    assert_eq!(process.lines("a").await.as_deref(), Some("1 3 4"));
    let why = Some("there is no line".to_owned());
    assert_eq!(parked(&process).await, [(broken, why)]);
}
