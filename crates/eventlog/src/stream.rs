//! The JetStream stream `EVENTS`: sequence N holds the event of position N.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::{
    self, Context,
    stream::{
        Config, ConsumerLimits, DiscardPolicy, RetentionPolicy, StorageType, SubjectTransform,
    },
};
use uuid::Uuid;

use crate::{LogError, recorded::Envelope};

/// The stream's name (`contracts.md`, "Events").
pub const EVENTS: &str = "EVENTS";
/// Rung, by core NATS, when something was appended.
pub(crate) const DOORBELL: &str = "greffe.doorbell";

const EPOCH: &str = "greffe-epoch";
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const ACK_TIMEOUT: Duration = Duration::from_secs(1);
const NOT_FOUND: u64 = 10_059;
/// A consumer that nobody asked anything for so long is gone: the server has room for so many only.
/// A reader that comes once a month keeps its place.
const CONSUMER_UNUSED_FOR: Duration = Duration::from_secs(35 * 24 * 60 * 60);

/// How one writes to the stream.
///
/// nats-server does not check the reply subject of a client's publish against the client's
/// permissions: a service could make it store an acknowledgement under any subject a stream listens
/// to. So `EVENTS` listens to a prefix that nobody else knows, and stores under `events.>`.
#[derive(Debug, Clone)]
pub(crate) struct EventsStream {
    pub ingest_prefix: String,
    pub epoch: Option<Uuid>,
    pub last_sequence: u64,
}

pub(crate) fn context(client: &async_nats::Client) -> Context {
    jetstream::ContextBuilder::new()
        .timeout(REQUEST_TIMEOUT)
        .ack_timeout(ACK_TIMEOUT)
        .max_ack_inflight(8_192)
        .build(client.clone())
}

pub(crate) fn nats(error: impl std::fmt::Display) -> LogError {
    LogError::Nats(error.to_string())
}

/// The stream as it is; `None` if the server says that there is none.
pub(crate) async fn find(context: &Context) -> Result<Option<EventsStream>, LogError> {
    let stream = match context.get_stream(EVENTS).await {
        Ok(stream) => stream,
        Err(error) => {
            use async_nats::jetstream::context::GetStreamErrorKind::JetStream;
            return match error.kind() {
                JetStream(inner) if inner.error_code().0 == NOT_FOUND => Ok(None),
                _ => Err(nats(error)),
            };
        }
    };
    let info = stream.cached_info();
    let ingest_prefix = info
        .config
        .subjects
        .first()
        .and_then(|subject| subject.strip_suffix(".events.>"))
        .ok_or_else(|| LogError::Nats("the stream EVENTS was not made by Greffe".into()))?;
    Ok(Some(EventsStream {
        ingest_prefix: ingest_prefix.to_owned(),
        epoch: info
            .config
            .metadata
            .get(EPOCH)
            .and_then(|epoch| epoch.parse().ok()),
        last_sequence: info.state.last_sequence,
    }))
}

/// Position up to which the stream holds the log, as the server says it; `None` without a stream.
pub async fn stream_position(client: &async_nats::Client) -> Result<Option<u64>, LogError> {
    Ok(find(&context(client))
        .await?
        .map(|stream| stream.last_sequence))
}

/// Bytes that JetStream stores for the platform, and how many it may; `None` if nothing limits it.
pub async fn stored_bytes(client: &async_nats::Client) -> Result<(u64, Option<u64>), LogError> {
    let account = context(client).query_account().await.map_err(nats)?;
    let most = account
        .limits
        .max_storage
        .and_then(|most| u64::try_from(most).ok());
    Ok((account.storage, most))
}

/// Makes the stream, empty, for this history.
pub(crate) async fn create(
    context: &Context,
    epoch: Uuid,
    replicas: usize,
) -> Result<(), LogError> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(nats)?;
    let prefix = hex::encode(secret);
    let config = Config {
        name: EVENTS.into(),
        description: Some("Greffe's log; sequence = position. Read it with consumers only.".into()),
        subjects: vec![format!("{prefix}.events.>")],
        subject_transform: Some(SubjectTransform {
            source: format!("{prefix}.events.>"),
            destination: "events.>".into(),
        }),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: replicas,
        consumer_limits: Some(ConsumerLimits {
            inactive_threshold: CONSUMER_UNUSED_FOR,
            max_ack_pending: 0,
        }),
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        // No message carries an id: a window would only cost memory.
        duplicate_window: Duration::from_millis(100),
        metadata: HashMap::from([(EPOCH.to_owned(), epoch.to_string())]),
        ..Config::default()
    };
    context.create_stream(config).await.map_err(nats)?;
    Ok(())
}

/// The id of the event that the stream holds at a sequence.
pub(crate) async fn event_id_at(
    context: &Context,
    sequence: u64,
) -> Result<Option<Uuid>, LogError> {
    let stream = context.get_stream_no_info(EVENTS).await.map_err(nats)?;
    let message = stream.get_raw_message(sequence).await.map_err(nats)?;
    Ok(serde_json::from_slice::<Envelope>(&message.payload)
        .ok()
        .map(|event| event.event_id))
}
