//! Events stored in older versions are read in today's shape, wherever the log is read; one of a
//! newer version is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use common::*;
use cqrs_es::{Aggregate, AggregateContext, DomainEvent, EventStore, event_sink::EventSink};
use eventlog::{
    ApplyError, ApplyTx, ERASED, EventLog, ExecuteError, Leases, LogError, LogReader, Progress,
    Projection, Projector, RecordedEvent, Relay,
};
use kernel::{
    Actor, DecodeError, EventType, LogAggregate, Metadata, PersonalField, Upcaster, new_id,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

const LITERAL: &str = "test.card.printed";
const SUBJECT: &str = "person:jean.dupont";
/// What each version of the event looked like; the last is today's.
const GOLDEN: [&str; 4] = [
    include_str!("golden/card.printed.v1.json"),
    include_str!("golden/card.printed.v2.json"),
    include_str!("golden/card.printed.v3.json"),
    include_str!("golden/card.printed.v4.json"),
];
/// A field renamed, one split in two, one filled.
const STEPS: [Upcaster; 3] = [rename_tel, split_name, fill_language];

fn rename_tel(mut data: Value) -> Value {
    data["phone"] = data["tel"].take();
    data.as_object_mut().unwrap().remove("tel");
    data
}

fn split_name(mut data: Value) -> Value {
    let name = data.as_object_mut().unwrap().remove("name").unwrap();
    let name = name.as_str().unwrap();
    // Of an erased name both halves are erased.
    let (first, last) = name.split_once(' ').unwrap_or((name, name));
    data["first_name"] = json!(first);
    data["last_name"] = json!(last);
    data
}

fn fill_language(mut data: Value) -> Value {
    data["language"] = json!("fr");
    data
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Printed {
    first_name: String,
    last_name: String,
    phone: String,
    language: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum CardEvent {
    #[serde(rename = "test.card.printed")]
    Printed(Printed),
}

impl EventType for CardEvent {
    fn type_name(&self) -> &'static str {
        LITERAL
    }

    fn upcasters(type_name: &str) -> &'static [Upcaster] {
        match type_name {
            LITERAL => &STEPS,
            _ => &[],
        }
    }

    fn personal(&self) -> Vec<PersonalField> {
        ["/first_name", "/last_name", "/phone"]
            .map(|pointer| PersonalField {
                pointer,
                subject: SUBJECT.into(),
            })
            .to_vec()
    }
}

impl DomainEvent for CardEvent {
    fn event_type(&self) -> String {
        LITERAL.into()
    }

    fn event_version(&self) -> String {
        self.schema_version().to_string()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Card(Vec<Printed>);

impl Aggregate for Card {
    const TYPE: &'static str = "test.card";
    type Command = Printed;
    type Event = CardEvent;
    type Error = BookError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Printed,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), BookError> {
        sink.write(CardEvent::Printed(command), self).await;
        Ok(())
    }

    fn apply(&mut self, CardEvent::Printed(printed): CardEvent) {
        self.0.push(printed);
    }
}

impl LogAggregate for Card {
    fn version(&self) -> u64 {
        self.0.len() as u64
    }
}

fn golden(version: usize) -> Value {
    serde_json::from_str(GOLDEN[version - 1]).unwrap()
}

fn today() -> Printed {
    serde_json::from_value(golden(4)).unwrap()
}

/// Puts an event where an earlier release would have: the next row, its texts sealed.
async fn store(log: &EventLog, version: &str, mut data: Value) {
    for (key, value) in data.as_object_mut().unwrap() {
        if key != "language" {
            *value = log.vault().seal(SUBJECT, value).await.unwrap();
        }
    }
    sqlx::query(
        "INSERT INTO events SELECT coalesce(max(position), 0) + 1, $1, 'test.card', 'c',
             coalesce(max(position), 0) + 1, $2, $3, $4, $5, clock_timestamp() FROM events",
    )
    .bind(new_id())
    .bind(LITERAL)
    .bind(version)
    .bind(data)
    .bind(json!(Metadata::new(Actor::system("test"), new_id())))
    .execute(log.pool())
    .await
    .unwrap();
}

async fn store_all(log: &EventLog) {
    for version in 1..=4 {
        store(log, &version.to_string(), golden(version)).await;
    }
}

#[test]
fn each_golden_version_is_read_alike() {
    for version in 1..=4 {
        let read = CardEvent::decode(LITERAL, version as u32, &golden(version)).unwrap();
        assert_eq!(read, CardEvent::Printed(today()), "version {version}");
    }
    assert_eq!(CardEvent::Printed(today()).schema_version(), 4);
    assert_eq!(CardEvent::Printed(today()).encode().unwrap(), golden(4));
    // Read as another version than it is, an event does not pass.
    for (as_version, of) in [(2, 1), (3, 2), (4, 3)] {
        let read = CardEvent::decode(LITERAL, as_version, &golden(of));
        assert!(
            matches!(read, Err(DecodeError::Shape { .. })),
            "{of}: {read:?}"
        );
    }
}

#[test]
fn a_version_that_this_build_does_not_know_is_refused() {
    for version in [0, 5, u32::MAX] {
        // Even where the shape would fit.
        let read = CardEvent::decode(LITERAL, version, &golden(4));
        let Err(DecodeError::Version { stored, known, .. }) = read else {
            panic!("{read:?}");
        };
        assert_eq!((stored, known), (version, 4));
    }
}

#[tokio::test]
async fn an_aggregate_is_loaded_from_events_of_every_version() {
    let db = database().await;
    let log = open(&db.pool).await;
    store_all(&log).await;
    let loaded = log.load::<Card>(&id("c")).await.unwrap();
    assert_eq!(loaded.state.0, vec![today(); 4]);
    let through_cqrs_es = EventStore::<Card>::load_aggregate(&log, "c").await;
    assert_eq!(through_cqrs_es.unwrap().aggregate().0, vec![today(); 4]);
    // What is written next has today's version, and its personal fields are sealed.
    let done = log
        .execute::<Card>(&id("c"), today(), &(), &context())
        .await
        .unwrap();
    assert_eq!(done.version, 5);
    let (version, payload): (String, Value) =
        sqlx::query_as("SELECT event_version, payload FROM events WHERE position = 5")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(version, "4");
    assert!(payload["phone"]["sealed"].is_string(), "{payload}");
}

#[tokio::test]
async fn what_was_erased_before_a_split_is_erased_after_it() {
    let db = database().await;
    let log = open(&db.pool).await;
    store_all(&log).await;
    log.vault().destroy(SUBJECT).await.unwrap();
    let loaded = log.load::<Card>(&id("c")).await.unwrap();
    let erased = Printed {
        first_name: ERASED.into(),
        last_name: ERASED.into(),
        phone: ERASED.into(),
        language: "fr".into(),
    };
    assert_eq!(loaded.state.0, vec![erased; 4]);
}

#[tokio::test]
async fn a_newer_event_is_an_error_of_its_aggregate_alone() {
    let db = database().await;
    let log = open(&db.pool).await;
    store_all(&log).await;
    store(&log, "5", golden(4)).await;
    let loaded = log.load::<Card>(&id("c")).await;
    assert!(
        matches!(
            loaded,
            Err(LogError::Decode(DecodeError::Version { stored: 5, .. }))
        ),
        "{loaded:?}"
    );
    let done = log
        .execute::<Card>(&id("c"), today(), &(), &context())
        .await;
    let Err(ExecuteError::Log(error)) = done else {
        panic!("{done:?}");
    };
    assert_eq!(
        error.to_string(),
        "event `test.card.printed` is stored in version 5, and this build knows up to 4"
    );
    // The log itself is read on: whoever does not need the shape is not stopped by it.
    let read = log.read_after(0, 10).await.unwrap();
    assert_eq!(read.len(), 5);
    assert_eq!(read[4].schema_version, 5);
    assert!(read[4].decode::<CardEvent>().is_err());
    log.execute::<Book>(&id("b"), write("x"), &(), &context())
        .await
        .unwrap();
}

/// Writes each card as it reads it.
struct Cards;

#[async_trait]
impl Projection for Cards {
    fn name(&self) -> &'static str {
        "cards"
    }
    fn version(&self) -> i32 {
        1
    }
    fn schema(&self) -> &'static str {
        "CREATE TABLE IF NOT EXISTS cards (position bigint PRIMARY KEY, card jsonb NOT NULL)"
    }
    fn tables(&self) -> &'static [&'static str] {
        &["cards"]
    }
    fn wants(&self, event_type: &str) -> bool {
        event_type == LITERAL
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        for event in events {
            let CardEvent::Printed(card) = event.decode().map_err(LogError::from)?;
            sqlx::query("INSERT INTO cards VALUES ($1, $2)")
                .bind(event.position as i64)
                .bind(json!(card))
                .execute(tx.conn())
                .await?;
        }
        Ok(())
    }
}

