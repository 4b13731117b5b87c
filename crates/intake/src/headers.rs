//! The headers of facts.

use async_nats::HeaderMap;
use uuid::Uuid;

/// Names a fact to JetStream and to the log; chosen by the service.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Why a fact was not accepted: a stable code, and a sentence.
pub const ERROR_CODE: &str = "Greffe-Error-Code";
pub const ERROR_DETAIL: &str = "Greffe-Error-Detail";
/// Which fields are wrong: a JSON array of `{"field","code"}`.
pub const ERROR_FIELDS: &str = "Greffe-Error-Fields";
/// What named a fact when it was first published.
pub const ORIGINAL_ID: &str = "Greffe-Original-Msg-Id";
const CORRELATION: &str = "X-Correlation-Id";
const TRACEPARENT: &str = "traceparent";

/// The headers that stay with a fact. What nats-server itself would obey does not.
pub(crate) fn kept(headers: Option<&HeaderMap>) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let shown: &str = name.as_ref();
        let is_order = shown.len() >= 5 && shown[..5].eq_ignore_ascii_case("nats-");
        if !is_order {
            for value in values {
                kept.append(name.clone(), value.clone());
            }
        }
    }
    kept
}

/// What the headers of a fact say.
pub(crate) struct Said<'a> {
    pub id: Option<&'a str>,
    pub correlation_id: Option<Uuid>,
    pub traceparent: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub fn new(headers: Option<&'a HeaderMap>) -> Self {
        let get = |name: &str| {
            let value = headers.and_then(|headers| headers.get(name));
            value.map(|value| value.as_str())
        };
        Self {
            id: get(ORIGINAL_ID).or_else(|| get(MESSAGE_ID)),
            correlation_id: get(CORRELATION).and_then(|id| id.parse().ok()),
            traceparent: get(TRACEPARENT),
        }
    }
}
