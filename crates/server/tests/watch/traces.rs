//! One trace follows a command from the service that sends it to the frame on a screen.

use std::{collections::HashMap, fmt::Write, path::Path};

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use crate::{
    collector::Collector,
    place::{caller::Caller, eventually},
    stage::{COMMENT, PERSON, Stage, TITLE},
};

/// A span, and the one above it.
const CHAIN: &[(&str, &str)] = &[
    ("request_approval", ""),
    ("execute", "request_approval"),
    ("append", "execute"),
    ("relay", "append"),
    ("projection", "append"),
    ("feed", "append"),
];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_follows_a_command() {
    let (collector, url) = Collector::start().await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ];
    let stage = Stage::start(&settings).await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("traceparent", format!("00-{TRACE}-{CALLER}-01").as_str());
    let asked = stage.traffic(headers).await;
    let spans = eventually("the whole chain", || async {
        let spans = collector.trace(TRACE);
        let has = |name: &str| spans.iter().any(|span| span.name == name);
        CHAIN.iter().all(|(name, _)| has(name)).then_some(spans)
    })
    .await;
    let by_id: HashMap<_, _> = spans.iter().map(|span| (&span.span_id, span)).collect();
    for (name, above) in CHAIN {
        let span = spans.iter().find(|span| span.name == *name).unwrap();
        match by_id.get(&span.parent_span_id) {
            Some(parent) => assert_eq!(parent.name, *above, "above {name}"),
            None => assert_eq!(hex::encode(&span.parent_span_id), CALLER, "{name}"),
        }
    }
    assert!(!format!("{spans:?}").contains(PERSON), "{spans:?}");
    assert!(!format!("{spans:?}").contains(TITLE) && !format!("{spans:?}").contains(COMMENT));
    keep_example(&spans);
    refusals_name_their_trace(&stage, &collector, asked["id"].as_str().unwrap()).await;
    stage.up.stop();
}

/// The id that a refusal names is the trace's. People cannot choose it, services can.
async fn refusals_name_their_trace(stage: &Stage, collector: &Collector, id: &str) {
    let path = format!("/api/safeguard/{id}/approve");
    for (caller, may_choose) in [(&stage.admin, false), (&stage.support, true)] {
        let chosen = "1af7651916cd43dd8448eb211c80319c";
        let request = caller.request(reqwest::Method::POST, &path);
        let request = request.header("traceparent", format!("00-{chosen}-{CALLER}-01"));
        let (status, problem) = Caller::send(request.json(&json!({ "version": 1 })))
            .await
            .unwrap();
        assert!(status.is_client_error(), "{problem}");
        let named = problem["trace_id"].as_str().unwrap().replace('-', "");
        assert_eq!(named == chosen, may_choose, "{problem}");
        eventually("the refusal's trace", || async {
            let spans = collector.trace(&named);
            spans
                .iter()
                .any(|span| span.name == "approve_request")
                .then_some(())
        })
        .await;
    }
}

/// `UPDATE_TRACE=1` writes the example of the documentation.
fn keep_example(spans: &[Span]) {
    if std::env::var_os("UPDATE_TRACE").is_none() {
        return;
    }
    let mut text = format!("trace {TRACE}\n");
    let began = spans[0].start_time_unix_nano;
    let roots = spans
        .iter()
        .filter(|span| hex::encode(&span.parent_span_id) == CALLER);
    roots.for_each(|root| draw(spans, root, 0, began, &mut text));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating/trace.txt");
    std::fs::write(file, text).unwrap();
}

fn draw(spans: &[Span], span: &Span, depth: usize, began: u64, text: &mut String) {
    let ms = |nanos: u64| nanos as f64 / 1e6;
    let name = format!("{}{}", "  ".repeat(depth), span.name);
    let at = ms(span.start_time_unix_nano - began);
    let took = ms(span.end_time_unix_nano - span.start_time_unix_nano);
    writeln!(text, "{name:<28} at {at:>7.2} ms, took {took:>7.2} ms").unwrap();
    let below = spans.iter().filter(|it| it.parent_span_id == span.span_id);
    below.for_each(|it| draw(spans, it, depth + 1, began, text));
}
