//! Asks every component at intervals, and writes what has changed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use domain::workflow::{Component, ComponentCommand};
use eventlog::{CommandContext, EventLog, ExecuteError, Lease, Leases};
use events::{
    intake::HealthFact,
    workflow::{HealthStatus, component_id},
};
use futures::{FutureExt, future::join_all};
use kernel::{Actor, Clock, Metadata};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    POSTGRESQL,
    hysteresis::Hysteresis,
    probe::{ANSWER_WITHIN, Answer, Probe},
};

/// The name of the lease.
const LEASE: &str = "health";

/// Watches the components; one process at a time.
pub struct HealthWatch {
    pub log: EventLog,
    pub clock: Arc<dyn Clock>,
    /// How often each component is asked.
    pub every: Duration,
    pub probes: Vec<Probe>,
}

/// What one process believes of a component.
struct Watched {
    probe: Probe,
    hysteresis: Hysteresis,
    /// The last answer that agreed with what is believed, or changed it.
    answer: Option<Answer>,
}

/// What is found in rounds, and what of it is not written yet.
struct Rounds {
    watch: HealthWatch,
    components: Vec<Watched>,
    unwritten: VecDeque<HealthFact>,
}

impl HealthWatch {
    /// The lease that some process must hold.
    pub fn lease() -> &'static str {
        LEASE
    }

    /// Starts it; `stop` ends it.
    pub fn start(self, leases: &Leases, stop: CancellationToken) {
        let lease = leases.want(LEASE);
        let components = self.probes.iter().map(|probe| Watched {
            probe: probe.clone(),
            hysteresis: Hysteresis::default(),
            answer: None,
        });
        let rounds = Rounds {
            components: components.collect(),
            unwritten: VecDeque::new(),
            watch: self,
        };
        tokio::spawn(async move {
            tokio::select! {
                () = rounds.run(lease) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

impl Rounds {
    async fn run(mut self, mut lease: Lease) {
        loop {
            lease.acquired().await;
            // Another process may have written since: what is no news has no effect.
            self.tell_all();
            loop {
                let has_database = self.ask().await;
                if has_database {
                    self.write().await;
                }
                // Without PostgreSQL nobody has the lease: who had it goes on.
                let is_lost = lease.lost().now_or_never().is_some();
                if is_lost && has_database && self.unwritten.is_empty() {
                    break;
                }
                tokio::time::sleep(self.watch.every).await;
            }
        }
    }

    /// One round; whether PostgreSQL answered.
    async fn ask(&mut self) -> bool {
        let answers = join_all(self.components.iter().map(|it| it.probe.ask())).await;
        let now = self.watch.clock.now();
        let mut has_database = true;
        for (component, answer) in self.components.iter_mut().zip(answers) {
            let name = component.probe.component;
            if name == POSTGRESQL {
                has_database = answer.status != HealthStatus::Down;
            }
            let changed = component.hysteresis.hear(answer.status);
            if changed.is_some() || component.hysteresis.believed() == Some(answer.status) {
                component.answer = Some(answer.clone());
            }
            if let Some(status) = changed {
                tracing::info!(component = name, status = ?status, "a component has changed");
                let fact = fact(name, status, &answer, now);
                self.unwritten.push_back(fact);
            }
        }
        has_database
    }

    /// Says everything that is believed once more.
    fn tell_all(&mut self) {
        let now = self.watch.clock.now();
        for component in &self.components {
            if let (Some(status), Some(answer)) =
                (component.hysteresis.believed(), &component.answer)
            {
                let fact = fact(component.probe.component, status, answer, now);
                self.unwritten.push_back(fact);
            }
        }
    }

    /// Writes what is not written, in order; what cannot be written now waits for the next round.
    async fn write(&mut self) {
        while let Some(fact) = self.unwritten.front() {
            match timeout(ANSWER_WITHIN, self.report(fact.clone())).await {
                Ok(Ok(())) => drop(self.unwritten.pop_front()),
                Ok(Err(ExecuteError::Refused(refusal))) => {
                    let component = &fact.component;
                    tracing::error!(component, %refusal, "a change of health was refused");
                    self.unwritten.pop_front();
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a change of health is not written yet");
                    return;
                }
                Err(_) => {
                    tracing::warn!("a change of health is not written yet: the log takes long");
                    return;
                }
            }
        }
    }

    async fn report(
        &self,
        fact: HealthFact,
    ) -> Result<(), ExecuteError<domain::workflow::ReportError>> {
        let id = component_id(&fact.component);
        let now = self.watch.clock.now();
        let fact = Box::new(fact);
        let command = ComponentCommand::ReportHealth { fact, now };
        // No key: telling again what is known has no effect.
        let context = CommandContext {
            metadata: Metadata::new(Actor::system("health"), kernel::new_id()),
            key: None,
        };
        let log = &self.watch.log;
        log.execute::<Component>(&id, command, &(), &context)
            .await?;
        Ok(())
    }
}

/// An answer that changed what is believed may have been worse, or better, than that.
fn fact(
    component: &str,
    status: HealthStatus,
    answer: &Answer,
    now: chrono::DateTime<chrono::Utc>,
) -> HealthFact {
    HealthFact {
        component: component.to_owned(),
        status,
        detail: answer.detail.clone().filter(|_| status != HealthStatus::Ok),
        latency_ms: answer.latency_ms,
        occurred_at: now,
    }
}
