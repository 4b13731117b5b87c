//! Over NATS.

use async_nats::{Client, HeaderMap, Message, client::RequestErrorKind};
use serde_json::{Value, json};

use crate::{
    Before, GOOD, bad_requests,
    common::{HASH, TestApp, ask, stage},
};

const REQUEST: &str = "commands.support.safeguard.request_approval";
const CLAIM: &str = "commands.support.safeguard.claim_execution";
const QUERY: &str = "queries.support.safeguard.approval";
const OPERATIONS: [&str; 4] = [
    CLAIM,
    "commands.support.safeguard.record_execution",
    "commands.support.safeguard.cancel_approval",
    QUERY,
];

#[tokio::test]
async fn is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let nats = &app.platform.nats;
    let password = nats.add_user("support", embedded::UserKind::Service).await;
    let support = nats.client_as("support", &password).await;
    let pending = ask(&stage).await;
    accepts(&support).await;
    let before = Before::of(&app).await;
    for (what, body) in bad_requests() {
        refused(&what, send(&support, REQUEST, &[], body).await, "invalid");
    }
    ids(&support).await;
    headers(&support, &pending).await;
    // Its own request, but nothing to claim yet: a decision about it, which the trail keeps.
    let claim = json!({ "id": pending, "arguments_hash": HASH }).to_string();
    refused(
        "early",
        send(&support, CLAIM, &[], claim).await,
        "not_approved",
    );
    before.nothing_changed(&app).await;
    what_nats_server_refuses(&app, &support).await;
    accepts(&support).await;
}

async fn accepts(support: &Client) {
    let reply = read(&send(support, REQUEST, &[], GOOD).await);
    assert_eq!(reply["ok"], true, "{reply}");
}

async fn send(
    support: &Client,
    subject: &'static str,
    headers: &[(&'static str, &str)],
    body: impl Into<Vec<u8>>,
) -> Message {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, *value);
    }
    support
        .request_with_headers(subject, all, body.into().into())
        .await
        .unwrap()
}

fn read(reply: &Message) -> Value {
    serde_json::from_slice(&reply.payload).unwrap()
}

/// Complete: the code is in the body and in the header, beside a number as in HTTP.
#[track_caller]
fn refused(what: &str, reply: Message, code: &str) {
    let body = read(&reply);
    assert_eq!(
        (body["ok"].as_bool(), body["code"].as_str()),
        (Some(false), Some(code)),
        "{what}: {body}"
    );
    assert!(body["detail"].is_string() && body["errors"].is_array());
    let headers = reply.headers.unwrap();
    let header = |name| headers.get(name).map(|value| value.as_str());
    assert_eq!(header("Nats-Service-Error"), Some(code), "{what}");
    let number = header("Nats-Service-Error-Code").unwrap();
    assert!(number.starts_with('4'), "{what}: {number}");
}

async fn ids(support: &Client) {
    for subject in OPERATIONS {
        let other = r#""arguments_hash":"x","grant_id":"0198c1d2-aaaa-7bbb-8ccc-000000000001","outcome":"failed""#;
        for id in [
            "7".to_owned(),
            "[]".into(),
            "null".into(),
            r#""""#.into(),
            r#""a b""#.into(),
            r#""a\u0000b""#.into(),
            r#""\ud800""#.into(),
            format!("\"{}\"", "9".repeat(5_000)),
            format!("\"{}\"", "9".repeat(1_000_000)),
            r#""0198c1d2-aaaa-7bbb-8ccc-000000000001","id":"0198c1d2-aaaa-7bbb-8ccc-000000000002""#
                .into(),
        ] {
            let body = format!(r#"{{"id":{id},{other}}}"#);
            let what = format!("{subject} {}", &id[..id.len().min(50)]);
            refused(&what, send(support, subject, &[], body).await, "invalid");
        }
        let missing = send(support, subject, &[], format!("{{{other}}}")).await;
        refused(subject, missing, "invalid");
        let unknown = format!(r#"{{"id":"0198c1d2-aaaa-7bbb-8ccc-000000000001",{other}}}"#);
        refused(
            subject,
            send(support, subject, &[], unknown).await,
            "not_found",
        );
    }
}

async fn headers(support: &Client, pending: &str) {
    let long = "k".repeat(129);
    for key in ["", long.as_str(), "a\tb"] {
        let reply = send(support, REQUEST, &[("Nats-Msg-Id", key)], GOOD).await;
        refused(&format!("key {key:?}"), reply, "invalid");
    }
    let body = json!({ "id": pending }).to_string();
    for position in ["x", "-1", "99999999999999999999", "9007199254740993"] {
        let headers = [("Greffe-Min-Position", position)];
        let reply = send(support, QUERY, &headers, body.clone()).await;
        refused(&format!("position {position}"), reply, "invalid");
    }
}

/// None of this reaches the platform; it is what an author sees.
async fn what_nats_server_refuses(app: &TestApp, support: &Client) {
    let head = app.head().await;
    for size in [1_500_000, 10 * 1024 * 1024] {
        let error = support
            .request(REQUEST, vec![b'x'; size].into())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::MaxPayloadExceeded, "{size}");
    }
    for subject in [
        "commands.support.safeguard.nothing",
        "commands.support.nothing",
        "queries.support.safeguard.request_approval",
        "commands.support.safeguard.claim_execution.x",
    ] {
        let error = support.request(subject, "{}".into()).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::NoResponders, "{subject}");
    }
    let wrong = async_nats::ConnectOptions::with_user_and_password("support".into(), "x".into())
        .connect(app.platform.nats.url())
        .await
        .unwrap_err();
    assert_eq!(
        wrong.kind(),
        async_nats::ConnectErrorKind::AuthorizationViolation
    );
    assert_eq!(app.head().await, head);
}
