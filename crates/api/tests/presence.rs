//! Who reads which approval now, over two processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Stage, TestApp, ask,
    socket::{Socket, bearer, connect, frame},
    stage,
};
use events::users::Role;
use futures::{FutureExt, SinkExt, StreamExt};
use kernel::AccreditationLevel::N0;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// A person's socket on one process, past `feed:ready`.
async fn open(app: &TestApp, person: &common::Session<'_>) -> Socket {
    let token = person.token.clone().unwrap();
    let (mut socket, _) = connect(app, "", &bearer(&token)).await.unwrap();
    assert_eq!(frame(&mut socket).await["type"], "feed:ready");
    socket
}

async fn view(socket: &mut Socket, id: impl serde::Serialize) {
    let said = json!({ "type": "viewing", "id": id });
    socket.send(Message::text(said.to_string())).await.unwrap();
}

/// The names in the next frame about readers; events may come in between.
async fn readers(socket: &mut Socket, id: &str) -> Vec<String> {
    let told = loop {
        let next = frame(socket).await;
        if next["position"].is_null() {
            break next;
        }
    };
    assert_eq!(told["type"], "safeguard:presence", "{told}");
    assert_eq!(told["id"], id);
    let people = told["people"].as_array().unwrap().iter();
    let name = |person: &Value| {
        assert!(person["id"].is_string() && person["display_name"].is_string());
        person["username"].as_str().unwrap().to_owned()
    };
    people.map(name).collect()
}

/// Until the readers are these: on its way to it a process may tell what it knew before.
async fn until_readers(socket: &mut Socket, id: &str, wanted: &[&str]) {
    while readers(socket, id).await != wanted {}
}

#[tokio::test]
async fn readers_see_each_other_across_processes() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let id = ask(&stage).await;
    let Stage { marie, paul, .. } = stage;
    app.settle().await;
    let other = TestApp::join(app.platform.clone(), |_| {}).await;
    other.settle().await;
    let (mut here, mut there) = (open(&app, &marie).await, open(&other, &paul).await);
    view(&mut here, &id).await;
    until_readers(&mut here, &id, &["marie"]).await;
    until_readers(&mut there, &id, &["marie"]).await;
    view(&mut there, &id).await;
    until_readers(&mut here, &id, &["marie", "paul"]).await;
    until_readers(&mut there, &id, &["marie", "paul"]).await;
    // Who comes later is told at once, and so is a process that starts later.
    let mut second = open(&app, &marie).await;
    assert_eq!(readers(&mut second, &id).await, ["marie", "paul"]);
    let third = TestApp::join(app.platform.clone(), |_| {}).await;
    third.settle().await;
    let mut later = open(&third, &paul).await;
    until_readers(&mut later, &id, &["marie", "paul"]).await;
    // A closed tab leaves, and so do the people of a process that stops.
    here.close(None).await.unwrap();
    until_readers(&mut there, &id, &["paul"]).await;
    until_readers(&mut second, &id, &["paul"]).await;
    other.app.stop();
    until_readers(&mut second, &id, &[]).await;
    until_readers(&mut later, &id, &[]).await;
}

#[tokio::test]
async fn only_people_from_n1_on_are_seen_and_see() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let id = ask(&stage).await;
    app.settle().await;
    let key = format!("Bearer {}", stage.support.token.as_deref().unwrap());
    let (mut bot, _) = connect(&app, "", &[("authorization", key)]).await.unwrap();
    assert_eq!(frame(&mut bot).await["type"], "feed:ready");
    let mut marie = open(&app, &stage.marie).await;
    let mut paul = open(&app, &stage.paul).await;
    // Each of these is followed by something that is told: it would have come first.
    view(&mut bot, &id).await;
    view(&mut marie, &id).await;
    assert_eq!(readers(&mut paul, &id).await, ["marie"]);
    // Whatever another process says, who is below N1 is not shown.
    let low = app.user("jean.dupont", N0, Role::Tech).await;
    let jean = low.get("/api/auth/me").await.ok();
    let me = stage.marie.get("/api/auth/me").await.ok();
    let nats = app.platform.nats.client().await;
    let (process, elsewhere) = (kernel::new_id(), kernel::new_id().to_string());
    for (approval, person) in [(&id, &jean), (&elsewhere, &me)] {
        let seated = [json!({ "approval": approval, "person": person["id"] })];
        let told = json!({ "process": process, "asks": false, "seated": seated });
        nats.publish("platform.presence.safeguard", told.to_string().into())
            .await
            .unwrap();
    }
    assert_eq!(readers(&mut paul, &elsewhere).await, ["marie"]);
    // The service account hears of the decision, and of none of this.
    let path = format!("/api/safeguard/{id}/approve");
    stage.paul.post(&path, json!({ "version": 1 })).await.ok();
    loop {
        let next = frame(&mut bot).await;
        assert!(next["position"].is_u64(), "{next}");
        if next["type"] == "safeguard:request_approved" {
            break;
        }
    }
    // Signing out is leaving.
    stage.marie.post("/api/auth/logout", json!({})).await;
    assert_eq!(readers(&mut paul, &id).await, [""; 0]);
}

#[tokio::test]
async fn what_is_no_word_of_ours_changes_nothing() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let id = ask(&stage).await;
    app.settle().await;
    let mut marie = open(&app, &stage.marie).await;
    let mut paul = open(&app, &stage.paul).await;
    for text in [
        "[]",
        "{}",
        r#"{"type":"viewing","id":"x"}"#,
        r#"{"type":"viewing","id":7}"#,
        r#"{"type":"leaving","id":null}"#,
    ] {
        marie.send(Message::text(text)).await.unwrap();
    }
    view(&mut marie, &id).await;
    assert_eq!(readers(&mut paul, &id).await, ["marie"]);
    assert_eq!(readers(&mut marie, &id).await, ["marie"]);
    marie
        .send(Message::text(r#"{"type":"viewing","id":7}"#))
        .await
        .unwrap();
    view(&mut marie, Value::Null).await;
    assert_eq!(readers(&mut paul, &id).await, [""; 0]);
}

#[tokio::test]
async fn services_neither_hear_nor_speak_of_readers() {
    let app = TestApp::start().await;
    let password = app
        .platform
        .nats
        .add_user("support", embedded::UserKind::Service)
        .await;
    let platform = app.platform.nats.client().await;
    let mut heard = platform.subscribe("platform.presence.>").await.unwrap();
    platform.flush().await.unwrap();
    let support = app.platform.nats.client_as("support", &password).await;
    let mut after = support.subscribe("_INBOX.support.>").await.unwrap();
    let mut spied = support.subscribe("platform.presence.>").await.unwrap();
    let forged = "{\"forged\":true}";
    for subject in ["platform.presence.safeguard", "platform.presence.x"] {
        support.publish(subject, forged.into()).await.unwrap();
    }
    support.flush().await.unwrap();
    platform
        .publish("platform.presence.end", "end".into())
        .await
        .unwrap();
    loop {
        let message = heard.next().await.unwrap();
        assert_ne!(message.payload, forged.as_bytes());
        if message.payload == "end" {
            break;
        }
    }
    // The refused subscription has heard nothing of it.
    platform
        .publish("_INBOX.support.after", "after".into())
        .await
        .unwrap();
    assert_eq!(after.next().await.unwrap().payload, "after");
    assert!(spied.next().now_or_never().flatten().is_none());
}
