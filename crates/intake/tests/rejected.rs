//! What could not be accepted is kept, read and dealt with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use async_nats::{HeaderMap, jetstream};
use intake::{Rejected, Rejection};
use testkit::{TestNats, UserKind};

use common::{SOON, World, alert, rejected as connected, waiting, within};
use serde_json::json;

async fn put_aside(rejected: &Rejected, number: u32) {
    let mut headers = HeaderMap::new();
    headers.insert("X-Workflow", "SUPPORT");
    headers.insert("Nats-Rollup", "all");
    let errors = [domain::FieldError::new("device", "required")];
    let rejection = Rejection {
        subject: "intake.support.sentinel.alert",
        id: &format!("fact-{number}"),
        original_id: &format!("alert-{number}"),
        code: "invalid",
        detail: "`device` is missing.\nÀ corriger",
        errors: &errors,
        headers: Some(&headers),
        body: format!("{{\"number\":{number}}}").into(),
    };
    rejected.publish(rejection).await.unwrap();
}

async fn numbers(rejected: &Rejected) -> Vec<u64> {
    let found = waiting(rejected, 0).await;
    found.iter().map(|message| message.sequence).collect()
}

#[tokio::test]
async fn a_rejected_fact_is_kept_with_why_and_taken_away_once() {
    let nats = testkit::nats().await;
    let rejected = connected(&nats).await;
    assert_eq!(rejected.waiting().await.unwrap().0, 0);
    for number in [1, 2, 3, 2] {
        put_aside(&rejected, number).await;
    }
    assert_eq!(rejected.waiting().await.unwrap().0, 3, "each is there once");
    assert_eq!(numbers(&rejected).await, [1, 2, 3]);
    let second = rejected.walk(1, 2).by(1).next().await.unwrap().unwrap();
    assert_eq!((second.sequence, &*second.service), (2, "support"));
    assert_eq!(second.subject, "intake.support.sentinel.alert");
    assert_eq!(
        (&*second.code, &*second.detail),
        ("invalid", "`device` is missing. À corriger")
    );
    assert_eq!(
        second.errors,
        [domain::FieldError::new("device", "required")]
    );
    assert_eq!(second.body, "{\"number\":2}");
    // Dealt with in any order, by any process, and after a restart.
    rejected.remove(2).await.unwrap();
    assert_eq!(numbers(&rejected).await, [1, 3]);
    assert!(rejected.get(2).await.unwrap().is_none());
    rejected.remove(2).await.unwrap();
    nats.restart().await;
    let other = connected(&nats).await;
    other.remove(1).await.unwrap();
    put_aside(&other, 4).await;
    other.remove(4).await.unwrap();
    other.remove(99).await.unwrap();
    assert_eq!(numbers(&other).await, [3]);
    assert_eq!(other.waiting().await.unwrap().0, 1);
    let ids = waiting(&other, 0).await;
    assert_eq!(ids[0].id, other.get(3).await.unwrap().unwrap().id);
}

async fn stored(nats: &TestNats, stream: &str) -> Option<u64> {
    let context = jetstream::new(nats.client().await);
    let mut stream = context.get_stream(stream).await.ok()?;
    Some(stream.info().await.unwrap().state.messages)
}

/// Headers that nats-server would obey do not come along, and no service reaches the stream.
#[tokio::test]
async fn nobody_but_the_platform_writes_or_takes_away() {
    let nats = testkit::nats().await;
    let password = nats.add_user("support", UserKind::Service).await;
    let support = nats.client_as("support", &password).await;
    let rejected = connected(&nats).await;
    put_aside(&rejected, 1).await;
    put_aside(&rejected, 2).await;
    rejected.remove(2).await.unwrap();
    // A service names the subject of an answer freely, and an empty answer acknowledges.
    for reply in [
        "rejected.intake.support.sentinel.alert",
        "$JS.ACK.REJECTED.rejected.1.1.1.0.0",
    ] {
        let next = "$JS.API.CONSUMER.MSG.NEXT.DECISIONS.support";
        for subject in ["$SRV.PING", "intake.support.x", next] {
            let sent = support.publish_with_reply(subject, reply, "".into());
            sent.await.unwrap();
        }
    }
    support.flush().await.unwrap();
    put_aside(&rejected, 3).await;
    assert_eq!(stored(&nats, "REJECTED").await, Some(2));
}

/// What a service wrote as a name comes back to nobody, and its refusal is no outage.
#[tokio::test]
async fn a_name_of_any_length_is_refused_and_stops_nobody() {
    let world = World::new().await;
    let _process = world.start().await;
    let long = "A".repeat(66_000);
    let run = json!({
        "run_id": "r", "started_at": "2026-01-10T00:00:00Z", "finished_at": "2026-01-10T01:00:00Z",
        "added": 1, "updated": 0, "failed": 0, "by_source": { long: "x" },
    });
    let subject = "intake.sentinel.knowledge.enrichment_run";
    world.publish(subject, Some("long"), &run).await;
    let subject = "intake.sentinel.sentinel.alert";
    world
        .publish(subject, Some("next"), &alert(1, 1, "down"))
        .await;
    let rejected = connected(&world.nats).await;
    let is_aside = || async { rejected.waiting().await.is_ok_and(|it| it.0 == 1) };
    assert!(within(SOON, is_aside).await, "the refusal is stored");
    world.settle().await;
    assert_eq!(world.count().await, 1, "the next fact is in the log");
    let found = waiting(&rejected, 0).await;
    assert_eq!(found[0].code, "invalid");
    let named = domain::FieldError::new("by_source.?", "invalid_type");
    assert_eq!(found[0].errors, [named]);
    assert_eq!(
        found[0].detail,
        "`by_source.?` is not of the expected type."
    );
}

/// Whatever JetStream has against a head: the fact is stored without it.
#[tokio::test]
async fn what_jetstream_refuses_for_good_is_put_aside_with_the_least() {
    let nats = testkit::nats().await;
    let rejected = connected(&nats).await;
    rejected.ensure().await.unwrap();
    let context = jetstream::new(nats.client().await);
    let stream = context.get_stream("REJECTED").await.unwrap();
    let mut config = stream.cached_info().config.clone();
    config.max_message_size = 2_000;
    context.update_stream(config).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("X-Workflow", "x".repeat(5_000));
    let rejection = |body: &[u8]| Rejection {
        subject: "intake.support.sentinel.alert",
        id: "fact-1",
        original_id: "alert-1",
        code: "invalid",
        detail: "`device` is missing.",
        errors: &[],
        headers: Some(&headers),
        body: body.to_vec().into(),
    };
    rejected.publish(rejection(b"{}")).await.unwrap();
    let found = waiting(&rejected, 0).await;
    assert_eq!((found.len(), &*found[0].body), (1, &b"{}"[..]));
    assert_eq!(
        (&*found[0].code, &*found[0].detail),
        ("invalid", "`device` is missing.")
    );
    // Where the body alone is too much, it is said.
    rejected
        .publish(rejection(&[b' '; 3_000]))
        .await
        .unwrap_err();
}
