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
    /// The last answer, if it is what is believed.
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
            // Who had it in between knows better than what was believed here before.
            self.forget();
            loop {
                let has_database = self.ask().await;
                if has_database && self.write().await {
                    self.correct().await;
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
            let is_believed = component.hysteresis.believed() == Some(answer.status);
            component.answer = is_believed.then(|| answer.clone());
            if let Some(status) = changed {
                tracing::info!(component = name, status = ?status, "a component has changed");
                let fact = fact(name, status, &answer, now);
                self.unwritten.push_back(fact);
            }
        }
        has_database
    }

    /// The next answers are the first.
    fn forget(&mut self) {
        for component in &mut self.components {
            component.hysteresis = Hysteresis::default();
            component.answer = None;
        }
    }

    /// Writes what is not written, in order; whether all is. What cannot be written now waits for the
    /// next round.
    async fn write(&mut self) -> bool {
        while let Some(fact) = self.unwritten.front() {
            if !self.tell(fact.clone()).await {
                return false;
            }
            self.unwritten.pop_front();
        }
        true
    }

    /// Makes the log say what is believed and was answered just now: a workflow may have said
    /// otherwise, or a change may not have counted.
    async fn correct(&self) {
        for component in &self.components {
            let Some(answer) = &component.answer else {
                continue;
            };
            let name = component.probe.component;
            let id = component_id(name);
            let load = self.watch.log.load::<Component>(&id);
            let logged = match timeout(ANSWER_WITHIN, load).await {
                Ok(Ok(loaded)) => loaded.state,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the log's word on health is not compared");
                    return;
                }
                Err(_) => {
                    tracing::warn!("the log's word on health is not compared: it takes long");
                    return;
                }
            };
            if logged.status() == Some(answer.status) {
                continue;
            }
            tracing::info!(component = name, logged = ?logged.status(), status = ?answer.status,
                "the log says otherwise of a component");
            let now = self.watch.clock.now();
            // The clock of who said otherwise may be ahead: a report of before that would be late.
            let at = logged.changed_at().map_or(now, |changed| changed.max(now));
            if !self.tell(fact(name, answer.status, answer, at)).await {
                return;
            }
        }
    }

    /// Whether the log has heard a fact, whatever it makes of it.
    async fn tell(&self, fact: HealthFact) -> bool {
        let component = fact.component.clone();
        match timeout(ANSWER_WITHIN, self.report(fact)).await {
            Ok(Ok(())) => true,
            Ok(Err(ExecuteError::Refused(refusal))) => {
                tracing::error!(component, %refusal, "a change of health was refused");
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(component, %error, "a change of health is not written yet");
                false
            }
            Err(_) => {
                tracing::warn!(
                    component,
                    "a change of health is not written yet: the log takes long"
                );
                false
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
