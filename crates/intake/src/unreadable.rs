//! Messages that the NATS client cannot read: a service may write a head, or a subject, that ends the
//! connection on which it comes, again and again. What comes first in the stream is therefore looked at in
//! another form, where both are data.

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
};

const HEAD_DETAIL: &str = "The headers of the message cannot be read.";
const SUBJECT_DETAIL: &str = "The subject of the message is not UTF-8.";

/// A stored message as `STREAM.MSG.GET` tells it.
#[derive(Debug, Default, Deserialize)]
struct Stored {
    subject: String,
    #[serde(default)]
    hdrs: Option<String>,
    #[serde(default)]
    data: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    message: Option<Stored>,
}

/// Puts aside the unreadable messages that the stream begins with. Those before one are taken in by then:
/// acknowledgements go another way. One that was not delivered yet is met again.
pub(crate) async fn put_aside(
    client: &Client,
    stream: &mut Stream,
    consumer: &PullConsumer,
    rejected: &Rejected,
) -> Result<(), LogError> {
    let mut last = 0;
    loop {
        let info = stream.info().await.map_err(nats)?;
        let (first, made) = (info.state.first_sequence, info.created);
        if info.state.messages == 0 || first == last {
            return Ok(());
        }
        last = first;
        let Some(stored) = find(client, first).await? else {
            return Ok(());
        };
        let head = stored.hdrs.map(|head| STANDARD.decode(head));
        let head = head.transpose().map_err(nats)?;
        // JSON is UTF-8: what was not stands there as this letter.
        let detail = if stored.subject.contains(char::REPLACEMENT_CHARACTER) {
            SUBJECT_DETAIL
        } else if head.is_some_and(|head| !is_readable(&head)) {
            HEAD_DETAIL
        } else {
            return Ok(());
        };
        let body = STANDARD.decode(stored.data.unwrap_or_default());
        let id = format!("{}-{first}", made.unix_timestamp_nanos());
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
        take_away(client, INTAKE, consumer, first).await?;
    }
}

async fn find(client: &Client, sequence: u64) -> Result<Option<Stored>, LogError> {
    let subject = format!("$JS.API.STREAM.MSG.GET.{INTAKE}");
    let asked = json!({ "seq": sequence }).to_string();
    let answer = client.request(subject, asked.into()).await.map_err(nats)?;
    let answer: Answer = serde_json::from_slice(&answer.payload).map_err(nats)?;
    Ok(answer.message)
}
