//! `greffe projection`: how far the read models are, and filling them anew.

use std::{
    io::{IsTerminal, Write},
    sync::Arc,
};

use anyhow::{Context, bail};
use api::Maintenance;
use clap::Subcommand;
use eventlog::{Checkpoint, Projection, RebuildError, RebuildProgress, Rebuilder};
use kernel::{Clock, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

use super::{Usage, access::Access, parked::ParkedCommand, with_log};
use crate::{config::Config, parts::all_projections, wiring::problem};

#[derive(Debug, Subcommand)]
pub enum ProjectionCommand {
    /// How far each is, what it parked, and how far a rebuild is
    List,
    /// Fill one anew from the log beside its rows, and swap; nobody notices
    Rebuild {
        name: String,
        /// Compare only, as `check` does
        #[arg(long)]
        check: bool,
    },
    /// Compare one with rows filled anew from the log; exit code 1 names the first difference
    Check {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Every read model
        #[arg(long)]
        all: bool,
    },
    /// Bring back the rows from before the last rebuild
    Rollback { name: String },
    /// Remove the rows of a version that is not in use, or those kept from before a rebuild
    Drop {
        name: String,
        #[arg(long, required_unless_present = "before")]
        version: Option<i32>,
        /// Only what was kept from before the last rebuild
        #[arg(long, conflicts_with = "version")]
        before: bool,
    },
    /// Events that could not be applied because of what they hold
    Parked {
        /// `list` if there is none
        #[command(subcommand)]
        command: Option<ParkedCommand>,
    },
}

/// The readers that this release has: projections and reactions.
pub async fn readers(pool: &sqlx::PgPool) -> sqlx::Result<Vec<Checkpoint>> {
    let mut rows = eventlog::checkpoints(pool).await?;
    rows.retain(|row| row.is_in_use);
    Ok(rows)
}

impl ProjectionCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        with_log(config, async |access| {
            let rebuilder = Rebuilder {
                log: access.open.log.clone(),
                orders: api::parked_orders,
            };
            match self {
                Self::List => list(access).await,
                Self::Rebuild { name, check: true } => check(&rebuilder, vec![find(&name)?]).await,
                Self::Rebuild { name, check: false } => rebuild(&rebuilder, find(&name)?).await,
                Self::Check { name: None, .. } => check(&rebuilder, all_projections()).await,
                Self::Check {
                    name: Some(name), ..
                } => check(&rebuilder, vec![find(&name)?]).await,
                Self::Rollback { name } => roll_back(&rebuilder, find(&name)?).await,
                Self::Drop { name, version, .. } => remove(&rebuilder, &name, version).await,
                Self::Parked { command } => command.unwrap_or_default().run(access).await,
            }
        })
        .await
    }
}

fn find(name: &str) -> anyhow::Result<Arc<dyn Projection>> {
    let all = all_projections();
    let names: Vec<&str> = all.iter().map(|it| it.name()).collect();
    let Some(place) = names.iter().position(|it| *it == name) else {
        let names = names.join(", ");
        let hint = format!("there is no projection `{name}`; there are {names}");
        return Err(Usage(hint).into());
    };
    Ok(all[place].clone())
}

async fn list(access: &Access) -> anyhow::Result<()> {
    let pool = &access.open.pool;
    println!(
        "{:<20} {:>7} {:>12} {:>8} {:>9} {:>7}  STATE",
        "NAME", "VERSION", "POSITION", "BEHIND", "SECONDS", "PARKED"
    );
    for row in eventlog::checkpoints(pool).await? {
        println!(
            "{:<20} {:>7} {:>12} {:>8} {:>9.1} {:>7}  {}",
            row.name,
            row.version,
            row.position,
            row.behind,
            row.seconds,
            row.parked,
            state(pool, &row).await?
        );
    }
    Ok(())
}

/// What else there is to say of a version.
async fn state(pool: &sqlx::PgPool, row: &Checkpoint) -> anyhow::Result<String> {
    let mut said = Vec::new();
    if !row.is_in_use {
        said.push("of another release".to_owned());
    }
    let rebuild: Option<(String, i64, i64)> = sqlx::query_as(
        "SELECT state, position, target FROM projection_rebuilds
         WHERE name = $1 AND version = $2 AND state IN ('filling', 'indexing', 'swapping')
           AND updated_at > clock_timestamp() - interval '1 minute'",
    )
    .bind(&row.name)
    .bind(row.version)
    .fetch_optional(pool)
    .await?;
    if let Some((state, position, target)) = rebuild {
        said.push(format!("rebuild: {state}, {position} of {target}"));
    }
    if let Some(before) = row.before_position {
        said.push(format!("rows from before the rebuild kept at {before}"));
    }
    Ok(said.join("; "))
}

