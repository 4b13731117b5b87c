//! nats-server is gone for half a minute: people go on, and services hear of it afterwards.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer};
use chrono::TimeDelta;
use futures::StreamExt;
use serde_json::{Value, json};
use testkit::{UserKind, assert_stream_is_log};

use crate::{
    deadlines::expired_after,
    place::{
        Place,
        caller::{Caller, request},
        cluster::{MASTER_KEY, create_user, open_log, settings, succeeded},
        eventually,
        overdue::expires_in,
    },
};

/// Shortened by `GREFFE_TEST_OUTAGE_SECONDS` while one works on it.
const OUTAGE_SECONDS: u64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_people_go_on_and_services_hear_of_it_afterwards() {
    let nats = testkit::nats().await;
    let nats_key = nats.add_user("support", UserKind::Service).await;
    let place = Place::new();
    let mut settings = settings();
    settings.push(("NATS_URL", nats.platform_url()));
    create_user(&place, "admin", &settings);
    create_user(&place, "chef.support", &settings);
    let mut command = place.command(&["service-account", "create", "--name", "support"]);
    command.args(["--owner", "chef.support", "--scope", "safeguard.request"]);
    command.envs(settings.clone());
    let key = succeeded(&crate::place::output(command, ""));
    let up = place.up_with(&settings);
    let admin = Caller::sign_in(&place.address, "admin").await;
    let support = Caller::with_key(&place.address, key.trim());
    let database = place.endpoints()["database"].as_str().unwrap().to_owned();
    let log = open_log(&database, &MASTER_KEY).await;
    let service = nats.client_as("support", &nats_key).await;
    let before = support.done("/api/safeguard/requests", &request(1)).await;
    assert_stream_is_log(log.pool(), &nats.client().await).await;

    nats.kill().await;
    let outage = std::env::var("GREFFE_TEST_OUTAGE_SECONDS").ok();
    let outage = outage.map_or(OUTAGE_SECONDS, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(outage);
    let mut decided = vec![(approve_live(&admin, &before).await, "approved")];
    let (expiring, due) = expires_in(&log, Duration::from_secs(3)).await;
    let mut ticket = 2;
    while Instant::now() < end {
        let asked = support
            .done("/api/safeguard/requests", &request(ticket))
            .await;
        decided.push((approve_live(&admin, &asked).await, "approved"));
        ticket += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let late = expired_after(log.pool(), expiring, due).await;
    assert!(late >= TimeDelta::zero(), "expired before its time");
    decided.push((expiring.to_string(), "expired"));
    eventually("degraded, not down", || async {
        let asked = admin.request(reqwest::Method::GET, "/readyz");
        let (status, _) = Caller::send(asked).await.ok()?;
        (status == 200).then_some(())
    })
    .await;

    nats.restart().await;
    let events = assert_stream_is_log(log.pool(), &nats.client().await).await;
    assert_hears(&service, decided.clone()).await;
    println!(
        "{} decisions, {events} events, expired {late} late",
        decided.len()
    );
    up.stop();
}

/// Approves, and waits until it is shown to who watches. The request's id.
async fn approve_live(admin: &Caller, asked: &Value) -> String {
    let id = asked["id"].as_str().unwrap();
    let body = json!({ "version": asked["version"], "comment": "oui" });
    let path = format!("/api/safeguard/{id}/approve");
    let approved = admin.done(&path, &body).await;
    let frames = format!("/api/safeguard/feed?after={}", asked["position"]);
    eventually("the approval is shown", || async {
        let page = admin.read(&frames).await;
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .any(|frame| frame["position"] == approved["position"])
            .then_some(())
    })
    .await;
    id.to_owned()
}

/// The service gets every decision on the stream `DECISIONS`.
async fn assert_hears(service: &async_nats::Client, mut expected: Vec<(String, &str)>) {
    let stream = eventually("the service is back", || async {
        let context = jetstream::new(service.clone());
        let stream = context.get_stream_no_info("DECISIONS").await.ok()?;
        let config = consumer::pull::Config {
            name: Some("support".into()),
            durable_name: Some("support".into()),
            filter_subject: "decisions.support.>".into(),
            ..Default::default()
        };
        stream.create_consumer(config).await.ok()
    })
    .await;
    let mut decisions = stream.messages().await.unwrap();
    while !expected.is_empty() {
        let next = tokio::time::timeout(Duration::from_secs(180), decisions.next()).await;
        let Ok(Some(Ok(message))) = next else {
            panic!("never told of {expected:?}");
        };
        let decision: Value = serde_json::from_slice(&message.payload).unwrap();
        message.ack().await.unwrap();
        expected.retain(|(id, status)| decision["id"] != **id || decision["status"] != **status);
    }
}
