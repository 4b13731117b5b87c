//! `greffe simulate`: workflows that ask, wait, act and report, and a provider's whole day, over the
//! public NATS contract.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use chrono::NaiveDate;
use clap::Args;
use kernel::{Clock, SystemClock, new_id};
use tokio_util::sync::CancellationToken;

use super::{Usage, simulator};
use crate::{
    config::{Config, Secret},
    data_folder::{DataFolder, Endpoints},
    simulate::{
        self, Options,
        day::{self, Line, Pace, Recipe},
        service::Service,
    },
};

const PACE: Pace = Pace {
    day: Duration::from_secs(24 * 3_600),
    played_in: Duration::from_secs(5 * 60),
};

#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Requests per second
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// For how long, e.g. 60s, 5m, 1h
    #[arg(long = "for", default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// Play a whole day of tickets and alerts instead: so much of it in so much time, e.g. 24h:5m
    #[arg(long, value_name = "DAY:TIME", value_parser = pace, conflicts_with_all = ["rate", "duration"])]
    compress: Option<Pace>,
    /// Which day, in Paris; without it the 24 hours that end now. Implies --compress 24h:5m
    #[arg(long, value_name = "DATE", conflicts_with_all = ["rate", "duration", "play"])]
    day: Option<NaiveDate>,
    /// How many times the volume of a provider with thirty clients, for a day
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000), conflicts_with_all = ["rate", "duration", "play"])]
    scale: u64,
    /// Write the day to a file (JSON Lines; `-` is the output) instead of playing it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "duration", "play"])]
    record: Option<PathBuf>,
    /// Play a recorded day. Played again, it changes nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "duration", "seed"])]
    play: Option<PathBuf>,
    /// The service account to play
    #[arg(long, default_value = "simulator")]
    name: String,
    /// Its key; on this machine's running platform the account is made if there is none
    #[arg(long, env = "GREFFE_SIMULATE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The same seed plays the same requests, and makes the same day
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

/// `24h:5m`: twenty-four hours in five minutes.
fn pace(text: &str) -> Result<Pace, String> {
    let (day, played_in) = text
        .split_once(':')
        .ok_or_else(|| "two durations, e.g. 24h:5m".to_owned())?;
    Ok(Pace {
        day: duration(day)?,
        played_in: duration(played_in)?,
    })
}

pub async fn run(config: &Config, arguments: SimulateArguments) -> anyhow::Result<()> {
    if !(arguments.rate > 0.0 && arguments.rate <= 1_000.0) {
        return Err(Usage("--rate is more than 0 and at most 1000".into()).into());
    }
    let lines = arguments.lines()?;
    if let (Some(file), Some(lines)) = (&arguments.record, &lines) {
        return day::write(file, lines);
    }
    let service = service(config, &arguments).await?;
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let run = new_id().simple().to_string();
    if let Some(lines) = lines {
        let pace = arguments.compress.unwrap_or(PACE);
        let summary = day::play(service, lines, pace, &run, stop).await?;
        println!("\n{summary}");
        anyhow::ensure!(summary.facts() > 0, "no fact was published");
        return Ok(());
    }
    let options = Options {
        rate: arguments.rate,
        duration: arguments.duration,
        seed: arguments.seed,
        run,
    };
    let summary = simulate::run(service, &options, stop).await?;
    println!("\n{summary}");
    anyhow::ensure!(summary.requested > 0, "no request was accepted");
    Ok(())
}

impl SimulateArguments {
    /// The day to play, if it is one that is wanted.
    fn lines(&self) -> anyhow::Result<Option<Vec<Line>>> {
        let recipe = Recipe {
            seed: self.seed,
            scale: self.scale,
        };
        let is_day = self.compress.is_some() || self.record.is_some() || self.scale > 1;
        Ok(match (&self.play, self.day) {
            (Some(file), _) => Some(day::read(file)?),
            (None, Some(date)) => Some(day::of_date(date, recipe)),
            (None, None) if is_day => Some(day::until(SystemClock.now(), recipe)),
            (None, None) => None,
        })
    }
}

/// Connected as the simulator. On this machine's platform the clients are made if they are missing,
/// and its account if no key is given.
async fn service(config: &Config, arguments: &SimulateArguments) -> anyhow::Result<Service> {
    let running = DataFolder::new(&config.data_dir).running();
    if arguments.key.is_some() && running.is_some() {
        simulator::register_clients(config).await?;
    }
    let (url, key) = match (&arguments.key, &config.nats_url, running) {
        (Some(key), Some(url), _) => (url.expose().to_owned(), Secret::new(key.as_str())),
        (Some(key), None, Some(running)) => (running.nats, Secret::new(key.as_str())),
        (None, _, Some(running)) => {
            let key = simulator::account(config, &arguments.name).await?;
            (nats_address(config, &running)?, key)
        }
        (_, _, None) => bail!(
            "no platform runs on {}: start `greffe up`, or give NATS_URL and --key",
            config.data_dir.display()
        ),
    };
    Service::connect(&without_user(&url), &arguments.name, key.expose()).await
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
    fn a_pace_is_two_durations() {
        let expected = Pace {
            day: Duration::from_secs(86_400),
            played_in: Duration::from_secs(300),
        };
        assert_eq!(pace("24h:5m"), Ok(expected));
        for bad in ["24h", "24h:", ":5m", "24h:0s", "0h:5m"] {
            assert!(pace(bad).is_err(), "{bad}");
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
