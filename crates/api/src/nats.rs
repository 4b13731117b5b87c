//! The NATS micro service `greffe`: the same operations as over HTTP (`contracts.md`, "NATS").
//!
//! Who is speaking is the subject's second token: nats-server lets an account publish on its own
//! subjects only. What this module must never do is decide anything: it reads, calls, answers.

mod discovery;
mod reader;
mod reply;
mod request;
mod shares;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::{HeaderMap, Message};
use kernel::{Actor, Origin};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span};
use uuid::Uuid;

use self::{
    discovery::Discovery,
    reader::Reader,
    reply::reply,
    request::{is_request, speaker},
    shares::Shares,
};
use crate::{
    App, Nats, access, caller::Caller, commands::IdempotencyKey, json, metrics,
    min_position::MinPosition, problem::Problem, safeguard,
};

/// The queue group of every process: each request goes to one of them.
const QUEUE: &str = "q";
/// How long requests under way may take when the process ends.
const DRAIN: Duration = Duration::from_secs(5);
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Name of the endpoint, its subject, the operation behind it.
type Endpoint = (&'static str, &'static str, &'static str);

/// Each is of one of the [`KINDS`].
const ENDPOINTS: &[Endpoint] = &[
    (
        "request_approval",
        "commands.*.safeguard.request_approval",
        "request_approval",
    ),
    (
        "claim_execution",
        "commands.*.safeguard.claim_execution",
        "claim_execution",
    ),
    (
        "record_execution",
        "commands.*.safeguard.record_execution",
        "record_execution",
    ),
    (
        "cancel_approval",
        "commands.*.safeguard.cancel_approval",
        "cancel_approval",
    ),
    ("approval", "queries.*.safeguard.approval", "get_approval"),
];

/// What they begin with: each kind is read on a connection of its own.
const KINDS: [&str; 2] = ["commands.", "queries."];

/// The running micro service; it drains when it is stopped.
pub struct MicroService {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl MicroService {
    /// Answers requests until [`MicroService::stop`]: read on connections of their own, answered on the
    /// platform's.
    pub async fn start(app: App, nats: Nats) -> Result<Self, async_nats::Error> {
        count_from_zero();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let endpoints = ENDPOINTS.iter().map(|(name, subject, _)| (*name, *subject));
        let discovery = Arc::new(Discovery::new(endpoints, app.clock.now()));
        let run = Run {
            app,
            client: nats.client,
            shares: Arc::new(Shares::new()),
            counted: discovery.clone(),
            tasks: tasks.clone(),
        };
        let reader = |subjects, group| Reader {
            connect: nats.connect.clone(),
            subjects,
            group,
            stop: stop.clone(),
        };
        // If one cannot begin, none goes on.
        let half_way = stop.clone().drop_guard();
        for kind in KINDS {
            let of_kind = ENDPOINTS.iter().enumerate();
            let of_kind = of_kind.filter(|(_, endpoint)| endpoint.1.starts_with(kind));
            let (places, subjects): (Vec<_>, Vec<_>) =
                of_kind.map(|(at, it)| (at, it.1.to_owned())).unzip();
            let reader = reader(subjects, Some(QUEUE));
            let session = reader.open().await?;
            let run = run.clone();
            let hand = move |nth: usize, message| {
                if let Some(at) = places.get(nth) {
                    run.hand(*at, message);
                }
            };
            tasks.spawn(async move { reader.run(session, hand).await });
        }
        let reader = reader(discovery.subjects(), None);
        let session = reader.open().await?;
        let hand = move |at, question| {
            let (client, discovery) = (run.client.clone(), discovery.clone());
            if let Some((inbox, body)) = discovery.answer_to(at, question) {
                run.tasks.spawn(discovery::send(client, inbox, body));
            }
        };
        tasks.spawn(async move { reader.run(session, hand).await });
        let stop = half_way.disarm();
        Ok(Self { stop, tasks })
    }

    /// Takes nothing new, answers what came, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some requests over NATS were still under way at the end");
        }
    }
}

