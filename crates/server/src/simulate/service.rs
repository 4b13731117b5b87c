//! A service account on NATS, as any program outside sees the platform.

use std::time::Duration;

use anyhow::{Context, bail};
use async_nats::{
    Client, HeaderMap,
    jetstream::{self, context::traits::Publisher, message::PublishMessage},
};
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
    intake: jetstream::Context,
    name: String,
}

/// What the platform answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Done(Value),
    Refused { code: String, detail: String },
}

/// Whether JetStream had a message already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    Now,
    Before,
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
/// `urls`: one server, or several of a cluster separated by commas.
pub async fn connect(
    urls: &str,
    name: &str,
    key: &str,
) -> Result<Client, async_nats::ConnectError> {
    async_nats::ConnectOptions::with_user_and_password(name.to_owned(), key.to_owned())
        .custom_inbox_prefix(format!("_INBOX.{name}"))
        .request_timeout(Some(TIMEOUT))
        .connect(&*urls.split(',').collect::<Vec<_>>())
        .await
}

impl Service {
    pub async fn connect(url: &str, name: &str, key: &str) -> anyhow::Result<Self> {
        let client = connect(url, name, key)
            .await
            .with_context(|| format!("NATS at {url} does not take {name} with this key"))?;
        let mut intake = jetstream::new(client.clone());
        intake.set_timeout(TIMEOUT);
        Ok(Self {
            client,
            intake,
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
                Ok(message) => return read_reply(&message.payload, attempt > 0),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error).with_context(|| format!("{operation} was not answered")),
            None => bail!("{operation} was not sent"),
        }
    }

    /// Publishes a fact below `intake.<name>.` once; returns when the stream has it.
    pub async fn publish(
        &self,
        subject: &str,
        body: &Value,
        id: &str,
    ) -> anyhow::Result<Published> {
        let message = PublishMessage::build()
            .message_id(id)
            .payload(serde_json::to_vec(body)?.into())
            .outbound_message(format!("intake.{}.{subject}", self.name));
        let acknowledged = self.intake.publish_message(message).await?.await?;
        Ok(match acknowledged.duplicate {
            true => Published::Before,
            false => Published::Now,
        })
    }

    /// The decisions on this service's requests, from now on; each is to be acknowledged once it is
    /// acted on.
    pub async fn decisions(
        &self,
    ) -> anyhow::Result<impl futures::Stream<Item = (Decision, jetstream::Message)> + use<>> {
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
            match serde_json::from_slice(&message.payload) {
                Ok(decision) => Some((decision, message)),
                Err(_) => {
                    acknowledge(&message).await;
                    None
                }
            }
        }))
    }
}

/// Not acknowledged, a decision comes again: claiming is what happens once.
pub async fn acknowledge(message: &jetstream::Message) {
    if message.ack().await.is_err() {
        tracing::debug!("a decision could not be acknowledged");
    }
}

/// Whether the grant of an answer is for who reads it. One that was given before is not: whoever got
/// it may have acted, unless it is this very call that sent the claim again.
pub fn may_act(claimed: &Value) -> bool {
    claimed["repeated"] == json!(false) || claimed["retried"] == json!(true)
}

/// `retried` goes with the answer: whether the command was sent more than once.
fn read_reply(payload: &[u8], retried: bool) -> anyhow::Result<Reply> {
    let mut reply: Value = serde_json::from_slice(payload).context("the answer is not JSON")?;
    if reply["ok"] == json!(true) {
        reply["retried"] = json!(retried);
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
        let done = read_reply(br#"{"ok":true,"id":"x"}"#, true).unwrap();
        assert_eq!(
            done,
            Reply::Done(json!({"ok": true, "id": "x", "retried": true}))
        );
        let refused =
            read_reply(br#"{"ok":false,"code":"grant_used","detail":"no"}"#, false).unwrap();
        assert_eq!(
            refused,
            Reply::Refused {
                code: "grant_used".into(),
                detail: "no".into()
            }
        );
        assert!(read_reply(b"nope", false).is_err());
    }

    #[test]
    fn a_grant_given_before_is_not_acted_on() {
        for (repeated, retried, expected) in [
            (json!(false), false, true),
            (json!(false), true, true),
            (json!(true), false, false),
            (json!(true), true, true),
            (Value::Null, false, false),
        ] {
            let claimed = json!({ "repeated": repeated, "retried": retried });
            assert_eq!(may_act(&claimed), expected, "{claimed}");
        }
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_keys() {
        let one = arguments_hash("t", &json!({"a": 1, "b": {"d": 2.0, "c": "é"}})).unwrap();
        let two = arguments_hash("t", &json!({"b": {"c": "é", "d": 2}, "a": 1})).unwrap();
        assert_eq!(one, two);
        assert!(one.starts_with("sha256:") && one.len() == 71);
    }
}
