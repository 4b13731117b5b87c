//! Commands that go on in the background, and what became of them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
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
    tasks: JoinSet<Vec<Value>>,
}

impl Load {
    pub fn start(caller: &Caller, at_once: u64) -> Self {
        let stop = CancellationToken::new();
        let accepted = Arc::<AtomicU64>::default();
        let mut tasks = JoinSet::new();
        for lane in 0..at_once {
            let (caller, stop, accepted) = (caller.clone(), stop.clone(), accepted.clone());
            tasks.spawn(async move {
                let mut answers = Vec::new();
                for nth in 0.. {
                    if stop.is_cancelled() {
                        break;
                    }
                    let key = format!("load-{lane}-{nth}");
                    let body = request(lane * 1_000_000 + nth);
                    let sent = caller.keyed("/api/safeguard/requests", &key, &body);
                    let (status, answer) = sent.await.unwrap();
                    assert!(status.is_success(), "{status} {answer}");
                    accepted.fetch_add(1, Ordering::Relaxed);
                    answers.push(answer);
                }
                answers
            });
        }
        Self {
            stop,
            accepted,
            tasks,
        }
    }

    /// How many commands were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
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
