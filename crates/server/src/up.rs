//! `greffe up` and `greffe serve`: the platform, in one process or in several.

use std::io::Write;

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    backends::Backends,
    config::Config,
    open_files,
    wiring::{Listeners, Platform, Roles},
};

/// Everything in one process.
pub async fn up(config: &Config) -> anyhow::Result<()> {
    run(config, Roles::ALL, true).await
}

/// Some roles of a platform of several processes.
pub async fn serve(config: &Config, roles: Roles) -> anyhow::Result<()> {
    run(config, roles, false).await
}

async fn run(config: &Config, roles: Roles, is_up: bool) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut told_to_end = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let start = async {
        let platform = start(config, roles, is_up).await?;
        announce(&platform, is_up).await?;
        anyhow::Ok(platform)
    };
    let mut platform = tokio::select! {
        platform = start => platform?,
        // What was started ends with this process.
        () = told_to_end() => return Ok(()),
    };
    let failure = tokio::select! {
        () = told_to_end() => None,
        error = platform.failed() => Some(error),
    };
    if is_up {
        platform.folder().withdraw();
    }
    tokio::select! {
        () = platform.stop() => {}
        () = told_to_end() => tracing::warn!("told again: ending at once"),
    }
    failure.map_or(Ok(()), Err)
}

async fn start(config: &Config, roles: Roles, is_up: bool) -> anyhow::Result<Platform> {
    // First of all: an address in use is said before anything is started.
    let mut listeners = Listeners::default();
    if roles.api {
        listeners.api = Some(listen(&config.listen, "GREFFE_LISTEN").await?);
    }
    if let Some(address) = &config.health_listen {
        listeners.health = Some(listen(address, "GREFFE_HEALTH_LISTEN").await?);
    }
    if roles.api {
        open_files::make_room(config.max_connections);
    }
    let backends = Backends::start(config, is_up).await?;
    Platform::start(config, backends, roles, listeners, is_up).await
}

async fn listen(address: &str, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on: {setting} sets another address"))
}

/// The lines that scripts wait for (`contracts.md`, "Command line").
async fn announce(platform: &Platform, is_up: bool) -> anyhow::Result<()> {
    if is_up && let Some(password) = &platform.admin_password {
        say(&format!("admin password: {password}"))?;
    }
    platform.ready().await?;
    let Some(endpoints) = platform.endpoints() else {
        return say("ready");
    };
    if is_up {
        platform.folder().publish(&endpoints)?;
    }
    say(&format!("ready: {}", endpoints.http))
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
