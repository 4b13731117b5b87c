//! What services hear of their requests, through redelivery, outages and a lost stream.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{sync::Arc, time::Duration};

use async_nats::jetstream;
use common::{SOON, World, within};
use domain::safeguard::Approval;
use embedded::UserKind;
use eventlog::{Append, LogReader};
use events::safeguard::{
    ApprovalCancelled, ApprovalEvent, ApprovalExpired, ApprovalGranted, ApprovalLapsed,
    ApprovalRejected, ApprovalRequested, RequestContext, VoteRecorded,
};
use futures::StreamExt;
use kernel::{ActionLevel, Actor, AggregateId, Metadata, new_id};
use serde_json::{Value, json};
use testkit::TestNats;
use uuid::Uuid;
use workflows::{DECISIONS, Decisions};

const TYPE: &str = "safeguard.approval";

impl World {
    async fn append(&self, id: Uuid, sequence: u64, events: &[ApprovalEvent]) -> u64 {
        let id = AggregateId::from(id);
        let about = Metadata::new(Actor::system("test"), new_id());
        let nothing = Value::Null;
        let append = Append::new(
            self.log.vault(),
            (TYPE, &id),
            sequence,
            events,
            &about,
            None,
            &nothing,
        );
        self.log
            .append(append.await.unwrap())
            .await
            .unwrap()
            .position
    }

    /// A request, as a service or a person made it.
    async fn request(&self, by: &str) -> Uuid {
        let approval_id = new_id();
        let requested = ApprovalRequested {
            approval_id,
            reference: format!("APR-2026-{}", &approval_id.simple().to_string()[20..]),
            tool_name: "ad_reset_password".into(),
            arguments: json!({"username": "jean.dupont"}),
            arguments_hash: format!("sha256:{}", "ab".repeat(32)),
            security_level: ActionLevel::L3,
            context: RequestContext::default(),
            requested_by: by.into(),
            requester_owner: None,
            on_behalf_of: Some("jean.dupont".into()),
            requested_at: self.now(),
            expires_at: self.now() + chrono::TimeDelta::hours(1),
            required_approvals: 1,
        };
        self.append(
            approval_id,
            0,
            &[ApprovalEvent::Requested(Box::new(requested))],
        )
        .await;
        approval_id
    }

    fn approved(&self) -> ApprovalEvent {
        ApprovalEvent::Approved(ApprovalGranted {
            by: format!("user:{}", Uuid::nil()),
            comment: Some("jean.dupont a confirmé par téléphone".into()),
            approved_at: self.now(),
            claim_before: self.now() + chrono::TimeDelta::minutes(15),
            version: 2,
            subject: "person:jean.dupont".into(),
        })
    }

    async fn publish_decisions(&self, nats: &TestNats) -> LogReader {
        let client = nats.client().await;
        let reader = self.reader(Some(client.clone())).await;
        let clock = Arc::new(self.clock.clone());
        let (log, stop) = (self.log.clone(), self.stop.clone());
        Decisions::start(log, reader.clone(), client, clock, 1, &self.leases, stop);
        reader
    }
}

/// Every message of the stream: subject, id, body.
async fn stored(nats: &TestNats) -> Vec<(String, String, Value)> {
    let context = jetstream::new(nats.client().await);
    let Ok(mut stream) = context.get_stream(DECISIONS).await else {
        return Vec::new();
    };
    let info = stream.info().await.unwrap().state.clone();
    let mut found = Vec::new();
    if info.messages == 0 {
        return found;
    }
    for sequence in info.first_sequence..=info.last_sequence {
        let message = stream.get_raw_message(sequence).await.unwrap();
        found.push((
            message.subject.to_string(),
            message.headers.get("Nats-Msg-Id").unwrap().to_string(),
            serde_json::from_slice(&message.payload).unwrap(),
        ));
    }
    found
}

async fn has(nats: &TestNats, count: usize) -> bool {
    within(SOON, || async { stored(nats).await.len() == count }).await
}

