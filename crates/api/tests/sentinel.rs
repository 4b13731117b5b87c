//! People act on alerts and plan maintenance windows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use chrono::{SubsecRound, TimeDelta};
use common::{TestApp, facts::with_webhook};
use events::users::Role;
use kernel::AccreditationLevel::{N2, N3};
use serde_json::{Value, json};

fn act(alert: &str, what: &str) -> String {
    format!("/api/sentinel/alerts/{alert}/{what}")
}

#[tokio::test]
async fn an_alert_is_acknowledged_classified_noted_and_resolved() {
    let app = TestApp::start_with(with_webhook).await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let paul = app.user("paul.durand", N3, Role::Tech).await;
    let nora = app.user("nora.petit", N2, Role::Tech).await;
    let alert = app.raise("4711").await;

    let ack = json!({ "version": 1, "comment": "J'appelle le site" });
    nora.post(&act(&alert, "acknowledge"), ack.clone())
        .await
        .refused(403, "forbidden");
    let path = act(&alert, "acknowledge");
    let first = marie.keyed(&path, "one", &ack).await.ok();
    assert_eq!(
        (&first["id"], &first["version"]),
        (&json!(alert), &json!(2))
    );
    let again = marie.keyed(&path, "one", &ack).await.ok();
    assert_eq!(again["position"], first["position"]);
    assert_eq!(again["repeated"], true);
    let stale = paul.post(&path, json!({ "version": 1 })).await;
    let stale = stale.refused(409, "stale_version");
    assert_eq!(
        (&stale["current"]["version"], &stale["current"]["status"]),
        (&json!(2), &json!("active"))
    );
    paul.post(&path, json!({ "version": 2 })).await.ok();

    let path = act(&alert, "reclassify");
    let wrong = json!({ "version": 3, "responsibility": "nobody" });
    marie.post(&path, wrong).await.refused(422, "invalid");
    let wrong = json!({ "version": 3, "responsibility": "fai", "confidence": 101 });
    let wrong = marie.post(&path, wrong).await.refused(422, "invalid");
    assert_eq!(wrong["errors"][0]["field"], "confidence");
    let right = json!({ "version": 3, "responsibility": "fai", "confidence": 80 });
    marie.post(&path, right).await.ok();
    let note = json!({ "detail": "Ticket ouvert chez l'opérateur" });
    marie.post(&act(&alert, "note"), note.clone()).await.ok();
    let path = act(&alert, "resolve");
    let empty = json!({ "version": 4, "resolution": " " });
    marie.post(&path, empty).await.refused(422, "invalid");
    let resolve = json!({ "version": 4, "resolution": "Lien rétabli" });
    marie.post(&path, resolve.clone()).await.ok();
    let over = json!({ "version": 5, "resolution": "Encore" });
    let over = marie.post(&path, over).await.refused(409, "alert_resolved");
    assert_eq!(over["current"]["status"], "resolved");
    // Something to remember may be written also later.
    marie.post(&act(&alert, "note"), note).await.ok();

    let types = app.event_types("sentinel.alert").await;
    let short: Vec<&str> = types
        .iter()
        .map(|it| it.rsplit('.').next().unwrap())
        .collect();
    assert_eq!(
        short,
        [
            "raised",
            "acknowledged",
            "acknowledged",
            "reclassified",
            "step_recorded",
            "resolved",
            "step_recorded"
        ]
    );
    let stored: Vec<Value> = sqlx::query_scalar("SELECT payload FROM events ORDER BY position")
        .fetch_all(app.app.log.pool())
        .await
        .unwrap();
    let stored = Value::Array(stored).to_string();
    for text in ["J'appelle", "opérateur", "Lien rétabli", "Device down"] {
        assert!(!stored.contains(text), "{text} is stored in clear");
    }
}

#[tokio::test]
async fn there_is_nothing_to_do_about_what_nobody_reported() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let unknown = kernel::new_id().to_string();
    let ack = json!({ "version": 1 });
    for alert in [unknown.as_str(), "4711"] {
        let answer = marie.post(&act(alert, "acknowledge"), ack.clone()).await;
        let code = if alert == unknown {
            "alert_unknown"
        } else {
            "not_found"
        };
        answer.refused(404, code);
    }
    let more = json!({ "version": 1, "comment": null, "by": "someone" });
    marie
        .post(&act(&unknown, "acknowledge"), more)
        .await
        .refused(422, "invalid");
}

#[tokio::test]
async fn a_maintenance_window_is_planned_once_and_cancelled_once() {
    const PATH: &str = "/api/sentinel/maintenance";
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let now = kernel::Clock::now(&app.platform.clock).trunc_subsecs(0);
    let at = |hours| (now + TimeDelta::hours(hours)).to_rfc3339();
    let window = |client: Value, from, to| {
        json!({ "client_id": client, "device": null, "reason": "Remplacement du routeur",
            "starts_at": at(from), "ends_at": at(to) })
    };
    let refused = marie.post(PATH, window(Value::Null, 1, 2)).await;
    let refused = refused.refused(422, "invalid");
    assert_eq!(refused["errors"][0]["field"], "client_id");
    let refused = marie.post(PATH, window(json!("42"), 2, 1)).await;
    let refused = refused.refused(422, "invalid");
    assert_eq!(refused["errors"][0]["field"], "ends_at");

    let good = window(json!("42"), 1, 2);
    let planned = marie.keyed(PATH, "once", &good).await;
    assert_eq!(planned.status, 201);
    let planned = planned.ok();
    let again = marie.keyed(PATH, "once", &good).await.ok();
    assert_eq!(
        (&again["id"], &again["repeated"]),
        (&planned["id"], &json!(true))
    );
    let events = app.events("sentinel.maintenance").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].data["maintenance_id"], planned["id"]);

    let listed = || async {
        app.settle().await;
        let page = marie.get(PATH).await.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
        page["items"][0].clone()
    };
    let shown = listed().await;
    assert_eq!(
        (&shown["id"], &shown["status"], &shown["reason"]),
        (
            &planned["id"],
            &json!("planned"),
            &json!("Remplacement du routeur")
        )
    );
    assert_eq!(shown["client"]["is_known"], false);
    let cancel = format!("{PATH}/{}/cancel", planned["id"].as_str().unwrap());
    let first = marie.post(&cancel, json!({})).await.ok();
    let second = marie.post(&cancel, json!({})).await.ok();
    assert_eq!(first["version"], second["version"]);
    assert_eq!(listed().await["status"], "cancelled");
    let types = app.event_types("sentinel.maintenance").await;
    assert_eq!(types.len(), 2, "{types:?}");
    let unknown = format!("{PATH}/{}/cancel", kernel::new_id());
    marie
        .post(&unknown, json!({}))
        .await
        .refused(404, "not_found");
}
