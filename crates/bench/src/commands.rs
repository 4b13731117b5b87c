//! Commands in process, 32 at once: load, decide, append durably. Ours beside cqrs-es + postgres-es
//! and beside `pgbench` with bare single-row inserts.

use std::{
    future::Future,
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context;
use cqrs_es::CqrsFramework;
use eventlog::{CommandContext, CommandKey, EventLog, Vault};
use futures::future::join_all;
use kernel::{Actor, AggregateId, Metadata, new_id};
use postgres_es::{PostgresEventRepository, postgres_cqrs};
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::account::{Account, Deposit};

/// How many commands are under way at once.
pub const AT_ONCE: usize = 32;
/// An account takes so many deposits, then the next one is opened.
pub const DEPOSITS: u64 = 10;

/// The table that postgres-es documents.
const PEER_TABLE: &str = "CREATE TABLE IF NOT EXISTS events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL,
    event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

pub async fn connect(url: &str) -> anyhow::Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(AT_ONCE as u32)
        .connect(url)
        .await?)
}

/// A fresh database beside the others of the same server.
pub async fn database(admin: &PgPool, url: &str, name: &str) -> anyhow::Result<String> {
    sqlx::query(&format!("CREATE DATABASE {name}"))
        .execute(admin)
        .await?;
    let (base, _) = url
        .rsplit_once('/')
        .ok_or_else(|| anyhow::anyhow!("no database in the URL"))?;
    Ok(format!("{base}/{name}"))
}

pub async fn open_log(url: &str) -> anyhow::Result<EventLog> {
    let pool = connect(url).await?;
    eventlog::migrate(&pool).await?;
    Ok(EventLog::open(pool.clone(), Vault::new(pool, &[7; 32])).await?)
}

/// Runs one command after another in so many tasks until time is up; commands per second.
pub async fn rate<F: Future<Output = anyhow::Result<()>>>(
    tasks: usize,
    time: Duration,
    command: impl Fn(usize, u64) -> F,
) -> anyhow::Result<f64> {
    let done = AtomicU64::new(0);
    let started = Instant::now();
    let results = join_all((0..tasks).map(|task| {
        let (done, command) = (&done, &command);
        async move {
            let mut nth = 0;
            while started.elapsed() < time {
                command(task, nth).await?;
                nth += 1;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        }
    }))
    .await;
    results.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64())
}

/// Our own: every command has an idempotency key, and is remembered by it.
pub async fn ours(log: &EventLog, run: &str, time: Duration) -> anyhow::Result<f64> {
    let metadata = Metadata::new(Actor::service("bench"), new_id());
    rate(AT_ONCE, time, |task, nth| {
        let metadata = metadata.clone();
        async move {
            let id = AggregateId::new(format!("{run}-{task}-{}", nth / DEPOSITS))?;
            let amount = nth as i64 + 1;
            let key = format!("{run}-{task}-{nth}");
            let key = CommandKey::for_caller(
                log.vault(),
                &metadata.actor,
                "deposit",
                &key,
                &(&id, amount),
            )?;
            let context = CommandContext {
                metadata,
                key: Some(key),
            };
            log.execute::<Account>(&id, Deposit { amount }, &(), &context)
                .await?;
            Ok(())
        }
    })
    .await
}

/// cqrs-es + postgres-es as their documentation sets them up; commands have no keys there.
pub struct Peer {
    cqrs: CqrsFramework<
        Account,
        cqrs_es::persist::PersistedEventStore<PostgresEventRepository, Account>,
    >,
}

impl Peer {
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let pool = connect(url).await?;
        sqlx::query(PEER_TABLE).execute(&pool).await?;
        Ok(Self {
            cqrs: postgres_cqrs(pool, Vec::new(), ()),
        })
    }

    pub async fn rate(&self, run: &str, time: Duration) -> anyhow::Result<f64> {
        rate(AT_ONCE, time, |task, nth| async move {
            let id = format!("{run}-{task}-{}", nth / DEPOSITS);
            self.cqrs
                .execute(
                    &id,
                    Deposit {
                        amount: nth as i64 + 1,
                    },
                )
                .await?;
            Ok(())
        })
        .await
    }
}

/// `pgbench` with one durable single-row insert a transaction; transactions per second.
pub async fn pgbench(admin: &PgPool, url: &str, time: Duration) -> anyhow::Result<f64> {
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS single_rows (id uuid PRIMARY KEY, payload jsonb NOT NULL)",
    )
    .execute(admin)
    .await?;
    let program = embedded::find_tools_dir()
        .context("`make setup` first")?
        .join("postgres/bin/pgbench");
    let mut script = tempfile::NamedTempFile::new()?;
    script.write_all(
        br#"INSERT INTO single_rows VALUES (gen_random_uuid(), '{"amount": 7, "note": "a row of about the same size"}');"#,
    )?;
    let output = tokio::process::Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--file"])
        .arg(script.path())
        .arg(format!("--client={AT_ONCE}"))
        .arg(format!("--time={}", time.as_secs().max(1)))
        .arg(url)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .with_context(|| format!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Emmett (npm) doing the same deposits; commands per second. `make bench` installs it.
pub async fn emmett(url: &str, time: Duration) -> anyhow::Result<f64> {
    let mut command = tokio::process::Command::new("node");
    command.arg("bench.mjs");
    foreign(command, "emmett", url, time).await
}

/// Python's eventsourcing (PyPI) doing the same deposits. `make bench` installs it.
pub async fn eventsourcing(url: &str, time: Duration) -> anyhow::Result<f64> {
    let python = std::env::var_os("BENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = tokio::process::Command::new(python);
    command.arg("bench.py");
    foreign(command, "eventsourcing", url, time).await
}

/// A program below `peers/` that prints its commands per second last.
async fn foreign(
    mut command: tokio::process::Command,
    peer: &str,
    url: &str,
    time: Duration,
) -> anyhow::Result<f64> {
    let output = command
        .args([url, &time.as_secs_f64().to_string()])
        .current_dir(format!("{}/peers/{peer}", env!("CARGO_MANIFEST_DIR")))
        .output()
        .await
        .with_context(|| format!("{peer} cannot be run: `make bench` installs it"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().next_back().and_then(|line| line.parse().ok());
    last.with_context(|| format!("{peer}: {said}{}", String::from_utf8_lossy(&output.stderr)))
}
