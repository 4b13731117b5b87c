//! Keeps one child running: restarts it on the same port when it dies or can no longer work, says how
//! it is, and stops it in order. Restarts are spaced out from 100 ms to 5 s.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::EmbeddedError;
use crate::process::{PidFile, ProcessId, Program};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A child that lived this long did not die of how it was started.
const STEADY: Duration = Duration::from_secs(30);

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The process runs but does not answer yet (PostgreSQL may be recovering).
    Starting {
        pid: u32,
    },
    Up {
        pid: u32,
    },
    /// The process died; another will be started in a moment.
    Down,
    /// Stopped on purpose.
    Stopped,
}

impl Health {
    pub fn is_up(self) -> bool {
        matches!(self, Self::Up { .. })
    }

    pub fn pid(self) -> Option<u32> {
        match self {
            Self::Starting { pid } | Self::Up { pid } => Some(pid),
            Self::Down | Self::Stopped => None,
        }
    }
}

/// What a supervised server brings along.
pub(crate) trait Service: Clone + Send + Sync + 'static {
    const NAME: &'static str;
    /// Ends it in order.
    const STOP: Signal;

    fn program(&self) -> Program;
    fn pid_file(&self) -> PidFile;
    /// What must be out of the way before a start: orphans, stale lock files.
    fn clear(&self) -> impl Future<Output = Result<(), EmbeddedError>> + Send;
    /// Returns once the server answers.
    fn answers(&self) -> impl Future<Output = ()> + Send;
    /// Returns, with the reason, once a server that runs can do its work only after another start.
    fn needs_restart(&self) -> impl Future<Output = String> + Send {
        std::future::pending()
    }
}

enum Order {
    Stop(oneshot::Sender<()>),
    Halt(oneshot::Sender<()>),
    Resume,
}

pub(crate) struct Supervisor {
    orders: mpsc::Sender<Order>,
    health: watch::Receiver<Health>,
    task: JoinHandle<()>,
    pid_file: PidFile,
    stop: Signal,
}

impl Supervisor {
    /// Starts the server and waits until it answers.
    pub(crate) async fn start<S: Service>(
        service: S,
        start_limit: Duration,
        stop_limit: Duration,
    ) -> Result<Self, EmbeddedError> {
        let not_started = |reason: String| EmbeddedError::NotStarted {
            server: S::NAME,
            reason,
            log: service.program().log,
        };
        let mut child = spawn(&service).await?;
        let failure = tokio::select! {
            () = service.answers() => None,
            status = child.wait() => Some(match status {
                Ok(status) => format!("it ended at once, {status}"),
                Err(error) => error.to_string(),
            }),
            () = tokio::time::sleep(start_limit) => {
                Some(format!("no answer within {} s", start_limit.as_secs()))
            }
        };
        if let Some(reason) = failure {
            let _ = child.kill().await;
            service.pid_file().remove();
            let lines = crate::process::last_lines(&service.program().log, 5);
            return Err(not_started(format!("{reason}\n{lines}")));
        }
        let pid = child.id().unwrap_or_default();
        tracing::info!(
            server = S::NAME,
            process.pid = pid,
            "embedded server started"
        );
        let (health_out, health) = watch::channel(Health::Up { pid });
        let (orders, orders_in) = mpsc::channel(4);
        let pid_file = service.pid_file();
        let task = tokio::spawn(Keeper::new(service, child, health_out, stop_limit).run(orders_in));
        Ok(Self {
            orders,
            health,
            task,
            pid_file,
            stop: S::STOP,
        })
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.health.borrow().pid()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(process) = self.pid().and_then(ProcessId::of) {
            process.signal(signal);
        }
    }

    pub(crate) async fn stop(&self) {
        self.order(Order::Stop).await;
    }

    /// Kills the server and leaves it down until [`Supervisor::resume`].
    pub(crate) async fn halt(&self) {
        self.order(Order::Halt).await;
    }

