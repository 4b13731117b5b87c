//! What JetStream is asked about the platform's streams. A flood makes it answer late: every question has a
//! bound, and none waits for another.

use std::time::Duration;

use eventlog::LogError;

use super::{Component, Monitor, Status, monitor::degraded};

/// Share of JetStream's limit that may be used (percent).
const STORAGE_PERCENT: u64 = 90;
const JETSTREAM_WITHIN: Duration = Duration::from_secs(2);

impl Monitor {
    /// Whether there is room for more.
    pub(super) async fn storage(&self) -> Option<Component> {
        let client = self.nats.as_ref().filter(|_| self.is_connected())?;
        let (stored, most) = in_time(eventlog::stored_bytes(client)).await.ok()?;
        metrics::gauge!("greffe_jetstream_stored_bytes").set(stored as f64);
        let percent = stored.saturating_mul(100) / most?.max(1);
        Some(match percent >= STORAGE_PERCENT {
            true => degraded("jetstream", format!("{percent} % of its storage is used")),
            false => Component::new("jetstream", Status::Ok, None),
        })
    }

    /// Whether facts of workflows are taken in. They wait where they are, and no other process's API would
    /// take them sooner: no reason to send traffic away.
    pub(super) async fn intake(&self) -> Option<Component> {
        let client = self.nats.as_ref().filter(|_| self.is_connected())?;
        let looked = in_time(::intake::look(client, self.clock.now())).await;
        let Ok(waiting) = looked else {
            return Some(degraded("intake", "JetStream does not answer"));
        };
        let waiting = waiting?;
        let seconds = waiting.oldest.num_seconds();
        Some(match waiting.stands_still() {
            true => degraded(
                "intake",
                format!(
                    "{} facts wait, the oldest for {seconds} s: is a process with role `workflows` \
                     running? its log says why",
                    waiting.unfinished
                ),
            ),
            false => Component::new("intake", Status::Ok, None),
        })
    }
}

/// What JetStream says, if it says so in time.
pub(super) async fn in_time<T>(
    asked: impl Future<Output = Result<T, LogError>>,
) -> Result<T, LogError> {
    let late = |_| LogError::Nats("no answer in time".into());
    let answered = tokio::time::timeout(JETSTREAM_WITHIN, asked).await;
    answered.map_err(late)?
}
