//! Reading `REJECTED` from a sequence on: the one way for pages, counts and acts on many.
//!
//! It holds anything, as large as facts may be. So a walk asks for few messages and few bytes at once, on
//! a connection of its own: what the server has to hold back for a reader is bounded, or it cuts him.

use std::{collections::VecDeque, time::Duration};

use async_nats::{Client, Message, jetstream::message::StreamMessage};
use eventlog::LogError;
use futures::StreamExt;
use serde_json::json;

use crate::{
    Rejected, RejectedMessage,
    rejected::read,
    stream::{REJECTED, nats},
};

/// Messages asked for at once.
const BATCH: usize = 256;
/// Bytes asked for at once; a message more may come.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// A server that says nothing for so long does not answer.
const SILENCE: Duration = Duration::from_secs(5);
/// How the server marks the end of its answer.
const END_OF_BATCH: u16 = 204;
/// How it says that no message follows.
pub(crate) const NOTHING_LEFT: u16 = 404;

/// What waits in `REJECTED`, oldest first.
pub struct Walk<'a> {
    rejected: &'a Rejected,
    after: u64,
    up_to: u64,
    batch: usize,
    read: VecDeque<RejectedMessage>,
    /// Nothing is left behind what was read.
    is_at_end: bool,
    messages: usize,
    bytes: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(rejected: &'a Rejected, after: u64, up_to: u64) -> Self {
        Self {
            rejected,
            after,
            up_to,
            batch: BATCH,
            read: VecDeque::new(),
            is_at_end: false,
            messages: 0,
            bytes: 0,
        }
    }

    /// Asks for no more than so many messages at once.
    pub fn by(mut self, messages: usize) -> Self {
        self.batch = messages.clamp(1, BATCH);
        self
    }

    /// The next one; `None` behind the last. An error is an outage.
    pub async fn next(&mut self) -> Result<Option<RejectedMessage>, LogError> {
        if self.read.is_empty() && !self.is_at_end && self.after < self.up_to {
            (self.read, self.is_at_end) = self.rejected.fetch(self.after, self.batch).await?;
        }
        let Some(message) = self.read.pop_front() else {
            return Ok(None);
        };
        if message.sequence > self.up_to {
            self.read.clear();
            self.is_at_end = true;
            return Ok(None);
        }
        self.after = message.sequence;
        self.messages += 1;
        self.bytes += message.body.len();
        Ok(Some(message))
    }

    /// How many messages were given, and their bodies (bytes).
    pub fn given(&self) -> (usize, usize) {
        (self.messages, self.bytes)
    }
}

/// Up to `most` messages after a sequence, and whether nothing follows them. Fewer come if they are
/// large (ADR-31 of NATS).
pub(crate) async fn fetch(
    client: &Client,
    after: u64,
    most: usize,
) -> Result<(VecDeque<RejectedMessage>, bool), LogError> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(nats)?;
    let asked = json!({
        "seq": after.saturating_add(1), "next_by_subj": ">", "batch": most, "max_bytes": BATCH_BYTES,
    });
    let subject = format!("$JS.API.DIRECT.GET.{REJECTED}");
    let asked = asked.to_string().into();
    let sent = client.publish_with_reply(subject, inbox, asked);
    sent.await.map_err(nats)?;
    let mut found = VecDeque::new();
    loop {
        let answer = tokio::time::timeout(SILENCE, answers.next()).await;
        let answer = answer.map_err(|_| LogError::Nats("the stream REJECTED is silent".into()))?;
        let answer = answer.ok_or_else(|| LogError::Nats("the connection has ended".into()))?;
        match answer.status.map(|status| status.as_u16()) {
            None => found.push_back(read(StreamMessage::try_from(answer).map_err(nats)?)?),
            Some(NOTHING_LEFT) => return Ok((found, true)),
            Some(END_OF_BATCH) => {
                let is_at_end = found.is_empty() || pending(&answer) == Some(0);
                return Ok((found, is_at_end));
            }
            Some(status) => return Err(LogError::Nats(format!("REJECTED answers {status}"))),
        }
    }
}

/// How many follow the end of a batch.
fn pending(end: &Message) -> Option<u64> {
    let pending = end.headers.as_ref()?.get("Nats-Num-Pending")?;
    pending.as_str().parse().ok()
}
