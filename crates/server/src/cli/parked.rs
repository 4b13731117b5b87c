//! `greffe projection parked`: events that a read model could not apply, and what becomes of them.

use std::collections::HashMap;

use anyhow::Context;
use api::Order;
use clap::Subcommand;
use domain::audit::RecordedRead;
use eventlog::{EventLog, ParkedEvent};
use events::audit::SensitiveReadRecorded;
use kernel::{AggregateId, Clock, SystemClock};
use serde_json::json;

use super::access::Access;
use crate::wiring::problem;

#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// What is parked, and how many wait behind each
    List {
        /// Only of this projection
        name: Option<String>,
    },
    /// One parked event: what it is, who caused it, why it failed
    Show {
        name: String,
        position: u64,
        /// Also what it says, which may be personal: the reading is recorded
        #[arg(long)]
        data: bool,
    },
    /// Apply it again, and then what waits behind it
    Retry {
        name: String,
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        position: Option<u64>,
        /// All that is parked
        #[arg(long)]
        all: bool,
    },
    /// Pass it over for good; what waits behind it is applied
    Discard {
        name: String,
        position: u64,
        /// Kept in the audit trail
        #[arg(long)]
        reason: String,
    },
}

impl Default for ParkedCommand {
    fn default() -> Self {
        Self::List { name: None }
    }
}

impl ParkedCommand {
    pub async fn run(self, access: &Access) -> anyhow::Result<()> {
        let log = &access.open.log;
        match self {
            Self::List { name } => list(log, name.as_deref()).await,
            Self::Show {
                name,
                position,
                data,
            } => show(log, &name, position, data).await,
            Self::Retry {
                name,
                position: Some(position),
                ..
            } => give(log, &name, position, Order::Retry).await,
            Self::Retry { name, .. } => retry_all(log, &name).await,
            Self::Discard {
                name,
                position,
                reason,
            } => give(log, &name, position, Order::Discard { reason }).await,
        }
    }
}

async fn list(log: &EventLog, name: Option<&str>) -> anyhow::Result<()> {
    let parked = eventlog::parked_events(log.pool(), name).await?;
    if parked.is_empty() {
        println!("nothing is parked");
        return Ok(());
    }
    let mut waiting: HashMap<(&str, &str), u64> = HashMap::new();
    for event in parked.iter().filter(|event| event.error.is_none()) {
        *waiting.entry(key(event)).or_default() += 1;
    }
    for event in parked.iter().filter(|event| event.error.is_some()) {
        println!(
            "{}  {}  {}  {}  {}  {} waiting",
            event.projection,
            event.position,
            event.event_type,
            event.aggregate_id,
            event.error.as_deref().unwrap_or_default(),
            waiting.get(&key(event)).unwrap_or(&0)
        );
    }
    Ok(())
}

fn key(event: &ParkedEvent) -> (&str, &str) {
    (&event.projection, &event.partition_key)
}

async fn show(log: &EventLog, name: &str, position: u64, data: bool) -> anyhow::Result<()> {
    let parked = api::parked_event(log, name, position)
        .await
        .map_err(problem)?;
    if data {
        record_reading(log, position).await?;
    }
    let read = log.read_after(position.saturating_sub(1), 1).await?;
    let event = read.first().context("the log has no such event")?;
    let mut shown = json!({
        "projection": parked.projection,
        "projection_version": parked.version,
        "partition_key": parked.partition_key,
        "error": parked.error,
        "parked_at": parked.parked_at,
        "position": event.position,
        "event_id": event.event_id,
        "type": event.event_type,
        "schema_version": event.schema_version,
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
        "sequence": event.sequence,
        "recorded_at": event.recorded_at,
        "actor": event.metadata.actor,
        "correlation_id": event.metadata.correlation_id,
        "causation_id": event.metadata.causation_id,
    });
    if data {
        shown["data"] = event.data.clone();
    }
    println!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

/// Before anything is shown, as with exports.
async fn record_reading(log: &EventLog, position: u64) -> anyhow::Result<()> {
    let read = SensitiveReadRecorded {
        action: "show_parked_event".into(),
        target_type: "event".into(),
        target_id: Some(position.to_string()),
        read_at: SystemClock.now(),
    };
    let id = AggregateId::from(kernel::new_id());
    log.execute::<RecordedRead>(&id, read, &(), &api::operator_context())
        .await
        .context("the reading cannot be recorded")?;
    Ok(())
}

async fn retry_all(log: &EventLog, name: &str) -> anyhow::Result<()> {
    let answer = api::order_all(log, name, &api::operator_context(), SystemClock.now())
        .await
        .map_err(problem)?;
    say(&answer);
    Ok(())
}

fn say(answer: &api::CommandAnswer) {
    println!(
        "ordered at position {}; the projector does it as soon as it gets there",
        answer.position
    );
}

async fn give(log: &EventLog, name: &str, position: u64, order: Order) -> anyhow::Result<()> {
    let context = api::operator_context();
    let answer = api::order(log, name, position, order, &context, SystemClock.now())
        .await
        .map_err(problem)?;
    say(&answer);
    Ok(())
}
