//! What happens to connections, servers and streams while others work.

use std::time::Duration;

use proptest::prelude::*;
use sqlx::{Connection, Executor, PgConnection};
use testkit::{TestDatabase, TestNats};
use tokio::time::sleep;

use crate::{process::Process, turn::PROCESSES};

/// The lock of `append_batch`.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7310579)";

#[derive(Debug, Clone)]
pub enum Trouble {
    /// `pg_terminate_backend` on any session of the platform.
    SessionEnded,
    /// The same on every writer that is in the middle of an append.
    AppendsEnded,
    /// All connections of a process break.
    WireCut {
        process: usize,
    },
    /// The append happens, but the process never hears of it.
    AnswerLost {
        process: usize,
    },
    /// Another session holds the log's lock; over 2 s is longer than a writer waits.
    LockHeld {
        ms: u64,
    },
    /// Another session appends by itself and thinks better of it.
    RolledBack,
    NatsRestarted {
        ms: u64,
    },
    StreamDeleted,
}

/// Some trouble, with a little peace before it (ms).
pub fn trouble() -> impl Strategy<Value = (u64, Trouble)> {
    let process = || 0..PROCESSES;
    let what = prop_oneof![
        6 => Just(Trouble::SessionEnded),
        4 => Just(Trouble::AppendsEnded),
        3 => process().prop_map(|process| Trouble::WireCut { process }),
        6 => process().prop_map(|process| Trouble::AnswerLost { process }),
        3 => (1_u64..600).prop_map(|ms| Trouble::LockHeld { ms }),
        2 => Just(Trouble::RolledBack),
        2 => (0_u64..600).prop_map(|ms| Trouble::NatsRestarted { ms }),
    ];
    (0_u64..60, what)
}

pub struct Troublemaker<'a> {
    pub database: &'a TestDatabase,
    pub nats: &'a TestNats,
    pub processes: &'a [Process],
}

impl Troublemaker<'_> {
    pub async fn make(&self, trouble: &Trouble) {
        match trouble {
            Trouble::SessionEnded => {
                self.end("application_name <> 'test' ORDER BY random() LIMIT 1")
                    .await;
            }
            Trouble::AppendsEnded => self.end_appends().await,
            Trouble::WireCut { process } => self.processes[*process].wire.cut(),
            Trouble::AnswerLost { process } => self.processes[*process].wire.lose_next_answer(),
            Trouble::LockHeld { ms } => {
                let mut session = self.session().await;
                let mut tx = session.begin().await.unwrap();
                tx.execute(LOCK).await.unwrap();
                sleep(Duration::from_millis(*ms)).await;
                tx.rollback().await.unwrap();
            }
            Trouble::RolledBack => self.roll_back().await,
            Trouble::NatsRestarted { ms } => {
                self.nats.kill().await;
                sleep(Duration::from_millis(*ms)).await;
                self.nats.restart().await;
            }
            Trouble::StreamDeleted => self.nats.delete_stream(eventlog::EVENTS).await,
        }
    }

    /// Those who wait for the lock are in the middle of their transaction.
    async fn end_appends(&self) {
        let mut session = self.session().await;
        let mut tx = session.begin().await.unwrap();
        tx.execute(LOCK).await.unwrap();
        for _ in 0..20 {
            sleep(Duration::from_millis(5)).await;
            if self.end("wait_event = 'advisory'").await > 0 {
                break;
            }
        }
        tx.rollback().await.unwrap();
    }

    async fn roll_back(&self) {
        let mut session = self.session().await;
        let mut tx = session.begin().await.unwrap();
        tx.execute(LOCK).await.unwrap();
        tx.execute(
            "INSERT INTO events (position, event_id, aggregate_type, aggregate_id, sequence,
                                 event_type, event_version, payload, metadata, recorded_at)
             SELECT coalesce(max(position), 0) + 1, gen_random_uuid(), 'test.card', 'never', 1,
                    'test.card.written', '1', '{\"tag\": \"never\"}', '{}', now() FROM events",
        )
        .await
        .unwrap();
        sleep(Duration::from_millis(5)).await;
        tx.rollback().await.unwrap();
    }

    /// Ends sessions of this database but the test's own; how many.
    async fn end(&self, which: &str) -> usize {
        let sessions = format!(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND application_name <> 'test' AND {which}) sessions"
        );
        let mut session = self.session().await;
        let ended = session.fetch_all(&*sessions).await.unwrap().len();
        session.close().await.unwrap();
        ended
    }

    async fn session(&self) -> PgConnection {
        session(&self.database.url).await
    }
}

/// A session that no trouble comes to.
pub async fn session(url: &str) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    PgConnection::connect_with(&options.application_name("test"))
        .await
        .unwrap()
}
