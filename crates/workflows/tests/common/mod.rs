//! A log with a small aggregate of its own: a timer that rings when it is due.

#![allow(dead_code)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use eventlog::{
    CommandContext, Deadline, Deadlines, EventLog, ExecuteError, Leases, LogReader, Progress,
    Projection, Projector, RecordedEvent, Vault,
};
use kernel::{
    Actor, AggregateId, Clock, DeadlineChange, DecodeError, EventType, LogAggregate, Metadata,
    new_id,
};
use serde::{Deserialize, Serialize};
use testkit::{ManualClock, TestDatabase};
use tokio_util::sync::CancellationToken;
use workflows::{Clerk, ClerkParts, Duty, NotDone, Settled};

pub const TIMER: &str = "test.timer";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum TimerEvent {
    #[serde(rename = "test.timer.set")]
    Set { due_at: DateTime<Utc> },
    #[serde(rename = "test.timer.rung")]
    Rung { at: DateTime<Utc> },
}

impl EventType for TimerEvent {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "test.timer.set",
            Self::Rung { .. } => "test.timer.rung",
        }
    }

    fn deadlines(&self) -> Vec<DeadlineChange> {
        match self {
            Self::Set { due_at } => vec![DeadlineChange::Set {
                kind: "ring",
                due_at: *due_at,
            }],
            Self::Rung { .. } => vec![DeadlineChange::Clear { kind: "ring" }],
        }
    }
}

impl DomainEvent for TimerEvent {
    fn event_type(&self) -> String {
        self.type_name().to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Timer {
    pub due_at: Option<DateTime<Utc>>,
    pub rung: Vec<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub enum TimerCommand {
    Set { due_at: DateTime<Utc> },
    Ring { now: DateTime<Utc> },
}

#[derive(Debug, thiserror::Error)]
#[error("not due")]
pub struct NotDue;

impl Aggregate for Timer {
    const TYPE: &'static str = TIMER;
    type Command = TimerCommand;
    type Event = TimerEvent;
    type Error = NotDue;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        match command {
            TimerCommand::Set { due_at } => sink.write(TimerEvent::Set { due_at }, self).await,
            TimerCommand::Ring { now } => {
                if self.due_at.is_none_or(|due| now < due) {
                    return Err(NotDue);
                }
                sink.write(TimerEvent::Rung { at: now }, self).await;
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match event {
            TimerEvent::Set { due_at } => self.due_at = Some(due_at),
            TimerEvent::Rung { at } => {
                self.due_at = None;
                self.rung.push(at);
            }
        }
    }
}

impl LogAggregate for Timer {
    fn version(&self) -> u64 {
        self.rung.len() as u64
    }
}

fn deadlines_of(event: &RecordedEvent) -> Result<Vec<DeadlineChange>, DecodeError> {
    match event.aggregate_type.as_str() {
        TIMER => Ok(event.decode::<TimerEvent>()?.deadlines()),
        "safeguard.approval" => Ok(event
            .decode::<events::safeguard::ApprovalEvent>()?
            .deadlines()),
        _ => workflows::deadlines_of(event),
    }
}

/// Rings timers, and counts how often it was asked to.
#[derive(Clone, Default)]
pub struct Ringer {
    pub asked: Arc<AtomicUsize>,
    /// Says that there is nothing to do, so that the row stays.
    pub is_lazy: bool,
}

#[async_trait]
impl Duty for Ringer {
    fn aggregate_type(&self) -> &'static str {
        TIMER
    }

    async fn act(
        &self,
        log: &EventLog,
        deadline: &Deadline,
        context: CommandContext,
        now: DateTime<Utc>,
    ) -> Result<Settled, NotDone> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_lazy {
            return Ok(Settled::NotNeeded);
        }
        let id = AggregateId::new(deadline.aggregate_id.clone()).unwrap();
        match log
            .execute::<Timer>(&id, TimerCommand::Ring { now }, &(), &context)
            .await
        {
            Ok(_) => Ok(Settled::Done),
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(_) => Ok(Settled::NotNeeded),
        }
    }
}

/// One process' worth of log, reader, deadlines.
pub struct World {
    pub database: TestDatabase,
    pub log: EventLog,
    pub clock: ManualClock,
    pub progress: Progress,
    pub leases: Leases,
    pub stop: CancellationToken,
}

pub async fn open_log(database: &TestDatabase) -> EventLog {
    eventlog::migrate(&database.pool).await.unwrap();
    let vault = Vault::new(database.pool.clone(), &[7; 32]);
    EventLog::open(database.pool.clone(), vault).await.unwrap()
}

impl World {
    pub async fn new() -> Self {
        Self::on(testkit::fresh_database().await).await
    }

    pub async fn on(mut database: TestDatabase) -> Self {
        let deadlines: Arc<dyn Projection> = Arc::new(Deadlines::new(deadlines_of));
        let options = eventlog::search_path(database.url.parse().unwrap(), &[deadlines]);
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(16);
        database.pool = pool.connect_with(options).await.unwrap();
        Self {
            log: open_log(&database).await,
            clock: ManualClock::default(),
            progress: Progress::new(database.pool.clone()),
            leases: Leases::start(&database.pool),
            stop: CancellationToken::new(),
            database,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub async fn reader(&self, nats: Option<async_nats::Client>) -> LogReader {
        LogReader::start(self.log.clone(), nats, self.stop.clone())
            .await
            .unwrap()
    }

    pub fn project_deadlines(&self, reader: &LogReader) {
        Projector {
            log: self.log.clone(),
            reader: reader.clone(),
            progress: self.progress.clone(),
            orders: |_| None,
        }
        .start(
            vec![Arc::new(Deadlines::new(deadlines_of))],
            &self.leases,
            &self.stop,
        );
    }

    pub async fn clerk(&self, duties: Vec<Arc<dyn Duty>>) -> Clerk {
        let parts = ClerkParts {
            log: self.log.clone(),
            progress: self.progress.clone(),
            clock: Arc::new(self.clock.clone()),
            duties,
        };
        Clerk::start(parts, &self.leases, self.stop.clone())
            .await
            .unwrap()
    }

    pub async fn set_timer(&self, id: &str, due_at: DateTime<Utc>) -> u64 {
        let id = AggregateId::new(id).unwrap();
        let command = TimerCommand::Set { due_at };
        let context = CommandContext {
            metadata: Metadata::new(Actor::system("test"), new_id()),
            key: None,
        };
        self.log
            .execute::<Timer>(&id, command, &(), &context)
            .await
            .unwrap()
            .position
    }

    pub async fn rung(&self, id: &str) -> Vec<DateTime<Utc>> {
        let id = AggregateId::new(id).unwrap();
        self.log
            .load::<Timer>(&id)
            .await
            .unwrap()
            .state
            .rung
            .clone()
    }

    /// Waits until all deadlines of the log are known.
    pub async fn settle(&self) {
        let runs = || async { self.progress.here().contains_key(Deadlines::NAME) };
        assert!(within(SOON, runs).await, "the deadlines do not run");
        let head = self.log.head().await.unwrap();
        let wait = self.progress.wait_for(&[Deadlines::NAME], head, SOON);
        assert!(wait.await.unwrap(), "the deadlines fall behind");
    }
}

/// Long enough for a busy machine; nothing is judged by it.
pub const SOON: Duration = Duration::from_secs(60);

/// Tries until it holds, for at most this long.
pub async fn within<F: Future<Output = bool>>(limit: Duration, holds: impl Fn() -> F) -> bool {
    let end = tokio::time::Instant::now() + limit;
    while tokio::time::Instant::now() < end {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    holds().await
}
