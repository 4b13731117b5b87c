//! Over HTTP.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    Before, GOOD, bad_requests,
    common::{Answer, Session, Stage, TestApp, ask, stage},
};

const REQUESTS: &str = "/api/safeguard/requests";
const UNKNOWN: &str = "0198c1d2-aaaa-7bbb-8ccc-000000000001";

#[tokio::test]
async fn is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let pending = ask(&stage).await;
    accepts(&stage).await;
    let before = Before::of(&app).await;
    bodies(&stage).await;
    kinds_and_sizes(&app, &stage).await;
    ids(&app, &stage, &pending).await;
    queries(&stage).await;
    routes(&stage).await;
    keys(&stage, &pending).await;
    tokens(&app).await;
    before.nothing_changed(&app).await;
    accepts(&stage).await;
    // A token ends with its time, whatever it was good for.
    stage.admin.get("/api/auth/me").await.ok();
    app.advance(chrono::TimeDelta::hours(8));
    let head = app.head().await;
    stage
        .admin
        .get("/api/auth/me")
        .await
        .refused(401, "unauthenticated");
    assert_eq!(app.head().await, head);
}

async fn accepts(stage: &Stage<'_>) {
    send(&stage.support, Some("application/json"), GOOD)
        .await
        .ok();
}

async fn send(who: &Session<'_>, kind: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
    let request = who.request(Method::POST, REQUESTS).body(body);
    let request = match kind {
        Some(kind) => request.header("content-type", kind),
        None => request,
    };
    Answer::read(request.send().await.unwrap()).await
}

#[track_caller]
fn refused(what: &str, answer: Answer, status: u16, code: &str) {
    let found = (answer.status.as_u16(), answer.body["code"].as_str());
    assert_eq!(found, (status, Some(code)), "{what}: {}", answer.body);
    answer.refused(status, code);
}

async fn bodies(stage: &Stage<'_>) {
    for (what, body) in bad_requests() {
        let answer = send(&stage.support, Some("application/json"), body).await;
        refused(&what, answer, 422, "invalid");
    }
}

async fn kinds_and_sizes(app: &TestApp, stage: &Stage<'_>) {
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-json"),
        Some(""),
    ] {
        let answer = send(&stage.support, kind, GOOD).await;
        refused(&format!("{kind:?}"), answer, 415, "unsupported_media_type");
    }
    let id = format!(
        r#"{{"id":"{}","name":"x","critical":false}}"#,
        "4".repeat(1_500_000)
    );
    let head = format!(
        "POST /api/clients HTTP/1.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json",
        stage.admin.token.as_deref().unwrap()
    );
    let large = vec![b'x'; 10 * 1024 * 1024];
    for (what, body) in [("an id of 1.5 MB", id.as_bytes()), ("10 MB", &large)] {
        let head = format!("{head}\r\ncontent-length: {}", body.len());
        let (status, body) = raw(app, &head, body).await;
        assert_eq!(
            (status, &body["code"]),
            (413, &json!("too_large")),
            "{what}"
        );
    }
}

async fn ids(app: &TestApp, stage: &Stage<'_>, pending: &str) {
    let over_long = "9".repeat(5_000);
    for id in ["a%20b", "%20", "a%00b", "..%2f..%2fetc", "x", &over_long] {
        for path in ["/api/safeguard", "/api/clients", "/api/safeguard/tools"] {
            let answer = stage.admin.get(&format!("{path}/{id}")).await;
            refused(&format!("{path}/{id}"), answer, 404, "not_found");
        }
        let path = format!("/api/safeguard/{id}/approve");
        let answer = stage.admin.post(&path, json!({ "version": 1 })).await;
        refused(&path, answer, 404, "not_found");
    }
    for path in ["/api/safeguard/%FF", "/api/clients/a%C3b"] {
        refused(path, stage.admin.get(path).await, 422, "invalid");
    }
    let path = format!("/api/safeguard/{UNKNOWN}/approve");
    let answer = stage.admin.post(&path, json!({ "version": 1 })).await;
    refused(&path, answer, 404, "not_found");
    // The HTTP library answers before any of us sees such a line.
    let line = format!("GET /api/clients/{} HTTP/1.1", "4".repeat(1_500_000));
    let (status, body) = raw(app, &line, &[]).await;
    assert!(
        matches!((status, body), (414 | 431, Value::Null)),
        "{status}"
    );
    for id in ["", " ", "4\u{0}2", "4\u{7}2", &"4".repeat(65)] {
        let client = json!({ "id": id, "name": "x", "critical": false });
        let answer = stage.admin.post("/api/clients", client).await;
        refused(&format!("client {id:?}"), answer, 422, "invalid");
    }
    let tool = json!({ "level": "L3", "description": { "fr": "x", "en": "x" } });
    let answer = stage.admin.put("/api/safeguard/tools/a%20b", tool).await;
    refused("a tool with a space", answer, 422, "invalid");
    for body in [
        json!({}),
        json!({ "version": "one" }),
        json!({ "version": -1 }),
        json!({ "version": 1, "comment": "a\u{0}b" }),
    ] {
        let path = format!("/api/safeguard/{pending}/approve");
        let answer = stage.marie.post(&path, body.clone()).await;
        refused(&body.to_string(), answer, 422, "invalid");
    }
}

