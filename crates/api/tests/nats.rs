//! The micro service: the same operations as over HTTP.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use async_nats::jetstream;
use common::{HASH, TestApp, ask, request, stage};
use events::users::Scope::SafeguardRequest;
use futures::StreamExt;
use serde_json::{Value, json};

#[tokio::test]
async fn the_micro_service_does_the_same() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let password = app
        .platform
        .nats
        .add_user("support", embedded::UserKind::Service)
        .await;
    let support = app.platform.nats.client_as("support", &password).await;
    let call = |subject: &'static str, body: Value, key: Option<&'static str>| {
        let support = support.clone();
        async move {
            let mut headers = async_nats::HeaderMap::new();
            if let Some(key) = key {
                headers.insert("Nats-Msg-Id", key);
            }
            let reply = support
                .request_with_headers(subject, headers, body.to_string().into())
                .await
                .unwrap();
            let code = reply
                .headers
                .and_then(|headers| headers.get("Nats-Service-Error").map(ToString::to_string));
            (
                serde_json::from_slice::<Value>(&reply.payload).unwrap(),
                code,
            )
        }
    };
    let (asked, code) = call(
        "commands.support.safeguard.request_approval",
        request(),
        Some("n1"),
    )
    .await;
    assert_eq!((asked["ok"].as_bool(), code), (Some(true), None), "{asked}");
    let (again, _) = call(
        "commands.support.safeguard.request_approval",
        request(),
        Some("n1"),
    )
    .await;
    assert_eq!(
        (&asked["repeated"], &again["repeated"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        (&asked["id"], &asked["position"]),
        (&again["id"], &again["position"])
    );
    app.settle().await;
    let id = asked["id"].clone();
    let (read, _) = call(
        "queries.support.safeguard.approval",
        json!({ "id": id }),
        None,
    )
    .await;
    assert_eq!(read["status"], "pending", "{read}");
    // No older than a position, as over HTTP; what is not written yet cannot be waited for.
    for (wanted, code) in [(app.head().await, None), (u64::MAX >> 1, Some("invalid"))] {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Greffe-Min-Position", wanted.to_string());
        let body = json!({ "id": id }).to_string();
        let subject = "queries.support.safeguard.approval";
        let reply = support
            .request_with_headers(subject, headers, body.into())
            .await
            .unwrap();
        let read: Value = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!(read["code"].as_str(), code, "{read}");
    }
    let path = format!("/api/safeguard/{}/approve", id.as_str().unwrap());
    stage.marie.post(&path, json!({ "version": 1 })).await.ok();
    let claim = json!({ "id": id, "arguments_hash": HASH });
    let (grant, _) = call("commands.support.safeguard.claim_execution", claim, None).await;
    assert_eq!(grant["ok"], true, "{grant}");
    let outcome = json!({ "id": id, "grant_id": grant["grant_id"], "outcome": "failed", "detail": "no such account" });
    assert_eq!(
        call("commands.support.safeguard.record_execution", outcome, None)
            .await
            .0["ok"],
        true
    );
    let (refused, code) = call(
        "commands.support.safeguard.cancel_approval",
        json!({ "id": id }),
        None,
    )
    .await;
    assert_eq!(refused["code"], "approval_already_decided");
    assert_eq!(code.as_deref(), Some("approval_already_decided"));
    // What cannot be read is refused with a stable code, and nothing is written.
    let head = app.head().await;
    for bad in [
        json!("text"),
        json!({}),
        json!({ "id": "not an id" }),
        json!({ "id": "a\u{0}b", "arguments_hash": "x" }),
    ] {
        let (refused, _) = call("commands.support.safeguard.claim_execution", bad, None).await;
        assert_eq!(
            (refused["ok"].as_bool(), refused["code"].as_str()),
            (Some(false), Some("invalid"))
        );
    }
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let reply = support
        .request("commands.support.safeguard.request_approval", deep.into())
        .await
        .unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&reply.payload).unwrap()["code"],
        "invalid"
    );
    assert_eq!(app.head().await, head);
    // Revoking is immediate.
    api::disable_service_account(&app.app.log, "support")
        .await
        .unwrap();
    app.settle().await;
    let (refused, _) = call(
        "commands.support.safeguard.request_approval",
        request(),
        None,
    )
    .await;
    assert_eq!(refused["code"], "forbidden");
}

