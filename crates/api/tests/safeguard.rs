//! Approvals over HTTP and NATS.
#![allow(clippy::unwrap_used)]

mod common;

use chrono::TimeDelta;
use common::{Answer, HASH, Session, Stage, TestApp, ask, request, stage};
use events::users::Role;
use kernel::AccreditationLevel::{N1, N2, N4};
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_is_approved_claimed_and_executed() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let asked = stage
        .support
        .post("/api/safeguard/requests", request())
        .await
        .ok();
    assert!(asked["reference"].as_str().unwrap().ends_with("-0001"));
    assert_eq!(asked["version"], 1);
    let (id, position) = (
        asked["id"].as_str().unwrap(),
        asked["position"].as_u64().unwrap(),
    );
    let path = format!("/api/safeguard/{id}");
    let read = stage
        .marie
        .request(reqwest::Method::GET, &path)
        .header("Greffe-Min-Position", position);
    let read = Answer::read(read.send().await.unwrap()).await;
    assert!(
        read.headers["greffe-position"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= position
    );
    let read = read.ok();
    // The document cannot lie: the answer reads back as the documented shape.
    let shape: api::safeguard::Approval = serde_json::from_value(read.clone()).unwrap();
    assert_eq!(shape.arguments_hash, HASH);
    assert_eq!(
        (read["status"].as_str(), read["urgency"].as_str()),
        (Some("pending"), Some("green"))
    );
    stage
        .support
        .post(&format!("{path}/claim"), json!({ "arguments_hash": HASH }))
        .await
        .refused(409, "not_approved");
    let approved = stage
        .marie
        .post(&format!("{path}/approve"), json!({ "version": 1 }))
        .await
        .ok();
    assert_eq!(approved["version"], 2);
    let late = stage
        .paul
        .post(&format!("{path}/approve"), json!({ "version": 1 }))
        .await;
    let late = late.refused(409, "approval_already_decided");
    assert_eq!(late["current"]["status"], "approved");
    let claim = json!({ "arguments_hash": "sha256:00" });
    stage
        .support
        .post(&format!("{path}/claim"), claim)
        .await
        .refused(409, "arguments_changed");
    let claim = json!({ "arguments_hash": HASH });
    let grant = stage
        .support
        .keyed(&format!("{path}/claim"), "c1", &claim)
        .await
        .ok();
    assert!(grant["execute_before"].is_string());
    let again = stage
        .support
        .keyed(&format!("{path}/claim"), "c1", &claim)
        .await
        .ok();
    assert_eq!(grant["grant_id"], again["grant_id"]);
    // Whoever comes again, after a crash or beside the first, sees that he is not the first.
    assert_eq!(
        (&grant["repeated"], &again["repeated"]),
        (&json!(false), &json!(true))
    );
    stage
        .support
        .post(&format!("{path}/claim"), claim)
        .await
        .refused(409, "grant_used");
    let outcome =
        json!({ "grant_id": grant["grant_id"], "outcome": "succeeded", "detail": "done" });
    stage
        .support
        .post(&format!("{path}/execution"), outcome)
        .await
        .ok();
    app.settle().await;
    let read = stage.marie.get(&path).await.ok();
    assert_eq!(read["status"], "executed");
    assert_eq!(read["decisions"][0]["by"], "marie");
    let history = stage.marie.get("/api/safeguard/history").await.ok();
    let _: api::safeguard::ApprovalPage = serde_json::from_value(history.clone()).unwrap();
    assert_eq!(history["items"][0]["id"].as_str(), Some(id));
    let stats = stage.marie.get("/api/safeguard/stats?days=7").await.ok();
    let stats: api::safeguard::ApprovalStats = serde_json::from_value(stats).unwrap();
    assert_eq!((stats.total, stats.approved), (1, 1));
}

