//! Appending and executing: dense positions, conflicts, claims, repetition, refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use eventlog::{CommandKey, EventLog, ExecuteError, Vault};
use futures::future::join_all;
use kernel::{Actor, AggregateId, new_id};
use serde_json::json;
use sha2::{Digest, Sha256};

#[tokio::test]
async fn numbers_events_in_commit_order() {
    let db = database().await;
    let log = open(&db.pool).await;
    let first = log
        .execute::<Book>(&id("a"), write("one"), &(), &context())
        .await
        .unwrap();
    let second = log
        .execute::<Book>(&id("b"), write("one"), &(), &context())
        .await
        .unwrap();
    let third = log
        .execute::<Book>(&id("a"), write("two"), &(), &context())
        .await
        .unwrap();
    assert_eq!((first.position, second.position, third.position), (1, 2, 3));
    assert_eq!((third.version, &third.outcome), (2, &json!({ "lines": 2 })));
    let loaded = log.load::<Book>(&id("a")).await.unwrap();
    assert_eq!(
        (loaded.sequence, &loaded.state.lines),
        (2, &vec!["one".into(), "two".into()])
    );
    assert_eq!(log.head().await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_collide_and_nothing_is_lost() {
    let db = database().await;
    let mut logs = Vec::new();
    for _ in 0..8 {
        logs.push(another_process(&db.url).await);
    }
    let commands = logs.iter().enumerate().flat_map(|(p, log)| {
        (0..40).map(move |n| async move {
            let line = format!("{p}/{n}");
            let book = id(&format!("book-{}", n % 3));
            // Ten tries are not always enough among eight processes on three books; a caller with
            // a key may try again.
            let context = keyed(log, &line, &line);
            loop {
                match log
                    .execute::<Book>(&book, write(&line), &(), &context)
                    .await
                {
                    Ok(done) => return done.position,
                    Err(ExecuteError::Contended) => continue,
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    let mut positions = join_all(commands).await;
    positions.sort_unstable();
    assert_eq!(positions, (1..=320).collect::<Vec<_>>());
    assert_dense(&db.pool).await;
    for n in 0..3 {
        let book = logs[0]
            .load::<Book>(&id(&format!("book-{n}")))
            .await
            .unwrap();
        let mut lines = book.state.lines.clone();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), book.state.lines.len(), "each line once");
    }
}

#[tokio::test]
async fn a_repeated_command_has_one_effect_and_the_first_answer() {
    let db = database().await;
    let (here, there) = (open(&db.pool).await, another_process(&db.url).await);
    let first = here
        .execute::<Book>(&id("a"), write("x"), &(), &keyed(&here, "k", "x"))
        .await
        .unwrap();
    here.execute::<Book>(&id("a"), write("y"), &(), &context())
        .await
        .unwrap();
    for log in [&here, &there] {
        let again = log
            .execute::<Book>(&id("a"), write("x"), &(), &keyed(log, "k", "x"))
            .await
            .unwrap();
        assert!(again.repeated);
        assert_eq!(
            (again.position, again.version),
            (first.position, first.version)
        );
        assert_eq!(again.outcome, first.outcome);
        let other = log
            .execute::<Book>(&id("a"), write("z"), &(), &keyed(log, "k", "z"))
            .await;
        assert!(matches!(other, Err(ExecuteError::KeyReused)));
    }
    assert_eq!(here.head().await.unwrap(), 2);
}

#[tokio::test]
async fn keys_belong_to_caller_and_operation() {
    let db = database().await;
    let log = open(&db.pool).await;
    let key = |actor, operation, key| {
        CommandKey::for_caller(log.vault(), &Actor::service(actor), operation, key, &1).unwrap()
    };
    let one = key("support", "claim", "k");
    assert_eq!(one, key("support", "claim", "k"));
    assert_ne!(one.id, key("sentinel", "claim", "k").id);
    assert_ne!(one.id, key("support", "request", "k").id);
    assert_ne!(one.id, key("support", "claim", "k2").id);
}

#[tokio::test]
async fn what_is_kept_of_a_body_cannot_be_guessed_without_the_master_key() {
    let db = database().await;
    let log = open(&db.pool).await;
    let body = "jean.dupont";
    log.execute::<Book>(&id("a"), write(body), &(), &keyed(&log, "k", body))
        .await
        .unwrap();
    let stored: Vec<u8> = sqlx::query_scalar("SELECT request_hash FROM commands")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    let plain = Sha256::digest(serde_json::to_vec(body).unwrap());
    assert_ne!(stored, plain.to_vec());
    let elsewhere = Vault::new(db.pool.clone(), &[1; 32]);
    let actor = Actor::system("test");
    let guess = CommandKey::for_caller(&elsewhere, &actor, "write", "k", &body).unwrap();
    assert_ne!(stored, guess.request_hash);
    let known = keyed(&log, "k", body).key.unwrap();
    assert_eq!(stored, known.request_hash);
}

#[tokio::test]
async fn a_repetition_under_another_id_is_answered_with_the_first() {
    let db = database().await;
    let (here, there) = (open(&db.pool).await, another_process(&db.url).await);
    // What makes something new draws an id each time it is sent.
    let first = here
        .execute::<Book>(&id("first"), write("x"), &(), &keyed(&here, "k", "x"))
        .await
        .unwrap();
    for log in [&here, &there] {
        let again = log
            .execute::<Book>(&id("other"), write("x"), &(), &keyed(log, "k", "x"))
            .await
            .unwrap();
        assert!(again.repeated);
        assert_eq!(
            (again.aggregate_id, again.position),
            (id("first"), first.position)
        );
    }
    assert_eq!(here.head().await.unwrap(), 1);
}

#[tokio::test]
async fn a_repeated_command_is_recognised_even_where_it_would_now_be_refused() {
    let db = database().await;
    let log = open(&db.pool).await;
    log.execute::<Book>(&id("a"), write("x"), &(), &keyed(&log, "k", "x"))
        .await
        .unwrap();
    log.execute::<Book>(&id("a"), BookCommand::Close, &(), &context())
        .await
        .unwrap();
    let again = log
        .execute::<Book>(&id("a"), write("x"), &(), &keyed(&log, "k", "x"))
        .await
        .unwrap();
    assert!(again.repeated);
    let refused = log
        .execute::<Book>(&id("a"), write("x"), &(), &keyed(&log, "l", "x"))
        .await;
    assert!(matches!(
        refused,
        Err(ExecuteError::Refused(BookError::Closed))
    ));
    // A refusal is not remembered: it may be accepted later.
    let key = keyed(&log, "l", "x").key.unwrap();
    assert!(log.find_outcome(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_key_at_once_in_two_processes_with_different_caches_has_one_effect() {
    let db = database().await;
    let (here, there) = (open(&db.pool).await, another_process(&db.url).await);
    here.execute::<Book>(&id("a"), write("1"), &(), &context())
        .await
        .unwrap();
    there.load::<Book>(&id("a")).await.unwrap();
    here.execute::<Book>(&id("a"), write("2"), &(), &context())
        .await
        .unwrap();
    for n in 0..20 {
        let context = keyed(&here, &format!("k{n}"), "x");
        let book = id("a");
        let (one, two) = tokio::join!(
            here.execute::<Book>(&book, write("x"), &(), &context),
            there.execute::<Book>(&book, write("x"), &(), &context),
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.position, two.position);
        assert_eq!(u8::from(one.repeated) + u8::from(two.repeated), 1);
    }
    assert_eq!(here.head().await.unwrap(), 22);
}

#[tokio::test]
async fn a_refusal_is_never_decided_on_a_stale_cache() {
    let db = database().await;
    let (here, there) = (open(&db.pool).await, another_process(&db.url).await);
    here.execute::<Book>(&id("a"), write("1"), &(), &context())
        .await
        .unwrap();
    there
        .execute::<Book>(&id("a"), write("2"), &(), &context())
        .await
        .unwrap();
    // `here` still has one line in its cache.
    let at_two = BookCommand::WriteAt {
        expected_lines: 2,
        line: "3".into(),
    };
    let done = here
        .execute::<Book>(&id("a"), at_two, &(), &context())
        .await
        .unwrap();
    assert_eq!(done.version, 3);
    let stale = BookCommand::WriteAt {
        expected_lines: 1,
        line: "4".into(),
    };
    let refused = here.execute::<Book>(&id("a"), stale, &(), &context()).await;
    assert!(matches!(
        refused,
        Err(ExecuteError::Refused(BookError::Stale))
    ));
}

#[tokio::test]
async fn nothing_to_do_is_remembered_as_an_outcome() {
    let db = database().await;
    let log = open(&db.pool).await;
    log.execute::<Book>(&id("a"), write("x"), &(), &context())
        .await
        .unwrap();
    let context = keyed(&log, "noop", "x");
    let first = log
        .execute::<Book>(&id("a"), BookCommand::Nothing, &(), &context)
        .await
        .unwrap();
    assert_eq!((first.position, first.repeated), (1, false));
    let again = log
        .execute::<Book>(&id("a"), BookCommand::Nothing, &(), &context)
        .await
        .unwrap();
    assert_eq!((again.position, again.repeated), (1, true));
    assert_eq!(log.head().await.unwrap(), 1);
}

#[tokio::test]
async fn a_name_belongs_to_the_first_who_takes_it() {
    let db = database().await;
    let logs = [open(&db.pool).await, another_process(&db.url).await];
    let open_book = |n: usize| {
        let log = &logs[n % 2];
        async move {
            let title = BookCommand::Open {
                title: "jean.dupont".into(),
            };
            log.execute::<Book>(&id(&format!("b{n}")), title, &(), &context())
                .await
        }
    };
    let results = join_all((0..16).map(open_book)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, ExecuteError::Taken { scope } if scope == "title"));
    }
    assert_dense(&db.pool).await;
    let in_clear: i64 =
        sqlx::query_scalar("SELECT count(*) FROM claims WHERE encode(key, 'escape') LIKE '%jean%'")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(in_clear, 0);
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_its_neighbours_are_not() {
    let db = database().await;
    let log = open(&db.pool).await;
    let attempt = async |line: String| {
        log.execute::<Book>(&id("a"), write(&line), &(), &context())
            .await
    };
    let good = (0..20).map(|n| {
        let log = &log;
        async move {
            log.execute::<Book>(&id(&format!("g{n}")), write("fine"), &(), &context())
                .await
        }
    });
    let (nul, big, good) = tokio::join!(
        attempt("a\0b".into()),
        attempt("x".repeat(1_500_000)),
        join_all(good)
    );
    assert!(matches!(nul, Err(ExecuteError::Invalid(reason)) if reason.contains("U+0000")));
    assert!(matches!(big, Err(ExecuteError::Invalid(reason)) if reason.contains("256 KiB")));
    assert!(good.iter().all(Result::is_ok));
    assert_eq!(log.head().await.unwrap(), 20);
}

#[tokio::test]
async fn the_database_itself_refuses_bad_rows_one_by_one() {
    let db = database().await;
    let log = open(&db.pool).await;
    // A rule that only the database knows stands for anything it may refuse.
    sqlx::raw_sql("ALTER TABLE events ADD CONSTRAINT no_odd CHECK (aggregate_id <> 'odd')")
        .execute(&db.pool)
        .await
        .unwrap();
    let commands = ["a", "odd", "b", "c"].map(|book| {
        let log = &log;
        async move {
            log.execute::<Book>(&id(book), write("x"), &(), &context())
                .await
        }
    });
    let results = join_all(commands).await;
    let refused: Vec<bool> = results.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, true, false, false]);
    assert!(matches!(results[1], Err(ExecuteError::Invalid(_))));
    assert_dense(&db.pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_in_the_middle_lose_and_double_nothing() {
    let db = database().await;
    let log = open(&db.pool).await;
    let cut = async {
        for _ in 0..25 {
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = 'greffe writer' AND datname = current_database()",
            )
            .execute(&db.pool)
            .await
            .unwrap();
        }
    };
    let writers = (0..16).map(|w| {
        let log = &log;
        async move {
            for n in 0..60 {
                let line = format!("{w}/{n}");
                let book = id(&format!("w{w}"));
                let done = log
                    .execute::<Book>(&book, write(&line), &(), &context())
                    .await
                    .unwrap();
                // Acknowledged: it must be there, once.
                assert_eq!(done.version, n + 1);
            }
        }
    });
    tokio::join!(cut, join_all(writers));
    assert_dense(&db.pool).await;
    assert_eq!(log.head().await.unwrap(), 16 * 60);
}

#[tokio::test]
async fn a_closed_log_refuses_every_append() {
    let db = database().await;
    let log: EventLog = open(&db.pool).await;
    log.execute::<Book>(&id("a"), write("x"), &(), &context())
        .await
        .unwrap();
    sqlx::query("UPDATE log_meta SET fork = 'a backup was restored'")
        .execute(&db.pool)
        .await
        .unwrap();
    let refused = log
        .execute::<Book>(&id("a"), write("y"), &(), &context())
        .await;
    assert!(
        matches!(&refused, Err(ExecuteError::Log(eventlog::LogError::Forked(why))) if why.contains("backup")),
        "{refused:?}"
    );
    log.begin_epoch().await.unwrap();
    log.execute::<Book>(&id("a"), write("y"), &(), &context())
        .await
        .unwrap();
    assert_eq!(log.head().await.unwrap(), 2);
}

#[tokio::test]
async fn speaks_cqrs_es() {
    use cqrs_es::EventStore;
    let db = database().await;
    let log = open(&db.pool).await;
    let book = new_id().to_string();
    let context = EventStore::<Book>::load_aggregate(&log, &book)
        .await
        .unwrap();
    let events = vec![BookEvent::Written {
        owner: "o".into(),
        line: "l".into(),
    }];
    EventStore::<Book>::commit(&log, events.clone(), context, Default::default())
        .await
        .unwrap();
    let found = EventStore::<Book>::load_events(&log, &book).await.unwrap();
    assert_eq!(
        found.iter().map(|e| &e.payload).collect::<Vec<_>>(),
        events.iter().collect::<Vec<_>>()
    );
    // A second commit on the same context is a conflict.
    let stale = EventStore::<Book>::load_aggregate(&log, &book)
        .await
        .unwrap();
    let context = EventStore::<Book>::load_aggregate(&log, &book)
        .await
        .unwrap();
    EventStore::<Book>::commit(&log, events.clone(), context, Default::default())
        .await
        .unwrap();
    let refused = EventStore::<Book>::commit(&log, events, stale, Default::default()).await;
    assert!(matches!(
        refused,
        Err(cqrs_es::AggregateError::AggregateConflict)
    ));
}

/// Who writes past the program meets the program's own rule for ids.
#[tokio::test]
async fn the_database_takes_the_ids_that_the_program_takes() {
    let db = database().await;
    open(&db.pool).await;
    let longest = "a".repeat(64);
    let too_long = "a".repeat(65);
    let ids = ["a", "Az09_-", &longest, "", "a b", "a\n", "é", &too_long];
    for (nth, id) in ids.into_iter().enumerate() {
        let inserted = sqlx::query(
            "INSERT INTO events (position, event_id, aggregate_type, aggregate_id, sequence,
                                 event_type, event_version, payload, metadata, recorded_at)
             VALUES ($1, gen_random_uuid(), 'test.book', $2, 1, 'test.book.written', '1', '{}', '{}', now())",
        )
        .bind(nth as i64 + 1)
        .bind(id)
        .execute(&db.pool)
        .await;
        let refused_by = inserted.err().and_then(|error| {
            let error = error.into_database_error()?;
            error.constraint().map(str::to_owned)
        });
        let expected = match AggregateId::new(id) {
            Ok(_) => None,
            Err(_) => Some("events_aggregate_id_check".to_owned()),
        };
        assert_eq!(refused_by, expected, "{id:?}");
    }
}
