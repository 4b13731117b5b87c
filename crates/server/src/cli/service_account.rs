//! `greffe service-account`: accounts of workflows, and their keys.

use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use events::users::Scope;
use tokio::time::Instant;

use super::{access::Access, with_log};
use crate::{config::Config, simulate::service, wiring::problem};

/// How long nats-server may take to know a new account.
const KNOWN_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, Subcommand)]
pub enum ServiceAccountCommand {
    /// Create an account and print its key, once
    Create {
        /// 2 to 32 of a-z, 0-9 and -; the second token of its NATS subjects
        #[arg(long)]
        name: String,
        /// User name of the person who answers for it
        #[arg(long)]
        owner: String,
        /// What it may do: intake, safeguard.request, safeguard.read, knowledge.write, metrics
        #[arg(long = "scope", required = true)]
        scopes: Vec<Scope>,
    },
    /// List the accounts
    List,
    /// End an account at once
    Disable {
        #[arg(long)]
        name: String,
    },
}

impl ServiceAccountCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        with_log(config, async |access| match self {
            Self::Create {
                name,
                owner,
                scopes,
            } => {
                let account = api::NewServiceAccount {
                    name,
                    owner_username: owner,
                    scopes,
                };
                let made = api::create_service_account(&access.open.log, account)
                    .await
                    .map_err(problem)?;
                println!("{}", made.key.as_str());
                eprintln!("this key is not shown again");
                wait_until_known(access, &made.name, &made.key).await
            }
            Self::List => list(access).await,
            Self::Disable { name } => {
                api::disable_service_account(&access.open.log, &name)
                    .await
                    .map_err(problem)?;
                eprintln!("{name} is disabled");
                Ok(())
            }
        })
        .await
    }
}

/// Returns once the running platform's NATS takes the key; at once when no platform runs.
pub async fn wait_until_known(access: &Access, name: &str, key: &str) -> anyhow::Result<()> {
    let Some(running) = &access.running else {
        return Ok(());
    };
    let end = Instant::now() + KNOWN_WITHIN;
    loop {
        match service::connect(&running.nats, name, key).await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > end => {
                bail!(
                    "the account exists, but NATS does not take it yet ({error}): `greffe doctor`"
                )
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn list(access: &Access) -> anyhow::Result<()> {
    let accounts = projections::users::list_service_accounts(&access.open.pool).await?;
    for account in accounts {
        let scopes: Vec<&str> = account.scopes.iter().map(|scope| scope.as_str()).collect();
        let state = if account.is_disabled {
            "disabled"
        } else {
            "active"
        };
        println!("{:<32}  {state:<8}  {}", account.name, scopes.join(" "));
    }
    Ok(())
}
