//! `make bench`: the platform beside its peers, in one run on one machine. Ratios, not times: the
//! machine is shared. `QUICK=1` takes under a minute.

mod account;
mod commands;
mod dashboards;
mod intake;
mod line;
mod log;
mod plan;
mod platform;
mod rebuild;
mod report;
mod sockets;

use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use embedded::{EmbeddedConfig, Servers};
use plan::Plan;
use report::{Row, median};

/// As `greffe` does; what is measured beside it has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Measures Greffe beside its peers")]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Ask the dashboards over so many events.
    #[arg(long)]
    events: Option<i64>,
    /// Measure only these.
    #[arg(long, value_enum)]
    only: Vec<Measured>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Measured {
    InProcess,
    Http,
    Size,
    Processes,
    Relay,
    Rebuild,
    Process,
    Sockets,
    Dashboards,
    Intake,
}

#[derive(Subcommand)]
enum What {
    /// One of eight appending processes; used by the benchmark itself.
    #[command(hide = true)]
    AppendChild {
        #[arg(long)]
        run: String,
        #[arg(long)]
        seconds: f64,
    },
}

/// How long a started platform is left alone before its memory is looked at.
const IDLE_FOR: Duration = Duration::from_secs(5);

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(What::AppendChild { run, seconds }) = arguments.what {
        let url = std::env::var("BENCH_DATABASE_URL").context("BENCH_DATABASE_URL")?;
        return log::append_as_child(&url, &run, Duration::from_secs_f64(seconds)).await;
    }
    let is_quick = std::env::var("QUICK").is_ok_and(|quick| quick == "1");
    let mut plan = Plan::new(is_quick);
    plan.supervised = arguments.events.unwrap_or(plan.supervised);
    let folder = tempfile::tempdir()?;
    let servers = Servers::start(EmbeddedConfig::new(folder.path())).await?;
    let chosen = match arguments.only.as_slice() {
        [] => Measured::value_variants(),
        some => some,
    };
    let rows = measure(&servers, &plan, chosen).await;
    servers.stop().await;
    report::publish(&rows?)
}

async fn measure(servers: &Servers, plan: &Plan, chosen: &[Measured]) -> anyhow::Result<Vec<Row>> {
    let url = servers.postgres_url().context("no PostgreSQL")?;
    let admin = commands::connect(&url).await?;
    let mut rows = Vec::new();
    for what in chosen {
        match what {
            Measured::InProcess => rows.extend(in_process(&admin, &url, plan).await?),
            Measured::Http => rows.extend(over_http(&admin, &url, plan).await?),
            Measured::Size => rows.extend(table_size(&admin, &url, plan).await?),
            Measured::Processes => rows.extend(processes(&admin, &url, plan).await?),
            Measured::Relay => rows.push(relay(servers, &admin, &url, plan).await?),
            Measured::Rebuild => rows.extend(rebuild(&admin, &url, plan).await?),
            Measured::Process => rows.extend(process().await?),
            Measured::Sockets => rows.push(open_sockets(plan).await?),
            Measured::Dashboards => rows.extend(supervision(&admin, &url, plan).await?),
            Measured::Intake => rows.extend(facts(&admin, &url, plan).await?),
        }
    }
    Ok(rows)
}

async fn in_process(admin: &sqlx::PgPool, url: &str, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    println!("commands in process …");
    let ours = commands::open_log(&commands::database(admin, url, "ours").await?).await?;
    let peer = commands::Peer::open(&commands::database(admin, url, "peer").await?).await?;
    let emmett = commands::database(admin, url, "emmett").await?;
    let python = commands::database(admin, url, "python").await?;
    let mut rates: [Vec<f64>; 5] = Default::default();
    for round in 0..=plan.rounds {
        let run = format!("r{round}");
        let measured = [
            commands::ours(&ours, &run, plan.slice).await?,
            commands::emmett(&emmett, plan.slice).await?,
            commands::eventsourcing(&python, plan.slice).await?,
            peer.rate(&run, plan.slice).await?,
            commands::pgbench(admin, url, plan.slice).await?,
        ];
        // The first round warms up.
        if round > 0 {
            for (rates, rate) in rates.iter_mut().zip(measured) {
                rates.push(rate);
            }
        }
    }
    let [our, emmett, python, peer, bare] = rates.map(median);
    Ok(vec![
        Row::at_least(
            "commands in process / cqrs-es + postgres-es",
            our,
            peer,
            Some(3.0),
            "commands/s",
        ),
        Row::at_least(
            "commands in process / Emmett",
            our,
            emmett,
            Some(7.0),
            "commands/s",
        ),
        Row::at_least(
            "commands in process / eventsourcing (Python)",
            our,
            python,
            None,
            "commands/s",
        ),
        Row::at_least(
            "commands in process / pgbench, single-row inserts",
            our,
            bare,
            None,
            "commands/s",
        ),
    ])
}

