//! `greffe doctor`: what is wrong, in plain words, and what to do about it.

mod intake;
mod readiness;

use std::{collections::BTreeSet, fmt::Display, os::unix::fs::MetadataExt};

use eventlog::SchemaState;
use sqlx::{Connection, PgConnection, Row};

use super::{
    access::{Access, CONNECTIONS},
    log::stream_state,
    projection::readers,
};
use crate::{
    backends::Backends,
    config::Config,
    disk,
    wiring::{OpenLog, unlock},
};

const LAG_EVENTS: i64 = 10_000;
const LAG_SECONDS: f64 = 30.0;
/// A lock nobody else takes.
const PROBE_LOCK: i64 = 731_060;

/// What was found.
#[derive(Default)]
struct Findings {
    failed: BTreeSet<String>,
}

impl Findings {
    fn ok(&mut self, what: &str, detail: impl Display) {
        println!("ok    {what}: {detail}");
    }

    fn note(&mut self, what: &str, detail: impl Display) {
        println!("note  {what}: {detail}");
    }

    /// A thing that is wrong is said once: the platform may have said it already.
    fn fail(&mut self, what: &str, detail: impl Display, todo: &str) {
        if self.failed.insert(what.to_owned()) {
            println!("FAIL  {what}: {detail}\n      → {todo}");
        }
    }
}

pub async fn run(config: &Config) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    check_folder(config, &mut findings);
    let runs = readiness::check(config, &mut findings).await;
    match Access::reach(config).await {
        Ok((backends, running)) => {
            let open = open(config, &backends, &mut findings).await;
            match open {
                Some(open) => {
                    let access = Access {
                        backends,
                        open,
                        running,
                    };
                    check_parts(&access, runs, &mut findings).await;
                    access.close().await;
                }
                None => backends.stop().await,
            }
        }
        Err(error) => findings.fail(
            "servers",
            format!("{error:#}"),
            "the message says which server or setting; `logs` in the data folder says more",
        ),
    }
    match findings.failed.len() {
        0 => Ok(()),
        1 => anyhow::bail!("one thing is wrong"),
        count => anyhow::bail!("{count} things are wrong"),
    }
}

/// Opens the log without changing anything: a doctor does not migrate.
async fn open(config: &Config, backends: &Backends, findings: &mut Findings) -> Option<OpenLog> {
    let url = backends.database_url.expose();
    let is_direct = match check_pooler(url, findings).await {
        Ok(is_direct) => is_direct,
        Err(error) => {
            let todo = "start PostgreSQL, or correct DATABASE_URL; its log says more";
            findings.fail("postgresql", error, todo);
            false
        }
    };
    if !is_direct {
        return None;
    }
    let pool = match backends.connect_database(CONNECTIONS).await {
        Ok(pool) => pool,
        Err(error) => {
            let todo = "look at its log: are there connections left for more clients?";
            findings.fail("postgresql", format!("{error:#}"), todo);
            return None;
        }
    };
    match eventlog::schema_state(&pool).await {
        Ok(SchemaState::Current) => {}
        Ok(SchemaState::Behind) => {
            let detail = "some have not run on this database";
            findings.fail("migrations", detail, "back up, then `greffe migrate`");
            return None;
        }
        Ok(SchemaState::Newer) => {
            let detail = "a newer release has changed this database";
            findings.fail("migrations", detail, "run that release: none goes back");
            return None;
        }
        Err(error) => {
            findings.fail("postgresql", error, "look at the log of PostgreSQL");
            return None;
        }
    }
    match unlock(config, backends, pool).await {
        Ok(open) => Some(open),
        Err(error) => {
            let todo = "put back the master key that belongs to this database: GREFFE_MASTER_KEY, or \
                        `secrets/master-key` in the data folder";
            findings.fail("master key", format!("{error:#}"), todo);
            None
        }
    }
}

fn check_folder(config: &Config, findings: &mut Findings) {
    let folder = &config.data_dir;
    let metadata = match std::fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return findings.note(
                "data folder",
                format!("{} is made at the first start", folder.display()),
            );
        }
        Err(error) => {
            return findings.fail("data folder", error, "let the user who runs greffe read it");
        }
    };
    let (mode, owner) = (metadata.mode() & 0o777, metadata.uid());
    if mode & 0o077 != 0 {
        let todo = format!("chmod 700 {}", folder.display());
        findings.fail(
            "data folder",
            format!("others may enter it (mode {mode:o})"),
            &todo,
        );
    } else if owner != nix::unistd::geteuid().as_raw() {
        let detail = format!("{} belongs to user {owner}", folder.display());
        findings.fail("data folder", detail, "run greffe as its owner");
    } else {
        findings.ok("data folder", folder.display());
    }
    match disk::free(folder) {
        Ok(free) => {
            let detail = format!("{} MiB free", free >> 20);
            match free < disk::LEAST_FREE {
                true => findings.fail("disk", detail, "make room, or move GREFFE_DATA_DIR"),
                false => findings.ok("disk", detail),
            }
        }
        Err(error) => findings.fail("disk", error, "look at the file system of the data folder"),
    }
}

async fn check_parts(access: &Access, runs: bool, findings: &mut Findings) {
    if let Err(error) = check_database(access, findings).await {
        findings.fail("database", error, "look at the log of PostgreSQL");
    }
    if let Err(error) = check_log(access, runs, findings).await {
        findings.fail("log", format!("{error:#}"), "`greffe log status`");
    }
    if let Err(error) = check_projections(access, runs, findings).await {
        findings.fail("projections", error, "`greffe projection list`");
    }
}

