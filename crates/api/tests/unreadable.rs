//! An event of which a sealed part does not open is shown with what is left of it, beside the others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::{Session, TestApp};
use eventlog::Rebuilder;
use events::users::{Role, Scope};
use kernel::AccreditationLevel::N4;
use projections::audit::Audit;
use serde_json::{Value, json};

const BROKEN: &str = "jsonb_set(payload, '{arguments,v}', '\"AAAA\"')";

async fn sql(app: &TestApp, statement: &str) {
    let done = sqlx::query(statement).execute(app.app.log.pool()).await;
    done.unwrap();
}

async fn requested(admin: &Session<'_>) -> Vec<Value> {
    let trail = "/api/users/audit?action=safeguard.approval.requested";
    let page = admin.get(trail).await.ok();
    page["items"].as_array().unwrap().clone()
}

/// The clear fields stay, the broken part is marked, and the reason is on the event.
fn assert_marked(item: &Value, data: &str, reason: &str) {
    assert_eq!(item["unreadable"], reason, "{item}");
    let data = &item[data];
    assert_eq!(data["tool_name"], "ad_reset_password", "{item}");
    assert_eq!(data["arguments"], "illisible", "{item}");
}

#[tokio::test]
async fn an_event_that_does_not_open_is_shown_beside_the_others() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    let support = app
        .service("support", "admin.n4", &[Scope::SafeguardRequest])
        .await;
    app.settle().await;
    let request = json!({
        "tool_name": "ad_reset_password", "arguments": { "username": "jean.dupont" },
        "security_level": "L3", "context": {},
    });
    let mut positions = Vec::new();
    for _ in 0..2 {
        let asked = support
            .post("/api/safeguard/requests", request.clone())
            .await
            .ok();
        positions.push(asked["position"].as_u64().unwrap());
    }
    app.settle().await;
    // A disk has turned a letter after the rows were written.
    let first = positions[0];
    sql(
        &app,
        &format!("UPDATE events SET payload = {BROKEN} WHERE position = {first}"),
    )
    .await;
    // Another one was like that when they were written.
    app.settle().await;
    let broken = app.head().await + 1;
    sql(
        &app,
        &format!(
            "INSERT INTO events SELECT {broken}, gen_random_uuid(), aggregate_type,
                 gen_random_uuid()::text, 1, event_type, event_version, {BROKEN}, metadata,
                 clock_timestamp() FROM events WHERE position = {}",
            positions[1]
        ),
    )
    .await;
    app.settle().await;

    let look = async || {
        let items = requested(&admin).await;
        let shown: Vec<u64> = items
            .iter()
            .map(|item| item["position"].as_u64().unwrap())
            .collect();
        assert_eq!(shown, [broken, positions[1], first]);
        assert_marked(&items[0], "details", "damaged");
        assert_marked(&items[2], "details", "damaged");
        assert_eq!(items[1].get("unreadable"), None);
        assert_eq!(items[1]["details"]["arguments"], request["arguments"]);
    };
    look().await;
    let raw = format!("/api/audit/events?after={}&limit=1", first - 1);
    let raw = admin.get(&raw).await.ok();
    assert_marked(&raw["items"][0], "data", "damaged");

    // Rows filled anew are the same, and nothing of the trail is parked.
    app.settle().await;
    let rebuilder = Rebuilder {
        log: app.app.log.clone(),
        orders: api::parked_orders,
    };
    let rebuilt = rebuilder.rebuild(Arc::new(Audit), |_| {}).await;
    rebuilt.unwrap();
    app.settle().await;
    look().await;
    let parked = eventlog::parked_events(app.app.log.pool(), Some("audit")).await;
    assert_eq!(parked.unwrap(), []);

    // A key that is gone without having been destroyed.
    let key = "(SELECT (payload->'arguments'->>'sealed')::uuid FROM events WHERE position = ";
    let gone = format!(
        "UPDATE events SET payload = jsonb_set(payload, '{{arguments,sealed}}', to_jsonb(gen_random_uuid())) WHERE position = {first} AND {key}{first}) IS NOT NULL"
    );
    sql(&app, &gone).await;
    let items = requested(&admin).await;
    assert_marked(&items[2], "details", "key_missing");
}
