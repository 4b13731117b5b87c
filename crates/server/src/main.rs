//! The `greffe` binary: the platform, and the commands of those who operate it.
//!
//! Exit codes: 0 done, 1 failed, 2 usage.

mod api_config;
mod backends;
mod cli;
mod config;
mod data_folder;
mod disk;
mod health_probes;
mod http_server;
mod logging;
mod nats_access;
mod open_files;
mod parts;
mod readiness;
mod secret;
mod simulate;
mod telemetry;
mod up;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<cli::Usage>() => {
            eprintln!("greffe: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("greffe: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<()> {
    let mut config = config::Config::load()?;
    cli.command.quieten(&mut config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    // Commands of operators are not traced: their own platform is.
    let telemetry = match cli.command.is_platform() {
        true => telemetry::Telemetry::new(&config, runtime.handle())?,
        false => None,
    };
    logging::install(&config, telemetry.as_ref())?;
    let ended = runtime.block_on(cli.command.run(&config));
    drop(telemetry);
    // Nothing that is still there may hold the end up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ended
}
