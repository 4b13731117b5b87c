//! Every operation refuses who may not, and every body that is none. Both walk the OpenAPI document,
//! so that an operation added later is covered, or fails here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use chrono::TimeDelta;
use common::{Answer, Session, TestApp, ask, stage};
use events::users::{Role, Scope};
use kernel::AccreditationLevel::{N0, N4};
use reqwest::Method;
use serde_json::{Value, json};

struct Operation {
    id: String,
    method: Method,
    path: String,
    has_json_body: bool,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(api::openapi_json()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path
                    .replace("{id}", "0198c1d2-aaaa-7bbb-8ccc-000000000001")
                    .replace("{name}", "ad_check_user")
                    .replace("{position}", "1")
                    .replace("{sequence}", "1"),
                has_json_body: operation["requestBody"]["content"]
                    .get("application/json")
                    .is_some(),
            });
        }
    }
    found
}

#[tokio::test]
async fn every_operation_refuses_who_may_not() {
    let app = TestApp::start().await;
    app.user("admin.n4", N4, Role::Admin).await;
    let chatter = app.user("jean.dupont", N0, Role::Tech).await;
    let bot = app
        .service("bot", "admin.n4", &[Scope::KnowledgeWrite])
        .await;
    app.settle().await;
    for operation in operations() {
        let rule = api::access::rule(&operation.id)
            .unwrap_or_else(|| panic!("{} has no rule", operation.id));
        let (method, path) = (operation.method.clone(), operation.path.as_str());
        if rule.open {
            let status = app.anonymous().send(method, path, None).await.status;
            assert!(
                status != 401 || operation.id == "login",
                "{} is not open",
                operation.id
            );
            assert_ne!(status, 403, "{} is not open", operation.id);
            continue;
        }
        let head = app.head().await;
        app.anonymous()
            .send(method.clone(), path, None)
            .await
            .refused(401, "unauthenticated");
        let forged = Session {
            app: &app,
            token: Some("eyJhbGciOiJub25lIn0.e30.".into()),
        };
        forged
            .send(method.clone(), path, None)
            .await
            .refused(401, "unauthenticated");
        assert_eq!(
            app.head().await,
            head,
            "{}: strangers cannot write to the log",
            operation.id
        );
        let low = if rule.level == Some(N0) {
            &bot
        } else {
            &chatter
        };
        low.send(method.clone(), path, None)
            .await
            .refused(403, "forbidden");
        bot.send(method, path, None).await.refused(403, "forbidden");
        // The same bot twice within a minute is one refusal.
        let refused = if rule.level == Some(N0) { 1 } else { 2 };
        assert_eq!(
            app.head().await,
            head + refused,
            "{}: the refusals are in the trail",
            operation.id
        );
    }
}

#[tokio::test]
async fn every_body_that_is_none_is_refused_and_writes_nothing() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    let bot = app
        .service("bot", "admin.n4", &[Scope::SafeguardRequest])
        .await;
    app.settle().await;
    let head = app.head().await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let large = format!("\"{}\"", "x".repeat(1_500_000));
    let bodies: [(&str, &str, u16, &str); 7] = [
        ("application/json", "not json", 422, "invalid"),
        ("application/json", "", 422, "invalid"),
        ("application/json", "[1,2]", 422, "invalid"),
        (
            "application/json",
            "{\"version\":\"one\",\"username\":1,\"id\":[],\"name\":1,\"level\":\"L9\",\"tool_name\":7,\"reason\":1,\"grant_id\":1,\"arguments_hash\":1}",
            422,
            "invalid",
        ),
        ("text/plain", "{}", 415, "unsupported_media_type"),
        ("application/json", &deep, 422, "invalid"),
        ("application/json", &large, 413, "too_large"),
    ];
    // What Observium sends is not ours: what cannot be read is kept (`webhook.rs`).
    let is_ours = |operation: &&Operation| operation.id != "receive_observium_alert";
    for operation in operations()
        .iter()
        .filter(|operation| operation.has_json_body)
        .filter(is_ours)
    {
        let rule = api::access::rule(&operation.id).unwrap();
        let who = if rule.level.is_some() || rule.open {
            &admin
        } else {
            &bot
        };
        for (kind, body, status, code) in &bodies {
            let request = who
                .request(operation.method.clone(), &operation.path)
                .header("content-type", *kind);
            let answer = Answer::read(request.body((*body).to_owned()).send().await.unwrap()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.body["code"].as_str()),
                (*status, Some(*code)),
                "{} {kind} {}: {}",
                operation.id,
                &body[..body.len().min(30)],
                answer.body
            );
            answer.refused(*status, code);
        }
    }
    assert_eq!(app.head().await, head);
}

