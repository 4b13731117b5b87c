//! `greffe doctor`: what is wrong, in plain words, and what to do about it.

use std::{fmt::Display, os::unix::fs::MetadataExt, time::Duration};

use sqlx::{Connection, PgConnection, Row};

use super::{access::Access, log::stream_state, projection::readers};
use crate::{config::Config, data_folder::DataFolder, disk};

const LAG_EVENTS: i64 = 10_000;
const LAG_SECONDS: f64 = 30.0;
/// A lock nobody else takes.
const PROBE_LOCK: i64 = 731_060;

/// What was found.
#[derive(Default)]
struct Findings {
    failures: usize,
}

impl Findings {
    fn ok(&mut self, what: &str, detail: impl Display) {
        println!("ok    {what}: {detail}");
    }

    fn note(&mut self, what: &str, detail: impl Display) {
        println!("note  {what}: {detail}");
    }

    fn fail(&mut self, what: &str, detail: impl Display, todo: &str) {
        println!("FAIL  {what}: {detail}\n      → {todo}");
        self.failures += 1;
    }
}

pub async fn run(config: &Config) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    check_folder(config, &mut findings);
    match DataFolder::new(&config.data_dir).running() {
        Some(running) => {
            findings.ok("platform", format!("runs at {}", running.http));
            check_readiness(&running.http, &mut findings).await;
        }
        None => findings.note(
            "platform",
            "does not run on this data folder; its servers are tried",
        ),
    }
    match Access::open(config).await {
        Ok(access) => {
            check_parts(&access, &mut findings).await;
            access.close().await;
        }
        Err(error) => findings.fail(
            "database",
            format!("{error:#}"),
            "the message says which server or setting; `greffe migrate` tries it alone",
        ),
    }
    match findings.failures {
        0 => Ok(()),
        1 => anyhow::bail!("one thing is wrong"),
        count => anyhow::bail!("{count} things are wrong"),
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

async fn check_readiness(http: &str, findings: &mut Findings) {
    let answer = async {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()?;
        let response = client.get(format!("{http}/readyz")).send().await?;
        let is_ready = response.status().is_success();
        let health: serde_json::Value = response.json().await?;
        anyhow::Ok((is_ready, health))
    };
    match answer.await {
        Ok((true, _)) => findings.ok("readiness", "ready"),
        Ok((false, health)) => {
            let parts = health["components"].as_array().cloned().unwrap_or_default();
            let bad: Vec<String> = parts
                .iter()
                .filter(|part| part["status"] != "ok")
                .map(|part| {
                    let text = |name: &str| part[name].as_str().unwrap_or_default().to_owned();
                    format!("{} {} {}", text("name"), text("status"), text("detail"))
                })
                .collect();
            findings.fail(
                "readiness",
                bad.join("; "),
                "see the checks below, and the platform's log",
            );
        }
        Err(error) => findings.fail(
            "readiness",
            format!("{http} does not answer: {error}"),
            "look at the platform's log; if it hangs, stop it and start it again",
        ),
    }
}

async fn check_parts(access: &Access, findings: &mut Findings) {
    if let Err(error) = check_database(access, findings).await {
        findings.fail("database", error, "look at the log of PostgreSQL");
    }
    if let Err(error) = check_pooler(access, findings).await {
        findings.fail(
            "leases",
            format!("{error:#}"),
            "look at the log of PostgreSQL",
        );
    }
    if let Err(error) = check_log(access, findings).await {
        findings.fail("log", format!("{error:#}"), "`greffe log status`");
    }
    if let Err(error) = check_projections(access, findings).await {
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
async fn check_pooler(access: &Access, findings: &mut Findings) -> anyhow::Result<()> {
    let url = access.backends.database_url.expose();
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
            .fetch_one(&mut one)
            .await?;
        pids.push(pid);
        is_session &= had && !also && let_go;
    }
    pids.dedup();
    one.close().await?;
    two.close().await?;
    match is_session && pids.len() == 1 {
        true => findings.ok("leases", "sessions keep their locks"),
        false => findings.fail(
            "leases",
            "sessions do not keep their locks: a transaction pooler stands in between",
            "point DATABASE_URL at PostgreSQL itself, or set the pooler to session mode",
        ),
    }
    Ok(())
}

async fn lock(connection: &mut PgConnection, function: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(&format!("SELECT {function}($1)"))
        .bind(PROBE_LOCK)
        .fetch_one(connection)
        .await
}

async fn check_log(access: &Access, findings: &mut Findings) -> anyhow::Result<()> {
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
                "NATS",
                format!("{error:#}"),
                "start nats-server, or correct NATS_URL and NATS_CREDS",
            );
            return Ok(());
        }
    };
    match stream_state(&client).await {
        Ok(None) if access.running.is_none() => findings.note("stream", "made at the first start"),
        Ok(None) => findings.fail(
            "stream",
            "EVENTS is missing",
            "the relay makes it within 10 s; else read its log",
        ),
        Ok(Some(stream)) => {
            let behind = head.saturating_sub(stream.last_sequence) as i64;
            let detail = format!("{} of {head} published", stream.last_sequence);
            match access.running.is_some() && behind > LAG_EVENTS {
                true => findings.fail(
                    "relay",
                    detail,
                    "is a process with role `relay` running? read its log",
                ),
                false => findings.ok("relay", detail),
            }
        }
        Err(error) => findings.fail(
            "NATS",
            format!("{error:#}"),
            "is JetStream on? start it with Greffe's nats.conf",
        ),
    }
    Ok(())
}

async fn check_projections(access: &Access, findings: &mut Findings) -> sqlx::Result<()> {
    let rows = readers(&access.open.pool).await?;
    let is_running = access.running.is_some();
    let mut are_well = true;
    for row in &rows {
        let detail = format!("{} events and {:.0} s behind", row.behind, row.seconds);
        if is_running && (row.behind > LAG_EVENTS || row.seconds > LAG_SECONDS) {
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
                "`greffe projection parked`",
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
