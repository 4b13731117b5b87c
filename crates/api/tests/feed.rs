//! Live feeds: ready, frames, resuming, and ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{
    PASSWORD, TestApp, register_client, request,
    socket::{Socket, bearer, connect, frame},
};
use domain::users::{ServiceAccount, ServiceAccountCommand};
use events::users::{Role, Scope};
use futures::{SinkExt, StreamExt};
use kernel::{
    AccreditationLevel::{N1, N2, N4},
    Actor, AggregateId, Metadata,
};
use serde_json::json;
use tokio_tungstenite::{
    MaybeTlsStream,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

#[tokio::test]
async fn a_socket_resumes_without_gap_or_duplicate() {
    let app = TestApp::start().await;
    let marie = app.user("marie", N2, Role::Tech).await;
    register_client(&app.user("admin.n4", N4, Role::Admin).await).await;
    let support = app
        .service("support", "admin.n4", &[Scope::SafeguardRequest])
        .await;
    app.settle().await;
    let token = marie.token.clone().unwrap();
    let (mut socket, protocol) = connect(&app, "", &bearer(&token)).await.unwrap();
    assert_eq!(protocol, "greffe.v1");
    let ready = frame(&mut socket).await;
    assert_eq!(ready["type"], "feed:ready");
    assert!(ready["epoch"].is_string() && ready["server_time"].is_string());
    let asked = support
        .post("/api/safeguard/requests", request())
        .await
        .ok();
    let first = frame(&mut socket).await;
    assert_eq!(first["type"], "safeguard:new_request");
    assert_eq!(
        (&first["position"], &first["data"]["id"]),
        (&asked["position"], &asked["id"])
    );
    socket.close(None).await.unwrap();
    // While nobody listens, things go on.
    let path = format!("/api/safeguard/{}/approve", asked["id"].as_str().unwrap());
    marie.post(&path, json!({ "version": 1 })).await.ok();
    let query = format!(
        "?after={}&epoch={}",
        first["position"],
        ready["epoch"].as_str().unwrap()
    );
    let (mut socket, _) = connect(&app, &query, &bearer(&token)).await.unwrap();
    assert_eq!(frame(&mut socket).await["position"], first["position"]);
    let second = frame(&mut socket).await;
    assert_eq!(second["type"], "safeguard:request_approved");
    assert!(second["position"].as_u64() > first["position"].as_u64());
    // The same by polling, for where no socket can be had.
    let polled = marie.get(&format!("/api/safeguard/feed{query}")).await.ok();
    assert_eq!(polled["items"].as_array().unwrap().len(), 1);
    assert_eq!(polled["items"][0]["type"], second["type"]);
    let other = format!("?after=1&epoch={}", uuid::Uuid::nil());
    let (mut stranger, _) = connect(&app, &other, &bearer(&token)).await.unwrap();
    frame(&mut stranger).await;
    assert_eq!(frame(&mut stranger).await["type"], "feed:reset");
    // Signing out ends it.
    assert_eq!(marie.post("/api/auth/logout", json!({})).await.status, 204);
    assert_eq!(frame(&mut socket).await, json!({ "closed": 4401 }));
    assert_eq!(frame(&mut stranger).await, json!({ "closed": 4401 }));
}

#[tokio::test]
async fn who_may_open_one() {
    let app = TestApp::start().await;
    let jean = app.user("jean.dupont", N1, Role::Tech).await;
    let status = |result: Result<(Socket, String), Error>| match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{:?}", other.map(|_| ())),
    };
    assert_eq!(status(connect(&app, "", &[]).await), 401);
    assert_eq!(status(connect(&app, "", &bearer("x.y.z")).await), 401);
    let token = jean.token.clone().unwrap();
    // Never a token in the URL.
    assert_eq!(
        status(connect(&app, &format!("?token={token}"), &[]).await),
        401
    );
    let body = json!({ "username": "jean.dupont", "password": PASSWORD });
    let login = app
        .client
        .post(format!("{}/api/auth/login", app.url))
        .json(&body)
        .send()
        .await
        .unwrap();
    let cookie = login.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let with = |origin: String| [("cookie", cookie.clone()), ("origin", origin)];
    assert_eq!(
        status(connect(&app, "", &with("https://evil.example".into())).await),
        403
    );
    assert_eq!(
        status(connect(&app, "", &[("cookie", cookie.clone())]).await),
        403
    );
    let (mut socket, _) = connect(&app, "", &with(app.url.clone())).await.unwrap();
    assert_eq!(frame(&mut socket).await["type"], "feed:ready");
    socket.send(Message::text("hello")).await.unwrap();
    // The process ends: sockets are told to come back.
    app.app.stop();
    assert_eq!(frame(&mut socket).await, json!({ "closed": 1012 }));
}

#[tokio::test]
async fn a_socket_closes_when_its_token_ends() {
    let app =
        TestApp::start_with(|config| config.token_lifetime = chrono::TimeDelta::seconds(2)).await;
    let marie = app.user("marie", N2, Role::Tech).await;
    let token = marie.token.clone().unwrap();
    let begun = std::time::Instant::now();
    let (mut socket, _) = connect(&app, "", &bearer(&token)).await.unwrap();
    assert_eq!(frame(&mut socket).await["type"], "feed:ready");
    assert_eq!(frame(&mut socket).await, json!({ "closed": 4401 }));
    assert!(begun.elapsed() > Duration::from_secs(1), "not before");
}

