//! Those who watch: people on a socket that resumes by position, and the bot on `DECISIONS`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::{
    Client,
    jetstream::{self, consumer::pull},
};
use futures::StreamExt;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::{
    clients::{Parties, address},
    place::eventually,
};

const AGAIN: Duration = Duration::from_millis(50);

/// Reads the live feed over whatever happens, until `end` says which position is the last.
pub struct Watcher {
    pub parties: Parties,
    pub epoch: String,
    pub after: u64,
    pub end: watch::Receiver<Option<u64>>,
}

impl Watcher {
    /// The positions seen, in their order, and over how many connections.
    pub async fn watch(mut self) -> (Vec<u64>, usize) {
        let (mut seen, mut connections) = (vec![self.after], 0);
        while !self.is_over(&seen) {
            if self.read(&mut seen, connections).await {
                connections += 1;
            }
            tokio::time::sleep(AGAIN).await;
        }
        seen.remove(0);
        (seen, connections)
    }

    fn is_over(&self, seen: &[u64]) -> bool {
        let end = *self.end.borrow();
        end.is_some_and(|end| seen.last().is_some_and(|last| *last >= end))
    }

    /// One connection; whether there was one.
    async fn read(&mut self, seen: &mut Vec<u64>, turn: usize) -> bool {
        let Some(address) = address(&self.parties.addresses, turn) else {
            return false;
        };
        let after = seen.last().copied().unwrap_or_default();
        let query = format!("after={after}&epoch={}", self.epoch);
        let url = format!("ws://{address}/api/safeguard/ws?{query}");
        let mut request = url.into_client_request().unwrap();
        let protocols = format!("greffe.v1, bearer.{}", self.parties.chief.token);
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", protocols.parse().unwrap());
        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(request).await else {
            return false;
        };
        while !self.is_over(seen) {
            let next = tokio::select! {
                next = socket.next() => next,
                _ = self.end.changed() => continue,
            };
            match next {
                Some(Ok(Message::Text(text))) => note(&text, after, seen),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
        true
    }
}

fn note(text: &str, after: u64, seen: &mut Vec<u64>) {
    let frame: Value = serde_json::from_str(text).unwrap();
    let position = frame["position"].as_u64().unwrap();
    match frame["type"].as_str().unwrap() {
        "feed:ready" => assert_eq!(position, after, "ready where the cursor is"),
        "feed:reset" => panic!("a cursor of a moment ago is refused: {after}, {frame}"),
        kind if kind.starts_with("safeguard:") => {
            let last = seen.last().copied().unwrap_or_default();
            assert!(position > last, "{position} after {last}");
            seen.push(position);
        }
        _ => {}
    }
}

/// What the bot is told: every decision of each subject, as often as it came.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Decisions>>);

/// What was said of each id and status.
type Decisions = BTreeMap<(String, String), Vec<Value>>;

impl Told {
    /// Reads `DECISIONS` as the bot `support`.
    pub fn start(client: Client) -> (Self, JoinHandle<()>) {
        let told = Self::default();
        let reading = told.clone();
        let task = tokio::spawn(async move {
            loop {
                drop(reading.read(&client).await);
                tokio::time::sleep(AGAIN).await;
            }
        });
        (told, task)
    }

    async fn read(&self, client: &Client) -> Result<(), async_nats::Error> {
        let context = jetstream::new(client.clone());
        let stream = context.get_stream_no_info("DECISIONS").await?;
        let config = pull::Config {
            name: Some("support".into()),
            durable_name: Some("support".into()),
            filter_subject: "decisions.support.>".into(),
            ..Default::default()
        };
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        while let Some(message) = messages.next().await {
            let message = message?;
            let decision: Value = serde_json::from_slice(&message.payload)?;
            let text = |name: &str| decision[name].as_str().unwrap_or_default().to_owned();
            let about = (text("id"), text("status"));
            self.note(about, decision);
            message.ack().await?;
        }
        Ok(())
    }

    fn note(&self, about: (String, String), decision: Value) {
        let mut told = self.0.lock().unwrap();
        told.entry(about).or_default().push(decision);
    }

    /// Waits until each of these was told; panics if one was told in two ways, or one that is none.
    pub async fn assert_of(&self, decided: &[(String, String)]) -> usize {
        eventually("the bot is told every decision", || async {
            let told = self.0.lock().unwrap();
            decided
                .iter()
                .all(|about| told.contains_key(about))
                .then_some(())
        })
        .await;
        let told = self.0.lock().unwrap();
        for (about, messages) in told.iter() {
            assert!(
                decided.contains(about),
                "told of {about:?}, which is not so"
            );
            let same = messages.iter().all(|message| *message == messages[0]);
            assert!(same, "told in different ways: {messages:?}");
        }
        told.values().map(|messages| messages.len() - 1).sum()
    }
}
