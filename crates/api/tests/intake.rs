//! Facts that could not be accepted are read, corrected and resubmitted, or discarded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Session, TestApp, facts::soon};
use domain::operations::{RejectedFact, RejectedFactCommand};
use eventlog::CommandContext;
use events::users::Role;
use kernel::{AccreditationLevel::N3, Actor, Metadata, new_id};
use serde_json::{Value, json};

const PATH: &str = "/api/intake/rejected";
const BAD: &str = r#"{"source":"observium","message":"<script>alert(1)</script>"}"#;

fn corrected(app: &TestApp) -> String {
    let now = kernel::Clock::now(&app.platform.clock);
    json!({ "source": "zabbix", "external_id": "1", "state": "down", "device": "SWITCH-CLI-001",
        "severity": "critical", "message": "Lien coupé", "occurred_at": now })
    .to_string()
}

async fn waiting(who: &Session<'_>) -> Vec<Value> {
    let page = who.get(PATH).await.ok();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_waits_is_shown_as_it_came_and_who_reads_it_is_on_record() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    assert_eq!(waiting(&marie).await, Vec::<Value>::new());
    app.reject("one", BAD).await;
    app.reject("two", "\u{feff}not json").await;
    let items = waiting(&marie).await;
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["body"], BAD);
    assert_eq!(items[0]["size"], BAD.len());
    assert_eq!(items[0]["subject"], "intake.support.sentinel.alert");
    assert_eq!(
        (&items[0]["service"], &items[0]["code"]),
        (&json!("support"), &json!("invalid"))
    );
    assert_eq!(
        items[0]["errors"],
        json!([{ "field": "device", "code": "required" }])
    );
    let one = format!("{PATH}/{}", items[0]["sequence"]);
    let answer = marie.get(&one).await;
    let kind = answer.headers["content-type"].to_str().unwrap().to_owned();
    assert_eq!(answer.ok(), items[0]);
    assert_eq!(kind, "application/json");
    marie
        .get(&format!("{PATH}/999"))
        .await
        .refused(404, "not_found");
    marie
        .get(&format!("{PATH}/x"))
        .await
        .refused(404, "not_found");
    // Of the list and of the one, each once an hour.
    waiting(&marie).await;
    let reads = app.events("audit.sensitive_read").await;
    assert_eq!(reads.len(), 2, "{reads:?}");
    assert_eq!(reads[0].data["target_type"], "operations.rejected_fact");

    let page = marie.get(&format!("{PATH}?limit=1")).await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("{PATH}?limit=1&cursor={cursor}");
    let next = marie.get(&next).await.ok();
    assert_eq!(next["items"][0], items[1]);
    assert_eq!(next["next_cursor"], Value::Null);
    for bad in ["limit=0", "limit=201", "cursor=x"] {
        let answer = marie.get(&format!("{PATH}?{bad}")).await;
        answer.refused(422, "invalid");
    }
}

#[tokio::test]
async fn large_bodies_make_short_pages() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let large = "x".repeat(200 * 1024);
    for n in 0..12 {
        app.reject(&n.to_string(), &large).await;
    }
    let mut cursor = String::new();
    let mut sizes = Vec::new();
    loop {
        let page = marie.get(&format!("{PATH}?limit=200{cursor}")).await.ok();
        sizes.push(page["items"].as_array().unwrap().len());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(sizes, [5, 5, 2]);
}