#[tokio::test]
async fn the_rules_of_who_decides_what() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let id = ask(&stage).await;
    let path = format!("/api/safeguard/{id}");
    let yes = json!({ "version": 1 });
    // The owner of the account counts as requester.
    stage
        .admin
        .post(&format!("{path}/approve"), yes.clone())
        .await
        .refused(403, "own_request");
    stage
        .support
        .post(&format!("{path}/approve"), yes.clone())
        .await
        .refused(403, "forbidden");
    let tech = app.user("lucie", N1, Role::Tech).await;
    tech.post(&format!("{path}/approve"), yes)
        .await
        .refused(403, "forbidden");
    let stale = stage
        .marie
        .post(&format!("{path}/approve"), json!({ "version": 7 }))
        .await
        .refused(409, "stale_version");
    assert_eq!(stale["current"]["version"], 1);
    stage
        .marie
        .post(
            &format!("{path}/reject"),
            json!({ "version": 1, "reason": "" }),
        )
        .await
        .refused(422, "invalid");
    stage
        .marie
        .post(
            &format!("{path}/postpone"),
            json!({ "version": 1, "minutes": -1 }),
        )
        .await
        .refused(422, "invalid");
    stage
        .marie
        .post(
            &format!("{path}/postpone"),
            json!({ "version": 1, "minutes": 600 }),
        )
        .await
        .refused(422, "invalid");
    stage
        .marie
        .post(
            &format!("{path}/postpone"),
            json!({ "version": 1, "minutes": 15 }),
        )
        .await
        .ok();
    app.settle().await;
    assert_eq!(
        stage.marie.get("/api/safeguard/pending").await.ok()["items"],
        json!([])
    );
    let all = stage
        .marie
        .get("/api/safeguard/pending?include_postponed=true")
        .await
        .ok();
    assert_eq!(all["items"][0]["id"].as_str(), Some(id.as_str()));
    assert_eq!(
        stage
            .paul
            .get("/api/safeguard/pending?q=dup&urgency=green")
            .await
            .ok()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    stage
        .marie
        .post(&format!("{path}/cancel"), json!({}))
        .await
        .refused(403, "not_requester");
    stage
        .support
        .post(
            &format!("{path}/cancel"),
            json!({ "reason": "no longer needed" }),
        )
        .await
        .ok();
    stage
        .marie
        .post(
            &format!("{path}/reject"),
            json!({ "version": 2, "reason": "no" }),
        )
        .await
        .refused(409, "approval_already_decided");
    let unknown = format!("/api/safeguard/{}/approve", uuid::Uuid::nil());
    stage
        .marie
        .post(&unknown, json!({ "version": 1 }))
        .await
        .refused(404, "not_found");
    stage
        .paul
        .post(
            &format!("{path}/break-glass"),
            json!({ "version": 1, "reason": "x" }),
        )
        .await
        .refused(403, "forbidden");
    // Every refusal is in the trail.
    app.settle().await;
    let trail = stage.admin.get("/api/users/audit?limit=200").await.ok();
    let refused: Vec<&Value> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|i| i["outcome"] == "refused")
        .collect();
    for code in [
        "own_request",
        "forbidden",
        "stale_version",
        "approval_already_decided",
        "not_requester",
        "not_found",
    ] {
        assert!(
            refused.iter().any(|item| item.to_string().contains(code)),
            "{code} is not in the trail"
        );
    }
}

