//! Messages that the NATS client cannot read: a service may write a head, or a subject, that ends the
//! connection on which it comes, again and again. What was delivered is therefore looked at in another
//! form, where both are data, before it is delivered anew.

use async_nats::{
    Client,
    jetstream::{consumer::PullConsumer, stream::Stream},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use eventlog::LogError;
use serde::Deserialize;
use serde_json::json;

use crate::{
    Rejected, Rejection, codes,
    headers::is_readable,
    stream::{INTAKE, nats, take_away},
    walk::NOTHING_LEFT,
};

const HEAD_DETAIL: &str = "The headers of the message cannot be read.";
const SUBJECT_DETAIL: &str = "The subject of the message is not UTF-8.";

/// A stored message as `STREAM.MSG.GET` tells it.
#[derive(Debug, Default, Deserialize)]
struct Stored {
    seq: u64,
    subject: String,
    #[serde(default)]
    hdrs: Option<String>,
    #[serde(default)]
    data: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    message: Option<Stored>,
    error: Option<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    code: u16,
}

/// Puts aside all unreadable messages among those that were delivered: each would end the next
/// connection. The others are delivered anew. One that was not delivered yet is met once it was.
pub(crate) async fn put_aside(
    client: &Client,
    stream: &mut Stream,
    consumer: &mut PullConsumer,
    rejected: &Rejected,
) -> Result<(), LogError> {
    let info = stream.info().await.map_err(nats)?;
    let (mut at, made) = (info.state.first_sequence, info.created);
    let info = consumer.get_info().await.map_err(nats)?;
    let up_to = info.delivered.stream_sequence;
    while at <= up_to {
        let Some(stored) = find(client, at).await?.filter(|it| it.seq <= up_to) else {
            return Ok(());
        };
        let sequence = stored.seq;
        if let Some(detail) = fault(&stored)? {
            let id = format!("{}-{sequence}", made.unix_timestamp_nanos());
            let body = STANDARD.decode(stored.data.unwrap_or_default());
            let rejection = Rejection {
                subject: &stored.subject,
                id: &id,
                original_id: &id,
                code: codes::INVALID,
                detail,
                errors: &[],
                headers: None,
                body: body.map_err(nats)?.into(),
            };
            rejected.publish(rejection).await?;
            take_away(client, INTAKE, consumer, sequence).await?;
        }
        at = sequence + 1;
    }
    Ok(())
}

/// Why a message cannot be read; `None` if it can.
fn fault(stored: &Stored) -> Result<Option<&'static str>, LogError> {
    // JSON is UTF-8: what was not stands there as this letter.
    if stored.subject.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(Some(SUBJECT_DETAIL));
    }
    let head = stored.hdrs.as_ref().map(|head| STANDARD.decode(head));
    let head = head.transpose().map_err(nats)?;
    let is_broken = head.is_some_and(|head| !is_readable(&head));
    Ok(is_broken.then_some(HEAD_DETAIL))
}

/// The first message from a sequence on; `None` if there is none.
async fn find(client: &Client, from: u64) -> Result<Option<Stored>, LogError> {
    let subject = format!("$JS.API.STREAM.MSG.GET.{INTAKE}");
    let asked = json!({ "seq": from, "next_by_subj": ">" }).to_string();
    let answer = client.request(subject, asked.into()).await.map_err(nats)?;
    let answer: Answer = serde_json::from_slice(&answer.payload).map_err(nats)?;
    match answer.error {
        Some(fault) if fault.code != NOTHING_LEFT => Err(LogError::Nats(format!(
            "the stream INTAKE answers {}",
            fault.code
        ))),
        _ => Ok(answer.message),
    }
}
