//! Facts come into the log whole, once and in order, through outages of all that is around.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::HashMap, time::Duration};

use async_nats::{HeaderMap, jetstream};
use chrono::TimeDelta;
use common::{SOON, World, alert, rejected, waiting, within};
use intake::MAX_FACT_BYTES;
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

const ALERT: &str = "intake.sentinel.sentinel.alert";

/// Facts of one burst: number, device, state; each device goes down and up by turns.
fn burst(facts: i64, devices: u32) -> Vec<(i64, u32, &'static str)> {
    let one = |number: i64| {
        let device = (number % i64::from(devices)) as u32;
        let turn = number / i64::from(devices);
        let state = if turn % 2 == 0 { "down" } else { "up" };
        // Far enough apart that each down is an episode of its own.
        (number * 120, device, state)
    };
    (0..facts).map(one).collect()
}

impl World {
    async fn publish_burst(&self, facts: &[(i64, u32, &'static str)]) {
        for (second, device, state) in facts {
            let id = format!("{device}-{second}");
            self.publish(ALERT, Some(&id), &alert(*device, *second, state))
                .await;
        }
    }

    /// Every fact of a burst is an event, once, in the order of its device.
    async fn assert_is_burst(&self, facts: &[(i64, u32, &'static str)]) {
        let mut expected: HashMap<u32, Vec<(String, i64)>> = HashMap::new();
        for (second, device, state) in facts {
            let event_type = match *state {
                "down" => "sentinel.alert.raised",
                _ => "sentinel.alert.resolved",
            };
            let at = 1_768_000_000 + second;
            let of_device = expected.entry(*device).or_default();
            of_device.push((event_type.to_owned(), at));
        }
        let mut devices: HashMap<String, u32> = HashMap::new();
        let mut found: HashMap<u32, Vec<(String, i64)>> = HashMap::new();
        for event in self.events().await {
            if let Some(device) = event.data["device"].as_str() {
                let number = device.strip_prefix("SWITCH-CLI-").unwrap();
                devices.insert(event.aggregate_id.clone(), number.parse().unwrap());
            }
            let at: chrono::DateTime<chrono::Utc> =
                event.data["occurred_at"].as_str().unwrap().parse().unwrap();
            let of_device = found.entry(devices[&event.aggregate_id]).or_default();
            of_device.push((event.event_type.clone(), at.timestamp()));
        }
        for (device, expected) in &expected {
            assert_eq!(found.get(device), Some(expected), "device {device}");
        }
        assert_eq!(found.len(), expected.len());
    }
}

#[tokio::test]
async fn a_burst_is_kept_whole_and_in_order_per_device() {
    let world = World::new().await;
    let process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let facts = burst(1_000, 50);
    world.publish_burst(&facts).await;
    world.settle().await;
    world.assert_is_burst(&facts).await;
    drop(process);
    // What was published while the platform was down is taken in when it comes back.
    let later: Vec<_> = burst(1_200, 50).into_iter().skip(1_000).collect();
    world.publish_burst(&later).await;
    assert_eq!(world.messages("INTAKE").await, 200);
    let client = world.nats.client().await;
    let waiting = intake::look(&client, SystemClock.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((waiting.unfinished, waiting.rejected), (200, 0));
    assert!(waiting.oldest < TimeDelta::minutes(5));
    assert_eq!(world.count().await, 1_000);
    let _process = world.start().await;
    world.settle().await;
    world.assert_is_burst(&[facts, later].concat()).await;
    let waiting = intake::look(&client, SystemClock.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((waiting.unfinished, waiting.oldest), (0, TimeDelta::zero()));
}

#[tokio::test]
async fn a_killed_nats_server_loses_and_doubles_nothing() {
    let world = World::new().await;
    let _process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let facts = burst(600, 20);
    for (at, part) in facts.chunks(200).enumerate() {
        world.publish_burst(part).await;
        if at < 2 {
            world.nats.restart().await;
        }
    }
    world.settle().await;
    world.assert_is_burst(&facts).await;
}

#[tokio::test]
async fn while_postgresql_is_away_facts_wait_and_none_is_rejected() {
    let postgres = testkit::postgres_server().await;
    let world = World::on(postgres.fresh_database().await).await;
    let _process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let facts = burst(400, 20);
    world.publish_burst(&facts[..200]).await;
    postgres.kill().await;
    world.publish_burst(&facts[200..]).await;
    // As long as an outage is: longer than the log's writer tries by itself.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(world.messages("INTAKE").await >= 200);
    postgres.restart().await;
    world.settle().await;
    world.assert_is_burst(&facts).await;
    assert_eq!(rejections(&world).await, []);
}

/// Whoever publishes writes the status line too, and clients take it for the server's word.
#[tokio::test]
async fn a_message_that_looks_like_the_server_s_own_holds_up_nobody() {
    let world = World::new().await;
    let _process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let address = world.nats.url().replace("nats://", "");
    let mut raw = tokio::net::TcpStream::connect(address).await.unwrap();
    let connect =
        r#"{"user":"sentinel","pass":"sentinel-password","headers":true,"verbose":false}"#;
    let body = alert(1, 0, "down").to_string();
    for status in ["409 Consumer Deleted", "503", "100 Idle Heartbeat"] {
        let head = format!("NATS/1.0 {status}\r\n\r\n");
        let (before, all) = (head.len(), head.len() + body.len());
        let sent =
            format!("CONNECT {connect}\r\nHPUB {ALERT} {before} {all}\r\n{head}{body}\r\nPING\r\n");
        raw.write_all(sent.as_bytes()).await.unwrap();
    }
    let stored = || async { world.count().await == 3 };
    assert!(within(SOON, stored).await, "each is a fact like any other");
    world.publish(ALERT, None, &alert(2, 0, "down")).await;
    world.settle().await;
    assert_eq!(world.count().await, 4);
    assert_eq!(rejections(&world).await, []);

    // Heads that end the connection of whoever reads them, or the reader itself.
    for head in [
        "NATS/1.0\r\nTicket Id: 501\r\n\r\n",
        "NATS/1.0\r\nfoo\r\n\r\n",
        "NATS/1.0\r\nX: a\rb\r\n\r\n",
    ] {
        let (before, all) = (head.len(), head.len() + body.len());
        let sent = format!("HPUB {ALERT} {before} {all}\r\n{head}{body}\r\nPING\r\n");
        raw.write_all(sent.as_bytes()).await.unwrap();
    }
    world.publish(ALERT, None, &alert(3, 0, "down")).await;
    world.settle().await;
    let refused = rejections(&world).await;
    assert_eq!(
        world.count().await,
        5,
        "what came behind them is taken in: {refused:?}"
    );
    assert_eq!(refused.len(), 3, "{refused:?}");
}

/// JetStream compares ids over the whole stream, whoever chose them.
#[tokio::test]
async fn nobody_makes_the_facts_of_another_vanish_by_their_ids() {
    let world = World::new().await;
    let _process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let password = world
        .nats
        .add_user("other", testkit::UserKind::Service)
        .await;
    let other = world.nats.client_as("other", &password).await;
    let context = async_nats::jetstream::new(other);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", "A-42-down");
    let stored = context.publish_with_headers("intake.other.x", headers, "{}".into());
    stored.await.unwrap().await.unwrap();
    // The shortest time that nats-server compares ids for.
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    world
        .publish(ALERT, Some("A-42-down"), &alert(1, 0, "down"))
        .await;
    world.settle().await;
    assert_eq!(world.count().await, 1);
}

#[tokio::test]
async fn another_process_goes_on_where_one_was_stopped() {
    let world = World::new().await;
    let first = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let _second = world.start_on(&world.database.pool.clone()).await;
    let facts = burst(600, 20);
    world.publish_burst(&facts[..300]).await;
    drop(first);
    world.publish_burst(&facts[300..]).await;
    world.settle().await;
    world.assert_is_burst(&facts).await;
}

/// Code and body of what is in `REJECTED`.
async fn rejections(world: &World) -> Vec<(String, String)> {
    let rejected = rejected(&world.nats).await;
    let found = waiting(&rejected, 0).await;
    let mut found: Vec<_> = found
        .into_iter()
        .map(|it| (it.subject.clone(), it.code))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn every_refusal_is_kept_with_its_code() {
    let world = World::new().await;
    let _process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let mut misspelt = alert(1, 0, "down");
    misspelt["devcie"] = "x".into();
    let step = json!({
        "source": "observium", "external_id": "never", "kind": "note",
        "occurred_at": "2026-01-15T09:00:00Z",
    });
    let mut far = alert(2, 0, "down");
    far["occurred_at"] = "2126-01-15T09:00:00Z".into();
    for (subject, id, body) in [
        ("sentinel.alert", "a", misspelt),
        ("sentinel.step", "b", step),
        ("sentinel.unknown", "c", json!({})),
        ("sentinel.alert", "d", far),
        ("sentinel.alert", "e", alert(3, 0, "down")),
    ] {
        let subject = format!("intake.sentinel.{subject}");
        world.publish(&subject, Some(id), &body).await;
    }
    world.settle().await;
    // The stream forgets an id after two minutes; what the log knows is not doubled then either.
    let core = jetstream::new(world.nats.client().await);
    for body in [alert(3, 0, "down"), alert(3, 1, "down")] {
        let mut headers = HeaderMap::new();
        headers.insert("Greffe-Original-Msg-Id", "e");
        let body = body.to_string().into();
        let sent = core.publish_with_headers(ALERT, headers, body);
        sent.await.unwrap().await.unwrap();
    }
    world.settle().await;
    world.allowed.0.write().unwrap().clear();
    world.publish(ALERT, Some("f"), &alert(4, 0, "down")).await;
    world.settle().await;
    let alert_code = |code: &str| (ALERT.to_owned(), code.to_owned());
    assert_eq!(
        rejections(&world).await,
        [
            alert_code("forbidden"),
            alert_code("idempotency_key_reused"),
            alert_code("invalid"),
            alert_code("invalid"),
            (
                "intake.sentinel.sentinel.step".into(),
                "alert_unknown".into()
            ),
            (
                "intake.sentinel.sentinel.unknown".into(),
                "unknown_subject".into()
            ),
        ]
    );
    assert_eq!(world.count().await, 1, "one was accepted, once");
    // What was wrong is corrected, and taken in.
    world.allowed.0.write().unwrap().insert("sentinel".into());
    let rejected = rejected(&world.nats).await;
    let all = waiting(&rejected, 0).await;
    let wrong = all.iter().find(|it| it.detail.contains("devcie")).unwrap();
    assert_eq!(wrong.errors[0].code, "unknown_field");
    for _ in 0..2 {
        let body = alert(1, 0, "down").to_string();
        rejected.resubmit(wrong, Some(body.into())).await.unwrap();
    }
    rejected.remove(wrong.sequence).await.unwrap();
    world.settle().await;
    assert_eq!(world.count().await, 2);
    assert_eq!(rejected.waiting().await.unwrap().0, 5);
}

#[tokio::test]
async fn what_is_too_large_is_refused_to_its_publisher_at_once() {
    let world = World::new().await;
    let _process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let context = jetstream::new(world.service.clone());
    let publish = async |bytes: usize| {
        let mut body = alert(1, 0, "down").to_string();
        body.extend(std::iter::repeat_n(' ', bytes - body.len()));
        context.publish(ALERT, body.into()).await.unwrap().await
    };
    assert!(publish(MAX_FACT_BYTES + 1).await.is_err());
    publish(MAX_FACT_BYTES).await.unwrap();
    world.settle().await;
    assert_eq!(world.count().await, 1);
}

/// What JetStream answers under a subject that a service names is no fact of the one it names.
#[tokio::test]
async fn an_answer_of_jetstream_is_no_fact_of_another_service() {
    let world = World::new().await;
    let _process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    world.allowed.0.write().unwrap().insert("other".into());
    let other = "intake.other.sentinel.alert";
    for body in [alert(1, 0, "down"), json!({})] {
        let body = body.to_string().into();
        let sent = world.service.publish_with_reply(ALERT, other, body);
        sent.await.unwrap();
    }
    world.service.flush().await.unwrap();
    let is_told = || async { rejections(&world).await.len() == 3 };
    assert!(within(SOON, is_told).await);
    world.settle().await;
    let codes: Vec<Value> = rejections(&world)
        .await
        .into_iter()
        .map(|(subject, code)| json!([subject, code]))
        .collect();
    let invalid = |subject: &str| json!([subject, "invalid"]);
    assert_eq!(codes, [invalid(other), invalid(other), invalid(ALERT)]);
    let events = world.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].metadata.actor.to_string(), "service:sentinel");
}

#[tokio::test]
async fn what_goes_along_with_a_fact_goes_into_the_log() {
    let world = World::new().await;
    let process = world.start().await;
    assert!(within(SOON, || world.is_empty()).await);
    let correlation = "0198c1d2-aaaa-7bbb-8ccc-000000000001";
    let mut headers = HeaderMap::new();
    headers.insert("X-Correlation-Id", correlation);
    let context = jetstream::new(world.service.clone());
    let body = alert(1, 0, "down").to_string().into();
    let sent = context.publish_with_headers(ALERT, headers, body);
    sent.await.unwrap().await.unwrap();
    world.settle().await;
    let events = world.events().await;
    assert_eq!(events[0].metadata.correlation_id.to_string(), correlation);
    // A client that was erased goes on having alerts; what is said of it is not kept.
    let vault = process.log.vault();
    assert!(vault.destroy("client:42").await.unwrap());
    world.publish(ALERT, None, &alert(2, 0, "down")).await;
    world.settle().await;
    let events = world.events().await;
    assert_eq!(events[1].data["message"], "effacé");
    assert_eq!(events[1].data["device"], "SWITCH-CLI-002");
}
