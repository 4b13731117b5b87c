//! `$SRV.PING`, `INFO` and `STATS` as the NATS micro protocol has them (ADR-32).
//!
//! The service of async-nats answers on any reply subject, and we answer as `platform`, who may
//! publish anywhere: whoever asks could speak through us. Here only inboxes are answered.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, Message, Subject};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{QUEUE, request::is_inbox};
use crate::problem::Problem;

const NAME: &str = "greffe";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const DESCRIPTION: &str = "Approvals: request, claim, record, cancel, read";

/// Questions that are answered; more wait for nothing. A flood of them must not hold up commands.
const MOST_A_SECOND: u32 = 50;
/// See [`Discovery::subjects`].
const VERBS: [(Verb, &str); 3] = [
    (Verb::Ping, "PING"),
    (Verb::Info, "INFO"),
    (Verb::Stats, "STATS"),
];
const SUBJECTS_OF_A_VERB: usize = 3;

/// One instance of the service, and what its endpoints have done.
pub struct Discovery {
    id: String,
    started: DateTime<Utc>,
    endpoints: Vec<Endpoint>,
    pace: Mutex<Pace>,
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
            pace: Mutex::new(Pace::new(Instant::now())),
        }
    }

    /// Where it is asked: each verb of all services, of this one, of this instance.
    pub fn subjects(&self) -> Vec<String> {
        let of_verb = |(_, word): &(Verb, &str)| {
            let id = &self.id;
            [
                format!("$SRV.{word}"),
                format!("$SRV.{word}.{NAME}"),
                format!("$SRV.{word}.{NAME}.{id}"),
            ]
        };
        VERBS.iter().flat_map(of_verb).collect()
    }

    /// The answer to a question under one of [`Discovery::subjects`], and where it goes.
    pub fn answer_to(&self, at: usize, question: Message) -> Option<(Subject, String)> {
        let (verb, _) = VERBS.get(at / SUBJECTS_OF_A_VERB)?;
        // Only an inbox: on any other subject the answer would be an act of the platform's.
        let inbox = question.reply.filter(|reply| is_inbox(reply))?;
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.may(Instant::now())
            .then(|| (inbox, self.answer(*verb).to_string()))
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

/// Sends an answer; an outage leaves the question without one.
pub async fn send(client: Client, inbox: Subject, body: String) {
    if let Err(error) = client.publish(inbox, body.into()).await {
        tracing::debug!(error = %error, "a question about the service got no answer");
    }
}

/// How many answers this second has had.
struct Pace {
    since: Instant,
    given: u32,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            given: 0,
        }
    }

    /// Whether one more may be given now.
    fn may(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.given += 1;
        self.given <= MOST_A_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_questions_gets_so_many_answers() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        let given = (0..1_000).filter(|_| pace.may(began)).count();
        assert_eq!(given, MOST_A_SECOND as usize);
        let later = began + Duration::from_secs(1);
        assert!(pace.may(later));
    }

    #[test]
    fn each_subject_has_its_verb() {
        let discovery = Discovery::new([("a", "b")].into_iter(), DateTime::UNIX_EPOCH);
        let kinds: Vec<String> = (0..discovery.subjects().len())
            .map(|at| {
                let question = Message {
                    subject: "$SRV".into(),
                    reply: Some("_INBOX.support.1".into()),
                    payload: "".into(),
                    headers: None,
                    status: None,
                    description: None,
                    length: 0,
                };
                let (_, body) = discovery.answer_to(at, question).unwrap();
                let body: Value = serde_json::from_str(&body).unwrap();
                body["type"].as_str().unwrap_or_default().to_owned()
            })
            .collect();
        for (subject, kind) in discovery.subjects().iter().zip(kinds) {
            let verb = subject.split('.').nth(1).unwrap_or_default().to_lowercase();
            assert_eq!(kind, format!("io.nats.micro.v1.{verb}_response"));
        }
    }
}
