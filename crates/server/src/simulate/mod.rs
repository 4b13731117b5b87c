//! Plays the workflows of a managed-service provider, over the public NATS contract only.
//!
//! Every workflow does as `docs/workflows-over-nats.md` says: ask, wait, claim, act, report.

pub mod clients;
mod data;
pub mod day;
mod random;
pub mod service;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::jetstream::Message;
use data::Case;
use futures::StreamExt;
use random::Random;
use serde_json::{Value, json};
use service::{Decision, Reply, Service, acknowledge, arguments_hash, may_act};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long actions under way may take once the time is over.
const DRAIN: Duration = Duration::from_secs(10);

/// What is played.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests per second.
    pub rate: f64,
    pub duration: Duration,
    pub seed: u64,
    /// Distinguishes this play's commands from those of an earlier one with the same seed.
    pub run: String,
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub requested: u64,
    pub refused: BTreeMap<String, u64>,
    pub unanswered: u64,
    pub withdrawn: u64,
    pub decided: BTreeMap<String, u64>,
    pub succeeded: u64,
    pub failed: u64,
    pub pending: u64,
}

struct Play {
    service: Service,
    run: String,
    open: Mutex<HashMap<String, Case>>,
    summary: Mutex<Summary>,
    tasks: TaskTracker,
}

/// Plays until the time is over or `stop` is cancelled.
pub async fn run(
    service: Service,
    options: &Options,
    stop: CancellationToken,
) -> anyhow::Result<Summary> {
    let (play, listener) = Play::start(service, &options.run).await?;
    play.request_all(options, &stop).await;
    Ok(play.finish(&listener).await)
}

impl Play {
    /// Listens to the decisions on what it will ask.
    async fn start(service: Service, run: &str) -> anyhow::Result<(Arc<Self>, JoinHandle<()>)> {
        let decisions = service.decisions().await?;
        let play = Arc::new(Self {
            service,
            run: run.to_owned(),
            open: Mutex::default(),
            summary: Mutex::default(),
            tasks: TaskTracker::new(),
        });
        let listener = tokio::spawn(play.clone().listen(decisions));
        Ok((play, listener))
    }

    /// Lets what is under way come to an end, for a while.
    async fn finish(&self, listener: &JoinHandle<()>) -> Summary {
        self.tasks.close();
        // Who does not come to an end is counted as pending.
        drop(tokio::time::timeout(DRAIN, self.tasks.wait()).await);
        listener.abort();
        let mut summary = lock(&self.summary).clone();
        summary.pending = lock(&self.open).len() as u64;
        summary
    }

    async fn request_all(self: &Arc<Self>, options: &Options, stop: &CancellationToken) {
        let mut random = Random::new(options.seed);
        let pause = Duration::from_secs_f64(1.0 / options.rate);
        let mut every = tokio::time::interval(pause);
        let end = Instant::now() + options.duration;
        for number in 0_u64.. {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            if Instant::now() >= end {
                return;
            }
            let Some(case) = data::draw(&mut random) else {
                return;
            };
            let play = self.clone();
            let id = format!("{}-{number}", self.run);
            self.tasks.spawn(async move {
                if let Err(error) = play.request(&id, case).await {
                    println!("—  sans réponse   {error:#}");
                    lock(&play.summary).unanswered += 1;
                }
            });
        }
    }

    /// Asks, once: `id` makes a repetition harmless. Fails if nobody answers.
    async fn request(&self, id: &str, case: Case) -> anyhow::Result<()> {
        let asked = self.service.command("request_approval", &case.body, id);
        match asked.await? {
            Reply::Done(answer) => {
                let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
                let (approval, reference) = (text("id"), text("reference"));
                println!(
                    "{reference}  demande   {} — {}",
                    case.tool(),
                    case.client_name()
                );
                lock(&self.summary).requested += 1;
                let is_withdrawn = case.then.is_withdrawn;
                lock(&self.open).insert(approval.clone(), case);
                if is_withdrawn {
                    self.withdraw(&approval, &reference).await;
                }
            }
            Reply::Refused { code, detail } => {
                println!("—  refusée   {} : {code} ({detail})", case.tool());
                *lock(&self.summary).refused.entry(code).or_default() += 1;
            }
        }
        Ok(())
    }

