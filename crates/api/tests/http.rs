//! What surrounds every operation: other origins, panics, metrics.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use axum::{Router, routing::get};
use common::{Answer, TestApp, ask, stage};
use events::users::{Role, Scope};
use kernel::AccreditationLevel::N1;
use reqwest::{Method, header::HeaderMap};
use serde_json::json;

const LISTED: &str = "https://bi.example";

fn allowed(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("access-control-allow-origin")?;
    Some(value.to_str().unwrap())
}

#[tokio::test]
async fn only_listed_origins_may_call() {
    let app = TestApp::start_with(|config| config.cors_origins = vec![LISTED.into()]).await;
    let stage = stage(&app).await;
    let path = "/api/safeguard/pending";
    let call = async |method: Method, origin: &str, token: bool| {
        let who = if token {
            stage.marie.clone()
        } else {
            app.anonymous()
        };
        let request = who
            .request(method, path)
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "idempotency-key");
        Answer::read(request.send().await.unwrap()).await
    };
    let asked = call(Method::OPTIONS, LISTED, false).await;
    assert_eq!(asked.status, 200);
    assert_eq!(allowed(&asked.headers), Some(LISTED));
    for (name, part) in [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "idempotency-key"),
        ("vary", "origin"),
    ] {
        let value = asked.headers[name].to_str().unwrap();
        assert!(value.contains(part), "{name}: {value}");
    }
    let read = call(Method::GET, LISTED, true).await;
    assert_eq!(
        (read.status.as_u16(), allowed(&read.headers)),
        (200, Some(LISTED))
    );
    let exposed = read.headers["access-control-expose-headers"]
        .to_str()
        .unwrap();
    for name in ["greffe-position", "greffe-parked", "greffe-truncated"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    // A refusal is readable there too.
    let refused = call(Method::GET, LISTED, false).await;
    assert_eq!(allowed(&refused.headers), Some(LISTED));
    refused.refused(401, "unauthenticated");
    for other in [
        "https://evil.example",
        "http://bi.example",
        "https://bi.example.evil.example",
        "null",
    ] {
        for (method, token) in [
            (Method::OPTIONS, false),
            (Method::GET, true),
            (Method::GET, false),
        ] {
            let answer = call(method, other, token).await;
            assert_eq!(allowed(&answer.headers), None, "{other}");
        }
    }
}

async fn panics() {
    panic!("the password of jean.dupont");
}

#[tokio::test]
async fn a_panic_is_an_opaque_problem() {
    let app = TestApp::start().await;
    let routes = Router::new().route("/api/panics", get(panics));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/panics", listener.local_addr().unwrap());
    let server = axum::serve(
        listener,
        api::layered(app.app.clone(), routes).into_make_service(),
    );
    let server = tokio::spawn(server.into_future());
    let mut traces = Vec::new();
    // Twice: the first panic takes nothing along.
    for _ in 0..2 {
        let answer = Answer::read(app.client.get(&url).send().await.unwrap()).await;
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let body = answer.refused(500, "internal");
        let trace: uuid::Uuid = body["trace_id"].as_str().unwrap().parse().unwrap();
        assert!(!traces.contains(&trace), "every request has its own");
        traces.push(trace);
        assert!(!body.to_string().contains("jean.dupont"), "{body}");
    }
    server.abort();
}

#[tokio::test]
async fn metrics_are_only_for_some() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    ask(&stage).await;
    let watcher = app.service("watcher", "admin.n4", &[Scope::Metrics]).await;
    let reader = app.user("jean.dupont", N1, Role::Tech).await;
    app.settle().await;
    app.anonymous()
        .get("/metrics")
        .await
        .refused(401, "unauthenticated");
    for who in [&stage.support, &reader, &stage.marie] {
        who.get("/metrics").await.refused(403, "forbidden");
    }
    stage.paul.get("/metrics").await.ok();
    let answer = watcher.get("/metrics").await;
    assert_eq!(
        answer.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.ok().as_str().unwrap().to_owned();
    for name in ["approvals", "tools", "clients", "users", "audit"] {
        for metric in [
            "greffe_projection_lag_events",
            "greffe_projection_lag_seconds",
            "greffe_projection_parked_events",
            "greffe_projection_position",
        ] {
            let series = format!("{metric}{{projection=\"{name}\"}} ");
            assert!(text.contains(&series), "{series} is missing:\n{text}");
        }
    }
    // Refusals of those who are known are in the trail.
    let path = "/api/users/audit?action=get_metrics";
    app.settle().await;
    let trail = stage.admin.get(path).await.ok();
    assert_eq!(trail["items"].as_array().unwrap().len(), 3);
    assert_eq!(trail["items"][0]["outcome"], json!("refused"));
}
