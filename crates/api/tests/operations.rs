//! Operators see what a read model could not apply, and decide; each decision is in the trail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Session, TestApp};
use events::users::Role;
use kernel::{
    AccreditationLevel::{N3, N4},
    Actor, Metadata, new_id,
};
use serde_json::{Value, json};

const PARKED: &str = "/api/operations/projections/clients/parked";

async fn sql(app: &TestApp, statement: &str) {
    let done = sqlx::query(statement).execute(app.app.log.pool()).await;
    done.unwrap();
}

/// From now on the rows refuse client 666: an event about it cannot be applied.
async fn poison(app: &TestApp) {
    sql(
        app,
        "ALTER TABLE clients ADD CONSTRAINT no_666 CHECK (client_id <> '666')",
    )
    .await;
}

async fn put_client(admin: &Session<'_>, id: &str, name: &str) -> u64 {
    let body = json!({ "name": name, "critical": false });
    let answer = admin.put(&format!("/api/clients/{id}"), body).await.ok();
    answer["position"].as_u64().unwrap()
}

async fn parked(admin: &Session<'_>) -> Vec<Value> {
    let page = admin.get(PARKED).await.ok();
    page["items"].as_array().unwrap().clone()
}

async fn projection(admin: &Session<'_>, name: &str) -> Value {
    let page = admin.get("/api/operations/projections").await.ok();
    let items = page["items"].as_array().unwrap();
    items.iter().find(|it| it["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn a_parked_event_is_retried_once_the_cause_is_gone() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    let supervisor = app.user("marie.martin", N3, Role::Tech).await;
    poison(&app).await;
    let first = put_client(&admin, "666", "EHPAD Les Jardins").await;
    let second = put_client(&admin, "666", "EHPAD du Parc").await;
    put_client(&admin, "42", "Clinique du Lac").await;
    app.settle().await;

    supervisor.get(PARKED).await.refused(403, "forbidden");
    // Others are not held up.
    admin.get("/api/clients/42").await.ok();
    admin
        .get("/api/clients/666")
        .await
        .refused(404, "not_found");
    let found = parked(&admin).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0]["position"], first);
    assert_eq!(found[0]["event_type"], "clients.client.registered");
    assert_eq!(found[0]["waiting"], 1);
    let error = found[0]["error"].as_str().unwrap();
    assert!(error.contains("no_666"), "{error}");
    assert!(!found[0].to_string().contains("EHPAD"), "{found:?}");
    assert_eq!(
        (&found[1]["position"], &found[1]["error"]),
        (&json!(second), &json!(null))
    );
    let state = projection(&admin, "clients").await;
    assert_eq!(state["parked"], 2);

    // In vain as long as the cause is there.
    let retry = format!("{PARKED}/{first}/retry");
    let answer = admin.keyed(&retry, "once", &json!({})).await.ok();
    assert_eq!(
        (&answer["id"], &answer["repeated"]),
        (&json!("clients"), &json!(false))
    );
    app.settle().await;
    assert_eq!(parked(&admin).await.len(), 2);

    sql(&app, "ALTER TABLE clients DROP CONSTRAINT no_666").await;
    admin.post(&retry, json!({})).await.ok();
    app.settle().await;
    assert_eq!(parked(&admin).await, Vec::<Value>::new());
    let client = admin.get("/api/clients/666").await.ok();
    assert_eq!(client["name"], "EHPAD du Parc");

    // The same key gets the same answer, also when nothing is parked any more.
    let again = admin.keyed(&retry, "once", &json!({})).await.ok();
    assert_eq!(again["position"], answer["position"]);
    assert_eq!(again["repeated"], true);
    admin
        .post(&retry, json!({}))
        .await
        .refused(409, "not_parked");
}

