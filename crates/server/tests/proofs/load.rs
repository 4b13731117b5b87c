//! Commands that go on in the background, and what became of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::place::caller::{Caller, request};

/// Requests sent by a few callers at once, each with its own key, until it is stopped.
pub struct Load {
    stop: CancellationToken,
    accepted: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    tasks: JoinSet<Vec<Value>>,
}

/// What is done about an answer 503.
#[derive(Clone, Copy, PartialEq)]
enum Refusals {
    Fail,
    SendAgain,
}

const AGAIN_AFTER: Duration = Duration::from_millis(50);

impl Load {
    /// Every command must be accepted.
    pub fn start(caller: &Caller, at_once: u64) -> Self {
        Self::begin(caller, at_once, Refusals::Fail)
    }

    /// A command that is answered 503 `unavailable` is sent again with its key, also while it is stopped.
    pub fn start_patient(caller: &Caller, at_once: u64) -> Self {
        Self::begin(caller, at_once, Refusals::SendAgain)
    }

    fn begin(caller: &Caller, at_once: u64, refusals: Refusals) -> Self {
        let stop = CancellationToken::new();
        let (accepted, refused) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let mut tasks = JoinSet::new();
        for lane in 0..at_once {
            let (caller, stop) = (caller.clone(), stop.clone());
            let (accepted, refused) = (accepted.clone(), refused.clone());
            tasks.spawn(async move {
                let mut answers = Vec::new();
                for nth in 0.. {
                    if stop.is_cancelled() {
                        break;
                    }
                    let key = format!("load-{lane}-{nth}");
                    let body = request(lane * 1_000_000 + nth);
                    let answer = loop {
                        let sent = caller.keyed("/api/safeguard/requests", &key, &body);
                        let (status, answer) = sent.await.unwrap();
                        if status.is_success() {
                            break answer;
                        }
                        let is_passing = status == 503 && answer["code"] == "unavailable";
                        let is_borne = is_passing && refusals == Refusals::SendAgain;
                        assert!(is_borne, "{status} {answer}");
                        refused.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(AGAIN_AFTER).await;
                    };
                    accepted.fetch_add(1, Ordering::Relaxed);
                    answers.push(answer);
                }
                answers
            });
        }
        Self {
            stop,
            accepted,
            refused,
            tasks,
        }
    }

    /// How many commands were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many answers were refusals so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Stops it; panics unless every accepted request is in the log, once, where its answer said.
    pub async fn stop_and_check(self, database: &PgPool) -> u64 {
        self.stop.cancel();
        let answers: Vec<Value> = self.tasks.join_all().await.concat();
        let requested: Vec<(String, i64)> = sqlx::query_as(
            "SELECT aggregate_id, position FROM events
             WHERE event_type = 'safeguard.approval.requested' ORDER BY position",
        )
        .fetch_all(database)
        .await
        .unwrap();
        let mut answered: Vec<(String, i64)> = answers
            .iter()
            .map(|answer| {
                let id = answer["id"].as_str().unwrap().to_owned();
                (id, answer["position"].as_i64().unwrap())
            })
            .collect();
        answered.sort_by_key(|(_, position)| *position);
        assert_eq!(requested, answered, "what is in the log, what was accepted");
        answers.len() as u64
    }
}
