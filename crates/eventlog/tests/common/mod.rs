//! A small aggregate and the parts of a platform, for the log's tests.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{future::Future, sync::Arc, time::Duration};

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use eventlog::{CommandContext, CommandKey, EventLog, Projection, Vault};
use kernel::{Actor, AggregateId, Claim, EventType, LogAggregate, Metadata, PersonalField, new_id};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::TestDatabase;

pub const MASTER_KEY: [u8; 32] = [42; 32];

/// A note book: lines are written, each once; a title is unique.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Book {
    pub title: Option<String>,
    pub lines: Vec<String>,
    pub closed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum BookCommand {
    Open {
        title: String,
    },
    Write {
        owner: String,
        line: String,
    },
    /// Writes `expected_lines + 1`-th line or refuses.
    WriteAt {
        expected_lines: usize,
        line: String,
    },
    Close,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum BookEvent {
    #[serde(rename = "test.book.opened")]
    Opened { title: String },
    #[serde(rename = "test.book.written")]
    Written { owner: String, line: String },
    #[serde(rename = "test.book.closed")]
    Closed {},
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    #[error("closed")]
    Closed,
    #[error("stale")]
    Stale,
}

impl EventType for BookEvent {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "test.book.opened",
            Self::Written { .. } => "test.book.written",
            Self::Closed {} => "test.book.closed",
        }
    }

    fn personal(&self) -> Vec<PersonalField> {
        match self {
            Self::Written { owner, .. } => ["/line", "/owner"]
                .map(|pointer| PersonalField {
                    pointer,
                    subject: format!("person:{owner}"),
                })
                .to_vec(),
            _ => Vec::new(),
        }
    }

    fn claims(&self) -> Vec<Claim> {
        match self {
            Self::Opened { title } => vec![Claim::Take {
                scope: "title",
                key: title.clone(),
            }],
            _ => Vec::new(),
        }
    }
}

impl DomainEvent for BookEvent {
    fn event_type(&self) -> String {
        self.type_name().into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Book {
    const TYPE: &'static str = "test.book";
    type Command = BookCommand;
    type Event = BookEvent;
    type Error = BookError;
    type Services = ();

    async fn handle(
        &mut self,
        command: BookCommand,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), BookError> {
        if self.closed && command != BookCommand::Nothing {
            return Err(BookError::Closed);
        }
        let event = match command {
            BookCommand::Open { title } => BookEvent::Opened { title },
            BookCommand::Write { owner, line } => BookEvent::Written { owner, line },
            BookCommand::WriteAt {
                expected_lines,
                line,
            } => {
                if self.lines.len() != expected_lines {
                    return Err(BookError::Stale);
                }
                BookEvent::Written {
                    owner: "nobody".into(),
                    line,
                }
            }
            BookCommand::Close => BookEvent::Closed {},
            BookCommand::Nothing => return Ok(()),
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: BookEvent) {
        match event {
            BookEvent::Opened { title } => self.title = Some(title),
            BookEvent::Written { line, .. } => self.lines.push(line),
            BookEvent::Closed {} => self.closed = true,
        }
    }
}

impl LogAggregate for Book {
    fn version(&self) -> u64 {
        self.lines.len() as u64
    }

    fn outcome(&self) -> Value {
        json!({ "lines": self.lines.len() })
    }
}

pub fn write(line: &str) -> BookCommand {
    BookCommand::Write {
        owner: "jean.dupont".into(),
        line: line.into(),
    }
}

pub fn context() -> CommandContext {
    CommandContext {
        metadata: Metadata::new(Actor::system("test"), new_id()),
        key: None,
    }
}

pub fn keyed(log: &EventLog, key: &str, body: &str) -> CommandContext {
    let actor = Actor::system("test");
    let key = CommandKey::for_caller(log.vault(), &actor, "write", key, &body).unwrap();
    CommandContext {
        key: Some(key),
        ..context()
    }
}

pub fn id(text: &str) -> AggregateId {
    AggregateId::new(text).unwrap()
}

/// A database with the log's tables.
pub async fn database() -> TestDatabase {
    let database = testkit::fresh_database().await;
    eventlog::migrate(&database.pool).await.unwrap();
    database
}

pub async fn open(pool: &PgPool) -> EventLog {
    EventLog::open(pool.clone(), Vault::new(pool.clone(), &MASTER_KEY))
        .await
        .unwrap()
}

/// Another process's handle on the same database: its own pool, cache and writer.
pub async fn another_process(url: &str) -> EventLog {
    process_of_release(url, &[]).await
}

/// A process that reads these versions of the projections.
pub async fn process_of_release(url: &str, projections: &[Arc<dyn Projection>]) -> EventLog {
    let options = eventlog::search_path(url.parse().unwrap(), projections);
    open(&PgPool::connect_with(options).await.unwrap()).await
}

/// Positions are 1, 2, 3 … and each aggregate's sequences too.
pub async fn assert_dense(pool: &PgPool) {
    let (count, least, most): (i64, Option<i64>, Option<i64>) =
        sqlx::query_as("SELECT count(*), min(position), max(position) FROM events")
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(
        (least.unwrap_or(1), most.unwrap_or(0)),
        (1, count),
        "positions are dense"
    );
    let broken: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT sequence, row_number() OVER (PARTITION BY aggregate_type,
             aggregate_id ORDER BY position) AS nth FROM events) s WHERE sequence <> nth",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(broken, 0, "sequences follow positions");
}

/// Waits for a condition; the last word is the condition's, not the clock's.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(tokio::time::Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