async fn cards(pool: &PgPool) -> Vec<Value> {
    sqlx::query_scalar("SELECT card FROM cards_v1.cards ORDER BY position")
        .fetch_all(pool)
        .await
        .unwrap()
}

/// Runs the projection until it has all.
async fn project(log: &EventLog, reader: LogReader, stop: &CancellationToken) {
    let progress = Progress::new(log.pool().clone());
    let projector = Projector {
        log: log.clone(),
        reader,
        progress: progress.clone(),
        orders: |_| None,
    };
    projector.start(vec![Arc::new(Cards)], &Leases::start(log.pool()), stop);
    let settled = progress
        .wait_for(&["cards"], 4, Duration::from_secs(60))
        .await
        .unwrap();
    assert!(settled, "{:?}", progress.here());
}

#[tokio::test]
async fn a_projection_sees_today_s_shape_of_rows() {
    let db = database().await;
    let log = open(&db.pool).await;
    store_all(&log).await;
    let stop = CancellationToken::new();
    let reader = LogReader::start(log.clone(), None, stop.clone()).await;
    project(&log, reader.unwrap(), &stop).await;
    assert_eq!(cards(&db.pool).await, vec![golden(4); 4]);
    stop.cancel();
}

#[tokio::test]
async fn a_projection_sees_today_s_shape_of_messages() {
    let (db, nats) = (database().await, testkit::nats().await);
    let log = open(&db.pool).await;
    let stop = CancellationToken::new();
    let leases = Leases::start(log.pool());
    let client = nats.client().await;
    let relay = Relay::start(log.clone(), client.clone(), &leases, 1, stop.clone());
    let reader = LogReader::start(log.clone(), Some(client.clone()), stop.clone())
        .await
        .unwrap();
    store_all(&log).await;
    eventually("the reader has them all from the stream", || async {
        relay.borrow().published == 4 && reader.batch_after(3).await.unwrap().len() == 1
    })
    .await;
    // What travels is what was stored; only the reader brings it up to date.
    let jetstream = async_nats::jetstream::new(client);
    let stream = jetstream.get_stream("EVENTS").await.unwrap();
    let message = stream.get_raw_message(1).await.unwrap();
    let message: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(message["schema_version"], 1);
    assert!(message["data"]["tel"]["sealed"].is_string(), "{message}");
    // Whoever looked at PostgreSQL now would find nothing to read.
    sqlx::query("UPDATE events SET event_version = '99'")
        .execute(&db.pool)
        .await
        .unwrap();
    project(&log, reader, &stop).await;
    assert_eq!(cards(&db.pool).await, vec![golden(4); 4]);
    stop.cancel();
}
