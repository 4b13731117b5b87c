//! The command line: one module per command.

mod access;
mod audit;
mod backup;
mod doctor;
mod log;
mod parked;
mod password;
mod projection;
mod service_account;
mod simulate;
mod simulator;
mod user;

use clap::{Parser, Subcommand};

use crate::{config::Config, up, wiring::Roles};

/// Approvals, live supervision and a provable record for bots and the people who watch over them.
#[derive(Debug, Parser)]
#[command(name = "greffe", version, arg_required_else_help = true)]
#[command(
    after_help = "Settings come from the environment, `.env` and the file GREFFE_CONFIG names."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process, with its own PostgreSQL and NATS where none is configured
    Up,
    /// Run some roles of a platform made of several processes
    Serve {
        /// What this process does: api, relay, projector, workflows
        #[arg(long, value_delimiter = ',', required = true, value_parser = ["api", "relay", "projector", "workflows"])]
        roles: Vec<String>,
    },
    /// Bring the database up to date
    Migrate,
    /// Accounts of people
    #[command(subcommand)]
    User(user::UserCommand),
    /// Accounts of services
    #[command(subcommand)]
    ServiceAccount(service_account::ServiceAccountCommand),
    /// The read models
    #[command(subcommand)]
    Projection(projection::ProjectionCommand),
    /// The log and its stream
    #[command(subcommand)]
    Log(log::LogCommand),
    /// The database to a file, and back
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// The audit trail
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Play the workflows of a managed-service provider over NATS
    Simulate(simulate::SimulateArguments),
    /// Say plainly what is wrong and what to do
    Doctor,
}

/// The command line asks for something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

impl Command {
    /// The platform tells what it does; other commands speak up only when something is wrong.
    pub fn quieten(&self, config: &mut Config) {
        let is_default = config.log_filter == Config::default().log_filter;
        if is_default && !self.is_platform() {
            // What becomes of a connection, the command itself says.
            config.log_filter = "error,async_nats::connector=off".into();
        }
    }

    /// Whether it runs the platform, or a part of it.
    pub fn is_platform(&self) -> bool {
        matches!(self, Self::Up | Self::Serve { .. })
    }

    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Up => up::up(config).await,
            Self::Serve { roles } => {
                let has = |role: &str| roles.iter().any(|it| it == role);
                let roles = Roles {
                    api: has("api"),
                    relay: has("relay"),
                    projector: has("projector"),
                    workflows: has("workflows"),
                };
                up::serve(config, roles).await
            }
            Self::Migrate => migrate(config).await,
            Self::User(command) => command.run(config).await,
            Self::ServiceAccount(command) => command.run(config).await,
            Self::Projection(command) => command.run(config).await,
            Self::Log(command) => command.run(config).await,
            Self::Backup(command) => command.run(config).await,
            Self::Audit(command) => command.run(config).await,
            Self::Simulate(arguments) => simulate::run(config, arguments).await,
            Self::Doctor => doctor::run(config).await,
        }
    }
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let access = access::Access::open(config).await?;
    println!("the database is up to date");
    access.close().await;
    Ok(())
}

/// Opens the log of the running platform, or of servers started for this command.
async fn with_log<T>(
    config: &Config,
    work: impl AsyncFnOnce(&access::Access) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let access = access::Access::open(config).await?;
    let done = work(&access).await;
    access.close().await;
    done
}

#[cfg(test)]
#[path = "../cli_tests.rs"]
mod tests;
