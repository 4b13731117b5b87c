//! A service account on NATS, as any program outside sees the platform.

use std::time::Duration;

use anyhow::{Context, bail};
use async_nats::{Client, HeaderMap, jetstream};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Commands are repeated with the same id: none has a second effect.
const TRIES: u32 = 3;

/// A connection as a service account.
#[derive(Clone)]
pub struct Service {
    client: Client,
    name: String,
}

/// What the platform answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Done(Value),
    Refused { code: String, detail: String },
}

/// A decision, as stream `DECISIONS` holds it.
#[derive(Debug, Clone, Deserialize)]
pub struct Decision {
    pub id: String,
    pub reference: String,
    pub status: String,
    pub arguments_hash: String,
}

/// How a service connects.
pub async fn connect(url: &str, name: &str, key: &str) -> Result<Client, async_nats::ConnectError> {
    async_nats::ConnectOptions::with_user_and_password(name.to_owned(), key.to_owned())
        .custom_inbox_prefix(format!("_INBOX.{name}"))
        .request_timeout(Some(TIMEOUT))
        .connect(url)
        .await
}

impl Service {
    pub async fn connect(url: &str, name: &str, key: &str) -> anyhow::Result<Self> {
        let client = connect(url, name, key)
            .await
            .with_context(|| format!("NATS at {url} does not take {name} with this key"))?;
        Ok(Self {
            client,
            name: name.to_owned(),
        })
    }

    /// Sends a command; `id` makes its repetition harmless.
    pub async fn command(&self, operation: &str, body: &Value, id: &str) -> anyhow::Result<Reply> {
        let subject = format!("commands.{}.safeguard.{operation}", self.name);
        let mut last = None;
        for attempt in 0..TRIES {
            tokio::time::sleep(Duration::from_millis(250) * attempt).await;
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", id);
            let payload = serde_json::to_vec(body)?;
            match self
                .client
                .request_with_headers(subject.clone(), headers, payload.into())
                .await
            {
                Ok(message) => return read_reply(&message.payload),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error).with_context(|| format!("{operation} was not answered")),
            None => bail!("{operation} was not sent"),
        }
    }

    /// The decisions on this service's requests, from now on; each is acknowledged when it is taken.
    pub async fn decisions(&self) -> anyhow::Result<impl futures::Stream<Item = Decision> + use<>> {
        let context = jetstream::new(self.client.clone());
        let stream = context.get_stream_no_info("DECISIONS").await?;
        // The permissions allow one consumer, called as the service.
        let config = jetstream::consumer::pull::Config {
            durable_name: Some(self.name.clone()),
            name: Some(self.name.clone()),
            filter_subject: format!("decisions.{}.>", self.name),
            deliver_policy: jetstream::consumer::DeliverPolicy::All,
            ..Default::default()
        };
        let consumer = stream
            .create_consumer(config)
            .await
            .context("no consumer on stream DECISIONS")?;
        let messages = consumer.messages().await?;
        Ok(messages.filter_map(|message| async move {
            let message = message.ok()?;
            let decision = serde_json::from_slice(&message.payload).ok();
            // Not acknowledged, it comes again: claiming is what happens once.
            if message.ack().await.is_err() {
                tracing::debug!("a decision could not be acknowledged");
            }
            decision
        }))
    }
}

fn read_reply(payload: &[u8]) -> anyhow::Result<Reply> {
    let reply: Value = serde_json::from_slice(payload).context("the answer is not JSON")?;
    if reply["ok"] == json!(true) {
        return Ok(Reply::Done(reply));
    }
    let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
    Ok(Reply::Refused {
        code: text("code"),
        detail: text("detail"),
    })
}

/// `sha256:` and the hex of SHA-256 over the RFC 8785 form of tool and arguments: computed here, of
/// what is about to run, never taken from the decision.
pub fn arguments_hash(tool_name: &str, arguments: &Value) -> anyhow::Result<String> {
    let canonical =
        serde_json_canonicalizer::to_vec(&json!({"arguments": arguments, "tool_name": tool_name}))?;
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(canonical))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let done = read_reply(br#"{"ok":true,"id":"x"}"#).unwrap();
        assert_eq!(done, Reply::Done(json!({"ok": true, "id": "x"})));
        let refused = read_reply(br#"{"ok":false,"code":"grant_used","detail":"no"}"#).unwrap();
        assert_eq!(
            refused,
            Reply::Refused {
                code: "grant_used".into(),
                detail: "no".into()
            }
        );
        assert!(read_reply(b"nope").is_err());
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_keys() {
        let one = arguments_hash("t", &json!({"a": 1, "b": {"d": 2.0, "c": "é"}})).unwrap();
        let two = arguments_hash("t", &json!({"b": {"c": "é", "d": 2}, "a": 1})).unwrap();
        assert_eq!(one, two);
        assert!(one.starts_with("sha256:") && one.len() == 71);
    }
}
