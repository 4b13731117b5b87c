//! The log itself: what a large table costs, many processes at once, the relay.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context;
use async_nats::jetstream::{
    self,
    context::traits::Publisher,
    message::PublishMessage,
    stream::{Config, StorageType},
};
use eventlog::{EventLog, Leases, Relay};
use futures::StreamExt;
use hdrhistogram::{Histogram, serialization::Serializer};
use sqlx::PgPool;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::commands::{open_log, ours};

/// Adds events in bulk, as many as are missing to `count`: accounts of ten deposits each.
pub async fn fill(pool: &PgPool, count: i64) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO events SELECT n, gen_random_uuid(), 'bench.account', 'filled-' || (n / 10),
             n % 10 + 1, 'bench.account.deposited', '1',
             jsonb_build_object('amount', n, 'balance', n, 'note', 'a deposit of about the size of a small real event'),
             jsonb_build_object('actor', jsonb_build_object('kind', 'service', 'id', 'bench'),
                 'correlation_id', gen_random_uuid()), date_trunc('milliseconds', clock_timestamp())
         FROM generate_series((SELECT coalesce(max(position), 0) + 1 FROM events), $1) n",
    )
    .bind(count)
    .execute(pool)
    .await?;
    sqlx::query(
        "INSERT INTO commands SELECT gen_random_uuid(), sha256(n::text::bytea), 'filled', n, 'null',
             clock_timestamp() FROM generate_series((SELECT count(*) + 1 FROM commands), $1) n",
    )
    .bind(count)
    .execute(pool)
    .await?;
    sqlx::query("VACUUM ANALYZE events").execute(pool).await?;
    sqlx::query("VACUUM ANALYZE commands").execute(pool).await?;
    sqlx::query("CHECKPOINT").execute(pool).await?;
    Ok(())
}

/// One of the processes of [`eight_processes`]: appends for a while and prints its latencies.
pub async fn append_as_child(url: &str, run: &str, time: Duration) -> anyhow::Result<()> {
    use kernel::{Actor, AggregateId, Metadata, new_id};
    let log = open_log(url).await?;
    let mut latencies = Histogram::<u64>::new(3)?;
    let metadata = Metadata::new(Actor::service("bench"), new_id());
    let started = Instant::now();
    let mut nth = 0_u64;
    while started.elapsed() < time {
        // Four at a time, as a process that serves a few callers.
        let batch = (0..4).map(|lane| {
            let (log, metadata) = (&log, metadata.clone());
            async move {
                let id = AggregateId::new(format!("{run}-{lane}-{}", nth / 10))?;
                let context = eventlog::CommandContext {
                    metadata,
                    key: None,
                };
                let began = Instant::now();
                log.execute::<crate::account::Account>(
                    &id,
                    crate::account::Deposit { amount: 1 },
                    &(),
                    &context,
                )
                .await?;
                anyhow::Ok(began.elapsed())
            }
        });
        for latency in futures::future::try_join_all(batch).await? {
            latencies.record(latency.as_micros() as u64)?;
        }
        nth += 1;
    }
    let mut bytes = Vec::new();
    hdrhistogram::serialization::V2Serializer::new().serialize(&latencies, &mut bytes)?;
    tokio::io::stdout().write_all(&bytes).await?;
    Ok(tokio::io::stdout().flush().await?)
}

/// Eight processes appending at once: events per second, and the 99th percentile in ms.
pub async fn eight_processes(url: &str, time: Duration) -> anyhow::Result<(f64, f64)> {
    let program = std::env::current_exe().context("find the own program")?;
    let children = (0..8).map(|n| {
        let mut command = tokio::process::Command::new(&program);
        command
            .args([
                "append-child",
                "--run",
                &format!("p{n}-{}", kernel::new_id().simple()),
            ])
            .args(["--seconds", &time.as_secs_f64().to_string()])
            .env("BENCH_DATABASE_URL", url)
            .stdout(Stdio::piped());
        async move { anyhow::Ok(command.spawn()?.wait_with_output().await?) }
    });
    let mut all = Histogram::<u64>::new(3)?;
    for output in futures::future::try_join_all(children).await? {
        anyhow::ensure!(output.status.success(), "a child failed");
        let one: Histogram<u64> = hdrhistogram::serialization::Deserializer::new()
            .deserialize(&mut output.stdout.as_slice())?;
        all.add(one)?;
    }
    Ok((
        all.len() as f64 / time.as_secs_f64(),
        all.value_at_quantile(0.99) as f64 / 1_000.0,
    ))
}

/// One process appending with the same number of callers: events per second.
pub async fn one_process(log: &EventLog, run: &str, time: Duration) -> anyhow::Result<f64> {
    ours(log, run, time).await
}

/// Messages per second that the relay copies from a log into an empty stream.
pub async fn relay(log: &EventLog, client: async_nats::Client) -> anyhow::Result<f64> {
    let head = log.head().await?;
    let stop = CancellationToken::new();
    let leases = Leases::start(log.pool());
    let mut status = Relay::start(log.clone(), client, &leases, 1, stop.clone());
    // The clock starts with the first message: leases and the making of the stream are not its work.
    status
        .wait_for(|status| status.oldest_unpublished.is_some())
        .await?;
    let started = Instant::now();
    status.wait_for(|status| status.published >= head).await?;
    let rate = head as f64 / started.elapsed().as_secs_f64();
    stop.cancel();
    Ok(rate)
}

/// The same bytes published raw, pipelined the same way, into a stream of their own.
pub async fn raw_publish(log: &EventLog, client: async_nats::Client) -> anyhow::Result<f64> {
    let context = jetstream::new(client);
    let events = context.get_stream("EVENTS").await?;
    let mut bodies = Vec::new();
    let consumer = events
        .create_consumer(jetstream::consumer::pull::OrderedConfig::default())
        .await?;
    let head = log.head().await? as usize;
    let mut messages = consumer.messages().await?;
    while bodies.len() < head {
        let message = messages.next().await.context("the stream ended")??;
        bodies.push(message.payload.clone());
    }
    context
        .create_stream(Config {
            name: "RAW".into(),
            subjects: vec!["raw.>".into()],
            storage: StorageType::File,
            ..Config::default()
        })
        .await?;
    let started = Instant::now();
    let mut in_flight = std::collections::VecDeque::new();
    for body in bodies {
        if in_flight.len() >= 2_000
            && let Some(oldest) = in_flight.pop_front()
        {
            confirm(oldest).await?;
        }
        let message = PublishMessage::build()
            .payload(body)
            .outbound_message("raw.bench.account.deposited");
        in_flight.push_back(context.publish_message(message).await?);
    }
    for ack in in_flight {
        confirm(ack).await?;
    }
    let rate = head as f64 / started.elapsed().as_secs_f64();
    Ok(rate)
}

async fn confirm(ack: jetstream::context::PublishAckFuture) -> anyhow::Result<()> {
    ack.await?;
    Ok(())
}