#[tokio::test]
async fn critical_clients_and_l4_need_two_and_the_request_never_lowers_its_safety() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    stage
        .admin
        .post(
            "/api/clients",
            json!({ "id": "42", "name": "EHPAD Les Jardins", "critical": true }),
        )
        .await
        .ok();
    stage
        .admin
        .post(
            "/api/clients",
            json!({ "id": "7", "name": "Librairie", "critical": false }),
        )
        .await
        .ok();
    api::seed_tools(&app.app.log).await.unwrap();
    let level = json!({ "level": "L4", "description": { "fr": "Supprime", "en": "Deletes" } });
    stage
        .admin
        .put("/api/safeguard/tools/ad_delete", level)
        .await
        .ok();
    app.settle().await;
    assert_eq!(
        stage.marie.get("/api/safeguard/tools/ad_delete").await.ok()["level"],
        "L4"
    );
    let needed = |tool: &str, client: Option<&str>, lower: bool| {
        let mut body = request();
        body["tool_name"] = json!(tool);
        body["context"]["client_id"] = json!(client);
        if lower {
            body["context"]["client_critical"] = json!(false);
            body["security_level"] = json!("L0");
        }
        let stage = &stage;
        async move {
            let id = stage
                .support
                .post("/api/safeguard/requests", body)
                .await
                .ok()["id"]
                .as_str()
                .unwrap()
                .to_owned();
            app_settle(stage).await;
            stage.marie.get(&format!("/api/safeguard/{id}")).await.ok()
        }
    };
    assert_eq!(
        needed("ad_reset_password", Some("7"), false).await["required_approvals"],
        1
    );
    assert_eq!(
        needed("ad_reset_password", Some("42"), true).await["required_approvals"],
        2
    );
    assert_eq!(
        needed("ad_reset_password", Some("999"), true).await["required_approvals"],
        2
    );
    // A ticket is some client's: leaving out the id lowers nothing.
    assert_eq!(
        needed("ad_reset_password", None, false).await["required_approvals"],
        2
    );
    let deletes = needed("ad_delete", None, true).await;
    assert_eq!(
        (&deletes["required_approvals"], &deletes["security_level"]),
        (&json!(2), &json!("L4"))
    );
    let unknown = needed("never_heard_of", None, true).await;
    assert_eq!(unknown["security_level"], "L3");
    let path = format!("/api/safeguard/{}/approve", deletes["id"].as_str().unwrap());
    stage
        .marie
        .post(&path, json!({ "version": 1 }))
        .await
        .refused(403, "level_too_low");
    stage.paul.post(&path, json!({ "version": 1 })).await.ok();
    stage
        .paul
        .post(&path, json!({ "version": 2 }))
        .await
        .refused(409, "already_voted");
    let glass = app.user("sophie", N4, Role::Admin).await;
    let path = path.replace("/approve", "/break-glass");
    glass
        .post(&path, json!({ "version": 2, "reason": "no" }))
        .await
        .refused(422, "invalid");
    glass
        .post(
            &path,
            json!({ "version": 2, "reason": "the data centre is on fire, really" }),
        )
        .await
        .ok();
}

#[tokio::test]
async fn what_the_register_says_of_a_client_beats_the_request() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    for (id, name, critical) in [("42", "EHPAD Les Jardins", true), ("7", "Librairie", false)] {
        let client = json!({ "id": id, "name": name, "critical": critical });
        stage.admin.post("/api/clients", client).await.ok();
    }
    for (context, approvals, name) in [
        (json!({}), 1, Value::Null),
        (
            json!({ "workflow": "SUPPORT", "confidence": 95 }),
            1,
            Value::Null,
        ),
        (
            json!({ "client_id": " ", "client_name": " " }),
            1,
            Value::Null,
        ),
        (json!({ "client_id": "7" }), 1, json!("Librairie")),
        // Another client's name is not shown, nor taken for the id that is missing.
        (
            json!({ "client_id": "42", "client_name": "Librairie" }),
            2,
            json!("EHPAD Les Jardins"),
        ),
        (
            json!({ "client_id": "7", "client_name": "EHPAD Les Jardins" }),
            1,
            json!("Librairie"),
        ),
        (json!({ "client_name": "Librairie" }), 2, json!("Librairie")),
        (
            json!({ "client_id": "999", "client_name": "Librairie" }),
            2,
            json!("Librairie"),
        ),
        (json!({ "ticket_id": 1234 }), 2, Value::Null),
        (json!({ "ticket_title": "Reset MDP" }), 2, Value::Null),
        (
            json!({ "ticket_description": "Mot de passe oublié" }),
            2,
            Value::Null,
        ),
        (
            json!({ "client_id": "7", "client_critical": true }),
            2,
            json!("Librairie"),
        ),
    ] {
        let mut body = request();
        body["context"] = context.clone();
        let asked = stage
            .support
            .post("/api/safeguard/requests", body)
            .await
            .ok();
        app.settle().await;
        let path = format!("/api/safeguard/{}", asked["id"].as_str().unwrap());
        let read = stage.marie.get(&path).await.ok();
        assert_eq!(
            (&read["required_approvals"], &read["context"]["client_name"]),
            (&json!(approvals), &name),
            "{context}"
        );
    }
}

