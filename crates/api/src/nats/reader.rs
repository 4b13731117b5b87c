//! Reads what services send, on a connection that carries nothing else.
//!
//! async-nats ends a connection, or itself, when it reads a message that it cannot parse, and nats-server
//! passes on any bytes that a service writes. So what is lost here is one connection of many, for a
//! moment: it is made again, and the platform's own goes on (`docs/decisions`).

use std::{sync::atomic::Ordering, time::Duration};

use ::intake::Connect;
use async_nats::{Client, Message, Subscriber, connection::State};
use eventlog::LogError;
use futures::{
    StreamExt,
    stream::{BoxStream, SelectAll},
};
use tokio_util::sync::CancellationToken;

/// Between a loss and the next connection: who goes on sending such messages costs us no more.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a connection is looked at that says nothing.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// What is read on one connection, which is made again whenever it is lost.
pub struct Reader {
    pub connect: Connect,
    pub subjects: Vec<String>,
    /// Each message goes to one process of this group; to all, without one.
    pub group: Option<&'static str>,
    pub stop: CancellationToken,
}

/// From one loss of the connection to the next.
pub struct Session {
    client: Client,
    connects: u64,
    /// Each with the place of its subject in the list.
    messages: SelectAll<BoxStream<'static, (usize, Message)>>,
}

impl Reader {
    /// Connects and subscribes; the server knows it on return.
    pub async fn open(&self) -> Result<Session, async_nats::Error> {
        let made = tokio::time::timeout(CONNECTED_WITHIN, (self.connect)()).await;
        let client = made.map_err(|_| LogError::Nats("no connection in time".into()))??;
        let mut messages = SelectAll::new();
        for (at, subject) in self.subjects.iter().enumerate() {
            let some: Subscriber = match self.group {
                Some(group) => {
                    client
                        .queue_subscribe(subject.clone(), group.into())
                        .await?
                }
                None => client.subscribe(subject.clone()).await?,
            };
            messages.push(some.map(move |message| (at, message)).boxed());
        }
        tokio::time::timeout(CONNECTED_WITHIN, client.flush()).await??;
        let connects = connects(&client);
        Ok(Session {
            client,
            connects,
            messages,
        })
    }

    /// Hands every message over, with the place of its subject, until it is stopped; then what came by
    /// then.
    pub async fn run(self, mut session: Session, hand: impl Fn(usize, Message)) {
        loop {
            let got = tokio::select! {
                () = self.stop.cancelled() => break,
                got = session.next() => got,
            };
            match got {
                Some((at, message)) => hand(at, message),
                None => match self.again().await {
                    Some(next) => session = next,
                    None => return,
                },
            }
        }
        // Nothing new comes. Of a connection that is lost nothing comes at all.
        let is_connected = session.client.connection_state() == State::Connected;
        if is_connected && session.client.drain().await.is_ok() {
            while let Some((at, message)) = session.messages.next().await {
                hand(at, message);
            }
        }
    }

    /// The next connection; `None` if it was stopped meanwhile.
    async fn again(&self) -> Option<Session> {
        let mut is_said = false;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
            match self.open().await {
                Ok(session) => {
                    ::metrics::counter!("greffe_nats_service_reconnects_total").increment(1);
                    return Some(session);
                }
                Err(error) if !is_said => {
                    tracing::warn!(%error, "requests over NATS cannot be read");
                    is_said = true;
                }
                Err(_) => {}
            }
        }
    }
}

impl Session {
    /// The next message; `None` once the connection is lost, or is another.
    async fn next(&mut self) -> Option<(usize, Message)> {
        loop {
            tokio::select! {
                message = self.messages.next() => return message,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let is_same = connects(&self.client) == self.connects;
            if !is_same || self.client.connection_state() != State::Connected {
                return None;
            }
        }
    }
}

fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::SeqCst)
}
