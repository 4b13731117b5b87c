//! What no client can read in `INTAKE` is put aside, and what follows it is taken in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::atomic::Ordering;

use common::{SOON, World, alert, connect, waiting, within};
use intake::Rejected;

/// A message of `sentinel` under the rest of a subject.
fn message(subject: &[u8]) -> Vec<u8> {
    [b"PUB intake.sentinel.".as_slice(), subject, b" 2\r\n{}\r\n"].concat()
}

#[tokio::test]
async fn a_subject_that_cannot_be_read_or_repeated_stops_nobody() {
    let world = World::new().await;
    let _process = world.start().await;
    world
        .publish(
            "intake.sentinel.sentinel.alert",
            Some("a"),
            &alert(1, 1, "down"),
        )
        .await;
    world.settle().await;
    let client = world.nats.client().await;
    let rejected = Rejected::new(client.clone(), connect(&world.nats), 1);
    let before = client.statistics().connects.load(Ordering::SeqCst);
    let long = "x".repeat(4_070 - "intake.sentinel.".len());
    let broken = [
        message(b"\xff\xfe"),
        message(long.as_bytes()),
        message("é".repeat(1_000).as_bytes()),
        b"HPUB intake.sentinel.\xff 19 21\r\nNATS/1.0\r\nA: \xffb\r\n\r\n{}\r\n".to_vec(),
    ];
    for bytes in &broken {
        world
            .nats
            .send_raw("sentinel", "sentinel-password", bytes)
            .await;
    }
    world
        .publish(
            "intake.sentinel.sentinel.alert",
            Some("b"),
            &alert(2, 2, "down"),
        )
        .await;
    world.settle().await;
    assert_eq!(
        world.count().await,
        2,
        "the facts around them are in the log"
    );
    let all_aside = || async { rejected.waiting().await.is_ok_and(|it| it.0 == 4) };
    assert!(
        within(SOON, all_aside).await,
        "{:?}",
        rejected.waiting().await
    );
    let found = waiting(&rejected, 0).await;
    for fact in &found {
        assert_eq!(fact.service, "sentinel");
        assert!(fact.subject.len() <= 220, "{}", fact.subject);
    }
    let codes: Vec<&str> = found.iter().map(|fact| &*fact.code).collect();
    assert_eq!(
        codes.iter().filter(|code| **code == "invalid").count(),
        2,
        "{codes:?}"
    );
    assert_eq!(
        codes
            .iter()
            .filter(|code| **code == "unknown_subject")
            .count(),
        2,
        "{codes:?}"
    );
    // They can be dealt with as any other, and nothing of it ends the connection that publishes.
    rejected.resubmit(&found[0], None).await.unwrap();
    for fact in &found {
        rejected.remove(fact.sequence).await.unwrap();
    }
    world.settle().await;
    let back = || async { rejected.waiting().await.is_ok_and(|it| it.0 == 1) };
    assert!(within(SOON, back).await);
    assert_eq!(client.statistics().connects.load(Ordering::SeqCst), before);
}

/// Bad and good by turns: were one bad message put aside each time the intake begins, one account would
/// hold up all others for as long as it likes.
#[tokio::test]
async fn many_unreadable_messages_among_others_are_put_aside_together() {
    const PAIRS: u32 = 60;
    let world = World::new().await;
    // The streams are there before a fact is.
    let process = world.start().await;
    world.settle().await;
    drop(process);
    for number in 0..PAIRS {
        let bad = b"HPUB intake.sentinel.x 19 21\r\nNATS/1.0\r\nA: \xffb\r\n\r\n{}\r\n";
        let sent = world.nats.send_raw("sentinel", "sentinel-password", bad);
        sent.await;
        let id = format!("good-{number}");
        let body = alert(number, i64::from(number), "down");
        let subject = "intake.sentinel.sentinel.alert";
        world.publish(subject, Some(&id), &body).await;
    }
    assert_eq!(world.messages("INTAKE").await, u64::from(2 * PAIRS));
    let before = world.begun.load(Ordering::SeqCst);
    let _process = world.start().await;
    world.settle().await;
    let begun = world.begun.load(Ordering::SeqCst) - before;
    assert!(begun < PAIRS as usize / 2, "it began {begun} times");
    assert_eq!(world.count().await, i64::from(PAIRS));
    let client = world.nats.client().await;
    let rejected = Rejected::new(client, connect(&world.nats), 1);
    let found = waiting(&rejected, 0).await;
    assert_eq!(found.len(), PAIRS as usize);
    for fact in &found {
        assert_eq!(
            (&*fact.code, &*fact.subject),
            ("invalid", "intake.sentinel.x")
        );
    }
}