async fn queries(stage: &Stage<'_>) {
    for path in [
        "/api/safeguard/pending?limit=0",
        "/api/safeguard/pending?limit=99999999999999999999",
        "/api/safeguard/pending?tool=%00",
        "/api/safeguard/pending?cursor=%00",
        "/api/safeguard/pending?urgency=blue",
        "/api/safeguard/pending?limit=1&limit=2",
        "/api/safeguard/history?from=yesterday",
        "/api/safeguard/stats?days=0",
        "/api/safeguard/stats?days=1e999",
        "/api/safeguard/feed?after=-1",
        "/api/safeguard/feed?epoch=x",
        "/api/users/audit?q=%00",
        "/api/users/audit?format=xml",
        "/api/audit/events?after=x",
        "/api/audit/events?correlation_id=x",
    ] {
        refused(path, stage.admin.get(path).await, 422, "invalid");
    }
}

async fn routes(stage: &Stage<'_>) {
    for (method, path, status, code) in [
        (Method::GET, "/api/nothing", 404, "not_found"),
        (Method::POST, "/api/safeguard/pending/x/y", 404, "not_found"),
        (Method::POST, "/nothing", 404, "not_found"),
        (Method::DELETE, REQUESTS, 405, "method_not_allowed"),
        (Method::PATCH, "/api/clients", 405, "method_not_allowed"),
        (Method::POST, "/healthz", 405, "method_not_allowed"),
    ] {
        let answer = stage.admin.send(method.clone(), path, None).await;
        refused(&format!("{method} {path}"), answer, status, code);
    }
}

async fn keys(stage: &Stage<'_>, pending: &str) {
    let long = "k".repeat(129);
    for key in [&b""[..], long.as_bytes(), b"\xff", "é".as_bytes(), b"a\tb"] {
        let request = stage
            .support
            .request(Method::POST, REQUESTS)
            .header("idempotency-key", key)
            .header("content-type", "application/json");
        let answer = Answer::read(request.body(GOOD).send().await.unwrap()).await;
        refused(&format!("key {key:?}"), answer, 422, "invalid");
    }
    for position in ["x", "-1", "", "99999999999999999999", "9007199254740993"] {
        let path = format!("/api/safeguard/{pending}");
        let request = stage.admin.request(Method::GET, &path);
        let request = request.header("greffe-min-position", position);
        let answer = Answer::read(request.send().await.unwrap()).await;
        refused(&format!("position {position}"), answer, 422, "invalid");
    }
}

async fn tokens(app: &TestApp) {
    let long = "x".repeat(10_000);
    for token in [
        "",
        "x",
        "x.y.z",
        "eyJhbGciOiJub25lIn0.e30.",
        "grf_support_wrong",
        "grf_",
        "grf_nobody_x",
        &long,
    ] {
        let stranger = Session {
            app,
            token: Some(token.into()),
        };
        let answer = send(&stranger, Some("application/json"), GOOD).await;
        refused(token, answer, 401, "unauthenticated");
    }
    let request = app.anonymous().request(Method::GET, "/api/auth/me");
    let request = request.header("authorization", "Basic eDp5");
    let answer = Answer::read(request.send().await.unwrap()).await;
    refused("basic", answer, 401, "unauthenticated");
}

/// Sends what an HTTP client would not; reads what there is, even if the server hangs up early.
async fn raw(app: &TestApp, head: &str, body: &[u8]) -> (u16, Value) {
    let address = app.url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = socket.split();
    let head = format!("{head}\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let send = async {
        if writing.write_all(head.as_bytes()).await.is_ok() {
            // Refused before it is all there.
            writing.write_all(body).await.ok();
        }
    };
    let mut answer = Vec::new();
    let receive = async { while let Ok(1..) = reading.read_buf(&mut answer).await {} };
    tokio::join!(send, receive);
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = match body {
        "" => Value::Null,
        body => serde_json::from_str(body).unwrap(),
    };
    (status, body)
}