#[tokio::test]
async fn a_service_is_told_and_hears_nothing_personal() {
    let (world, nats) = tokio::join!(World::new(), testkit::nats());
    let id = world.request("service:support").await;
    let position = world.append(id, 1, &[world.approved()]).await;
    // A person asked: nobody listens.
    let other = world.request(&format!("user:{}", Uuid::nil())).await;
    world.append(other, 1, &[world.approved()]).await;
    world.publish_decisions(&nats).await;
    assert!(has(&nats, 1).await);
    let (subject, message_id, body) = stored(&nats).await.remove(0);
    assert_eq!(subject, format!("decisions.support.{id}.approved"));
    let event = world
        .log
        .read_after(position - 1, 1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(message_id, event.event_id.to_string());
    let reference = body["reference"].clone();
    assert!(reference.as_str().unwrap().starts_with("APR-2026-"));
    assert_eq!(
        body,
        json!({
            "id": id, "reference": reference, "status": "approved", "version": 2,
            "position": position, "arguments_hash": format!("sha256:{}", "ab".repeat(32)),
            "decided_at": "2026-01-15T09:00:00.000Z",
        })
    );
    assert!(!body.to_string().contains("dupont"));
}

#[tokio::test]
async fn what_this_process_remembers_tells_the_same() {
    let (world, nats) = tokio::join!(World::new(), testkit::nats());
    let person = format!("user:{}", Uuid::nil());
    let mut told = Vec::new();
    for by in [&*person, "service:support"] {
        let id = world.request(by).await;
        let approval = world.log.load::<Approval>(&AggregateId::from(id)).await;
        let request = approval.unwrap().state.request().unwrap().clone();
        assert!(
            world
                .log
                .remembered::<Approval>(&AggregateId::from(id))
                .is_some()
        );
        world.append(id, 1, &[world.approved()]).await;
        told.push(json!([id, request.reference, request.arguments_hash]));
    }
    world.publish_decisions(&nats).await;
    assert!(
        has(&nats, 1).await,
        "the person's, which came first, is not told"
    );
    let (_, _, body) = stored(&nats).await.remove(0);
    let found = json!([body["id"], body["reference"], body["arguments_hash"]]);
    assert_eq!(found, told[1]);
}

#[tokio::test]
async fn every_end_has_its_status_and_a_vote_has_none() {
    let (world, nats) = tokio::join!(World::new(), testkit::nats());
    let (by, at, version) = (format!("user:{}", Uuid::nil()), world.now(), 2);
    let subject = "person:jean.dupont".to_owned();
    let ends = [
        ("approved", world.approved()),
        (
            "rejected",
            ApprovalEvent::Rejected(ApprovalRejected {
                by: by.clone(),
                reason: "non".into(),
                rejected_at: at,
                version,
                subject: subject.clone(),
            }),
        ),
        (
            "expired",
            ApprovalEvent::Expired(ApprovalExpired {
                expired_at: at,
                version,
            }),
        ),
        (
            "cancelled",
            ApprovalEvent::Cancelled(ApprovalCancelled {
                by: by.clone(),
                reason: None,
                cancelled_at: at,
                version,
                subject: subject.clone(),
            }),
        ),
        (
            "lapsed",
            ApprovalEvent::Lapsed(ApprovalLapsed {
                lapsed_at: at,
                version,
            }),
        ),
    ];
    let mut expected = Vec::new();
    for (status, event) in ends {
        let id = world.request("service:support").await;
        let vote = ApprovalEvent::VoteRecorded(VoteRecorded {
            by: by.clone(),
            comment: None,
            voted_at: at,
            version: 2,
            subject: subject.clone(),
        });
        world.append(id, 1, &[vote, event]).await;
        expected.push(format!("decisions.support.{id}.{status}"));
    }
    world.publish_decisions(&nats).await;
    assert!(has(&nats, 5).await);
    let subjects: Vec<String> = stored(&nats).await.into_iter().map(|it| it.0).collect();
    assert_eq!(subjects, expected);
}

#[tokio::test]
async fn a_service_reads_only_its_own_and_only_the_platform_writes() {
    let (world, nats) = tokio::join!(World::new(), testkit::nats());
    let password = nats.add_user("support", UserKind::Service).await;
    let support = nats.client_as("support", &password).await;
    world.publish_decisions(&nats).await;
    let context = jetstream::new(support.clone());
    let config = jetstream::consumer::pull::Config {
        durable_name: Some("support".into()),
        name: Some("support".into()),
        filter_subject: "decisions.support.>".into(),
        ..Default::default()
    };
    let made = within(SOON, || async {
        let stream = context.get_stream_no_info(DECISIONS).await.unwrap();
        stream.create_consumer(config.clone()).await.is_ok()
    });
    assert!(made.await, "the stream is there before anything is decided");
    let mut live = support.subscribe("decisions.support.>").await.unwrap();
    support.flush().await.unwrap();
    for by in ["service:sentinel", "service:support"] {
        let id = world.request(by).await;
        world.append(id, 1, &[world.approved()]).await;
    }
    assert!(has(&nats, 2).await);
    let heard = tokio::time::timeout(SOON, live.next())
        .await
        .unwrap()
        .unwrap();
    assert!(heard.subject.starts_with("decisions.support."));
    let stream = context.get_stream_no_info(DECISIONS).await.unwrap();
    let consumer: jetstream::consumer::PullConsumer = stream.get_consumer("support").await.unwrap();
    let mut batch = consumer.fetch().max_messages(10).messages().await.unwrap();
    let mut subjects = Vec::new();
    while let Some(Ok(message)) = batch.next().await {
        subjects.push(message.subject.to_string());
    }
    assert_eq!(subjects, [heard.subject.to_string()]);
    // The platform itself cannot be made to store something under the plain subject.
    nats.client()
        .await
        .publish("decisions.support.x.approved", "{}".into())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(stored(&nats).await.len(), 2);
}

#[tokio::test]
async fn redelivery_stores_nothing_twice() {
    let (world, nats) = tokio::join!(World::new(), testkit::nats());
    world.publish_decisions(&nats).await;
    for _ in 0..3 {
        let id = world.request("service:support").await;
        world.append(id, 1, &[world.approved()]).await;
    }
    assert!(has(&nats, 3).await);
    // As after a crash between publishing and the checkpoint.
    world.stop.cancel();
    tokio::time::sleep(Duration::from_millis(200)).await;
    sqlx::query("UPDATE projection_checkpoints SET position = 0 WHERE name = 'decisions'")
        .execute(&world.database.pool)
        .await
        .unwrap();
    let World {
        database,
        leases,
        log,
        ..
    } = world;
    drop((leases, log));
    let again = World::on(database).await;
    again.publish_decisions(&nats).await;
    let id = again.request("service:support").await;
    again.append(id, 1, &[again.approved()]).await;
    assert!(has(&nats, 4).await);
}

#[tokio::test]
async fn decisions_of_an_outage_come_out_once_it_is_over() {
    let (world, nats) = tokio::join!(World::new(), testkit::nats());
    world.publish_decisions(&nats).await;
    let id = world.request("service:support").await;
    world.append(id, 1, &[world.approved()]).await;
    assert!(has(&nats, 1).await);
    nats.kill().await;
    for _ in 0..3 {
        let id = world.request("service:support").await;
        world.append(id, 1, &[world.approved()]).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    nats.restart().await;
    assert!(has(&nats, 4).await, "{:?}", stored(&nats).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stored(&nats).await.len(), 4, "each of them once");
}

#[tokio::test]
async fn a_lost_stream_is_made_anew_with_what_it_held() {
    let (world, nats) = tokio::join!(World::new(), testkit::nats());
    world.publish_decisions(&nats).await;
    for _ in 0..2 {
        let id = world.request("service:support").await;
        world.append(id, 1, &[world.approved()]).await;
    }
    assert!(has(&nats, 2).await);
    let before = stored(&nats).await;
    let reached = within(SOON, || async {
        let position: i64 = sqlx::query_scalar(
            "SELECT position FROM projection_checkpoints WHERE name = 'decisions'",
        )
        .fetch_one(&world.database.pool)
        .await
        .unwrap();
        position == 4
    });
    assert!(reached.await);
    nats.delete_stream(DECISIONS).await;
    // Without anything new being decided.
    assert!(has(&nats, 2).await);
    assert_eq!(stored(&nats).await, before);
    let id = world.request("service:support").await;
    world.append(id, 1, &[world.approved()]).await;
    assert!(has(&nats, 3).await);
}
