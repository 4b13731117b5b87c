//! `greffe up` and `greffe serve`: the platform, in one process or in several.

use std::{io::Write, pin::pin, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

use crate::{
    backends::Backends,
    config::Config,
    open_files,
    wiring::{Listeners, Platform, Roles, install_metrics},
};

const LISTEN_WITHIN: Duration = Duration::from_secs(10);
/// How long a platform whose database was replaced is tried to be started again.
const AGAIN_FOR: Duration = Duration::from_secs(60);
const AGAIN_PAUSE: Duration = Duration::from_secs(1);
const LISTEN_PAUSE: Duration = Duration::from_millis(50);

/// Everything in one process.
pub async fn up(config: &Config) -> anyhow::Result<()> {
    run(config, Roles::ALL, true).await
}

/// Some roles of a platform of several processes.
pub async fn serve(config: &Config, roles: Roles) -> anyhow::Result<()> {
    run(config, roles, false).await
}

async fn run(config: &Config, roles: Roles, is_up: bool) -> anyhow::Result<()> {
    let mut told = Told {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let metrics = install_metrics()?;
    // First of all: an address in use is said before anything is started.
    let mut listeners = Listeners::bind(config, roles).await?;
    if roles.api {
        open_files::make_room(config.max_connections);
    }
    let backends = tokio::select! {
        backends = Backends::start(config, is_up) => backends?,
        // What was started ends with this process.
        () = told.received() => return Ok(()),
    };
    let mut again_until = None;
    let ended = loop {
        let (free, metrics) = (std::mem::take(&mut listeners), metrics.clone());
        let started = tokio::select! {
            platform = Platform::start(config, &backends, metrics, roles, free, is_up) => platform,
            () = told.received() => return Ok(()),
        };
        let mut platform = match started {
            Ok(platform) => platform,
            // The database may be on the move once more.
            Err(error) if again_until.is_some_and(|until| Instant::now() < until) => {
                tracing::warn!(error = format!("{error:#}"), "not begun yet; trying again");
                tokio::time::sleep(AGAIN_PAUSE).await;
                listeners = listen_again(config, roles).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut parted = pin!(platform.parted());
        let early = tokio::select! {
            said = announce(&platform, &backends, is_up) => said.map(|()| None)?,
            reason = &mut parted => Some(Why::Parted(reason)),
            () = told.received() => Some(Why::Told),
        };
        let why = match early {
            Some(why) => why,
            None => tokio::select! {
                () = told.received() => Why::Told,
                error = platform.failed() => Why::Failed(error),
                reason = &mut parted => Why::Parted(reason),
            },
        };
        if is_up {
            backends.folder.withdraw();
        }
        tokio::select! {
            () = platform.stop() => {}
            () = told.received() => {
                tracing::warn!("told again: ending at once");
                return Ok(());
            }
        }
        match why {
            Why::Told => break Ok(()),
            Why::Failed(error) => break Err(error),
            Why::Parted(reason) => {
                tracing::warn!(reason, "beginning again");
                again_until = Some(Instant::now() + AGAIN_FOR);
            }
        }
        tokio::select! {
            again = listen_again(config, roles) => listeners = again?,
            () = told.received() => break Ok(()),
        }
    };
    backends.stop().await;
    tracing::info!("stopped");
    ended
}

/// Why a platform ends.
enum Why {
    Told,
    Failed(anyhow::Error),
    /// The database was replaced: what was opened on it is out of date.
    Parted(String),
}

/// The signals that end a process.
struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The address may be held a moment longer by the platform that has just ended.
async fn listen_again(config: &Config, roles: Roles) -> anyhow::Result<Listeners> {
    let give_up = Instant::now() + LISTEN_WITHIN;
    loop {
        match Listeners::bind(config, roles).await {
            Err(_) if Instant::now() < give_up => tokio::time::sleep(LISTEN_PAUSE).await,
            listeners => return listeners,
        }
    }
}

/// The lines that scripts wait for (`contracts.md`, "Command line").
async fn announce(platform: &Platform, backends: &Backends, is_up: bool) -> anyhow::Result<()> {
    if is_up && let Some(password) = &platform.admin_password {
        say(&format!("admin password: {password}"))?;
    }
    platform.ready().await?;
    let Some(endpoints) = platform.endpoints(backends) else {
        return say("ready");
    };
    if is_up {
        backends.folder.publish(&endpoints)?;
    }
    say(&format!("ready: {}", endpoints.http))
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