async fn app_settle(stage: &Stage<'_>) {
    stage.marie.app.settle().await;
}

#[tokio::test]
async fn expired_requests_are_decided_and_late_claims_lapse() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let mut body = request();
    body["expires_in_seconds"] = json!(86_401);
    let refused = stage
        .support
        .post("/api/safeguard/requests", body.clone())
        .await
        .refused(422, "invalid");
    assert_eq!(refused["errors"][0]["field"], "expires_in_seconds");
    body["expires_in_seconds"] = json!(60);
    let id = stage
        .support
        .post("/api/safeguard/requests", body)
        .await
        .ok()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let approved = ask(&stage).await;
    stage
        .marie
        .post(
            &format!("/api/safeguard/{approved}/approve"),
            json!({ "version": 1 }),
        )
        .await
        .ok();
    app.advance(TimeDelta::seconds(60));
    let late = stage
        .marie
        .post(
            &format!("/api/safeguard/{id}/approve"),
            json!({ "version": 1 }),
        )
        .await;
    late.refused(409, "approval_already_decided");
    app.advance(TimeDelta::minutes(15));
    let claim = json!({ "arguments_hash": HASH });
    stage
        .support
        .post(&format!("/api/safeguard/{approved}/claim"), claim)
        .await
        .refused(409, "grant_lapsed");
}

#[tokio::test]
async fn repeating_a_command_has_no_second_effect_in_any_process() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let other = TestApp::join(app.platform.clone(), |_| {}).await;
    let elsewhere = Session {
        app: &other,
        token: stage.support.token.clone(),
    };
    let first = stage
        .support
        .keyed("/api/safeguard/requests", "k1", &request())
        .await
        .ok();
    let head = app.head().await;
    let repeated = |first: &Value| {
        assert_eq!(first["repeated"], false);
        let mut again = first.clone();
        again["repeated"] = json!(true);
        again
    };
    for session in [&stage.support, &elsewhere] {
        assert_eq!(
            session
                .keyed("/api/safeguard/requests", "k1", &request())
                .await
                .ok(),
            repeated(&first)
        );
    }
    let mut changed = request();
    changed["arguments"] = json!({ "username": "someone.else" });
    elsewhere
        .keyed("/api/safeguard/requests", "k1", &changed)
        .await
        .refused(422, "idempotency_key_reused");
    assert_eq!(app.head().await, head);
    let long = "k".repeat(129);
    stage
        .support
        .keyed("/api/safeguard/requests", &long, &request())
        .await
        .refused(422, "invalid");
    // Keys belong to the operation: the same one elsewhere is another.
    let path = format!("/api/safeguard/{}/approve", first["id"].as_str().unwrap());
    let marie = Session {
        app: &other,
        token: stage.marie.token.clone(),
    };
    let yes = stage
        .marie
        .keyed(&path, "k1", &json!({ "version": 1 }))
        .await
        .ok();
    assert_eq!(
        marie
            .keyed(&path, "k1", &json!({ "version": 1 }))
            .await
            .ok(),
        repeated(&yes)
    );
}

#[tokio::test]
async fn queries_wait_for_a_position_and_refuse_one_that_never_was() {
    let app = TestApp::start().await;
    let marie = app.user("marie", N2, Role::Tech).await;
    let head = app.head().await;
    for (wanted, status, code) in [
        ((head + 1).to_string(), 422, "invalid"),
        ("x".into(), 422, "invalid"),
        ("-1".into(), 422, "invalid"),
    ] {
        let request = marie
            .request(reqwest::Method::GET, "/api/safeguard/pending")
            .header("Greffe-Min-Position", wanted);
        Answer::read(request.send().await.unwrap())
            .await
            .refused(status, code);
    }
    for bad in [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=zzz",
        "urgency=blue",
        "include_postponed=maybe",
    ] {
        marie
            .get(&format!("/api/safeguard/pending?{bad}"))
            .await
            .refused(422, "invalid");
    }
}

