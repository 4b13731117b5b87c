//! `greffe log`: the log, its stream, and what to do once they have parted.

use std::time::Duration;

use async_nats::jetstream::{self, context::GetStreamErrorKind};
use clap::Subcommand;
use eventlog::EVENTS;
use tokio::time::Instant;

use super::{Usage, access::Access, with_log};
use crate::config::Config;

const STREAM_NOT_FOUND: u64 = 10_059;
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Where the log and its stream stand
    Status,
    /// Remove the stream EVENTS and publish the log anew, as another history
    ResetStream {
        /// Yes: readers of the stream begin again, and what only the stream holds is lost
        #[arg(long)]
        yes: bool,
    },
}

/// The state of the stream `EVENTS`.
pub struct StreamState {
    pub last_sequence: u64,
    pub bytes: u64,
}

/// `None` if the server has no such stream.
pub async fn stream_state(client: &async_nats::Client) -> anyhow::Result<Option<StreamState>> {
    match jetstream::new(client.clone()).get_stream(EVENTS).await {
        Ok(stream) => {
            let state = &stream.cached_info().state;
            Ok(Some(StreamState {
                last_sequence: state.last_sequence,
                bytes: state.bytes,
            }))
        }
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(inner) if inner.error_code().0 == STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(error.into()),
        },
    }
}

impl LogCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        if let Self::ResetStream { yes: false } = self {
            let what = "this removes the stream EVENTS and publishes the log anew under another \
                        epoch: external readers begin again. Say --yes to do it";
            return Err(Usage(what.into()).into());
        }
        with_log(config, async |access| match self {
            Self::Status => status(access).await,
            Self::ResetStream { .. } => reset_stream(access).await,
        })
        .await
    }
}

async fn status(access: &Access) -> anyhow::Result<()> {
    let log = &access.open.log;
    let head = log.head().await?;
    let (epoch, fork) = log.epoch().await?;
    println!("epoch     {epoch}");
    println!("head      {head}");
    match access.backends.nats.connect(false).await {
        Ok(client) => match stream_state(&client).await? {
            Some(stream) => println!(
                "stream    {} ({} behind, {} KiB)",
                stream.last_sequence,
                head.saturating_sub(stream.last_sequence),
                stream.bytes / 1024
            ),
            None => println!("stream    none yet"),
        },
        Err(error) => println!("stream    unknown: {error:#}"),
    }
    if let Some(problem) = fork {
        println!("forked    {problem}");
        anyhow::bail!(
            "nothing is appended until you decide: restore the database that belongs to the stream, \
             or, if the database is right, `greffe log reset-stream --yes`"
        );
    }
    Ok(())
}

async fn reset_stream(access: &Access) -> anyhow::Result<()> {
    let client = access.backends.nats.connect(false).await?;
    // First the stream: with a new epoch and the old stream the relay would see a fork at once.
    if stream_state(&client).await?.is_some() {
        access.backends.nats.delete_stream(EVENTS).await?;
    }
    let epoch = access.open.log.begin_epoch().await?;
    println!("epoch     {epoch}");
    if access.running.is_none() {
        println!("the log is published at the next start");
        return Ok(());
    }
    let head = access.open.log.head().await?;
    let end = Instant::now() + PUBLISHED_WITHIN;
    while Instant::now() < end {
        if let Ok(Some(stream)) = stream_state(&client).await
            && stream.last_sequence >= head
        {
            println!("stream    {}", stream.last_sequence);
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("the log is not published yet: look at `greffe log status`")
}
