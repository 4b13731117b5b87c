//! `greffe backup`: the database to a file and back, with PostgreSQL's own programs.
//!
//! A backup holds no key: without the master key, which is kept elsewhere, nothing personal in it
//! can be read.

mod places;
mod record;
mod server;

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use kernel::{Clock, SystemClock};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use self::{
    places::{Places, change_places, quoted, statement},
    server::{Server, conninfo, run},
};
use super::{Usage, access::Access};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Write the database to a new file, as it is at one moment; the platform may go on
    Create { file: PathBuf },
    /// Put the database of a file in the place of this one, which is kept under another name
    Restore {
        file: PathBuf,
        /// Yes: what happened since the backup is no longer in the log
        #[arg(long)]
        yes: bool,
    },
}

impl BackupCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Create { file } => create(config, &file).await,
            Self::Restore { file, yes: true } => restore(config, &file).await,
            Self::Restore { .. } => {
                let what = "this puts an earlier database in the place of the present one, and \
                            what happened since is no longer in the log. Say --yes to do it";
                Err(Usage(what.into()).into())
            }
        }
    }
}

/// Needs neither the master key nor a database that is up to date: it is copied as it is.
async fn create(config: &Config, file: &Path) -> anyhow::Result<()> {
    if file.symlink_metadata().is_ok() {
        bail!(
            "{} is there already; a backup replaces no file",
            file.display()
        );
    }
    let (backends, _) = Access::reach_present(config).await?;
    let dumped = record_and_dump(backends.database_url.expose(), file).await;
    backends.stop().await;
    let bytes = dumped?;
    println!("written   {} ({} KiB)", file.display(), bytes / 1024);
    println!("keep the master key elsewhere: without it nothing personal in the file can be read");
    Ok(())
}

/// The copy holds the event that it was begun. A log that takes no event, of another release or
/// closed, is copied all the same. Returns how many bytes the file has.
async fn record_and_dump(url: &str, file: &Path) -> anyhow::Result<u64> {
    if let Err(error) = record::begin(&url.parse()?, file).await {
        eprintln!("the backup is not in the audit trail: {error:#}");
    }
    dump(url, file).await
}

/// Returns how many bytes the file has.
async fn dump(url: &str, file: &Path) -> anyhow::Result<u64> {
    let server = Server::new(url)?;
    // Beside its place first: a file of that name is whole. Opened here, so that nobody else reads
    // it and nothing that lies there is written to.
    let partial = file.with_added_extension(format!("{}.partial", kernel::new_id().simple()));
    let opened = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .with_context(|| format!("{} cannot be written", partial.display()))?;
    let written = write(&server, opened, &partial, file).await;
    if written.is_err() {
        drop(fs::remove_file(&partial));
    }
    written
}

async fn write(
    server: &Server,
    opened: fs::File,
    partial: &Path,
    file: &Path,
) -> anyhow::Result<u64> {
    let mut dump = server.program("pg_dump");
    dump.args(["--format=custom", "--no-owner", "--dbname"])
        .arg(conninfo(&server.database))
        .stdout(opened.try_clone()?);
    run(dump).await?;
    let keep = || -> std::io::Result<u64> {
        opened.sync_all()?;
        fs::rename(partial, file)?;
        let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(opened.metadata()?.len())
    };
    keep().with_context(|| format!("{} cannot be written", file.display()))
}

async fn restore(config: &Config, file: &Path) -> anyhow::Result<()> {
    // Nothing is changed by a file that is no backup.
    if !file.is_file() {
        bail!("there is no file {}", file.display());
    }
    let (backends, _) = Access::reach(config).await?;
    let restored = restore_into(backends.database_url.expose(), file).await;
    backends.stop().await;
    let former = restored?;
    println!("restored  {}", file.display());
    println!("former    database {}", former.name);
    println!("Once you are sure, drop it while PostgreSQL runs:");
    println!("  {}", former.drop_command);
    println!(
        "If the stream EVENTS is ahead of this database, the relay closes the log: look at \
         `greffe log status`."
    );
    Ok(())
}

/// The database that was ours.
struct Former {
    name: String,
    drop_command: String,
}

/// Fills a new database, then lets the two change places; returns the former one. So nobody ever
/// sees a half restored one, and one that cannot be restored changes nothing.
async fn restore_into(url: &str, file: &Path) -> anyhow::Result<Former> {
    let server = Server::new(url)?;
    let mut list = server.program("pg_restore");
    list.arg("--list").arg(file).stdout(Stdio::null());
    run(list)
        .await
        .with_context(|| format!("{} is not a backup", file.display()))?;
    let now: DateTime<Utc> = SystemClock.now();
    let at = now.format("%Y%m%d_%H%M%S");
    let places = Places {
        ours: server.database.clone(),
        fresh: format!("{}_restored_{at}", server.database),
        former: format!("{}_before_{at}", server.database),
    };
    let former = Former {
        name: places.former.clone(),
        drop_command: server.drop_command(&places.former),
    };
    let options: PgConnectOptions = url.parse()?;
    let options = options.database("postgres");
    let mut admin = PgConnection::connect_with(&options)
        .await
        .context("the database `postgres` cannot be opened with this account")?;
    let fresh = quoted(&places.fresh);
    statement(
        &mut admin,
        &format!("CREATE DATABASE {fresh} TEMPLATE template0"),
    )
    .await?;
    let mut fill = server.program("pg_restore");
    fill.args(["--exit-on-error", "--no-owner", "--dbname"])
        .arg(conninfo(&places.fresh))
        .arg(file);
    if let Err(error) = run(fill).await {
        // Also while PostgreSQL still makes an index for who has ended.
        let unused = format!("DROP DATABASE {fresh} WITH (FORCE)");
        if statement(&mut admin, &unused).await.is_err() {
            eprintln!("what was restored so far is left: run `{unused}`");
        }
        return Err(error.context("the backup cannot be restored; nothing was changed"));
    }
    // Before anybody reads it.
    if let Err(error) = record::restored(&options.clone().database(&places.fresh), file).await {
        eprintln!("the restore is not in the audit trail: {error:#}");
    }
    // A task of its own: half way nobody can connect, so it goes on whoever stops waiting for it.
    tokio::spawn(change_places(admin, options, places)).await??;
    Ok(former)
}
