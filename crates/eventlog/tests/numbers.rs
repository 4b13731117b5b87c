//! Numbers that the log gives, and decisions that rest on other aggregates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use common::{Book, another_process, assert_dense, context, database, id, keyed, open, write};
use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use eventlog::{EventLog, ExecuteError, Executed, Guard, Loaded};
use futures::future::join_all;
use kernel::{AggregateId, EventType, LogAggregate, Series, new_id};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;

/// A slip of paper with a number on it, that quotes how many lines it saw in a book.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Slip {
    number: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum SlipEvent {
    #[serde(rename = "test.slip.issued")]
    Issued {
        series: String,
        number: String,
        saw: u64,
    },
}

#[derive(Debug, Clone)]
struct Issue {
    series: &'static str,
    saw: u64,
}

impl EventType for SlipEvent {
    fn type_name(&self) -> &'static str {
        "test.slip.issued"
    }

    fn series(&self) -> Option<Series> {
        let Self::Issued { series, .. } = self;
        Some(Series {
            name: series.clone(),
            field: "number",
        })
    }

    fn set_number(&mut self, given: String) {
        let Self::Issued { number, .. } = self;
        *number = given;
    }
}

impl DomainEvent for SlipEvent {
    fn event_type(&self) -> String {
        self.type_name().into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Slip {
    const TYPE: &'static str = "test.slip";
    type Command = Issue;
    type Event = SlipEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        Issue { series, saw }: Issue,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Infallible> {
        let (series, number) = (series.to_owned(), String::new());
        let issued = SlipEvent::Issued {
            series,
            number,
            saw,
        };
        sink.write(issued, self).await;
        Ok(())
    }

    fn apply(&mut self, SlipEvent::Issued { number, .. }: SlipEvent) {
        self.number = number;
    }
}

impl LogAggregate for Slip {
    fn version(&self) -> u64 {
        1
    }

    fn outcome(&self) -> Value {
        json!({ "number": self.number })
    }
}

async fn issue(
    log: &EventLog,
    series: &'static str,
    key: &str,
) -> Result<Executed<Slip>, ExecuteError<Infallible>> {
    issue_with(log, series, key, &[]).await
}

async fn issue_with(
    log: &EventLog,
    series: &'static str,
    key: &str,
    guards: &[Guard],
) -> Result<Executed<Slip>, ExecuteError<Infallible>> {
    let (id, command) = (AggregateId::from(new_id()), Issue { series, saw: 0 });
    log.create::<Slip>(&id, command, &(), &keyed(log, key, series), guards)
        .await
}

/// The slips' numbers as the log has them, in its order.
async fn numbers(pool: &PgPool, series: &str) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT payload ->> 'number' FROM events WHERE payload ->> 'series' = $1 ORDER BY position",
    )
    .bind(series)
    .fetch_all(pool)
    .await
    .unwrap()
}

fn first(series: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{series}-{n:04}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_have_no_gaps_and_follow_the_log() {
    let db = database().await;
    let logs = [open(&db.pool).await, another_process(&db.url).await];
    logs[0]
        .execute::<Book>(&id("book"), write("one"), &(), &context())
        .await
        .unwrap();
    let unborn = Loaded::<Book> {
        state: Arc::default(),
        sequence: 0,
    };
    let stale = &[unborn.guard(&id("book"))];
    issue(&logs[0], "S-2026", "used").await.unwrap();
    // Every key twice; and among those who get numbers some whom the append itself refuses, because
    // their guard has moved or their key is used for something else.
    let issued = (0..160).map(|n| {
        let (log, key) = (&logs[n % 2], format!("k{}", n / 2));
        async move {
            let answer = match n / 2 % 4 {
                0 => issue(log, "S-2026", &key).await,
                1 => issue(log, "S-2027", &key).await,
                2 => issue_with(log, "S-2026", &key, stale).await,
                _ => issue(log, "S-2027", "used").await,
            };
            (n / 2 % 4, key, answer)
        }
    });
    let mut by_key: HashMap<String, Vec<Value>> = HashMap::new();
    for (kind, key, done) in join_all(issued).await {
        match (kind, done) {
            (0 | 1, Ok(done)) => by_key
                .entry(key)
                .or_default()
                .push(done.outcome["number"].clone()),
            (2, Err(ExecuteError::Outdated)) | (3, Err(ExecuteError::KeyReused)) => {}
            (kind, done) => panic!("{kind}: {done:?}"),
        }
    }
    assert_eq!(by_key.len(), 40);
    for (key, answers) in by_key {
        assert_eq!(
            answers[0], answers[1],
            "{key} was answered two different numbers"
        );
    }
    assert_eq!(numbers(&db.pool, "S-2026").await, first("S-2026", 21));
    assert_eq!(numbers(&db.pool, "S-2027").await, first("S-2027", 20));
    assert_dense(&db.pool).await;
}

#[tokio::test]
async fn answer_state_and_log_hold_the_same_number() {
    let db = database().await;
    let log = open(&db.pool).await;
    let done = issue(&log, "S", "a").await.unwrap();
    assert_eq!(done.outcome, json!({ "number": "S-0001" }));
    assert_eq!(done.state.unwrap().number, "S-0001");
    let remembered = log.recall::<Slip>(&done.aggregate_id).await.unwrap();
    assert_eq!(remembered.state.number, "S-0001");
    let elsewhere = another_process(&db.url).await;
    let loaded = elsewhere.load::<Slip>(&done.aggregate_id).await.unwrap();
    assert_eq!(loaded.state.number, "S-0001");
    let again = issue(&elsewhere, "S", "a").await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.outcome, again.version), (done.outcome, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_costs_no_number() {
    let db = database().await;
    let log = open(&db.pool).await;
    let cut = async {
        for _ in 0..20 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = 'greffe writer' AND datname = current_database()",
            )
            .execute(&db.pool)
            .await
            .unwrap();
        }
    };
    let writers = (0..8).map(|w| {
        let log = &log;
        async move {
            let mut answers = Vec::new();
            for n in 0..25 {
                let done = issue(log, "S", &format!("{w}/{n}")).await.unwrap();
                answers.push(done.outcome["number"].as_str().unwrap().to_owned());
            }
            answers
        }
    });
    let ((), answers) = tokio::join!(cut, join_all(writers));
    let mut answers: Vec<String> = answers.into_iter().flatten().collect();
    answers.sort();
    assert_eq!(answers, first("S", 200));
    assert_eq!(numbers(&db.pool, "S").await, first("S", 200));
}

