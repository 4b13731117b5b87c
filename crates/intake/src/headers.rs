//! The headers of facts.

use async_nats::{HeaderMap, HeaderName, HeaderValue, StatusCode};
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
pub(crate) const CORRELATION: &str = "X-Correlation-Id";
pub(crate) const TRACEPARENT: &str = "traceparent";

/// What of a fact's own headers is kept at most (bytes): ours must fit beside them.
const MOST_KEPT: usize = 16 * 1024;

/// The headers that stay with a fact. What nats-server itself would obey does not, nor what only we say.
pub(crate) fn kept(headers: Option<&HeaderMap>) -> HeaderMap {
    let mut kept = HeaderMap::new();
    let mut room = MOST_KEPT;
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let shown: &str = name.as_ref();
        let begins = |with: &str| {
            let start = shown.get(..with.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        if begins("nats-") || begins("greffe-") {
            continue;
        }
        for value in values {
            let bytes = shown.len() + value.as_str().len() + 4;
            if let Some(left) = room.checked_sub(bytes) {
                room = left;
                kept.append(name.clone(), value.clone());
            }
        }
    }
    kept
}

/// Whether the NATS client can read such a head: on another it ends its connection, or itself.
pub(crate) fn is_readable(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head) else {
        return false;
    };
    let mut lines = text.lines().peekable();
    let Some(rest) = lines.next().and_then(|line| line.strip_prefix("NATS/1.0")) else {
        return false;
    };
    let status = rest.trim().split(' ').next().unwrap_or_default();
    if !status.is_empty() && status.parse::<StatusCode>().is_err() {
        return false;
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            return false;
        };
        let mut value = value.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        if name.parse::<HeaderName>().is_err() || value.trim().parse::<HeaderValue>().is_err() {
            return false;
        }
    }
    true
}

/// What the headers of a fact say.
pub(crate) struct Said<'a> {
    pub id: Option<&'a str>,
    /// Whether a person published it anew.
    pub is_resubmitted: bool,
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
            is_resubmitted: get(ORIGINAL_ID).is_some(),
            correlation_id: get(CORRELATION).and_then(|id| id.parse().ok()),
            traceparent: get(TRACEPARENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_end_a_connection_are_told_from_others() {
        for readable in [
            "NATS/1.0\r\n\r\n",
            "NATS/1.0 503\r\n\r\n",
            "NATS/1.0 409 Consumer Deleted\r\nA: b\r\n  c\r\nNats-Msg-Id: 7\r\n\r\n",
        ] {
            assert!(is_readable(readable.as_bytes()), "{readable}");
        }
        for broken in [
            "NATS/1.0\r\nTicket Id: 501\r\n\r\n",
            "NATS/1.0\r\nR\u{e9}f: 1\r\n\r\n",
            "NATS/1.0\r\nfoo\r\n\r\n",
            "NATS/1.0\r\nX: a\rb\r\n\r\n",
            "NATS/1.0 abc\r\n\r\n",
            "",
        ] {
            assert!(!is_readable(broken.as_bytes()), "{broken}");
        }
        assert!(!is_readable(b"NATS/1.0\r\nA: \xff\r\n\r\n"));
    }

    #[test]
    fn what_is_kept_is_bounded_and_not_ours() {
        let mut headers = HeaderMap::new();
        headers.insert("greffe-error-FIELDS", "boom");
        headers.insert("Nats-Expected-Stream", "EVENTS");
        headers.insert("X-Long", "x".repeat(MOST_KEPT));
        headers.insert("X-Short", "kept");
        let kept = kept(Some(&headers));
        let names: Vec<_> = kept.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["X-Short"]);
    }
}