    pub(crate) async fn resume(&self) {
        if self.orders.send(Order::Resume).await.is_ok() {
            let mut health = self.health.clone();
            let _ = health.wait_for(|health| health.is_up()).await;
        }
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(order(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}

/// A platform that ends without [`Supervisor::stop`] (a panic) still tells its children to end.
impl Drop for Supervisor {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(process) = self.pid_file.living() {
            process.signal(self.stop);
        }
    }
}

async fn spawn<S: Service>(service: &S) -> Result<Child, EmbeddedError> {
    service.clear().await?;
    let mut child = service.program().spawn(Stdio::null())?;
    if let Some(process) = child.id().and_then(ProcessId::of)
        && let Err(error) = service.pid_file().write(process)
    {
        // E.g. no room on the disk. Nobody would know of it.
        let _ = child.kill().await;
        return Err(error);
    }
    Ok(child)
}

type Awaited<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The task behind a [`Supervisor`].
struct Keeper<S> {
    service: S,
    child: Option<Child>,
    /// Set while the child does not answer yet.
    answer: Option<Awaited<()>>,
    /// Set while the child answers.
    need: Option<Awaited<String>>,
    /// When to start the next child, if there is none.
    restart_at: Option<Instant>,
    started_at: Instant,
    pause: Duration,
    health: watch::Sender<Health>,
    stop_limit: Duration,
}

impl<S: Service> Keeper<S> {
    /// Of a child that answers.
    fn new(service: S, child: Child, health: watch::Sender<Health>, stop_limit: Duration) -> Self {
        Self {
            need: Some(need_of(&service)),
            service,
            child: Some(child),
            answer: None,
            restart_at: None,
            started_at: Instant::now(),
            pause: FIRST_PAUSE,
            health,
            stop_limit,
        }
    }

    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                status = ended(&mut self.child) => self.child_ended(status),
                () = when_set(&mut self.answer) => self.child_answers(),
                reason = when_set(&mut self.need) => {
                    tracing::error!(server = S::NAME, reason, "embedded server is started again");
                    self.end_child(S::STOP).await;
                    self.start_again().await;
                }
                () = due(self.restart_at) => self.start_again().await,
                order = orders.recv() => match order {
                    Some(Order::Stop(done)) => {
                        self.end_child(S::STOP).await;
                        let _ = done.send(());
                        return;
                    }
                    Some(Order::Halt(done)) => {
                        self.end_child(Signal::SIGKILL).await;
                        let _ = done.send(());
                    }
                    Some(Order::Resume) if self.child.is_none() => self.start_again().await,
                    Some(Order::Resume) => {}
                    None => return,
                }
            }
        }
    }

    fn child_ended(&mut self, status: String) {
        self.child = None;
        self.answer = None;
        self.need = None;
        if self.started_at.elapsed() > STEADY {
            self.pause = FIRST_PAUSE;
        }
        tracing::error!(
            server = S::NAME,
            status,
            restart.pause_ms = u64::try_from(self.pause.as_millis()).unwrap_or(u64::MAX),
            "embedded server died; it will be restarted"
        );
        self.wait_and_retry();
    }

    fn wait_and_retry(&mut self) {
        self.restart_at = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.health.send_replace(Health::Down);
    }

    fn child_answers(&mut self) {
        self.answer = None;
        self.need = Some(need_of(&self.service));
        if let Some(pid) = self.child.as_ref().and_then(Child::id) {
            tracing::info!(
                server = S::NAME,
                process.pid = pid,
                "embedded server is back"
            );
            self.health.send_replace(Health::Up { pid });
        }
    }

    async fn start_again(&mut self) {
        self.restart_at = None;
        self.started_at = Instant::now();
        match spawn(&self.service).await {
            Ok(child) => {
                let pid = child.id().unwrap_or_default();
                self.child = Some(child);
                let service = self.service.clone();
                self.answer = Some(Box::pin(async move { service.answers().await }));
                self.health.send_replace(Health::Starting { pid });
            }
            Err(error) => {
                tracing::error!(server = S::NAME, %error, "embedded server cannot be restarted");
                self.wait_and_retry();
            }
        }
    }

    async fn end_child(&mut self, signal: Signal) {
        self.answer = None;
        self.need = None;
        self.restart_at = None;
        if let Some(mut child) = self.child.take() {
            if let Some(process) = child.id().and_then(ProcessId::of) {
                process.signal(signal);
            }
            if tokio::time::timeout(self.stop_limit, child.wait())
                .await
                .is_err()
            {
                tracing::warn!(server = S::NAME, "embedded server does not stop: killed");
                let _ = child.kill().await;
            }
        }
        self.service.pid_file().remove();
        self.health.send_replace(Health::Stopped);
    }
}

async fn ended(child: &mut Option<Child>) -> String {
    match child {
        Some(child) => match child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        },
        None => std::future::pending().await,
    }
}

async fn when_set<T>(awaited: &mut Option<Awaited<T>>) -> T {
    match awaited {
        Some(awaited) => awaited.await,
        None => std::future::pending().await,
    }
}

fn need_of<S: Service>(service: &S) -> Awaited<String> {
    let service = service.clone();
    Box::pin(async move { service.needs_restart().await })
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ends what an earlier process left running, before a new server touches its data.
pub(crate) async fn stop_orphan(
    server: &'static str,
    process: ProcessId,
    signals: [Signal; 2],
) -> Result<(), EmbeddedError> {
    tracing::warn!(
        server,
        process.pid = process.pid,
        "stopping the orphan of an earlier run"
    );
    for (signal, limit) in signals.into_iter().zip([10, 5]) {
        process.signal(signal);
        if process.ends_within(Duration::from_secs(limit)).await {
            return Ok(());
        }
    }
    process.signal(Signal::SIGKILL);
    if process.ends_within(Duration::from_secs(5)).await {
        return Ok(());
    }
    Err(EmbeddedError::OrphanStays {
        server,
        pid: process.pid,
    })
}
