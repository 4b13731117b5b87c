//! A bot and a person who work on approvals over HTTP and NATS, and repeat each command with its key
//! until it is answered.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use async_nats::{Client, HeaderMap};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    fleet::Addresses,
    place::{caller::Caller, caller::request, random::Random},
};

/// A command that is not answered for so long is lost with the platform.
const PATIENCE: Duration = Duration::from_secs(300);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const REST: Duration = Duration::from_millis(20);
/// Refusals of a platform that is not whole: they pass. `internal` is none: it calls for a person.
const PASSING: [&str; 4] = [
    "unavailable",
    "rate_limited",
    "projection_behind",
    "timeout",
];

/// A command that was acknowledged.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub operation: &'static str,
    pub id: String,
    pub position: i64,
    /// `None` of a claim for an approval that had been claimed.
    pub grant: Option<String>,
}

/// What the lanes of the load share.
#[derive(Clone)]
pub struct Parties {
    pub addresses: Addresses,
    /// The bot `support`, on NATS and over HTTP.
    pub nats: Client,
    pub support: Caller,
    /// The person who decides.
    pub chief: Caller,
}

pub struct Load {
    stop: CancellationToken,
    lanes: JoinSet<Vec<Acknowledged>>,
}

impl Load {
    pub fn start(parties: &Parties, lanes: usize, random: &mut Random) -> Self {
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        for nth in 0..lanes {
            let lane = Lane {
                parties: parties.clone(),
                random: random.branch(),
                nth,
                commands: 0,
                acknowledged: Vec::new(),
            };
            running.spawn(lane.work(stop.clone()));
        }
        Self {
            stop,
            lanes: running,
        }
    }

    /// Lets every lane finish what it is at. All that was acknowledged.
    pub async fn stop(self) -> Vec<Acknowledged> {
        self.stop.cancel();
        self.lanes.join_all().await.concat()
    }