#[tokio::test]
async fn everything_else_is_a_problem_too() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    admin
        .get("/api/nothing/here")
        .await
        .refused(404, "not_found");
    admin
        .send(Method::DELETE, "/api/clients", None)
        .await
        .refused(405, "method_not_allowed");
    for id in ["%20", "a%00b", "..%2f..%2fetc", "x", &"9".repeat(5_000)] {
        admin
            .get(&format!("/api/safeguard/{id}"))
            .await
            .refused(404, "not_found");
        admin
            .get(&format!("/api/clients/{id}"))
            .await
            .refused(404, "not_found");
    }
    let head = app.head().await;
    let odd = json!({ "id": "4\u{7}2", "name": "x\u{0}y", "critical": false });
    admin
        .post("/api/clients", odd)
        .await
        .refused(422, "invalid");
    assert!(app.head().await <= head + 1, "a refusal at most");
    let answer = admin.get("/api/openapi.json").await;
    for (name, part) in [
        ("content-security-policy", "frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert!(
            answer.headers[name].to_str().unwrap().contains(part),
            "{name}"
        );
    }
    assert!(!answer.headers.contains_key("strict-transport-security"));
    assert_eq!(answer.ok()["openapi"], "3.1.0");
    let docs = app.anonymous().get("/api/docs").await;
    assert!(docs.ok().as_str().unwrap().contains("approve_request"));
    assert_eq!(app.anonymous().get("/healthz").await.ok()["status"], "ok");
    app.settle().await;
    let ready = app.anonymous().get("/readyz").await.ok();
    assert!(
        ready["components"]
            .as_array()
            .unwrap()
            .iter()
            .any(|part| part["name"] == "postgresql")
    );
}

#[tokio::test]
async fn clients_come_in_one_by_one_and_as_csv() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    admin
        .post(
            "/api/clients",
            json!({ "id": "42", "name": "EHPAD Les Jardins", "critical": true }),
        )
        .await
        .ok();
    admin
        .post(
            "/api/clients",
            json!({ "id": "42", "name": "x", "critical": true }),
        )
        .await
        .refused(409, "conflict");
    let csv = "id,name,critical\n42,EHPAD Les Jardins,true\n7,Librairie,non\n8,,false\n9,Garage,perhaps\n";
    for (registered, unchanged) in [(1, 1), (0, 2)] {
        let request = admin
            .request(Method::POST, "/api/clients/import")
            .header("content-type", "text/csv");
        let report = Answer::read(request.body(csv).send().await.unwrap())
            .await
            .ok();
        assert_eq!(
            (&report["registered"], &report["unchanged"]),
            (&json!(registered), &json!(unchanged)),
            "{report}"
        );
        assert_eq!(report["refused"].as_array().unwrap().len(), 2);
    }
    admin
        .put(
            "/api/clients/7",
            json!({ "name": "Librairie Dupont", "critical": true, "version": 9 }),
        )
        .await
        .refused(409, "stale_version");
    admin
        .put(
            "/api/clients/7",
            json!({ "name": "Librairie Dupont", "critical": true }),
        )
        .await
        .ok();
    app.settle().await;
    let found = admin.get("/api/clients?q=librairie").await.ok();
    assert_eq!(found["items"][0]["critical"], true);
    assert_eq!(
        admin.get("/api/clients/42").await.ok()["name"],
        "EHPAD Les Jardins"
    );
    admin
        .get("/api/clients/none")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn the_trail_is_read_exported_and_its_reading_recorded() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    let auditor = app.user("jean.dupont", N0, Role::Auditor).await;
    app.settle().await;
    let page = auditor.get("/api/users/audit?limit=1").await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let next = page["next_cursor"].as_str().unwrap();
    let older = auditor
        .get(&format!("/api/users/audit?limit=1&cursor={next}"))
        .await
        .ok();
    assert!(older["items"][0]["position"].as_u64() < page["items"][0]["position"].as_u64());
    auditor
        .get("/api/users/audit?cursor=x")
        .await
        .refused(422, "invalid");
    let csv = auditor.get("/api/users/audit?format=csv").await;
    assert!(
        csv.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    assert!(
        csv.ok()
            .as_str()
            .unwrap()
            .starts_with("position,at,actor_kind")
    );
    let lines = auditor
        .get("/api/users/audit?format=jsonl&action=users.")
        .await
        .ok();
    assert!(lines.as_str().map_or(1, |text| text.lines().count()) >= 2);
    let events = auditor
        .get("/api/audit/events?after=0&context=users&limit=2")
        .await
        .ok();
    assert_eq!(events["items"][0]["position"], 1);
    assert!(events["items"][0]["data"].get("username").is_some());
    let reads = admin
        .get("/api/audit/events?type=audit.sensitive_read.recorded")
        .await
        .ok();
    assert!(reads["items"].as_array().unwrap().len() >= 3, "{reads}");
}