#[tokio::test]
async fn what_rests_on_a_changed_aggregate_is_refused() {
    let db = database().await;
    let (here, elsewhere) = (open(&db.pool).await, another_process(&db.url).await);
    let book = id("book");
    here.execute::<Book>(&book, write("one"), &(), &context())
        .await
        .unwrap();
    elsewhere
        .execute::<Book>(&book, write("two"), &(), &context())
        .await
        .unwrap();
    let slip = AggregateId::from(new_id());
    let command = Issue {
        series: "S",
        saw: 1,
    };
    let try_with = |guard: Guard| {
        let (here, slip, command) = (&here, &slip, command.clone());
        async move {
            here.create::<Slip>(slip, command, &(), &context(), &[guard])
                .await
        }
    };
    let stale = here.recall::<Book>(&book).await.unwrap();
    assert_eq!(stale.sequence, 1);
    let refused = try_with(stale.guard(&book)).await;
    assert!(matches!(refused, Err(ExecuteError::Outdated)));
    assert_eq!(here.head().await.unwrap(), 2, "nothing was appended");
    let fresh = here.load::<Book>(&book).await.unwrap();
    let done = try_with(fresh.guard(&book)).await.unwrap();
    assert_eq!(done.outcome["number"], "S-0001", "no number was lost");
    // An aggregate that is not there can be relied on as well.
    let absent = here.recall::<Book>(&id("absent")).await.unwrap();
    let slip = AggregateId::from(new_id());
    let guards = [absent.guard(&id("absent"))];
    here.create::<Slip>(&slip, command.clone(), &(), &context(), &guards)
        .await
        .unwrap();
    elsewhere
        .execute::<Book>(&id("absent"), write("now"), &(), &context())
        .await
        .unwrap();
    let slip = AggregateId::from(new_id());
    let late = here
        .create::<Slip>(&slip, command, &(), &context(), &guards)
        .await;
    assert!(matches!(late, Err(ExecuteError::Outdated)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_hold_among_neighbours_of_a_batch() {
    let db = database().await;
    let logs = [open(&db.pool).await, another_process(&db.url).await];
    let book = id("book");
    let writing = (0..60).map(|n| {
        let (log, book) = (&logs[n % 2], &book);
        async move {
            let line = write(&n.to_string());
            match log.execute::<Book>(book, line, &(), &context()).await {
                Ok(_) | Err(ExecuteError::Contended) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    let issuing = (0..60).map(|n| {
        let (log, book) = (&logs[n % 2], &book);
        async move {
            let mut refused = 0;
            let mut seen = log.recall::<Book>(book).await.unwrap();
            loop {
                let (slip, saw) = (AggregateId::from(new_id()), seen.sequence);
                let command = Issue { series: "S", saw };
                let guards = [seen.guard(book)];
                let done = log
                    .create::<Slip>(&slip, command, &(), &context(), &guards)
                    .await;
                match done {
                    Ok(_) => return refused,
                    Err(ExecuteError::Outdated) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
                // The lines come to an end, and then what is seen stays so.
                seen = log.load::<Book>(book).await.unwrap();
            }
        }
    });
    let (_, refused) = tokio::join!(join_all(writing), join_all(issuing));
    let (issued, refused) = (refused.len(), refused.into_iter().sum::<u32>());
    let wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM events s WHERE s.aggregate_type = 'test.slip'
           AND (s.payload ->> 'saw')::bigint <> (SELECT count(*) FROM events b
               WHERE b.aggregate_type = 'test.book' AND b.position < s.position)",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(wrong, 0, "a slip saw a book that was not so any more");
    assert!(refused > 0, "some slips saw a book that had moved");
    assert_eq!(numbers(&db.pool, "S").await, first("S", issued));
    assert_dense(&db.pool).await;
}
