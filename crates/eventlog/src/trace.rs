//! Traces across the log (W3C Trace Context).
//!
//! An event carries the `traceparent` of the append that wrote it, if that was traced; whoever works
//! on the event later goes on with that trace. Where nothing is traced nothing is written or read.

use std::sync::Arc;

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::RecordedEvent;

/// Events of one batch that are followed; in a flood the rest are as the first.
const MOST_FOLLOWED: usize = 64;

/// Whether spans of this detail go anywhere.
pub(crate) fn is_on() -> bool {
    tracing::span_enabled!(Level::DEBUG)
}

/// Names the current span to others; `None` if it is not traced.
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    (span.is_valid() && span.is_sampled())
        .then(|| format!("00-{}-{}-01", span.trace_id(), span.span_id()))
}

/// The trace that a span belongs to, as the id that refusals and logs name.
pub fn trace_id(span: &Span) -> Option<Uuid> {
    let context = span.context();
    let span = context.span().span_context().clone();
    span.is_valid()
        .then(|| Uuid::from_bytes(span.trace_id().to_bytes()))
}

/// Puts a span that has not begun below the one that `traceparent` names; what names none is
/// passed over, as W3C wants it.
pub fn continue_from(span: &Span, traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        // Without a layer for traces there is nothing to continue.
        drop(span.set_parent(Context::new().with_remote_span_context(parent)));
    }
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.trim().split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known = version == "00" && parts.next().is_none();
    let is_later = version.len() == 2 && !matches!(version, "00" | "ff");
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let fits = (trace.len(), span.len(), flags.len()) == (32, 16, 2)
        && [version, trace, span, flags].into_iter().all(is_hex);
    if !fits || !(is_known || is_later) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1);
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        flags,
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

/// Spans of work on events, which end when it is dropped.
#[must_use]
pub struct Following(#[allow(dead_code, reason = "held until it ends")] Vec<Span>);

/// Begins work on events, e.g. `follow("projection", "approvals", events)`: a span in the trace of
/// each event that has one.
pub fn follow(what: &'static str, who: &str, events: &[Arc<RecordedEvent>]) -> Following {
    if !is_on() {
        return Following(Vec::new());
    }
    let traced = events
        .iter()
        .filter_map(|event| Some((event.position, event.metadata.traceparent.as_deref()?)));
    let spans = traced
        .take(MOST_FOLLOWED)
        .map(|(position, traceparent)| follow_one(what, who, position, traceparent));
    Following(spans.collect())
}

/// Begins work on one event.
pub(crate) fn follow_one(what: &'static str, who: &str, position: u64, traceparent: &str) -> Span {
    let span = tracing::debug_span!(
        parent: None, "follow", otel.name = what, otel.kind = "consumer", greffe.part = who,
        greffe.position = position
    );
    continue_from(&span, traceparent);
    span
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_a_traceparent_is_followed() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = parse(good).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(
            context.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        assert!(!parse(&good.replace("-01", "-00")).unwrap().is_sampled());
        assert!(parse(&format!("{}-more", good.replacen("00", "01", 1))).is_some());
        for bad in [
            "",
            "00",
            &format!("{good}-more"),
            &good.replacen("00", "ff", 1),
            &good.to_uppercase(),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-é-é-01",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
