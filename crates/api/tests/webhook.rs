//! Observium's webhook: the answer comes after the fact is durable, and nothing is lost in silence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use chrono::TimeDelta;
use common::{
    Platform, TestApp,
    facts::{TOKEN, count, is_durable, soon, with_webhook},
};
use events::users::Role;
use kernel::AccreditationLevel::{N3, N4};
use serde_json::json;
use testkit::ManualClock;

#[tokio::test]
async fn the_answer_comes_after_the_fact_is_in_postgresql() {
    let app = TestApp::start_with(with_webhook).await;
    let database = app.platform.database.url.clone();
    for n in 0..20 {
        let body = app.notification("ALERT", &n.to_string()).to_string();
        let answer = app.notify(Some(TOKEN), body).await.ok();
        let position = answer["position"].as_u64().unwrap();
        assert!(is_durable(&database, position, "sentinel.alert.raised").await);
    }
    let raised = &app.events("sentinel.alert.raised").await[0];
    assert_eq!(raised.metadata.actor.to_string(), "service:observium");
    assert_eq!(raised.data["client_id"], "42");
    assert_eq!(raised.data["message"], "Device down");
    app.settle().await;
    let auditor = app.user("admin.n4", N4, Role::Admin).await;
    let trail = "/api/users/audit?action=sentinel.alert.raised&limit=1";
    let trail = auditor.get(trail).await.ok();
    assert_eq!(trail["items"][0]["ip_address"], "127.0.0.1");
}

#[tokio::test]
async fn sent_twice_it_is_one_notification_and_its_states_are_one_alert() {
    let app = TestApp::start_with(with_webhook).await;
    let body = app.notification("ALERT", "4711").to_string();
    let first = app.notify(Some(TOKEN), body.clone()).await.ok();
    let again = app.notify(Some(TOKEN), body).await.ok();
    assert_eq!(first["position"], again["position"]);
    assert_eq!(
        (&first["repeated"], &again["repeated"]),
        (&json!(false), &json!(true))
    );
    for state in ["ALERT REMINDER", "RECOVER", "RECOVER", "SYSLOG"] {
        app.advance(TimeDelta::minutes(1));
        let body = app.notification(state, "4711").to_string();
        app.notify(Some(TOKEN), body).await.ok();
    }
    assert_eq!(
        app.event_types("sentinel.alert").await,
        [
            "sentinel.alert.raised",
            "sentinel.alert.repeated",
            "sentinel.alert.resolved",
            "sentinel.alert.recovery_noted",
            // Of the rule of this number, which is another thing.
            "sentinel.alert.raised",
            "sentinel.alert.resolved",
        ]
    );
}

#[tokio::test]
async fn a_line_of_a_log_is_over_at_once_and_counts_once() {
    let app = TestApp::start_with(with_webhook).await;
    let body = app.notification("SYSLOG", "3").to_string();
    let first = app.notify(Some(TOKEN), body.clone()).await.ok();
    let again = app.notify(Some(TOKEN), body).await.ok();
    assert_eq!(first["position"], again["position"]);
    assert_eq!(again["repeated"], true);
    let events = app.events("sentinel.alert").await;
    let [raised, resolved] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(raised.event_type, "sentinel.alert.raised");
    assert_eq!(resolved.event_type, "sentinel.alert.resolved");
    assert_eq!(first["position"], resolved.position, "both are in the log");
    assert_eq!(raised.data["occurred_at"], resolved.data["occurred_at"]);
}

#[tokio::test]
async fn only_its_token_is_let_in_and_guessing_is_slowed_down() {
    let closed = TestApp::start().await;
    let body = closed.notification("ALERT", "1").to_string();
    closed
        .notify(Some(TOKEN), body.clone())
        .await
        .refused(404, "not_found");
    let app = TestApp::start_with(with_webhook).await;
    let before = app.head().await;
    for n in 0..20 {
        let wrong = format!("{TOKEN}{n}");
        let sent = (n > 0).then_some(wrong.as_str());
        app.notify(sent, body.clone())
            .await
            .refused(401, "unauthenticated");
    }
    let slowed = app.notify(Some("x"), body.clone()).await;
    assert!(slowed.headers.contains_key("retry-after"));
    slowed.refused(429, "rate_limited");
    assert_eq!(
        app.head().await,
        before,
        "strangers cannot write to the log"
    );
    // Who knows the token is not locked out by others at his address.
    app.notify(Some(&format!("Bearer {TOKEN}")), body)
        .await
        .ok();
}

