//! Keeps the users of nats-server in step with the service accounts.
//!
//! What the users are and how they are written is the caller's: this only knows when. It writes the
//! whole list each time, so it needs no checkpoint.

use std::{future::Future, time::Duration};

use eventlog::{LogError, LogReader};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const AFTER_ERROR: Duration = Duration::from_millis(500);
const TYPE_PREFIX: &str = "users.service_account.";

/// How the users of NATS compare with the accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncState {
    /// Everything up to this position is written; `None` before the first time.
    pub position: Option<u64>,
    pub problem: Option<String>,
}

/// Watches the service accounts. Cheap to clone.
#[derive(Clone)]
pub struct NatsUsers {
    state: watch::Receiver<SyncState>,
}

impl NatsUsers {
    /// Writes the users at once and whenever a service account changes; `stop` ends it.
    pub fn start<U, R, RF, W, WF, E>(
        reader: LogReader,
        read: R,
        write: W,
        stop: CancellationToken,
    ) -> Self
    where
        R: Fn() -> RF + Send + Sync + 'static,
        RF: Future<Output = Result<Vec<U>, E>> + Send,
        W: Fn(Vec<U>) -> WF + Send + Sync + 'static,
        WF: Future<Output = Result<(), E>> + Send,
        U: Send + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        let (sender, state) = watch::channel(SyncState::default());
        tokio::spawn(async move {
            let sync = || async {
                // Read before the accounts are, so that it never claims too much.
                let position = reader.last();
                let users = read().await.map_err(|error| error.to_string())?;
                write(users).await.map_err(|error| error.to_string())?;
                Ok(position)
            };
            let run = async {
                let mut position = until_done(&sync, &sender).await;
                loop {
                    match next_change(&reader, position).await {
                        Ok(()) => position = until_done(&sync, &sender).await,
                        Err(error) => {
                            tracing::warn!(%error, "the service accounts cannot be followed");
                            tokio::time::sleep(AFTER_ERROR).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = run => {}
                () = stop.cancelled() => {}
            }
        });
        Self { state }
    }

    pub fn state(&self) -> SyncState {
        self.state.borrow().clone()
    }

    /// Returns once the users have been written for the first time.
    pub async fn written(&self) {
        let mut state = self.state.clone();
        // Its end is the process's end.
        drop(state.wait_for(|state| state.position.is_some()).await);
    }
}

async fn until_done<S, F>(sync: &S, state: &watch::Sender<SyncState>) -> u64
where
    S: Fn() -> F,
    F: Future<Output = Result<u64, String>>,
{
    loop {
        match sync().await {
            Ok(position) => {
                state.send_replace(SyncState {
                    position: Some(position),
                    problem: None,
                });
                return position;
            }
            Err(problem) => {
                if state.borrow().problem.as_ref() != Some(&problem) {
                    tracing::warn!(%problem, "the users of NATS cannot be written");
                }
                state.send_modify(|state| state.problem = Some(problem));
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
}

/// Returns once a service account changed after a position.
async fn next_change(reader: &LogReader, mut position: u64) -> Result<(), LogError> {
    loop {
        let batch = reader.batch_after(position).await?;
        let is_change = |event_type: &str| event_type.starts_with(TYPE_PREFIX);
        if batch.iter().any(|event| is_change(&event.event_type)) {
            return Ok(());
        }
        position = batch.last().map_or(position, |event| event.position);
    }
}