/// Discovery answers as the platform, who may publish anywhere: never where an asker wants it.
#[tokio::test]
async fn discovery_answers_into_inboxes_only() {
    let app = TestApp::start().await;
    let nats = &app.platform.nats;
    let password = nats.add_user("support", embedded::UserKind::Service).await;
    let support = nats.client_as("support", &password).await;
    let platform = nats.client().await;
    let mut elsewhere = platform
        .subscribe("commands.other.safeguard.request_approval")
        .await
        .unwrap();
    platform.flush().await.unwrap();
    for verb in ["PING", "INFO", "STATS"] {
        for subject in [format!("$SRV.{verb}"), format!("$SRV.{verb}.greffe")] {
            let target = "commands.other.safeguard.request_approval";
            support
                .publish_with_reply(subject.clone(), target, "".into())
                .await
                .unwrap();
            // Questions are answered in order: this one comes after that one.
            let reply = support.request(subject, "".into()).await.unwrap();
            let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
            let kind = format!("io.nats.micro.v1.{}_response", verb.to_lowercase());
            assert_eq!(
                (&reply["type"], &reply["name"]),
                (&json!(kind), &json!("greffe"))
            );
            let own = format!("$SRV.{verb}.greffe.{}", reply["id"].as_str().unwrap());
            support.request(own, "".into()).await.unwrap();
        }
    }
    platform.flush().await.unwrap();
    let spoken = tokio::time::timeout(Duration::from_millis(100), elsewhere.next()).await;
    assert!(spoken.is_err(), "{spoken:?}");
    // As the tools of NATS read it.
    let ask = async |subject: &str| {
        support
            .request(subject.to_owned(), "".into())
            .await
            .unwrap()
    };
    support
        .request("commands.support.safeguard.claim_execution", "{}".into())
        .await
        .unwrap();
    let info = ask("$SRV.INFO.greffe").await.payload;
    let info: async_nats::service::Info = serde_json::from_slice(&info).unwrap();
    assert_eq!(info.endpoints.len(), 5);
    let stats = ask("$SRV.STATS.greffe").await.payload;
    let stats: async_nats::service::Stats = serde_json::from_slice(&stats).unwrap();
    let claim = stats
        .endpoints
        .iter()
        .find(|it| it.name == "claim_execution");
    assert_eq!(claim.map(|it| (it.requests, it.errors)), Some((1, 1)));
}

/// nats-server lets anyone choose where an answer goes: JetStream's own arrive here under a name
/// that never spoke, and must cost that name nothing.
#[tokio::test]
async fn answers_of_jetstream_are_nobodys_requests() {
    let limited = |config: &mut api::Config| config.limits.per_service = 5.try_into().unwrap();
    let app = TestApp::start_with(limited).await;
    let stage = stage(&app).await;
    let _victim = app.service("users", "admin.n4", &[SafeguardRequest]).await;
    app.settle().await;
    let nats = &app.platform.nats;
    let platform = nats.client().await;
    let decisions = jetstream::stream::Config {
        name: "DECISIONS".into(),
        subjects: vec!["decisions.>".into()],
        ..Default::default()
    };
    let context = jetstream::new(platform.clone());
    context.create_stream(decisions).await.unwrap();
    // What aims at another: a service with an empty consumer, and a reader with a full one, whose
    // messages arrive under the subject they are stored under (`events.users.…`).
    let aimed = [
        ("support", "DECISIONS", Some("decisions.support.>")),
        ("readers", "EVENTS", None),
    ];
    let mut attackers = Vec::new();
    for (name, stream, filter) in aimed {
        let kind = match filter {
            Some(_) => embedded::UserKind::Service,
            None => embedded::UserKind::Reader,
        };
        let password = nats.add_user(name, kind).await;
        let attacker = nats.client_as(name, &password).await;
        let api = jetstream::new(attacker.clone());
        let consumer = jetstream::consumer::pull::Config {
            durable_name: Some(name.into()),
            name: Some(name.into()),
            filter_subject: filter.unwrap_or_default().into(),
            ..Default::default()
        };
        let read = api.get_stream_no_info(stream).await.unwrap();
        read.create_consumer(consumer).await.unwrap();
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}");
        attackers.push((attacker, next));
    }
    let target = "commands.users.safeguard.claim_execution";
    let mut arrived = platform.subscribe(target).await.unwrap();
    platform.flush().await.unwrap();
    for (attacker, next) in &attackers {
        // JetStream leaves a request unanswered now and then.
        let mut answers = 0;
        for _ in 0..100 {
            let body = json!({ "batch": 1, "no_wait": true }).to_string();
            let sent = attacker.publish_with_reply(next.clone(), target, body.into());
            sent.await.unwrap();
            let answer = tokio::time::timeout(Duration::from_millis(500), arrived.next());
            answers += usize::from(answer.await.is_ok());
            if answers > 5 {
                break;
            }
        }
        assert!(answers > 5, "only {answers} to {next}");
    }
    let password = nats.add_user("users", embedded::UserKind::Service).await;
    let victim = nats.client_as("users", &password).await;
    let claim = json!({ "id": ask(&stage).await, "arguments_hash": HASH }).to_string();
    let ask = async || {
        let reply = victim.request(target, claim.clone().into()).await.unwrap();
        serde_json::from_slice::<Value>(&reply.payload).unwrap()
    };
    for _ in 0..5 {
        let refused = ask().await;
        assert_ne!(refused["code"], "rate_limited", "{refused}");
    }
    // Its own requests are what it is limited by, and it is told how long.
    let refused = ask().await;
    assert_eq!(refused["code"], "rate_limited");
    assert!(
        refused["retry_after_seconds"].as_u64() >= Some(1),
        "{refused}"
    );
}
