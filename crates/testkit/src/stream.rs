//! Whether the stream `EVENTS` is the log: the contract, read from outside by both of its ends.

use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, Message};
use chrono::{DateTime, SubsecRound, Utc};
use futures::StreamExt;
use serde_json::{Value, json};
use sqlx::{FromRow, PgPool};

const STREAM: &str = "EVENTS";
/// The relay may be starting on a busy machine, or wait to be sure that the stream is gone.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);

#[derive(FromRow)]
struct Row {
    position: i64,
    event_id: uuid::Uuid,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: Value,
    metadata: Value,
    recorded_at: DateTime<Utc>,
}

/// Waits until the stream holds the log, then panics unless sequence N holds the event of position
/// N, whole, for every N. Returns how many there are. Nothing may be appended meanwhile.
pub async fn assert_stream_is_log(database: &PgPool, nats: &Client) -> u64 {
    let rows: Vec<Row> = sqlx::query_as("SELECT * FROM events ORDER BY position")
        .fetch_all(database)
        .await
        .expect("read the log");
    let head = rows.len() as u64;
    let stream = stream_that_holds(nats, head).await;
    let info = stream.cached_info();
    let state = (
        info.state.first_sequence,
        info.state.last_sequence,
        info.state.messages,
    );
    assert_eq!(state, (1, head, head), "first, last and number of messages");
    let consumer = stream
        .create_consumer(pull::Config {
            ack_policy: AckPolicy::None,
            ..Default::default()
        })
        .await
        .expect("read the stream");
    let mut messages = consumer.messages().await.expect("read the stream");
    for (row, position) in rows.iter().zip(1..) {
        assert_eq!(row.position, position, "positions are dense");
        let next = tokio::time::timeout(PUBLISHED_WITHIN, messages.next()).await;
        let message = next.expect("a message in time").expect("a message");
        assert_same(row, &message.expect("a message"));
    }
    head
}

/// The stream, once its last sequence is `head`.
async fn stream_that_holds(nats: &Client, head: u64) -> jetstream::stream::Stream {
    let end = Instant::now() + PUBLISHED_WITHIN;
    loop {
        let found = jetstream::new(nats.clone()).get_stream(STREAM).await;
        let last = match found {
            Ok(stream) if stream.cached_info().state.last_sequence >= head => return stream,
            Ok(stream) => Ok(stream.cached_info().state.last_sequence),
            Err(error) => Err(error.to_string()),
        };
        let is_late = Instant::now() > end;
        assert!(!is_late, "the log is at {head}, the stream at {last:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn assert_same(row: &Row, message: &Message) {
    let sequence = message.info().expect("a stored message").stream_sequence;
    assert_eq!(sequence as i64, row.position, "sequence and position");
    assert_eq!(*message.subject, *format!("events.{}", row.event_type));
    let mut found: Value = serde_json::from_slice(&message.payload).expect("JSON");
    let recorded_at: DateTime<Utc> = found["recorded_at"]
        .take()
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time");
    assert_eq!(recorded_at, row.recorded_at.trunc_subsecs(3));
    let mut expected = json!({
        "position": row.position,
        "event_id": row.event_id,
        "type": row.event_type,
        "schema_version": row.event_version.parse::<u32>().expect("a number"),
        "aggregate_type": row.aggregate_type,
        "aggregate_id": row.aggregate_id,
        "sequence": row.sequence,
        "recorded_at": null,
        "actor": row.metadata["actor"],
        "correlation_id": row.metadata["correlation_id"],
        "causation_id": row.metadata["causation_id"],
        "data": row.payload,
    });
    // From where the command came; sealed, and not always known.
    if let Some(origin) = row.metadata.get("origin") {
        expected["origin"] = origin.clone();
    }
    assert_eq!(found, expected, "position {}", row.position);
}