#[tokio::test]
async fn reading_an_approval_is_in_the_trail_once_an_hour() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    // The start of an hour, so that the test stays within it.
    let now = kernel::Clock::now(&app.platform.clock);
    let to_next_hour = 3_600 - now.timestamp().rem_euclid(3_600);
    app.advance(TimeDelta::seconds(to_next_hour));
    let (first, second) = (ask(&stage).await, ask(&stage).await);
    app.settle().await;
    let read = |who: Session<'_>, id: &str| {
        let (app, path) = (&app, format!("/api/safeguard/{id}"));
        let token = who.token.clone();
        async move {
            let before = app.head().await;
            Session { app, token }.get(&path).await.ok();
            app.head().await - before
        }
    };
    assert_eq!(read(stage.marie.clone(), &first).await, 1);
    assert_eq!(
        read(stage.marie.clone(), &first).await,
        0,
        "a page that polls"
    );
    assert_eq!(
        read(stage.marie.clone(), &second).await,
        1,
        "another record"
    );
    assert_eq!(read(stage.paul.clone(), &first).await, 1, "another reader");
    assert_eq!(
        read(stage.support.clone(), &first).await,
        0,
        "its own request"
    );
    app.advance(TimeDelta::hours(1));
    assert_eq!(read(stage.marie.clone(), &first).await, 1, "another hour");
    // What is not there was not read.
    let head = app.head().await;
    let nothing = format!("/api/safeguard/{}", uuid::Uuid::nil());
    stage.marie.get(&nothing).await.refused(404, "not_found");
    assert_eq!(app.head().await, head);
    app.settle().await;
    // Reading the trail is recorded too, and following it live adds nothing.
    let path = format!("/api/users/audit?target_id={first}&action=get_approval");
    let trail = stage.admin.get(&path).await.ok();
    let readers: Vec<&Value> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["actor"]["name"])
        .collect();
    assert_eq!(readers, ["marie", "paul", "marie"], "{trail}");
    assert_eq!(app.head().await, head + 1);
    for _ in 0..3 {
        app.settle().await;
        stage.admin.get("/api/users/audit").await.ok();
    }
    assert_eq!(app.head().await, head + 1);
    stage.admin.get("/api/users/audit?format=csv").await.ok();
    assert_eq!(app.head().await, head + 2, "every export is recorded");
    for _ in 0..3 {
        stage.admin.get("/api/audit/events?after=0").await.ok();
    }
    assert_eq!(app.head().await, head + 3);
}