#[tokio::test]
async fn another_spelling_of_a_tool_is_not_another_tool() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let entry = json!({ "level": "L4", "description": { "fr": "x", "en": "x" } });
    let put = async |name: &str| {
        let path = format!("/api/safeguard/tools/{name}");
        stage.admin.put(&path, entry.clone()).await
    };
    put("mailbox.delete-all").await.ok();
    put("ad_delete_account").await.ok();
    let ask_for = async |tool: &str| {
        let mut asked = request();
        asked["tool_name"] = json!(tool);
        stage.support.post("/api/safeguard/requests", asked).await
    };
    let misspelt = json!([{ "field": "tool_name", "code": "misspelt" }]);
    for name in [
        "mailbox_delete_all",
        "Mailbox.Delete-All",
        "AD_delete_account",
        "ad_delete-account",
        "ad.delete.account",
    ] {
        let refused = ask_for(name).await.refused(422, "invalid");
        assert_eq!(refused["errors"], misspelt, "{name}");
        put(name).await.refused(409, "conflict");
    }
    for name in ["mailbox.delete-all", "ad_delete_account"] {
        let id = ask_for(name).await.ok()["id"].as_str().unwrap().to_owned();
        app.settle().await;
        let path = format!("/api/safeguard/{id}");
        assert_eq!(stage.marie.get(&path).await.ok()["security_level"], "L4");
    }
    ask_for("nobody_knows").await.ok();
    // A log from before names were claimed.
    sqlx::query("DELETE FROM claims WHERE scope = 'tool_name'")
        .execute(app.app.log.pool())
        .await
        .unwrap();
    let refused = ask_for("AD_delete-account").await.refused(422, "invalid");
    assert_eq!(refused["errors"], misspelt);
}

#[tokio::test]
async fn reading_many_approvals_is_recorded_once_an_hour() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    ask(&stage).await;
    app.settle().await;
    let recorded = async || -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT payload->>'action', metadata->'actor'->>'id' FROM events
             WHERE event_type = 'audit.sensitive_read.recorded' ORDER BY position",
        )
        .fetch_all(app.app.log.pool())
        .await
        .unwrap()
    };
    let before = recorded().await.len();
    for _ in 0..3 {
        for path in [
            "pending",
            "pending?include_postponed=true",
            "history",
            "history?q=jean",
            "feed?after=0",
        ] {
            let path = format!("/api/safeguard/{path}");
            stage.marie.get(&path).await.ok();
        }
        stage.support.get("/api/safeguard/history").await.ok();
    }
    let found = recorded().await.split_off(before);
    let actions: Vec<_> = found.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "list_pending_approvals",
            "list_approval_history",
            "list_safeguard_frames",
            "list_approval_history",
        ]
    );
    assert_eq!(found[3].1, "support", "a service's key reads as well");
    app.advance(TimeDelta::hours(1));
    stage.marie.get("/api/safeguard/history").await.ok();
    assert_eq!(recorded().await.len(), before + 5);
}

#[tokio::test]
async fn a_request_with_a_parked_event_says_from_where_on_it_is_out_of_date() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let asked = stage
        .support
        .post("/api/safeguard/requests", request())
        .await
        .ok();
    let path = format!("/api/safeguard/{}", asked["id"].as_str().unwrap());
    app.settle().await;
    assert!(
        !stage
            .marie
            .get(&path)
            .await
            .headers
            .contains_key("greffe-parked")
    );
    // Of another build: this one cannot read what it says.
    let position: i64 = sqlx::query_scalar(
        "INSERT INTO events SELECT (SELECT max(position) + 1 FROM events), gen_random_uuid(), aggregate_type,
             aggregate_id, sequence + 1, 'safeguard.approval.approved', event_version, '{}', metadata, recorded_at
         FROM events WHERE aggregate_id = $1 RETURNING position",
    )
    .bind(asked["id"].as_str())
    .fetch_one(app.app.log.pool())
    .await
    .unwrap();
    app.settle().await;
    let read = stage.marie.get(&path).await;
    assert_eq!(read.headers["greffe-parked"], position.to_string().as_str());
    assert_eq!(read.ok()["status"], "pending");
    let health = app.anonymous().get("/readyz").await;
    assert_eq!(health.status, 200, "parked is degraded, not down");
}
