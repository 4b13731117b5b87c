//! A service may write any bytes: what no client can read costs the others a moment, and the platform nothing.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::Client;
use common::{TestApp, facts::soon, stage};
use embedded::UserKind;
use serde_json::{Value, json};

const SUBJECT: &str = "queries.support.safeguard.approval";

/// A message with a head.
fn with_head(subject: &str, reply: &[u8], head: &[u8]) -> Vec<u8> {
    let line = format!(" {} {}\r\n", head.len(), head.len() + 2);
    [
        b"HPUB ",
        subject.as_bytes(),
        b" ",
        reply,
        line.as_bytes(),
        head,
        b"{}\r\n",
    ]
    .concat()
}

/// Each kind of message that ends the connection of a client that reads it.
fn malformed(subject: &str) -> Vec<(&'static str, Vec<u8>)> {
    let reply = b"_INBOX.support.a".as_slice();
    let head = |head: &[u8]| with_head(subject, reply, head);
    let long = [b"_INBOX.support.".as_slice(), &[b'x'; 3_900]].concat();
    vec![
        (
            "a carriage return in a value",
            head(b"NATS/1.0\r\nA: b\rc\r\n\r\n"),
        ),
        (
            "a space in a name",
            head(b"NATS/1.0\r\nTicket Id: 5\r\n\r\n"),
        ),
        ("a line without a colon", head(b"NATS/1.0\r\nabc\r\n\r\n")),
        ("another version", head(b"NATS/9.9\r\n\r\n")),
        ("a status that is none", head(b"NATS/1.0 abc\r\n\r\n")),
        (
            "a head that is not UTF-8",
            head(b"NATS/1.0\r\nA: \xff\r\n\r\n"),
        ),
        ("an empty head", head(b"\r\n\r\n")),
        (
            "a reply that is not UTF-8",
            with_head(subject, b"_INBOX.support.\xff", b"NATS/1.0\r\n\r\n"),
        ),
        (
            "a long reply",
            with_head(subject, &long, b"NATS/1.0\r\n\r\n"),
        ),
    ]
}

async fn answers(support: &Client) -> bool {
    let asked = support.request(
        SUBJECT,
        json!({ "id": kernel::new_id() }).to_string().into(),
    );
    let Ok(Ok(reply)) = tokio::time::timeout(Duration::from_secs(2), asked).await else {
        return false;
    };
    let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
    reply["code"] == "not_found"
}

async fn finds_it(support: &Client) -> bool {
    let asked = support.request("$SRV.PING.greffe", "".into());
    matches!(
        tokio::time::timeout(Duration::from_secs(2), asked).await,
        Ok(Ok(_))
    )
}

/// How often the platform's own connection was made.
fn connects(app: &TestApp) -> u64 {
    app.nats.statistics().connects.load(Ordering::SeqCst)
}

async fn platform_answers(app: &TestApp) -> bool {
    let asked = async_nats::jetstream::new(app.nats.clone());
    asked.query_account().await.is_ok()
}

#[tokio::test]
async fn what_nobody_can_read_costs_one_connection_for_a_moment() {
    let app = TestApp::start().await;
    let _stage = stage(&app).await;
    let nats = &app.platform.nats;
    let password = nats.add_user("support", UserKind::Service).await;
    let support = nats.client_as("support", &password).await;
    assert!(soon(|| answers(&support)).await, "before");
    let before = connects(&app);
    for subject in [
        SUBJECT,
        "commands.support.safeguard.claim_execution",
        "$SRV.PING",
    ] {
        for (what, bytes) in malformed(subject) {
            nats.send_raw("support", &password, &bytes).await;
            assert!(platform_answers(&app).await, "{what} under {subject}");
            assert!(soon(|| answers(&support)).await, "{what} under {subject}");
        }
    }
    let many = malformed(SUBJECT).into_iter().cycle().take(200);
    for (_, bytes) in many {
        nats.send_raw("support", &password, &bytes).await;
    }
    assert!(platform_answers(&app).await, "after many");
    assert!(soon(|| answers(&support)).await, "after many");
    assert!(soon(|| finds_it(&support)).await, "after many");
    assert_eq!(
        connects(&app),
        before,
        "the platform's connection is the same"
    );
    let metrics = app.anonymous().get("/readyz").await;
    assert!(
        metrics.body["components"].to_string().contains("\"nats\""),
        "{}",
        metrics.body
    );
}

/// Questions about the service are cheap to ask: a flood of them must not hold up commands.
#[tokio::test]
async fn a_flood_of_questions_leaves_commands_answered() {
    let app = TestApp::start().await;
    let _stage = stage(&app).await;
    let nats = &app.platform.nats;
    let password = nats.add_user("support", UserKind::Service).await;
    let support = nats.client_as("support", &password).await;
    let question = b"PUB $SRV.STATS _INBOX.support.a 0\r\n\r\n".repeat(20_000);
    nats.send_raw("support", &password, &question).await;
    assert!(soon(|| answers(&support)).await);
    // A second has passed at some time.
    assert!(soon(|| finds_it(&support)).await);
}

#[tokio::test]
async fn readiness_says_that_facts_are_not_taken_in() {
    let app = TestApp::start().await;
    let nats = &app.platform.nats;
    // The streams are made by an intake that has ended.
    let intake = app.take_in().await;
    let context = async_nats::jetstream::new(nats.client().await);
    let is_made = || async {
        context.get_stream("INTAKE").await.is_ok() && context.get_stream("REJECTED").await.is_ok()
    };
    assert!(soon(is_made).await);
    drop(intake);
    let health = async || app.anonymous().get("/readyz").await.body;
    let intake = |health: &Value| {
        let mut parts = health["components"].as_array().unwrap().iter();
        parts.find(|it| it["name"] == "intake").cloned()
    };
    let is_well = || async { intake(&health().await).is_some_and(|part| part["status"] == "ok") };
    assert!(soon(is_well).await, "{}", health().await);
    let stopped = || async {
        // What the ending intake still takes is not what stands.
        let published = context.publish("intake.support.sentinel.alert", "{}".into());
        let stored = async { published.await?.await };
        stored.await.is_ok()
            && context
                .get_stream("INTAKE")
                .await
                .unwrap()
                .cached_info()
                .state
                .messages
                > 2
    };
    assert!(soon(stopped).await);
    app.advance(chrono::TimeDelta::minutes(5));
    let says_so = || async {
        let part = intake(&health().await).unwrap();
        let detail = part["detail"].as_str().unwrap_or_default();
        part["status"] == "degraded" && detail.contains("role `workflows`")
    };
    assert!(soon(says_so).await, "{}", health().await);
}