/// Says once a second how far it is: on a terminal in one line.
fn say(progress: &RebuildProgress) {
    let RebuildProgress {
        state,
        position,
        target,
        rate,
        ..
    } = progress;
    let remaining = match progress.remaining() {
        Some(time) if *state == "filling" => format!(", {} s to go", time.as_secs()),
        _ => String::new(),
    };
    let line = format!("{state}: {position} of {target}, {rate:.0} events/s{remaining}");
    let mut out = std::io::stderr().lock();
    // Who cannot be told is rebuilt all the same.
    drop(match out.is_terminal() {
        true => write!(out, "\r\x1b[K{line}").and_then(|()| out.flush()),
        false => writeln!(out, "{line}"),
    });
}

fn end_of_progress() {
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
}

/// Does what takes long. Told to end, removes what was filled so far: the rows that are read are as they
/// were.
async fn unless_told<T>(
    rebuilder: &Rebuilder,
    projection: &dyn Projection,
    work: impl Future<Output = Result<T, RebuildError>>,
) -> anyhow::Result<T> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let done = tokio::select! {
        done = work => Some(done),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    if let Some(done) = done {
        return Ok(done?);
    }
    let abandoned = rebuilder.abandon(projection).await;
    abandoned.context("told to end; the next rebuild removes what was filled so far")?;
    bail!("told to end; the rows are as they were");
}

async fn rebuild(rebuilder: &Rebuilder, projection: Arc<dyn Projection>) -> anyhow::Result<()> {
    let (name, version) = (projection.name(), projection.version().unsigned_abs());
    let mut events = 0;
    let report = |progress: &RebuildProgress| {
        events = progress.events;
        say(progress);
    };
    let rebuilt = rebuilder.rebuild(projection.clone(), report);
    let swapped = unless_told(rebuilder, &*projection, rebuilt).await;
    end_of_progress();
    let position = swapped.with_context(|| format!("`{name}` was not rebuilt"))?;
    let done = Maintenance::Rebuilt {
        version,
        position,
        events,
    };
    record(rebuilder, name, done).await?;
    println!("{name} is rebuilt, and was swapped at position {position}");
    Ok(())
}

async fn check(rebuilder: &Rebuilder, all: Vec<Arc<dyn Projection>>) -> anyhow::Result<()> {
    let mut different = Vec::new();
    for projection in all {
        let name = projection.name();
        let compared = rebuilder.check(projection.clone(), say);
        let check = unless_told(rebuilder, &*projection, compared).await;
        end_of_progress();
        let check = check.with_context(|| format!("`{name}` was not compared"))?;
        let (rows, position) = (check.rows, check.position);
        match check.difference {
            None => println!("{name}: no difference in {rows} rows, at position {position}"),
            Some(found) => {
                println!(
                    "{name}: row {rows} differs, at position {position}: table `{}`, key {}: {}",
                    found.table, found.key, found.what
                );
                different.push(name);
            }
        }
    }
    match different.is_empty() {
        true => Ok(()),
        false => bail!(
            "not what the log says: {}; `greffe projection rebuild` makes it good",
            different.join(", ")
        ),
    }
}

async fn roll_back(rebuilder: &Rebuilder, projection: Arc<dyn Projection>) -> anyhow::Result<()> {
    let (name, version) = (projection.name(), projection.version().unsigned_abs());
    let rolled_back = rebuilder.roll_back(&*projection).await;
    let position = rolled_back.with_context(|| format!("`{name}` was not rolled back"))?;
    let done = Maintenance::RolledBack { version, position };
    record(rebuilder, name, done).await?;
    println!("{name} has its earlier rows, and goes on from position {position}");
    Ok(())
}

/// It is done by now: if it cannot be recorded, that is said.
async fn record(rebuilder: &Rebuilder, name: &str, done: Maintenance) -> anyhow::Result<()> {
    api::record_maintenance(&rebuilder.log, name, done, SystemClock.now())
        .await
        .map_err(problem)
        .with_context(|| format!("`{name}` was changed, but that is not in the audit trail"))
}

async fn remove(rebuilder: &Rebuilder, name: &str, version: Option<i32>) -> anyhow::Result<()> {
    let Some(version) = version else {
        rebuilder
            .drop_before(&*find(name)?)
            .await
            .with_context(|| format!("the earlier rows of `{name}` were not removed"))?;
        println!("the rows of {name} from before the last rebuild are removed");
        return Ok(());
    };
    let is_ours = |it: &Arc<dyn Projection>| it.name() == name && it.version() == version;
    if all_projections().iter().any(is_ours) {
        bail!("version {version} of `{name}` is the one this release reads");
    }
    rebuilder
        .drop_version(name, version)
        .await
        .with_context(|| format!("version {version} of `{name}` was not removed"))?;
    println!("version {version} of {name} is removed");
    Ok(())
}