async fn over_http(admin: &sqlx::PgPool, url: &str, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    println!("commands over HTTP, and what a WebSocket sees of them …");
    let peer = commands::Peer::open(&commands::database(admin, url, "peer_of_http").await?).await?;
    let platform = platform::Platform::start().await?;
    // Before the flood: its backlog is not what is measured here.
    let seen = platform.latencies(plan.slice * 3).await?;
    let (mut ours, mut theirs, mut requests) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let rates = (
            platform.commands(plan.slice).await?,
            peer.rate(&format!("h{round}"), plan.slice).await?,
            platform.requests(plan.slice).await?,
        );
        if round > 0 {
            ours.push(rates.0);
            theirs.push(rates.1);
            requests.push(rates.2);
        }
    }
    platform.stop().await?;
    let (ours, theirs, requests) = (median(ours), median(theirs), median(requests));
    Ok(vec![
        Row::at_least(
            "commands over HTTP / cqrs-es + postgres-es in process",
            ours,
            theirs,
            Some(1.0),
            "commands/s",
        ),
        Row::at_least(
            "approval requests over HTTP / the same",
            requests,
            theirs,
            None,
            "commands/s",
        ),
        Row::within(
            "command to frame on another socket, p50",
            seen.frame_p50_ms,
            5.0,
            "ms",
        ),
        Row::within(
            "command to frame on another socket, p99",
            seen.frame_p99_ms,
            50.0,
            "ms",
        ),
        Row::alone("command to answer meanwhile, p50", seen.answer_p50_ms, "ms"),
    ])
}

async fn table_size(admin: &sqlx::PgPool, url: &str, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    println!("append at 10 thousand and at {} events …", plan.large);
    let small = commands::open_log(&commands::database(admin, url, "small").await?).await?;
    let large = commands::open_log(&commands::database(admin, url, "large").await?).await?;
    log::fill(small.pool(), 10_000).await?;
    log::fill(large.pool(), plan.large).await?;
    let (mut at_small, mut at_large) = (Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let run = format!("s{round}");
        let rates = (
            commands::ours(&small, &run, plan.slice).await?,
            commands::ours(&large, &run, plan.slice).await?,
        );
        if round > 0 {
            at_small.push(1e6 / rates.0);
            at_large.push(1e6 / rates.1);
        }
    }
    let name = format!("append cost at {} / at 10,000 events", plan.large);
    Ok(vec![Row::at_most(
        &name,
        median(at_large),
        median(at_small),
        1.2,
        "µs/event",
    )])
}

async fn processes(admin: &sqlx::PgPool, url: &str, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    println!("eight processes appending …");
    let url = commands::database(admin, url, "processes").await?;
    let log = commands::open_log(&url).await?;
    let (mut ones, mut eights, mut p99s) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        ones.push(log::one_process(&log, &format!("one{round}"), plan.slice).await?);
        let (rate, p99) = log::eight_processes(&url, plan.slice).await?;
        eights.push(rate);
        p99s.push(p99);
    }
    let (eight, one) = (median(eights), median(ones));
    Ok(vec![
        Row::at_least(
            "8 processes appending / one process",
            eight,
            one,
            Some(0.15),
            "events/s",
        ),
        Row::within("8 processes appending, p99", median(p99s), 30.0, "ms"),
    ])
}