#[tokio::test]
async fn a_corrected_fact_is_taken_in_as_its_service_s_own() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    app.reject("one", BAD).await;
    let _intake = app.take_in().await;
    let sequence = waiting(&marie).await[0]["sequence"].clone();
    let path = format!("{PATH}/{sequence}/resubmit");
    let body = json!({ "body": corrected(&app) });
    // The stream is made when the intake begins.
    let accepted = || async { marie.keyed(&path, "k", &body).await.status == 200 };
    assert!(soon(accepted).await);
    let raised = || async { app.events("sentinel.alert").await.len() == 1 };
    assert!(soon(raised).await);
    let raised = &app.events("sentinel.alert").await[0];
    assert_eq!(raised.metadata.actor.to_string(), "service:support");
    assert_eq!(waiting(&marie).await, Vec::<Value>::new());
    let done = app.events("operations.rejected_fact").await;
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].event_type, "operations.rejected_fact.resubmitted");
    assert_eq!(done[0].data["is_corrected"], true);
    assert_eq!(done[0].data["subject"], "intake.support.sentinel.alert");

    let again = marie.keyed(&path, "k", &body).await.ok();
    assert_eq!(again["repeated"], true);
    marie.post(&path, body).await.refused(404, "not_found");
    let discard = format!("{PATH}/{sequence}/discard");
    let why = json!({ "reason": "Doublon" });
    marie.post(&discard, why).await.refused(404, "not_found");
}

#[tokio::test]
async fn what_was_interrupted_half_way_is_finished_by_the_next_try() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    app.reject("one", &corrected(&app)).await;
    let message = app.rejected().await.get(1).await.unwrap().unwrap();
    // The event is in the log, and then the process was gone.
    let command = RejectedFactCommand::Resubmit {
        subject: message.subject.clone(),
        code: message.code.clone(),
        is_corrected: false,
        by: Actor::user(new_id()),
        now: kernel::Clock::now(&app.platform.clock),
    };
    let context = CommandContext {
        metadata: Metadata::new(Actor::system("test"), new_id()),
        key: None,
    };
    let log = &app.app.log;
    log.execute::<RejectedFact>(&message.id, command, &(), &context)
        .await
        .unwrap();

    let sequence = message.sequence;
    let why = json!({ "reason": "Doublon" });
    let discard = format!("{PATH}/{sequence}/discard");
    marie.post(&discard, why).await.refused(409, "conflict");
    let _intake = app.take_in().await;
    let path = format!("{PATH}/{sequence}/resubmit");
    let accepted = || async { marie.post(&path, json!({})).await.status == 200 };
    assert!(soon(accepted).await);
    let raised = || async { app.events("sentinel.alert").await.len() == 1 };
    assert!(soon(raised).await);
    assert_eq!(app.events("operations.rejected_fact").await.len(), 1);
    assert_eq!(waiting(&marie).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_discarded_fact_is_gone_and_the_log_says_why() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    app.reject("one", BAD).await;
    app.reject("two", BAD).await;
    let sequence = waiting(&marie).await[0]["sequence"].clone();
    let path = format!("{PATH}/{sequence}/discard");
    let blank = json!({ "reason": " " });
    marie.post(&path, blank).await.refused(422, "invalid");
    let why = json!({ "reason": "Essai de Jean Dupont" });
    let first = marie.keyed(&path, "k", &why).await.ok();
    let again = marie.keyed(&path, "k", &why).await.ok();
    assert_eq!(first["position"], again["position"]);
    let left = waiting(&marie).await;
    assert_eq!(left.len(), 1);
    assert_ne!(left[0]["sequence"], sequence);
    let stored: Value = sqlx::query_scalar("SELECT payload FROM events WHERE position = $1")
        .bind(first["position"].as_i64().unwrap())
        .fetch_one(app.app.log.pool())
        .await
        .unwrap();
    assert!(stored["reason"]["sealed"].is_string(), "{stored}");
}

#[tokio::test]
async fn every_kind_of_fact_has_its_schema() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let schemas = marie.get("/api/intake/schemas").await.ok();
    let items = schemas["items"].as_array().unwrap();
    assert_eq!(items.len(), events::intake::SUBJECTS.len());
    for item in items {
        assert!(item["schema"]["properties"].is_object(), "{item}");
        assert_eq!(item["schema"]["additionalProperties"], false, "{item}");
    }
}