/// What was never asked yet is there from the beginning: a rule sees the first of each that counts.
fn count_from_zero() {
    for (_, _, operation) in ENDPOINTS {
        for outcome in ["accepted", "refused", "failed"] {
            ::metrics::counter!("greffe_nats_requests_total", "operation" => *operation, "outcome" => outcome)
                .increment(0);
        }
    }
}

#[derive(Clone)]
struct Run {
    app: App,
    /// The platform's own connection, for answers.
    client: async_nats::Client,
    shares: Arc<Shares>,
    counted: Arc<Discovery>,
    tasks: TaskTracker,
}

impl Run {
    /// Begins to work on a message of an endpoint.
    fn hand(&self, at: usize, message: Message) {
        let Some((_, _, operation)) = ENDPOINTS.get(at) else {
            return;
        };
        // Before anything is counted or spawned: it may bear a name that never spoke.
        if !is_request(&message) {
            if self.app.rate_limits.may_complain(operation) {
                tracing::warn!(nats.subject = %message.subject, "a message that is no request was dropped");
            }
            return;
        }
        let one = One {
            run: self.clone(),
            operation,
            at,
        };
        self.tasks.spawn(async move { one.one(message).await });
    }
}

/// A request that is worked on.
struct One {
    run: Run,
    operation: &'static str,
    /// Which of the endpoints it is.
    at: usize,
}

impl std::ops::Deref for One {
    type Target = Run;

    fn deref(&self) -> &Run {
        &self.run
    }
}

impl One {
    async fn one(&self, message: Message) {
        let began = Instant::now();
        let name = speaker(&message.subject);
        let Some(reply_to) = message.reply.clone() else {
            return;
        };
        // What is refused below costs its sender as much as what is not.
        let headers = message.headers.as_ref();
        let (span, trace) = self.span(headers);
        let mut parked = None;
        let answering = async {
            self.app.rate_limits.count(&Actor::service(name))?;
            let _turn = self.shares.take(name).await?;
            self.answer(name, trace, headers, &message.payload, &mut parked)
                .await
        };
        let answered = answering.instrument(span.clone()).await;
        span.in_scope(|| {
            let code = answered.as_ref().err().map(|problem| problem.code);
            tracing::debug!(operation = self.operation, code, "answered");
        });
        self.measure(began.elapsed(), answered.as_ref().err());
        let (body, mut headers) = reply(answered);
        // As over HTTP.
        if let Some(position) = parked {
            headers.insert("Greffe-Parked", position.to_string());
        }
        let sent = self
            .client
            .publish_with_headers(reply_to, headers, body.to_string().into());
        if let Err(error) = sent.await {
            tracing::debug!(error = %error, "a request over NATS could not be answered");
        }
    }

    /// Of all that a request leads to, and the id it is found by.
    fn span(&self, headers: Option<&HeaderMap>) -> (Span, Uuid) {
        let span = tracing::info_span!(
            "request",
            otel.name = self.operation,
            otel.kind = "server",
            operation = self.operation,
            trace_id = tracing::field::Empty,
            messaging.system = "nats",
        );
        let traceparent = headers.and_then(|headers| headers.get("traceparent"));
        if let Some(traceparent) = traceparent {
            eventlog::trace::continue_from(&span, traceparent.as_str());
        }
        let traced = eventlog::trace::trace_id(&span);
        let trace = correlation(headers)
            .or(traced)
            .unwrap_or_else(kernel::new_id);
        span.record("trace_id", tracing::field::display(trace));
        (span, trace)
    }