async fn relay(
    servers: &Servers,
    admin: &sqlx::PgPool,
    url: &str,
    plan: &Plan,
) -> anyhow::Result<Row> {
    println!("relay of {} events …", plan.relayed);
    let log = commands::open_log(&commands::database(admin, url, "relayed").await?).await?;
    log::fill(log.pool(), plan.relayed).await?;
    let nats = servers.nats_url().context("no nats-server")?;
    let who = servers.nats_credentials().context("no nats-server")?;
    let connect = || {
        async_nats::ConnectOptions::with_user_and_password(who.user.clone(), who.password.clone())
            .connect(nats.clone())
    };
    let (mut relayed, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds.min(3) {
        relayed.push(log::relay(&log, connect().await?).await?);
        raw.push(log::raw_publish(&log, connect().await?).await?);
        for stream in ["RAW", eventlog::EVENTS] {
            servers.delete_nats_stream(stream).await?;
        }
        log.begin_epoch().await?;
    }
    let name = "relay / pipelined raw JetStream publish";
    Ok(Row::at_least(
        name,
        median(relayed),
        median(raw),
        Some(0.5),
        "events/s",
    ))
}

async fn rebuild(admin: &sqlx::PgPool, url: &str, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    println!("rebuild of read models from {} events …", plan.rebuilt);
    let url = commands::database(admin, url, "rebuilt").await?;
    let bench = rebuild::Bench::new(&url, plan.rebuilt).await?;
    let rates = bench.rates().await?;
    let seen = bench.under_load().await?;
    Ok(vec![
        Row::at_least(
            "rebuild of `audit` / INSERT … SELECT of the same rows",
            rates.audit,
            rates.audit_rows,
            Some(0.35),
            "events/s",
        ),
        Row::reaches("rebuild of `audit`", rates.audit, 50_000.0, "events/s"),
        Row::reaches(
            "rebuild of `approvals`",
            rates.approvals,
            50_000.0,
            "events/s",
        ),
        Row::alone(
            "rebuild of `approvals` under writes and queries",
            seen.rate,
            "events/s",
        ),
        Row::alone("slowest query meanwhile", seen.slowest_ms, "ms"),
    ])
}

/// What the program takes before anybody uses it.
async fn process() -> anyhow::Result<Vec<Row>> {
    println!("start and memory of `greffe up` …");
    let platform = platform::Platform::start().await?.again().await?;
    tokio::time::sleep(IDLE_FOR).await;
    let memory = platform.memory_mib()?;
    let started_in = platform.started_in.as_secs_f64();
    platform.stop().await?;
    Ok(vec![
        Row::within(
            "start of `greffe up` to ready, second start",
            started_in,
            3.0,
            "s",
        ),
        Row::within("memory of `greffe up`, idle", memory, 80.0, "MiB"),
    ])
}

async fn open_sockets(plan: &Plan) -> anyhow::Result<Row> {
    println!("{} open WebSockets …", plan.sockets);
    let platform = platform::Platform::start().await?;
    let p99 = sockets::p99_ms(&platform, plan.sockets, plan.slice * 5).await?;
    platform.stop().await?;
    let name = format!("command to frame on each of {} sockets, p99", plan.sockets);
    Ok(Row::within(&name, p99, 500.0, "ms"))
}

async fn supervision(admin: &sqlx::PgPool, url: &str, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    println!("dashboards over {} events (p50, p95) …", plan.supervised);
    let url = commands::database(admin, url, "supervised").await?;
    dashboards::rows(&url, plan.supervised).await
}

/// 4,000 messages a second were wanted of a machine on which this peer did 5,975 commands a second.
const INTAKE_TO_PEER: f64 = 4_000.0 / 5_975.0;

async fn facts(admin: &sqlx::PgPool, url: &str, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    println!("intake of {} messages …", plan.taken_in);
    let peer = commands::database(admin, url, "peer_of_intake").await?;
    let peer = commands::Peer::open(&peer).await?;
    let mut theirs = Vec::new();
    for round in 0..=plan.rounds {
        let rate = peer.rate(&format!("i{round}"), plan.slice).await?;
        if round > 0 {
            theirs.push(rate);
        }
    }
    let platform = platform::Platform::start().await?;
    let taken = intake::until_visible(&platform, plan.taken_in).await?;
    platform.stop().await?;
    Ok(vec![
        Row::at_least(
            "intake until visible / cqrs-es + postgres-es in process",
            taken.rate,
            median(theirs),
            Some(INTAKE_TO_PEER),
            "messages/s",
        ),
        Row::reaches(
            "intake: messages/s until visible in the dashboard",
            taken.rate,
            4_000.0,
            "messages/s",
        ),
        Row::alone(
            "of them into JetStream meanwhile",
            taken.published,
            "messages/s",
        ),
    ])
}