    async fn withdraw(&self, approval: &str, reference: &str) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let body = json!({"id": approval, "reason": "Le demandeur a retrouvé l'accès."});
        let id = format!("{}-cancel-{approval}", self.run);
        if let Ok(Reply::Done(_)) = self.service.command("cancel_approval", &body, &id).await {
            println!("{reference}  retirée");
            lock(&self.summary).withdrawn += 1;
        }
    }

    async fn listen(self: Arc<Self>, decisions: impl futures::Stream<Item = (Decision, Message)>) {
        let mut decisions = std::pin::pin!(decisions);
        while let Some((decision, message)) = decisions.next().await {
            let Some(case) = lock(&self.open).remove(&decision.id) else {
                // On what an earlier play asked, which is over: nobody waits for it.
                acknowledge(&message).await;
                continue;
            };
            println!("{}  {}", decision.reference, in_french(&decision.status));
            *lock(&self.summary)
                .decided
                .entry(decision.status.clone())
                .or_default() += 1;
            if decision.status == "approved" {
                let play = self.clone();
                self.tasks.spawn(async move {
                    if let Err(error) = play.act(&decision, &message, &case).await {
                        println!("{}  abandonnée : {error:#}", decision.reference);
                    }
                });
            } else {
                acknowledge(&message).await;
            }
        }
    }

    /// Claims the grant, acts, and reports.
    async fn act(&self, decision: &Decision, message: &Message, case: &Case) -> anyhow::Result<()> {
        let hash = arguments_hash(case.tool(), &case.body["arguments"])?;
        anyhow::ensure!(
            hash == decision.arguments_hash,
            "other arguments were approved"
        );
        let body = json!({"id": decision.id, "arguments_hash": hash});
        let id = format!("{}-claim-{}", self.run, decision.id);
        let claimed = self.service.command("claim_execution", &body, &id).await;
        acknowledge(message).await;
        let grant = match claimed? {
            Reply::Done(answer) => {
                anyhow::ensure!(
                    may_act(&answer),
                    "claimed before under this id; whoever did may have acted"
                );
                answer["grant_id"].clone()
            }
            Reply::Refused { code, detail } => anyhow::bail!("{code} ({detail})"),
        };
        tokio::time::sleep(Duration::from_millis(case.then.work_ms)).await;
        self.report(decision, case, &grant).await
    }

    async fn report(&self, decision: &Decision, case: &Case, grant: &Value) -> anyhow::Result<()> {
        let outcome = if case.then.succeeds {
            "succeeded"
        } else {
            "failed"
        };
        let body = json!({
            "id": decision.id, "grant_id": grant, "outcome": outcome, "detail": case.then.detail,
        });
        let id = format!("{}-report-{}", self.run, decision.id);
        if let Reply::Refused { code, detail } =
            self.service.command("record_execution", &body, &id).await?
        {
            anyhow::bail!("{code} ({detail})");
        }
        let mut summary = lock(&self.summary);
        if case.then.succeeds {
            summary.succeeded += 1;
            println!("{}  exécutée  {}", decision.reference, case.then.detail);
        } else {
            summary.failed += 1;
            println!("{}  en échec  {}", decision.reference, case.then.detail);
        }
        Ok(())
    }
}

fn in_french(status: &str) -> &str {
    match status {
        "approved" => "approuvée",
        "rejected" => "rejetée",
        "expired" => "expirée",
        "cancelled" => "annulée",
        "lapsed" => "caduque",
        other => other,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "requested {}, pending {}", self.requested, self.pending)?;
        for (status, count) in &self.decided {
            writeln!(f, "  {status} {count}")?;
        }
        writeln!(f, "withdrawn {}", self.withdrawn)?;
        writeln!(
            f,
            "executed {}, of which failed {}",
            self.succeeded + self.failed,
            self.failed
        )?;
        for (code, count) in &self.refused {
            writeln!(f, "refused {count}: {code}")?;
        }
        write!(f, "unanswered {}", self.unanswered)
    }
}
