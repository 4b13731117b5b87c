//! Runs PostgreSQL and nats-server in a data folder until it is killed:
//! `hold-servers <data folder> <tools folder>`. The lifecycle tests kill it.

use std::{future::pending, path::PathBuf};

use embedded::{EmbeddedConfig, Servers};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let data_dir = arguments.next().ok_or("no data folder")?;
    let mut config = EmbeddedConfig::new(&data_dir);
    config.tools_dir = arguments.next();
    let servers = Servers::start(config).await?;
    let (postgres, nats) = (servers.postgres_pid(), servers.nats_pid());
    let pids = postgres.zip(nats).ok_or("a server has no pid")?;
    println!("children {} {}", pids.0, pids.1);
    pending().await
}