/// A server and a client that hold little between them: one large frame does not fit.
async fn connect_narrowly(app: &TestApp, token: &str) -> Socket {
    let loopback = "127.0.0.1:0".parse().unwrap();
    let wide = tokio::net::TcpSocket::new_v4().unwrap();
    wide.set_send_buffer_size(4_096).unwrap();
    wide.bind(loopback).unwrap();
    let listener = wide.listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    let service =
        api::router(app.app.clone()).into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(axum::serve(listener, service).into_future());
    let narrow = tokio::net::TcpSocket::new_v4().unwrap();
    narrow.set_recv_buffer_size(4_096).unwrap();
    let stream = narrow.connect(address).await.unwrap();
    let mut request = format!("ws://{address}/api/safeguard/ws")
        .into_client_request()
        .unwrap();
    for (name, value) in bearer(token) {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let stream = MaybeTlsStream::Plain(stream);
    let (socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    socket
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_resumes() {
    let app = TestApp::start().await;
    let marie = app.user("marie", N2, Role::Tech).await;
    register_client(&app.user("admin.n4", N4, Role::Admin).await).await;
    let support = app
        .service("support", "admin.n4", &[Scope::SafeguardRequest])
        .await;
    app.settle().await;
    let token = marie.token.clone().unwrap();
    let mut slow = connect_narrowly(&app, &token).await;
    let ready = frame(&mut slow).await;
    let mut large = request();
    large["arguments"] = json!({ "note": "x".repeat(60_000) });
    let asked = support.post("/api/safeguard/requests", large).await.ok();
    app.settle().await;
    // The frame has 5 s to leave, and then the close has 5 s: reading begins between the two.
    tokio::time::sleep(Duration::from_millis(7_500)).await;
    assert_eq!(frame(&mut slow).await["position"], asked["position"]);
    assert_eq!(frame(&mut slow).await, json!({ "closed": 1013 }));
    let query = format!("?after={}", ready["position"]);
    let (mut again, _) = connect(&app, &query, &bearer(&token)).await.unwrap();
    frame(&mut again).await;
    assert_eq!(frame(&mut again).await["data"]["id"], asked["id"]);
}

/// The header of a program with a key.
fn key_of(service: &common::Session<'_>) -> [(&'static str, String); 1] {
    let key = service.token.as_deref().unwrap();
    [("authorization", format!("Bearer {key}"))]
}

async fn change(app: &TestApp, name: &str, command: ServiceAccountCommand) {
    let context = eventlog::CommandContext {
        metadata: Metadata::new(Actor::system("test"), kernel::new_id()),
        key: None,
    };
    let id = AggregateId::new(name).unwrap();
    let log = &app.app.log;
    log.execute::<ServiceAccount>(&id, command, &(), &context)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_service_s_socket_ends_with_its_key_and_its_scope() {
    let app = TestApp::start().await;
    app.user("admin.n4", N4, Role::Admin).await;
    let now = kernel::Clock::now(&app.platform.clock);
    let scopes = [Scope::SafeguardRead, Scope::SafeguardRequest];
    let rotated = app.service("rotated", "admin.n4", &scopes).await;
    let narrowed = app.service("narrowed", "admin.n4", &scopes).await;
    let kept = app.service("kept", "admin.n4", &scopes).await;
    app.settle().await;
    let mut sockets = Vec::new();
    for service in [&rotated, &narrowed, &kept] {
        let (mut socket, _) = connect(&app, "", &key_of(service)).await.unwrap();
        assert_eq!(frame(&mut socket).await["type"], "feed:ready");
        sockets.push(socket);
    }
    let credential_id = kernel::new_id();
    let rotate = ServiceAccountCommand::RotateKey { credential_id, now };
    change(&app, "rotated", rotate).await;
    assert_eq!(frame(&mut sockets[0]).await, json!({ "closed": 4401 }));
    // The other accounts saw that change too, and go on.
    let narrow = |scope| ServiceAccountCommand::ChangeScopes {
        scopes: vec![scope],
        now,
    };
    change(&app, "kept", narrow(Scope::SafeguardRead)).await;
    change(&app, "narrowed", narrow(Scope::SafeguardRequest)).await;
    assert_eq!(frame(&mut sockets[1]).await, json!({ "closed": 4401 }));
    kept.post("/api/safeguard/requests", request())
        .await
        .refused(403, "forbidden");
    narrowed
        .post("/api/safeguard/requests", request())
        .await
        .ok();
    assert_eq!(
        frame(&mut sockets[2]).await["type"],
        "safeguard:new_request"
    );
}

/// One party cannot take all the connections there are.
#[tokio::test]
async fn a_party_has_twenty_sockets() {
    let app = TestApp::start().await;
    let marie = app.user("marie", N2, Role::Tech).await;
    let paul = app.user("paul", N2, Role::Tech).await;
    app.settle().await;
    let token = marie.token.unwrap();
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let (socket, _) = connect(&app, "", &bearer(&token)).await.unwrap();
        sockets.push(socket);
    }
    let Err(Error::Http(refused)) = connect(&app, "", &bearer(&token)).await else {
        panic!("one more was opened");
    };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    let others = bearer(&paul.token.unwrap());
    connect(&app, "", &others).await.unwrap();
    // A place is free once its socket is gone.
    let mut closed = sockets.pop().unwrap();
    closed.close(None).await.unwrap();
    while let Some(Ok(_)) = closed.next().await {}
    let again = async {
        while connect(&app, "", &bearer(&token)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again)
        .await
        .unwrap();
}