async fn check_database(access: &Access, findings: &mut Findings) -> sqlx::Result<()> {
    let row = sqlx::query(
        "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
                pg_is_in_recovery() AS is_replica, pg_database_size(current_database()) AS bytes",
    )
    .fetch_one(&access.open.pool)
    .await?;
    let (version, fsync): (String, String) = (row.try_get("version")?, row.try_get("fsync")?);
    let bytes: i64 = row.try_get("bytes")?;
    if row.try_get("is_replica")? {
        findings.fail(
            "database",
            "it is a replica: nothing can be written",
            "point DATABASE_URL at the primary",
        );
    } else if fsync != "on" {
        findings.fail(
            "database",
            "fsync is off: a power cut loses accepted commands",
            "set fsync = on",
        );
    } else {
        findings.ok(
            "database",
            format!("PostgreSQL {version}, {} MiB", bytes >> 20),
        );
    }
    Ok(())
}

/// Leases are locks of a session: a pooler that hands a session's transactions to any connection
/// would let two processes do what only one may.
/// Whether nothing of that kind is there.
async fn check_pooler(url: &str, findings: &mut Findings) -> sqlx::Result<bool> {
    let (mut one, mut two) = (
        PgConnection::connect(url).await?,
        PgConnection::connect(url).await?,
    );
    let mut is_session = true;
    let mut pids = Vec::new();
    for _ in 0..5 {
        let had: bool = lock(&mut one, "pg_try_advisory_lock").await?;
        let also: bool = lock(&mut two, "pg_try_advisory_lock").await?;
        let let_go: bool = lock(&mut one, "pg_advisory_unlock").await?;
        if also {
            lock(&mut two, "pg_advisory_unlock").await?;
        }
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .persistent(false)
            .fetch_one(&mut one)
            .await?;
        pids.push(pid);
        is_session &= had && !also && let_go;
    }
    pids.dedup();
    one.close().await?;
    two.close().await?;
    let is_direct = is_session && pids.len() == 1;
    match is_direct {
        true => findings.ok("leases", "sessions keep their locks"),
        false => findings.fail(
            "pooler",
            "sessions do not keep their locks: a transaction pooler stands in between",
            "point DATABASE_URL at PostgreSQL itself, or set the pooler to session mode",
        ),
    }
    Ok(is_direct)
}

async fn lock(connection: &mut PgConnection, function: &str) -> sqlx::Result<bool> {
    // Unnamed, as a pooler may not know what was prepared on another connection.
    sqlx::query_scalar(&format!("SELECT {function}($1)"))
        .bind(PROBE_LOCK)
        .persistent(false)
        .fetch_one(connection)
        .await
}

async fn check_log(access: &Access, runs: bool, findings: &mut Findings) -> anyhow::Result<()> {
    let log = &access.open.log;
    let head = log.head().await?;
    let (epoch, fork) = log.epoch().await?;
    match fork {
        Some(problem) => findings.fail(
            "log",
            format!("forked from its stream ({problem}); nothing is appended"),
            "restore the database that belongs to the stream, or `greffe log reset-stream --yes`",
        ),
        None => findings.ok("log", format!("{head} events, epoch {epoch}")),
    }
    let client = match access.backends.nats.connect(false).await {
        Ok(client) => client,
        Err(error) => {
            findings.fail(
                "nats",
                format!("{error:#}"),
                "start nats-server, or correct NATS_URL and NATS_CREDS",
            );
            return Ok(());
        }
    };
    match stream_state(&client).await {
        Ok(None) if !runs => findings.note("stream", "made at the first start"),
        Ok(None) => findings.fail(
            "stream",
            "EVENTS is missing",
            "the relay makes it within 10 s; else read its log",
        ),
        Ok(Some(stream)) => {
            let behind = head.saturating_sub(stream.last_sequence) as i64;
            let detail = format!("{} of {head} published", stream.last_sequence);
            match runs && behind > LAG_EVENTS {
                true => findings.fail(
                    "relay",
                    detail,
                    "is a process with role `relay` running? read its log",
                ),
                false => findings.ok("relay", detail),
            }
        }
        Err(error) => findings.fail(
            "nats",
            format!("{error:#}"),
            "is JetStream on? start it with Greffe's nats.conf",
        ),
    }
    intake::check_intake(&client, runs, findings).await;
    Ok(())
}

async fn check_projections(
    access: &Access,
    runs: bool,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let rows = readers(&access.open.pool).await?;
    let mut are_well = true;
    for row in &rows {
        let detail = format!("{} events and {:.0} s behind", row.behind, row.seconds);
        if runs && (row.behind > LAG_EVENTS || row.seconds > LAG_SECONDS) {
            are_well = false;
            let todo =
                "is a process with role `projector` running? readiness above says if it is stuck";
            findings.fail(&format!("projection {}", row.name), detail, todo);
        }
        if row.parked > 0 {
            are_well = false;
            let detail = format!("{} events parked", row.parked);
            findings.fail(
                &format!("projection {}", row.name),
                detail,
                "`greffe projection parked` names them and why: they need a corrected build",
            );
        }
    }
    match (are_well, rows.is_empty()) {
        (true, false) => findings.ok("projections", format!("{} keep up", rows.len())),
        (true, true) => findings.note("projections", "filled at the first start"),
        (false, _) => {}
    }
    Ok(())
}
