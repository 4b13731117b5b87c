//! `$SRV.PING`, `INFO` and `STATS` as the NATS micro protocol has them (ADR-32).
//!
//! The service of async-nats answers on any reply subject, and we answer as `platform`, who may
//! publish anywhere: whoever asks could speak through us. Here only inboxes are answered.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, Subscriber};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::QUEUE;
use crate::problem::Problem;

const NAME: &str = "greffe";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const DESCRIPTION: &str = "Approvals: request, claim, record, cancel, read";

/// One instance of the service, and what its endpoints have done.
pub struct Discovery {
    id: String,
    started: DateTime<Utc>,
    endpoints: Vec<Endpoint>,
}

struct Endpoint {
    name: &'static str,
    subject: &'static str,
    done: Mutex<Done>,
}

#[derive(Clone, Default)]
struct Done {
    requests: u32,
    errors: u64,
    worked: Duration,
    last_error: String,
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Ping,
    Info,
    Stats,
}

impl Discovery {
    /// Endpoints by name and subject.
    pub fn new(
        endpoints: impl Iterator<Item = (&'static str, &'static str)>,
        started: DateTime<Utc>,
    ) -> Self {
        let endpoint = |(name, subject)| Endpoint {
            name,
            subject,
            done: Mutex::default(),
        };
        Self {
            id: kernel::new_id().simple().to_string(),
            started,
            endpoints: endpoints.map(endpoint).collect(),
        }
    }

    /// Counts a request of an endpoint.
    pub fn count(&self, endpoint: usize, took: Duration, refused: Option<&Problem>) {
        let Some(endpoint) = self.endpoints.get(endpoint) else {
            return;
        };
        let mut done = endpoint.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.requests = done.requests.saturating_add(1);
        done.worked += took;
        if let Some(problem) = refused {
            done.errors += 1;
            done.last_error = format!("{}:{}", problem.status.as_u16(), problem.code);
        }
    }

    fn answer(&self, verb: Verb) -> Value {
        let (kind, more) = match verb {
            Verb::Ping => ("ping", json!({})),
            Verb::Info => {
                let endpoints: Vec<Value> = self.endpoints.iter().map(Endpoint::info).collect();
                let more = json!({ "description": DESCRIPTION, "endpoints": endpoints });
                ("info", more)
            }
            Verb::Stats => {
                let endpoints: Vec<Value> = self.endpoints.iter().map(Endpoint::stats).collect();
                let started = self.started.to_rfc3339_opts(SecondsFormat::Millis, true);
                (
                    "stats",
                    json!({ "started": started, "endpoints": endpoints }),
                )
            }
        };
        let mut body = json!({
            "type": format!("io.nats.micro.v1.{kind}_response"),
            "name": NAME, "id": self.id, "version": VERSION, "metadata": {},
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        body
    }
}

impl Endpoint {
    fn info(&self) -> Value {
        json!({ "name": self.name, "subject": self.subject, "queue_group": QUEUE, "metadata": {} })
    }

    /// Times in nanoseconds.
    fn stats(&self) -> Value {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let average = done.worked / done.requests.max(1);
        json!({
            "name": self.name, "subject": self.subject, "queue_group": QUEUE,
            "num_requests": done.requests, "num_errors": done.errors, "last_error": done.last_error,
            "processing_time": nanoseconds(done.worked),
            "average_processing_time": nanoseconds(average),
        })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Subscribes; the future answers until it is stopped.
pub async fn answer(
    discovery: Arc<Discovery>,
    client: Client,
    stop: CancellationToken,
) -> Result<impl Future<Output = ()> + use<>, async_nats::Error> {
    let mut asked = stream::SelectAll::new();
    for (verb, word) in [
        (Verb::Ping, "PING"),
        (Verb::Info, "INFO"),
        (Verb::Stats, "STATS"),
    ] {
        let id = &discovery.id;
        for subject in [
            format!("$SRV.{word}"),
            format!("$SRV.{word}.{NAME}"),
            format!("$SRV.{word}.{NAME}.{id}"),
        ] {
            let questions: Subscriber = client.subscribe(subject).await?;
            asked.push(questions.map(move |question| (verb, question)).boxed());
        }
    }
    Ok(async move {
        let mut asked = asked.take_until(Box::pin(stop.cancelled_owned()));
        while let Some((verb, question)) = asked.next().await {
            // Only an inbox: on any other subject the answer would be an act of the platform's.
            let inbox = question.reply.filter(|reply| reply.starts_with("_INBOX."));
            let Some(inbox) = inbox else { continue };
            let body = discovery.answer(verb).to_string();
            if let Err(error) = client.publish(inbox, body.into()).await {
                tracing::debug!(error = %error, "a question about the service got no answer");
            }
        }
    })
}