#[tokio::test]
async fn all_parked_events_are_retried_by_one_order_that_is_in_the_trail() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    let supervisor = app.user("marie.martin", N3, Role::Tech).await;
    let retry = format!("{PARKED}/retry-all");
    admin
        .post(&retry, json!({}))
        .await
        .refused(409, "not_parked");
    let refuse = "ALTER TABLE clients ADD CONSTRAINT no_6 CHECK (client_id NOT LIKE '6%')";
    sql(&app, refuse).await;
    for id in ["61", "62"] {
        put_client(&admin, id, "EHPAD Les Jardins").await;
        put_client(&admin, id, "EHPAD du Parc").await;
    }
    app.settle().await;
    assert_eq!(parked(&admin).await.len(), 4);
    supervisor
        .post(&retry, json!({}))
        .await
        .refused(403, "forbidden");
    let unknown = "/api/operations/projections/nothing/parked/retry-all";
    admin
        .post(unknown, json!({}))
        .await
        .refused(404, "not_found");

    sql(&app, "ALTER TABLE clients DROP CONSTRAINT no_6").await;
    let answer = admin.keyed(&retry, "once", &json!({})).await.ok();
    app.settle().await;
    assert_eq!(parked(&admin).await, Vec::<Value>::new());
    for id in ["61", "62"] {
        let client = admin.get(&format!("/api/clients/{id}")).await.ok();
        assert_eq!(client["name"], "EHPAD du Parc");
    }
    let again = admin.keyed(&retry, "once", &json!({})).await.ok();
    assert_eq!(
        (&again["position"], &again["repeated"]),
        (&answer["position"], &json!(true))
    );
    let trail = "/api/users/audit?action=operations.projection.all_retries_ordered";
    let trail = admin.get(trail).await.ok();
    let items = trail["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["position"], answer["position"]);
    assert_eq!(items[0]["actor"]["name"], "admin.n4");
    assert_eq!(items[0]["details"]["parked"], 4);
}

#[tokio::test]
async fn a_discard_is_for_good_and_says_who_and_why() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    poison(&app).await;
    let first = put_client(&admin, "666", "EHPAD Les Jardins").await;
    let second = put_client(&admin, "666", "EHPAD du Parc").await;
    app.settle().await;

    let discard = |position: u64| format!("{PARKED}/{position}/discard");
    let why = json!({ "reason": "Client saisi deux fois" });
    admin
        .post(&discard(second), why.clone())
        .await
        .refused(409, "only_waiting");
    admin
        .post(&discard(first), json!({ "reason": " " }))
        .await
        .refused(422, "invalid");
    admin
        .post(&discard(first + 1_000), why.clone())
        .await
        .refused(409, "not_parked");
    admin
        .post(
            "/api/operations/projections/nothing/parked/1/discard",
            why.clone(),
        )
        .await
        .refused(404, "not_found");
    let answer = admin.post(&discard(first), why).await.ok();
    app.settle().await;
    // What waited behind it was applied: there is nothing to rename, and nothing is parked.
    assert_eq!(parked(&admin).await, Vec::<Value>::new());
    admin
        .get("/api/clients/666")
        .await
        .refused(404, "not_found");

    let trail = "/api/users/audit?action=operations.projection.event_discarded";
    let trail = admin.get(trail).await.ok();
    let item = &trail["items"][0];
    assert_eq!(item["position"], answer["position"]);
    assert_eq!(item["actor"]["name"], "admin.n4");
    assert_eq!(item["reason"], "Client saisi deux fois");
    assert_eq!(
        (&item["target_type"], &item["target_id"]),
        (&json!("operations.projection"), &json!("clients"))
    );
    assert_eq!(item["details"]["position"], first);
    let stored: Value = sqlx::query_scalar("SELECT payload FROM events WHERE position = $1")
        .bind(answer["position"].as_i64().unwrap())
        .fetch_one(app.app.log.pool())
        .await
        .unwrap();
    assert!(stored["reason"]["sealed"].is_string(), "{stored}");
}

#[tokio::test]
async fn an_event_of_a_newer_release_is_parked_and_shown_as_it_is() {
    let app = TestApp::start().await;
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    put_client(&admin, "42", "Clinique du Lac").await;
    app.settle().await;
    let position = app.head().await as i64 + 1;
    sqlx::query(
        "INSERT INTO events SELECT $1, $2, aggregate_type, aggregate_id, sequence + 1,
             'clients.client.criticality_changed', '2', $3, $4, clock_timestamp()
         FROM events WHERE aggregate_type = 'clients.client'",
    )
    .bind(position)
    .bind(new_id())
    .bind(json!({ "client_id": "42", "critical": true, "since": "2026-01-15" }))
    .bind(json!(Metadata::new(Actor::system("test"), new_id())))
    .execute(app.app.log.pool())
    .await
    .unwrap();
    app.settle().await;
    let found = parked(&admin).await;
    let error = found[0]["error"].as_str().unwrap();
    assert!(error.contains("is stored in version 2"), "{error}");
    let client = admin.get("/api/clients/42").await.ok();
    assert_eq!(client["critical"], false, "nothing is guessed");
    let raw = format!("/api/audit/events?after={}&limit=1", position - 1);
    let raw = admin.get(&raw).await.ok();
    assert_eq!(raw["items"][0]["schema_version"], 2);
    assert_eq!(raw["items"][0]["data"]["since"], "2026-01-15");
    // The trail does not interpret it either, and says so.
    assert_eq!(projection(&admin, "audit").await["parked"], 1);
}
