//! The JetStream stream `DECISIONS`: what services are told of their requests, kept 30 days.
//!
//! Like `EVENTS` it listens to a prefix that nobody else knows: nats-server does not check the reply
//! subject of a service's publish, and could otherwise be made to store an acknowledgement here.

use std::{collections::HashMap, time::Duration};

use async_nats::{
    Client, HeaderMap,
    jetstream::{
        self, Context,
        context::GetStreamErrorKind,
        stream::{
            Config, DiscardPolicy, Republish, RetentionPolicy, StorageType, SubjectTransform,
        },
    },
};
use eventlog::LogError;

/// The stream's name (`contracts.md`, "Decisions").
pub const DECISIONS: &str = "DECISIONS";
/// How long a decision is kept.
pub(crate) const KEPT_DAYS: u32 = 30;

/// Set once the stream holds the decisions of the last 30 days.
const FILLED: &str = "greffe-filled";
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const ACK_TIMEOUT: Duration = Duration::from_secs(1);
const NOT_FOUND: u64 = 10_059;

/// How one writes to the stream.
#[derive(Debug, Clone)]
pub(crate) struct DecisionsStream {
    context: Context,
    prefix: String,
    config: Config,
}

pub(crate) fn nats(error: impl std::fmt::Display) -> LogError {
    LogError::Nats(error.to_string())
}

impl DecisionsStream {
    /// The stream as it is, made if there is none.
    pub async fn find_or_create(client: &Client, replicas: usize) -> Result<Self, LogError> {
        let context = jetstream::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(ACK_TIMEOUT)
            .build(client.clone());
        if let Some(found) = Self::find(&context).await? {
            return Ok(found);
        }
        tracing::info!("making the stream DECISIONS");
        if let Err(error) = context.create_stream(new_config(replicas)?).await {
            // Another process may have been faster.
            tracing::debug!(%error, "the stream DECISIONS was not made");
        }
        Self::find(&context)
            .await?
            .ok_or_else(|| LogError::Nats("there is no stream DECISIONS".into()))
    }

    async fn find(context: &Context) -> Result<Option<Self>, LogError> {
        let stream = match context.get_stream(DECISIONS).await {
            Ok(stream) => stream,
            Err(error) => {
                return match error.kind() {
                    GetStreamErrorKind::JetStream(inner) if inner.error_code().0 == NOT_FOUND => {
                        Ok(None)
                    }
                    _ => Err(nats(error)),
                };
            }
        };
        let config = stream.cached_info().config.clone();
        let prefix = config
            .subjects
            .first()
            .and_then(|subject| subject.strip_suffix(".decisions.>"))
            .ok_or_else(|| LogError::Nats("the stream DECISIONS was not made by Greffe".into()))?
            .to_owned();
        Ok(Some(Self {
            context: context.clone(),
            prefix,
            config,
        }))
    }

    /// Whether it holds the decisions of before it was made.
    pub fn is_filled(&self) -> bool {
        self.config.metadata.contains_key(FILLED)
    }

    pub async fn note_filled(&mut self) -> Result<(), LogError> {
        let mut config = self.config.clone();
        config.metadata.insert(FILLED.into(), "true".into());
        self.context.update_stream(&config).await.map_err(nats)?;
        self.config = config;
        Ok(())
    }

    /// Publishes under `decisions.<rest>` and returns once it is stored. The same id within two
    /// minutes is stored once.
    pub async fn publish(&self, rest: &str, id: &str, body: Vec<u8>) -> Result<(), LogError> {
        let subject = format!("{}.decisions.{rest}", self.prefix);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let sent = self
            .context
            .publish_with_headers(subject, headers, body.into());
        let ack = sent.await.map_err(nats)?.await.map_err(nats)?;
        match ack.stream.as_str() {
            DECISIONS => Ok(()),
            other => Err(LogError::Nats(format!("a decision was stored in {other}"))),
        }
    }
}

fn new_config(replicas: usize) -> Result<Config, LogError> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(nats)?;
    let listens = format!("{}.decisions.>", hex::encode(secret));
    Ok(Config {
        name: DECISIONS.into(),
        description: Some("Decisions on the requests of services, for 30 days.".into()),
        subjects: vec![listens.clone()],
        subject_transform: Some(SubjectTransform {
            source: listens,
            destination: "decisions.>".into(),
        }),
        // Core subscribers of `decisions.<service>.>` hear of it as well.
        republish: Some(Republish {
            source: "decisions.>".into(),
            destination: "decisions.>".into(),
            headers_only: false,
        }),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_age: Duration::from_secs(u64::from(KEPT_DAYS) * 86_400),
        duplicate_window: Duration::from_secs(120),
        num_replicas: replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        metadata: HashMap::new(),
        ..Config::default()
    })
}
