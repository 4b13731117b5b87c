//! A platform that a day is played on.

use std::{
    path::Path,
    process::{Command, Output},
};

use async_nats::{Client, jetstream};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{sync::OnceCell, task::JoinHandle};

use crate::{
    answers,
    place::{
        Place, Up,
        caller::{Caller, PASSWORD},
        cluster::{Setting, settings, succeeded},
        eventually, output,
    },
    recorded::{self, REJECTED, counts},
};

/// The day in so much time, when nothing stands in its way.
pub const QUICKLY: &str = "24h:8s";
/// What an intake message becomes an event of.
const TOLD: &str = "SELECT count(*) FROM events WHERE aggregate_type IN
    ('support.ticket', 'sentinel.alert', 'knowledge.enrichment', 'workflow.error')";

pub struct Stage {
    pub place: Place,
    pub admin: Caller,
    pub pool: PgPool,
    up: Up,
    settings: Vec<Setting>,
}

impl Stage {
    /// A fresh platform.
    pub async fn new() -> Self {
        Self::at(Place::new(), settings()).await
    }

    /// A platform at this place.
    pub async fn at(place: Place, settings: Vec<Setting>) -> Self {
        let mut starting = settings.clone();
        starting.push(("GREFFE_ADMIN_PASSWORD", PASSWORD.to_owned()));
        let up = place.up_with(&starting);
        let database = place.endpoints()["database"].as_str().unwrap().to_owned();
        Self {
            admin: Caller::sign_in(&place.address, "admin").await,
            pool: PgPool::connect(&database).await.unwrap(),
            place,
            up,
            settings,
        }
    }

    /// Begins to play the day.
    pub fn play(&self, day: &Path, pace: &str, more: &[&str]) -> JoinHandle<Output> {
        let words = [
            "simulate",
            "--play",
            day.to_str().unwrap(),
            "--compress",
            pace,
        ];
        let command = self.command(&[&words[..], more].concat());
        tokio::task::spawn_blocking(move || output(command, ""))
    }

    /// The program on this platform, with its settings.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(words);
        command.envs(self.settings.clone());
        command
    }

    /// The events that facts have become.
    pub async fn told(&self) -> i64 {
        sqlx::query_scalar(TOLD)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// What is said of the day once every fact is taken in.
    pub async fn answers(&self, nats: &Client) -> String {
        until_taken_in(nats).await;
        let head: i64 = sqlx::query_scalar("SELECT max(position) FROM events")
            .fetch_one(&self.pool)
            .await
            .unwrap();
        answers::of_the_day(&self.admin, &json!(head)).await
    }

    pub async fn stop(self) {
        self.pool.close().await;
        self.up.stop();
    }
}

/// Waits until nothing is left in `INTAKE`; what was not taken in is kept in `REJECTED`.
async fn until_taken_in(nats: &Client) {
    let context = jetstream::new(nats.clone());
    let messages = async |stream: &str| {
        let mut stream = context.get_stream(stream).await.ok()?;
        Some(stream.info().await.ok()?.state.messages)
    };
    eventually("all facts are taken in", || async {
        (messages("INTAKE").await? == 0).then_some(())
    })
    .await;
    assert_eq!(messages("REJECTED").await, Some(REJECTED));
}

/// What a platform says to which the day was told once, and nothing came between.
pub async fn reference() -> &'static str {
    static REFERENCE: OnceCell<String> = OnceCell::const_new();
    REFERENCE
        .get_or_init(|| async {
            let stage = Stage::new().await;
            let day = recorded::record(&stage.place);
            succeeded(&stage.play(&day, QUICKLY, &[]).await.unwrap());
            let answers = stage.answers(&stage.place.nats().await).await;
            assert_counted(&day, &answers);
            stage.stop().await;
            answers
        })
        .await
}

/// The numbers are those of a plain reading of the day.
fn assert_counted(day: &Path, answers: &str) {
    let expected = counts(day);
    let answers: Value = serde_json::from_str(answers).unwrap();
    let items = |name: &str| answers[name]["items"].as_array().unwrap().len() as u64;
    let value = |pointer: &str| answers.pointer(pointer).and_then(Value::as_u64);
    println!("{expected:?}");
    assert_eq!(value("/support/total/value"), Some(expected.tickets));
    assert_eq!(items("tickets"), expected.tickets);
    assert_eq!(value("/sentinel/total/value"), Some(expected.episodes));
    assert_eq!(items("alerts"), expected.episodes);
    assert_eq!(items("errors"), expected.errors);
    assert_eq!(value("/enrichisseur/added/value"), Some(expected.added));
}
