//! What could not be accepted is kept, read and dealt with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use async_nats::{HeaderMap, jetstream};
use intake::{Rejected, Rejection};
use testkit::{TestNats, UserKind};

use common::{rejected as connected, waiting};

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
