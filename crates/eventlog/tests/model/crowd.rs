//! Many who ask at once, of several processes, in the midst of trouble.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eventlog::{Leases, LogReader, Progress, Projector, Relay, ring_doorbell};
use sqlx::{Connection, Executor};
use testkit::{TestDatabase, TestNats};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    common,
    fold::Fold,
    history::Attempt,
    oracle::{Answer, Ask},
    process::{Process, dropped_after},
    trouble::{Trouble, Troublemaker, session},
    turn::{Asking, PROCESSES, Turn},
};

/// How often a question with a key is repeated until its answer is known.
const REPEATS: u32 = 20;
/// Repetitions are of something asked lately: more than one is at it then.
const LATELY: usize = 12;

pub struct Crowd {
    pub database: TestDatabase,
    pub nats: TestNats,
    pub processes: Vec<Process>,
    stop: CancellationToken,
    clock: AtomicU64,
    keyed: Mutex<Vec<Ask>>,
}

impl Crowd {
    /// Processes with two relays, of which one works, and two runners of a projection, of which
    /// both do: their leases are of different databases, as if those had failed.
    pub async fn start(database: TestDatabase) -> Self {
        let nats = testkit::nats().await;
        let stop = CancellationToken::new();
        let mut processes = Vec::new();
        for nth in 0..PROCESSES {
            let process = Process::start(&database.url).await;
            let log = process.log.clone();
            ring_doorbell(&log, nats.client().await, stop.clone());
            if nth < 2 {
                let leases = Leases::start(log.pool());
                Relay::start(log.clone(), nats.client().await, &leases, 1, stop.clone());
                let lonely = testkit::fresh_database().await;
                let reader = LogReader::start(log.clone(), Some(nats.client().await), stop.clone());
                let projector = Projector {
                    reader: reader.await.unwrap(),
                    progress: Progress::new(log.pool().clone()),
                    orders: |_| None,
                    log,
                };
                projector.start(vec![Arc::new(Fold)], &Leases::start(&lonely.pool), &stop);
            }
            processes.push(process);
        }
        Self {
            database,
            nats,
            processes,
            stop,
            clock: AtomicU64::default(),
            keyed: Mutex::default(),
        }
    }

    /// Everybody takes their turns, while trouble comes again and again. All that was asked.
    pub async fn play(&self, turns: Vec<Vec<Turn>>, trouble: &[(u64, Trouble)]) -> Vec<Attempt> {
        // An open snapshot somewhere, like that of a backup that runs all the time.
        let mut backup = session(&self.database.url).await;
        let mut snapshot = backup.begin().await.unwrap();
        snapshot
            .execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events")
            .await
            .unwrap();
        let asked = turns
            .into_iter()
            .enumerate()
            .map(|(nth, turns)| self.take_turns(nth, turns));
        let done = CancellationToken::new();
        let asked = async {
            let _done = done.clone().drop_guard();
            futures::future::join_all(asked).await
        };
        let maker = Troublemaker {
            database: &self.database,
            nats: &self.nats,
            processes: &self.processes,
        };
        let made = async {
            for (pause, trouble) in trouble.iter().cycle() {
                sleep(Duration::from_millis(*pause)).await;
                // Never left half made: what was stopped is started again.
                maker.make(trouble).await;
                if done.is_cancelled() {
                    return;
                }
            }
        };
        let (asked, ()) = tokio::join!(asked, made);
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(&mut *snapshot)
            .await
            .unwrap();
        assert_eq!(seen, 0, "the snapshot is as old as ever");
        snapshot.rollback().await.unwrap();
        asked.into_iter().flatten().collect()
    }

    async fn take_turns(&self, nth: usize, turns: Vec<Turn>) -> Vec<Attempt> {
        let mut asking = Asking::new("", &format!("c{nth}-"));
        let mut attempts = Vec::new();
        for turn in turns {
            let process = &self.processes[turn.process];
            let Some(ask) = self.next(&mut asking, &turn, process).await else {
                continue;
            };
            let mut attempt = self.attempt(process, ask, turn.dropped_after).await;
            // Who has a key asks until there is an answer, wherever.
            for repeat in 0..REPEATS as usize {
                if attempt.answer != Answer::Unknown || attempt.ask.key.is_none() {
                    break;
                }
                let again = asking.again(&attempt.ask, false);
                attempts.push(attempt);
                let process = &self.processes[(turn.process + repeat) % PROCESSES];
                attempt = self.attempt(process, again, None).await;
            }
            attempts.push(attempt);
        }
        attempts
    }

    /// What to ask, as far as the one who asks can see.
    async fn next(&self, asking: &mut Asking, turn: &Turn, process: &Process) -> Option<Ask> {
        let mut seen = std::collections::HashMap::new();
        for card in asking.looked_at(turn) {
            // Without an answer it is as if nothing had been seen.
            let loaded = process
                .log
                .recall::<crate::card::Card>(&common::id(&card))
                .await;
            seen.insert(card, loaded.map_or(0, |card| card.sequence));
        }
        let mut keyed = self.keyed.lock().unwrap();
        let lately = keyed.len().saturating_sub(LATELY);
        let ask = asking.ask(turn, |card| seen[card], &keyed[lately..])?;
        keyed.extend(ask.key.is_some().then(|| ask.clone()));
        Some(ask)
    }

    async fn attempt(&self, process: &Process, ask: Ask, dropped: Option<u32>) -> Attempt {
        let began = self.clock.fetch_add(1, Ordering::SeqCst);
        let answer = match dropped {
            Some(polls) => dropped_after(polls, process.ask(&ask))
                .await
                .unwrap_or(Answer::Unknown),
            None => process.ask(&ask).await,
        };
        let ended = self.clock.fetch_add(1, Ordering::SeqCst);
        Attempt {
            ask,
            answer,
            began,
            ended,
        }
    }

    /// Returns once every writer has done what it had: each batch takes the first that waits, and
    /// nobody has more than one question in the queue.
    pub async fn settle(&self, who: usize) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        for (nth, process) in self.processes.iter().enumerate() {
            let mut asking = Asking::new("", &format!("settled-{nth}-"));
            for _ in 0..=who {
                let attempt = self.attempt(process, asking.plain(), None).await;
                assert_ne!(attempt.answer, Answer::Unknown, "the trouble is over");
                attempts.push(attempt);
            }
        }
        attempts
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
