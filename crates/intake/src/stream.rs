//! The JetStream streams of the intake: how they are made, and found again.
//!
//! Names of consumers are secrets, and `REJECTED` listens to a prefix that nobody else knows:
//! nats-server does not check the reply subject of a service's request, and JetStream's own empty
//! answer on `$JS.ACK.<stream>.<consumer>.…` would count as an acknowledgement (`docs/decisions`).

use std::time::Duration;

use async_nats::{
    Client,
    connection::State,
    jetstream::{
        self, Context,
        consumer::{AckPolicy, Consumer, PullConsumer, pull},
        context::GetStreamErrorKind,
        stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream, SubjectTransform},
    },
};
use eventlog::LogError;
use futures::TryStreamExt;

/// What workflows publish to (`contracts.md`, "Intake").
pub const INTAKE: &str = "INTAKE";
/// What could not be accepted, until someone has dealt with it.
pub const REJECTED: &str = "REJECTED";
/// The largest message, headers included (bytes): a larger one is refused to its publisher at once.
pub const MAX_FACT_BYTES: usize = 256 * 1024;

/// As short as nats-server takes it: it compares ids of all accounts, and so one account could make
/// another's facts vanish. The log itself knows what an account has told before.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);
/// A refusal is stored once, however often its fact is delivered.
const REJECTED_DUPLICATE_WINDOW: Duration = Duration::from_secs(86_400);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
const NOT_FOUND: u64 = 10_059;
/// The end of what `REJECTED` listens to, after its secret.
const REJECTED_SUFFIX: &str = ".rejected.>";
/// A message that was delivered and not dealt with waits for the one who deals with it.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

pub(crate) fn nats(error: impl std::fmt::Display) -> LogError {
    LogError::Nats(error.to_string())
}

pub(crate) fn context(client: &Client) -> Context {
    jetstream::ContextBuilder::new()
        .timeout(REQUEST_TIMEOUT)
        .ack_timeout(ACK_TIMEOUT)
        .build(client.clone())
}

/// What is sent now would otherwise wait in memory and come out later.
pub(crate) fn connected(client: &Client) -> Result<(), LogError> {
    match client.connection_state() {
        State::Connected => Ok(()),
        _ => Err(LogError::Nats("not connected".into())),
    }
}

/// The stream as it is; `None` if there is none.
pub(crate) async fn find(context: &Context, name: &str) -> Result<Option<Stream>, LogError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(inner) if inner.error_code().0 == NOT_FOUND => Ok(None),
            _ => Err(nats(error)),
        },
    }
}

async fn find_or_create(context: &Context, config: Config) -> Result<Stream, LogError> {
    let name = config.name.clone();
    if let Some(found) = find(context, &name).await? {
        return Ok(found);
    }
    tracing::info!(stream = name, "making a stream");
    if let Err(error) = context.create_stream(config).await {
        // Another process may have been faster.
        tracing::debug!(stream = name, %error, "the stream was not made");
    }
    let found = find(context, &name).await?;
    found.ok_or_else(|| LogError::Nats(format!("there is no stream {name}")))
}

/// The stream `INTAKE`, made if there is none.
pub(crate) async fn intake(context: &Context, replicas: usize) -> Result<Stream, LogError> {
    let config = Config {
        name: INTAKE.into(),
        description: Some("Facts of workflows, until the platform has taken them in.".into()),
        subjects: vec!["intake.>".into()],
        retention: RetentionPolicy::WorkQueue,
        // Without limits nothing is ever discarded.
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        max_message_size: MAX_FACT_BYTES as i32,
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas: replicas,
        deny_delete: true,
        deny_purge: true,
        ..Config::default()
    };
    let stream = find_or_create(context, config).await?;
    let found = &stream.cached_info().config;
    if found.retention != RetentionPolicy::WorkQueue {
        return Err(LogError::Nats(
            "the stream INTAKE was not made by Greffe".into(),
        ));
    }
    if found.duplicate_window != DUPLICATE_WINDOW {
        let config = Config {
            duplicate_window: DUPLICATE_WINDOW,
            ..found.clone()
        };
        context.update_stream(config).await.map_err(nats)?;
    }
    Ok(stream)
}

/// The prefix under which `REJECTED` takes messages; the stream is made if there is none.
pub(crate) async fn rejected(context: &Context, replicas: usize) -> Result<String, LogError> {
    let listens = format!("{}{REJECTED_SUFFIX}", secret()?);
    let config = Config {
        name: REJECTED.into(),
        description: Some(
            "Facts that could not be accepted, until someone deals with them.".into(),
        ),
        subjects: vec![listens.clone()],
        subject_transform: Some(SubjectTransform {
            source: listens,
            destination: "rejected.>".into(),
        }),
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        duplicate_window: REJECTED_DUPLICATE_WINDOW,
        num_replicas: replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..Config::default()
    };
    let stream = find_or_create(context, config).await?;
    let config = &stream.cached_info().config;
    let prefix = config
        .subjects
        .first()
        .and_then(|subject| subject.strip_suffix(REJECTED_SUFFIX))
        .filter(|_| config.retention == RetentionPolicy::WorkQueue)
        .ok_or_else(|| LogError::Nats("the stream REJECTED was not made by Greffe".into()))?
        .to_owned();
    Ok(prefix)
}

/// The one consumer of a work queue, made if there is none. Only an acknowledgement takes a message
/// away, and none is delivered twice but after a reset.
pub(crate) async fn consumer<I>(
    stream: &Stream<I>,
    max_ack_pending: i64,
) -> Result<PullConsumer, LogError> {
    if let Some(found) = find_consumer(stream).await? {
        return Ok(found);
    }
    let config = pull::Config {
        durable_name: Some(secret()?),
        ack_policy: AckPolicy::Explicit,
        ack_wait: FOR_EVER,
        max_ack_pending,
        ..pull::Config::default()
    };
    let made: Result<Consumer<pull::Config>, _> = stream.create_consumer(config).await;
    match made {
        Ok(made) => Ok(made),
        // Another may have been faster: there can be one only.
        Err(error) => find_consumer(stream).await?.ok_or_else(|| nats(error)),
    }
}

async fn find_consumer<I>(stream: &Stream<I>) -> Result<Option<PullConsumer>, LogError> {
    let names: Vec<String> = stream.consumer_names().try_collect().await.map_err(nats)?;
    match names.first() {
        Some(name) => stream.get_consumer(name).await.map(Some).map_err(nats),
        None => Ok(None),
    }
}

/// Takes a message of a work queue away. Only what was delivered can be: else nothing happens.
pub(crate) async fn take_away(
    client: &Client,
    stream: &str,
    consumer: &PullConsumer,
    sequence: u64,
) -> Result<(), LogError> {
    let name = &consumer.cached_info().name;
    let subject = format!("$JS.ACK.{stream}.{name}.1.{sequence}.1.0.0");
    client
        .request(subject, "+ACK".into())
        .await
        .map(drop)
        .map_err(nats)
}

fn secret() -> Result<String, LogError> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(nats)?;
    Ok(hex::encode(secret))
}
