//! Signing in, out, and what a token is good for.
#![allow(clippy::unwrap_used)]

mod common;

use chrono::TimeDelta;
use common::{Answer, PASSWORD, Session, TestApp};
use events::users::{Role, Scope};
use kernel::AccreditationLevel::{N1, N2, N4};
use reqwest::Method;
use serde_json::{Value, json};

async fn login(app: &TestApp, username: &str, password: &str) -> Answer {
    app.anonymous()
        .post(
            "/api/auth/login",
            json!({ "username": username, "password": password }),
        )
        .await
}

#[tokio::test]
async fn signs_in_refreshes_and_out() {
    let app = TestApp::start().await;
    let jean = app.user("jean.dupont", N2, Role::Tech).await;
    let me = jean.get("/api/auth/me").await.ok();
    assert_eq!(me["username"], "jean.dupont");
    assert_eq!(me["accreditation_level"], "N2");
    app.advance(TimeDelta::hours(7));
    let refreshed = jean.post("/api/auth/refresh", json!({})).await.ok();
    let later = Session {
        app: &app,
        token: Some(refreshed["access_token"].as_str().unwrap().into()),
    };
    app.advance(TimeDelta::hours(2));
    jean.get("/api/auth/me")
        .await
        .refused(401, "unauthenticated");
    later.get("/api/auth/me").await.ok();
    // No token outlives the session's absolute limit.
    let last = later.post("/api/auth/refresh", json!({})).await.ok();
    let last = Session {
        app: &app,
        token: Some(last["access_token"].as_str().unwrap().into()),
    };
    app.advance(TimeDelta::hours(3));
    last.get("/api/auth/me")
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn signing_out_ends_every_token_at_once() {
    let app = TestApp::start().await;
    let jean = app.user("jean.dupont", N2, Role::Tech).await;
    let other = app.sign_in("jean.dupont").await;
    assert_eq!(jean.post("/api/auth/logout", json!({})).await.status, 204);
    jean.get("/api/auth/me")
        .await
        .refused(401, "unauthenticated");
    jean.post("/api/auth/refresh", json!({}))
        .await
        .refused(401, "unauthenticated");
    other.get("/api/auth/me").await.ok();
}

#[tokio::test]
async fn answers_do_not_tell_whether_an_account_exists() {
    let app = TestApp::start().await;
    app.user("jean.dupont", N2, Role::Tech).await;
    let wrong = login(&app, "jean.dupont", "wrong password!").await;
    let nobody = login(&app, "nobody.at.all", "wrong password!").await;
    assert_eq!(wrong.body["detail"], nobody.body["detail"]);
    wrong.refused(401, "unauthenticated");
    nobody.refused(401, "unauthenticated");
    // Another spelling of the same name is the same account.
    assert_eq!(
        login(&app, "WIDIP\\Jean.Dupont", PASSWORD).await.status,
        200
    );
}

#[tokio::test]
async fn too_many_failures_are_refused_also_by_another_process() {
    let app = TestApp::start().await;
    app.user("jean.dupont", N2, Role::Tech).await;
    let other = TestApp::join(app.platform.clone(), |_| {}).await;
    for at in 0..5 {
        let through = if at % 2 == 0 { &app } else { &other };
        login(through, "jean.dupont", "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    for through in [&app, &other] {
        let refused = login(through, "jean.dupont", PASSWORD).await;
        assert!(
            refused.headers["retry-after"]
                .to_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
                >= 1
        );
        refused.refused(429, "rate_limited");
    }
    app.advance(TimeDelta::seconds(61));
    assert_eq!(login(&app, "jean.dupont", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn an_address_has_a_limit_over_all_accounts() {
    let app = TestApp::start_with(|config| config.limits.failed_per_address = 3).await;
    for at in 0..3 {
        login(&app, &format!("somebody{at}"), "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    login(&app, "somebody9", "wrong password!")
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn the_cookie_is_strict_and_writes_with_it_need_a_header() {
    let app = TestApp::start().await;
    app.user("jean.dupont", N2, Role::Tech).await;
    let signed_in = login(&app, "jean.dupont", PASSWORD).await;
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Strict")
            && !cookie.contains("Secure")
    );
    let cookie = cookie.split(';').next().unwrap();
    let with = |method: Method, path: &str| {
        app.anonymous()
            .request(method, path)
            .header("cookie", cookie)
    };
    assert_eq!(
        with(Method::GET, "/api/auth/me")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let bare = Answer::read(
        with(Method::POST, "/api/auth/refresh")
            .send()
            .await
            .unwrap(),
    )
    .await;
    bare.refused(403, "forbidden");
    let marked = with(Method::POST, "/api/auth/refresh")
        .header("x-requested-with", "greffe")
        .send()
        .await
        .unwrap();
    assert_eq!(marked.status(), 200);
    let secure = app
        .client
        .post(format!("{}/api/auth/login", app.url))
        .header("x-forwarded-proto", "https");
    let secure = secure
        .json(&json!({ "username": "jean.dupont", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    assert!(
        secure.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Secure")
    );
    assert!(secure.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn keys_of_service_accounts_are_checked_and_end_at_once() {
    let app = TestApp::start().await;
    app.user("jean.dupont", N1, Role::Tech).await;
    let support = app
        .service("support", "jean.dupont", &[Scope::SafeguardRead])
        .await;
    app.settle().await;
    support.get("/api/safeguard/pending").await.ok();
    support.get("/api/auth/me").await.refused(403, "forbidden");
    for bad in [
        "grf_support_0123456789abcdef0123456789abcdef",
        "grf_nobody_0123456789abcdef",
        "grf_x",
        "x",
    ] {
        let session = Session {
            app: &app,
            token: Some(bad.into()),
        };
        session
            .get("/api/safeguard/pending")
            .await
            .refused(401, "unauthenticated");
    }
    api::disable_service_account(&app.app.log, "support")
        .await
        .unwrap();
    app.settle().await;
    support
        .get("/api/safeguard/pending")
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn people_and_services_have_general_limits() {
    let app = TestApp::start_with(|config| config.limits.per_person = 3.try_into().unwrap()).await;
    let jean = app.user("jean.dupont", N1, Role::Tech).await;
    for _ in 0..3 {
        jean.get("/api/auth/me").await.ok();
    }
    let refused = jean.get("/api/auth/me").await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(429, "rate_limited");
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let app = TestApp::start().await;
    let password = api::bootstrap_admin(&app.app.log, None)
        .await
        .unwrap()
        .unwrap();
    assert!(password.len() >= 20);
    assert_eq!(
        api::bootstrap_admin(&app.app.log, None).await.unwrap(),
        None
    );
    let body = login(&app, "admin", &password).await.ok();
    assert_eq!(body["user"]["accreditation_level"], "N4");
    assert_eq!(body["token_type"], "Bearer");
    // The password is in no event.
    let admin = Session {
        app: &app,
        token: body["access_token"].as_str().map(str::to_owned),
    };
    let events: Value = admin.get("/api/audit/events").await.ok();
    assert!(!events.to_string().contains(&password));
    assert_eq!(
        app.user("marie", N4, Role::Admin)
            .await
            .get("/api/auth/me")
            .await
            .ok()["username"],
        "marie"
    );
}

#[tokio::test]
async fn me_names_what_the_pages_need() {
    let app = TestApp::start_with(|config| {
        config.glpi_base_url = Some("https://glpi.example.fr".into());
    })
    .await;
    let owner = app.user("admin.n4", N4, Role::Admin).await;
    let other = app.user("marie", N2, Role::Tech).await;
    for name in ["support", "sentinel"] {
        app.service(name, "admin.n4", &[Scope::Intake]).await;
    }
    app.settle().await;
    // An ended account may still have requests open, and they are its owner's.
    api::disable_service_account(&app.app.log, "support")
        .await
        .unwrap();
    app.settle().await;
    let me = owner.get("/api/auth/me").await.ok();
    assert_eq!(me["service_accounts"], json!(["sentinel", "support"]));
    assert_eq!(me["glpi_base_url"], "https://glpi.example.fr");
    let me = other.get("/api/auth/me").await.ok();
    assert_eq!(me["service_accounts"], json!([]));
}