#[tokio::test]
async fn what_cannot_be_taken_is_kept_corrected_and_taken_in() {
    let app = TestApp::start_with(with_webhook).await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let bad = r#"{"ALERT_STATE":"MAYBE","ALERT_ID":"7","x":"<script>alert(1)</script>"}"#;
    let refused = app.notify(Some(TOKEN), bad.to_owned()).await;
    let refused = refused.refused(422, "invalid");
    assert_eq!(refused["errors"][0]["field"], "ALERT_STATE");
    // A second time it is kept once.
    app.notify(Some(TOKEN), bad.to_owned()).await;
    let mut ahead = app.notification("ALERT", "8");
    let future = kernel::Clock::now(&app.platform.clock) + TimeDelta::hours(1);
    ahead["ALERT_UNIXTIME"] = json!(future.timestamp().to_string());
    let refused = app.notify(Some(TOKEN), ahead.to_string()).await;
    let refused = refused.refused(422, "invalid");
    assert_eq!(refused["errors"][0]["code"], "in_future");

    let page = marie.get("/api/intake/rejected").await.ok();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{page}");
    assert_eq!(items[0]["subject"], "intake.observium.webhook");
    assert_eq!(items[0]["service"], "observium");
    assert_eq!(items[0]["body"], bad, "as it came");
    let path = format!("/api/intake/rejected/{}/resubmit", items[0]["sequence"]);
    // Still wrong, it stays.
    marie.post(&path, json!({})).await.refused(422, "invalid");
    assert!(app.event_types("operations.rejected_fact").await.is_empty());
    let body = app.notification("ALERT", "7").to_string();
    marie.post(&path, json!({ "body": body })).await.ok();
    marie.post(&path, json!({})).await.refused(404, "not_found");
    let done = app.events("operations.rejected_fact").await;
    assert_eq!(done[0].event_type, "operations.rejected_fact.resubmitted");
    assert_eq!(done[0].data["is_corrected"], true);
    let raised = app.events("sentinel.alert.raised").await;
    assert_eq!(raised[0].metadata.actor.to_string(), "service:observium");
    let page = marie.get("/api/intake/rejected").await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let app = TestApp::start_with(with_webhook).await;
    let fits = format!("{{\"x\":\"{}\"}}", "y".repeat(239 * 1024));
    app.notify(Some(TOKEN), fits).await.refused(422, "invalid");
    assert_eq!(app.rejected().await.waiting().await.unwrap().0, 1);
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(241 * 1024));
    app.notify(Some(TOKEN), large)
        .await
        .refused(413, "too_large");
}

#[tokio::test]
async fn while_postgresql_is_away_nats_keeps_it_and_without_both_it_says_so() {
    let postgres = testkit::postgres_server().await;
    let database = postgres.fresh_database().await;
    eventlog::migrate(&database.pool).await.unwrap();
    let platform = Platform {
        database,
        nats: testkit::nats().await,
        clock: ManualClock::default(),
    };
    let app = TestApp::join(Arc::new(platform), with_webhook).await;
    let _intake = app.take_in().await;
    app.raise("1").await;
    // The intake has made its stream.
    let nats = async_nats::jetstream::new(app.platform.nats.client().await);
    let there = || async { nats.get_stream(intake::INTAKE).await.is_ok() };
    assert!(soon(there).await);

    postgres.kill().await;
    let body = app.notification("ALERT", "2").to_string();
    let answer = app.notify(Some(TOKEN), body.clone()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    // Not sure that it arrived, Observium's second address gets it too.
    let again = app.notify(Some(TOKEN), body).await;
    assert_eq!(again.status, 202, "{again:?}");
    let line = app.notification("SYSLOG", "3").to_string();
    let answer = app.notify(Some(TOKEN), line.clone()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    postgres.restart().await;
    let log = &app.app.log;
    let all = || async { count(log, "sentinel.alert").await == Some(4) };
    assert!(soon(all).await, "{:?}", count(log, "sentinel").await);
    // By the other way it is the same line.
    let again = app.notify(Some(TOKEN), line).await.ok();
    assert_eq!(again["repeated"], true);
    let mut types = app.event_types("sentinel.alert").await;
    types.sort();
    assert_eq!(types[..3], ["sentinel.alert.raised"; 3]);
    assert_eq!(types[3..], ["sentinel.alert.resolved"]);

    postgres.kill().await;
    app.platform.nats.kill().await;
    let body = app.notification("ALERT", "3").to_string();
    let lost = app.notify(Some(TOKEN), body).await;
    assert!(lost.headers.contains_key("retry-after"));
    lost.refused(503, "unavailable");
}
