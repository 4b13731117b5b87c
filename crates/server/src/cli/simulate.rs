//! `greffe simulate`: workflows that ask, wait, act and report, over the public NATS contract.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use domain::clients::{Client, ClientCommand, ClientEntry};
use eventlog::{CommandContext, ExecuteError};
use events::users::{Role, Scope};
use kernel::{AccreditationLevel, Actor, Clock, Metadata, SystemClock, new_id};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{Usage, access::Access, service_account::wait_until_known};
use crate::{
    config::{Config, Secret},
    data_folder::{DataFolder, Endpoints},
    simulate::{self, Options, data::CLIENTS, service::Service},
    wiring::problem,
};

/// Answers for the simulator, so that everybody else may decide on what it asks.
const OWNER: &str = "simulateur";

#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Requests per second
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// For how long, e.g. 60s, 5m, 1h
    #[arg(long = "for", default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// The service account to play
    #[arg(long, default_value = "simulator")]
    name: String,
    /// Its key; on this machine's running platform the account is made if there is none
    #[arg(long, env = "GREFFE_SIMULATE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The same seed plays the same requests
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// `60s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        _ => return Err("a number and s, m or h, e.g. 60s".into()),
    };
    let number: u64 = text[..text.len() - 1]
        .parse()
        .map_err(|_| "not a number".to_owned())?;
    match number {
        0 => Err("it must last a moment".into()),
        number => Ok(Duration::from_secs(number * unit)),
    }
}

pub async fn run(config: &Config, arguments: SimulateArguments) -> anyhow::Result<()> {
    if !(arguments.rate > 0.0 && arguments.rate <= 1_000.0) {
        return Err(Usage("--rate is more than 0 and at most 1000".into()).into());
    }
    let running = DataFolder::new(&config.data_dir).running();
    let (url, key) = match (&arguments.key, &config.nats_url, running) {
        (Some(key), Some(url), _) => (url.expose().to_owned(), Secret::new(key.as_str())),
        (Some(key), None, Some(running)) => (running.nats, Secret::new(key.as_str())),
        (None, _, Some(running)) => {
            let key = account(config, &arguments.name).await?;
            (nats_address(config, &running)?, key)
        }
        (_, _, None) => bail!(
            "no platform runs on {}: start `greffe up`, or give NATS_URL and --key",
            config.data_dir.display()
        ),
    };
    let service = Service::connect(&without_user(&url), &arguments.name, key.expose()).await?;
    let options = Options {
        rate: arguments.rate,
        duration: arguments.duration,
        seed: arguments.seed,
        run: new_id().simple().to_string(),
    };
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let summary = simulate::run(service, &options, stop).await?;
    println!("\n{summary}");
    anyhow::ensure!(summary.requested > 0, "no request was accepted");
    Ok(())
}

fn nats_address(config: &Config, running: &Endpoints) -> anyhow::Result<String> {
    match &config.nats_url {
        Some(url) => Ok(url.expose().to_owned()),
        None => Ok(running.nats.clone()),
    }
}

/// A service never connects with the platform's own credentials.
fn without_user(url: &str) -> String {
    match url
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)))
    {
        Some((scheme, host)) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}

/// The key of the simulator's account on the running platform; the account, its owner and the
/// clients of its stories are made if they are missing.
async fn account(config: &Config, name: &str) -> anyhow::Result<Secret> {
    let access = Access::open(config).await?;
    let found = async {
        let file = format!("service-{name}");
        if let Some(key) = access.backends.folder.secret(&file)? {
            return Ok(key);
        }
        make_owner(&access).await?;
        make_clients(&access).await?;
        let account = api::NewServiceAccount {
            name: name.to_owned(),
            owner_username: OWNER.to_owned(),
            scopes: vec![Scope::SafeguardRequest, Scope::SafeguardRead, Scope::Intake],
        };
        let made = api::create_service_account(&access.open.log, account)
            .await
            .map_err(problem)
            .with_context(|| {
                format!("the account {name} cannot be made; give its --key, or another --name")
            })?;
        access.backends.folder.keep_secret(&file, &made.key)?;
        anyhow::Ok(Secret::new(made.key.as_str()))
    }
    .await;
    let known = match &found {
        Ok(key) => wait_until_known(&access, name, key.expose()).await,
        Err(_) => Ok(()),
    };
    access.close().await;
    known?;
    found
}

/// Nobody knows its password.
async fn make_owner(access: &Access) -> anyhow::Result<()> {
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    let owner = api::NewUser {
        username: OWNER.into(),
        display_name: "Simulateur".into(),
        level: AccreditationLevel::N0,
        role: Role::Tech,
        password: Zeroizing::new(hex::encode(random)),
    };
    match api::create_user(&access.open.log, owner).await {
        Ok(_) => Ok(()),
        Err(error) if error.code == "conflict" => Ok(()),
        Err(error) => Err(problem(error)),
    }
}

/// Unknown clients count as critical, which would ask for two approvals of everything.
async fn make_clients(access: &Access) -> anyhow::Result<()> {
    for client in CLIENTS {
        let entry = ClientEntry {
            client_id: client.id.into(),
            name: client.name.into(),
            critical: client.is_critical,
        };
        let command = ClientCommand::Register {
            entry,
            now: SystemClock.now(),
        };
        let metadata = Metadata::new(Actor::system("simulator"), new_id());
        let context = CommandContext {
            metadata,
            key: None,
        };
        let id = Client::id(client.id);
        match access
            .open
            .log
            .execute::<Client>(&id, command, &(), &context)
            .await
        {
            // Registered clients stay as they are.
            Ok(_) | Err(ExecuteError::Refused(_)) => {}
            Err(error) => bail!("client {}: {error}", client.id),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3_600)));
        for bad in ["", "60", "s", "0s", "-1s", "1d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_platforms_credentials_are_not_used() {
        assert_eq!(
            without_user("nats://platform:secret@host:1"),
            "nats://host:1"
        );
        assert_eq!(without_user("nats://host:1"), "nats://host:1");
    }
}