    fn measure(&self, took: Duration, problem: Option<&Problem>) {
        self.counted.count(self.at, took, problem);
        let operation = self.operation;
        let refusal = problem.map(|it| (it.status.as_u16(), it.code));
        let outcome = match refusal {
            None => "accepted",
            Some((500.., _)) => "failed",
            Some(_) => "refused",
        };
        ::metrics::counter!("greffe_nats_requests_total", "operation" => operation, "outcome" => outcome)
            .increment(1);
        ::metrics::histogram!("greffe_nats_request_seconds", "operation" => operation)
            .record(took.as_secs_f64());
        let (_, subject, _) = ENDPOINTS[self.at];
        if subject.starts_with("commands.") {
            metrics::count_command(operation, refusal, took);
        }
    }

    async fn answer(
        &self,
        name: &str,
        correlation_id: Uuid,
        headers: Option<&HeaderMap>,
        payload: &[u8],
        parked: &mut Option<u64>,
    ) -> Result<Value, Problem> {
        let origin = Origin {
            ip_address: None,
            user_agent: Some("nats".into()),
        };
        let caller = self
            .app
            .service_caller(name, origin, correlation_id)
            .await?;
        let answered = match access::admit(self.operation, &caller) {
            Ok(()) => self.call(&caller, headers, payload, parked).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = &answered {
            let target = json::parse::<Target>(payload).ok().map(|target| target.id);
            self.app
                .audit_refusal(&caller, self.operation, target.as_deref(), problem)
                .await?;
        }
        answered
    }

    async fn call(
        &self,
        caller: &Caller,
        headers: Option<&HeaderMap>,
        payload: &[u8],
        parked: &mut Option<u64>,
    ) -> Result<Value, Problem> {
        let app = &self.app;
        let key = headers
            .and_then(|headers| headers.get(MESSAGE_ID))
            .map(|value| value.as_str());
        let key = IdempotencyKey::parse(key, MESSAGE_ID)?;
        match self.operation {
            "request_approval" => {
                let body = json::parse(payload)?;
                value(safeguard::request_approval(app, caller, body, &key).await?)
            }
            "claim_execution" => {
                let (id, body) = targeted(payload)?;
                value(safeguard::claim_execution(app, caller, id, body, &key).await?)
            }
            "record_execution" => {
                let (id, body) = targeted(payload)?;
                value(safeguard::record_execution(app, caller, id, body, &key).await?)
            }
            "cancel_approval" => {
                let (id, body) = targeted(payload)?;
                value(safeguard::cancel_approval(app, caller, id, body, &key).await?)
            }
            "get_approval" => {
                let (id, _) = targeted::<Value>(payload)?;
                let read = safeguard::get_approval(app, caller, id, min_position(headers)?).await?;
                *parked = read.parked;
                value(read.found?.body)
            }
            other => Err(Problem::not_found(format!(
                "There is no operation {other}."
            ))),
        }
    }
}

#[derive(Deserialize)]
struct Target {
    id: String,
}

/// The target's id and the body, which stand in one object.
fn targeted<T: DeserializeOwned>(payload: &[u8]) -> Result<(Uuid, T), Problem> {
    let target: Target = json::parse(payload)?;
    let id = target
        .id
        .parse()
        .map_err(|_| Problem::field("id", "invalid", "`id` is a UUID."))?;
    Ok((id, json::parse(payload)?))
}

fn value(answer: impl serde::Serialize) -> Result<Value, Problem> {
    serde_json::to_value(answer).map_err(Problem::internal)
}

/// The same header as over HTTP: a decision carries its position, and may be here before the rows.
fn min_position(headers: Option<&HeaderMap>) -> Result<MinPosition, Problem> {
    let given = headers.and_then(|headers| headers.get("Greffe-Min-Position"));
    MinPosition::parse(given.map(|value| value.as_str()))
}

fn correlation(headers: Option<&HeaderMap>) -> Option<Uuid> {
    headers?.get("X-Correlation-Id")?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_has_a_rule() {
        for (_, subject, operation) in ENDPOINTS {
            assert!(access::rule(operation).is_some(), "{subject}");
        }
    }
}