    /// Panics when a lane has.
    pub async fn failed(&mut self) {
        if let Some(ended) = self.lanes.join_next().await {
            let acknowledged = ended.unwrap().len();
            panic!("a lane of the load has ended after {acknowledged} commands");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Nats,
    Http,
    /// Over HTTP, as the person who decides.
    Person,
}

/// One approval after the other, from the request to its end.
struct Lane {
    parties: Parties,
    random: Random,
    nth: usize,
    commands: u64,
    acknowledged: Vec<Acknowledged>,
}

impl Lane {
    async fn work(mut self, stop: CancellationToken) -> Vec<Acknowledged> {
        for nth in 0.. {
            if stop.is_cancelled() {
                break;
            }
            self.one_approval(self.nth as u64 * 10_000_000 + nth).await;
            tokio::time::sleep(REST).await;
        }
        self.acknowledged
    }

    async fn one_approval(&mut self, ticket: u64) {
        let mut body = request(ticket);
        let hash = arguments_hash(&body);
        body["expires_in_seconds"] = json!(self.random.within(3_600..86_400));
        let way = self.either();
        let asked = self.done(way, "request_approval", "", body).await;
        let id = asked["id"].as_str().unwrap().to_owned();
        let version = &asked["version"];
        let (way, choice) = (self.either(), self.random.within(0..8));
        match choice {
            0 => {
                let body = json!({ "version": version, "reason": "non" });
                self.done(Way::Person, "reject", &id, body).await;
            }
            1 => {
                let body = json!({ "reason": "plus nécessaire" });
                self.done(way, "cancel_approval", &id, body).await;
            }
            2 => {}
            _ => {
                if choice == 3 {
                    let body = json!({ "version": version, "minutes": 5 });
                    self.done(Way::Person, "postpone", &id, body).await;
                }
                let body = json!({ "version": version, "comment": "oui" });
                self.done(Way::Person, "approve", &id, body).await;
                self.act(&id, &hash).await;
            }
        }
    }

    /// Two instances of the bot claim at once; the one that may acts, and reports.
    async fn act(&mut self, id: &str, hash: &str) {
        let body = json!({ "arguments_hash": hash });
        let keys = [self.key(), self.key()];
        let (one, two) = (self.repeating(), self.repeating());
        let (first, second) = tokio::join!(
            one.command(Way::Nats, "claim_execution", id, &body, &keys[0]),
            two.command(Way::Http, "claim_execution", id, &body, &keys[1]),
        );
        let grant = match (first, second) {
            (Ok(grant), Err(code)) | (Err(code), Ok(grant)) if code == "grant_used" => grant,
            both => panic!("one of two may act: {both:?}"),
        };
        self.note("claim_execution", &grant);
        let body = json!({
            "grant_id": grant["grant_id"], "outcome": "succeeded", "detail": "fait",
        });
        let way = self.either();
        self.done(way, "record_execution", id, body).await;
    }

    /// A command that must be accepted; at times sent once more, which must change nothing.
    async fn done(&mut self, way: Way, operation: &'static str, id: &str, body: Value) -> Value {
        let key = self.key();
        let sender = self.repeating();
        let sent = sender.command(way, operation, id, &body, &key).await;
        let answer = sent.unwrap_or_else(|code| panic!("{operation} of {id}: {code}"));
        self.note(operation, &answer);
        if self.random.within(0..6) == 0 {
            let again = sender.command(way, operation, id, &body, &key).await;
            let again = again.unwrap_or_else(|code| panic!("{operation} of {id} again: {code}"));
            assert_eq!(again["repeated"], json!(true), "{again}");
            for field in ["id", "position", "version", "reference"] {
                assert_eq!(again[field], answer[field], "{field} of {operation}");
            }
        }
        answer
    }

    fn note(&mut self, operation: &'static str, answer: &Value) {
        let text = |field: &str| answer[field].as_str().map(ToOwned::to_owned);
        self.acknowledged.push(Acknowledged {
            operation,
            id: text("id").unwrap(),
            position: answer["position"].as_i64().unwrap(),
            grant: text("grant_id").filter(|_| operation == "claim_execution"),
        });
    }

    fn key(&mut self) -> String {
        self.commands += 1;
        format!("lane-{}-{}", self.nth, self.commands)
    }

    fn either(&mut self) -> Way {
        *self.random.of(&[Way::Nats, Way::Http])
    }

    fn repeating(&mut self) -> Repeating {
        Repeating {
            parties: self.parties.clone(),
            turn: self.random.next() as usize,
        }
    }
}

/// Sends a command until there is an answer, here or there.
struct Repeating {
    parties: Parties,
    turn: usize,
}

impl Repeating {
    /// The answer, or the code of a refusal that does not pass.
    async fn command(
        &self,
        way: Way,
        operation: &str,
        id: &str,
        body: &Value,
        key: &str,
    ) -> Result<Value, String> {
        let end = Instant::now() + PATIENCE;
        for turn in self.turn.. {
            let sent = match way {
                Way::Nats => self.over_nats(operation, id, body, key).await,
                Way::Http => {
                    self.over_http(&self.parties.support, turn, operation, id, body, key)
                        .await
                }
                Way::Person => {
                    self.over_http(&self.parties.chief, turn, operation, id, body, key)
                        .await
                }
            };
            match sent {
                Some(Err(code)) if PASSING.contains(&&*code) => {}
                Some(answer) => return answer,
                None => {}
            }
            assert!(
                Instant::now() < end,
                "{operation} of {id} is never answered"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("the turns do not end");
    }

    async fn over_nats(
        &self,
        operation: &str,
        id: &str,
        body: &Value,
        key: &str,
    ) -> Option<Result<Value, String>> {
        let mut body = body.clone();
        if !id.is_empty() {
            body["id"] = json!(id);
        }
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", key);
        let subject = format!("commands.support.safeguard.{operation}");
        let payload = body.to_string().into();
        let sent = self
            .parties
            .nats
            .request_with_headers(subject, headers, payload);
        let reply = tokio::time::timeout(ANSWER_WITHIN, sent).await.ok()?.ok()?;
        let answer: Value = serde_json::from_slice(&reply.payload).unwrap();
        Some(match answer["ok"] == json!(true) {
            true => Ok(answer),
            false => Err(answer["code"].as_str().unwrap().to_owned()),
        })
    }

    async fn over_http(
        &self,
        caller: &Caller,
        turn: usize,
        operation: &str,
        id: &str,
        body: &Value,
        key: &str,
    ) -> Option<Result<Value, String>> {
        let address = address(&self.parties.addresses, turn)?;
        let path = match operation {
            "request_approval" => "/api/safeguard/requests".to_owned(),
            "cancel_approval" => format!("/api/safeguard/{id}/cancel"),
            "claim_execution" => format!("/api/safeguard/{id}/claim"),
            "record_execution" => format!("/api/safeguard/{id}/execution"),
            decision => format!("/api/safeguard/{id}/{decision}"),
        };
        let request = caller.at(&address).request(Method::POST, &path);
        let request = request.header("Idempotency-Key", key).json(body);
        let (status, answer) = Caller::send(request.timeout(ANSWER_WITHIN)).await.ok()?;
        Some(match status {
            StatusCode::OK | StatusCode::CREATED => Ok(answer),
            _ => Err(answer["code"].as_str().unwrap_or("timeout").to_owned()),
        })
    }
}

/// One of the addresses at which the API listens now.
pub fn address(addresses: &Addresses, turn: usize) -> Option<String> {
    let addresses = addresses.lock().unwrap();
    let nth = turn.checked_rem(addresses.len())?;
    addresses.get(nth).cloned()
}

fn arguments_hash(body: &Value) -> String {
    let bound = json!({ "arguments": body["arguments"], "tool_name": body["tool_name"] });
    let canonical = serde_json_canonicalizer::to_vec(&bound).unwrap();
    format!("sha256:{}", hex::encode(Sha256::digest(canonical)))
}

/// How often each operation was acknowledged.
pub fn by_operation(acknowledged: &[Acknowledged]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for one in acknowledged {
        *counts.entry(one.operation).or_default() += 1;
    }
    counts
}
