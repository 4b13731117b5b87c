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

/// Guessing tires only the guesser: a right key from the same address is never refused for it.
#[tokio::test]
async fn wrong_keys_are_counted_per_address() {
    let app = TestApp::start_with(|config| config.limits.failed_per_address = 3).await;
    app.user("jean.dupont", N1, Role::Tech).await;
    let support = app
        .service("support", "jean.dupont", &[Scope::SafeguardRead])
        .await;
    app.settle().await;
    let guess = async |n: usize| {
        let key = match n % 2 {
            0 => "grf_support_0123456789abcdef".to_owned(),
            _ => format!("grf_nobody{n}_0123456789abcdef"),
        };
        let token = Some(key);
        Session { app: &app, token }
            .get("/api/safeguard/pending")
            .await
    };
    for n in 0..3 {
        guess(n).await.refused(401, "unauthenticated");
    }
    for n in 3..6 {
        let answer = guess(n).await;
        assert!(answer.headers.contains_key("retry-after"));
        answer.refused(429, "rate_limited");
    }
    support.get("/api/safeguard/pending").await.ok();
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

async fn login_from(
    app: &TestApp,
    headers: &[(&str, &str)],
    username: &str,
    password: &str,
) -> Answer {
    let mut request = app.anonymous().request(Method::POST, "/api/auth/login");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = json!({ "username": username, "password": password });
    Answer::read(request.json(&body).send().await.unwrap()).await
}

fn device_of(answer: &Answer) -> Option<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut texts = cookies.filter_map(|cookie| cookie.to_str().ok());
    let device = texts.find(|text| text.starts_with("greffe_device="))?;
    assert!(device.contains("HttpOnly") && device.contains("SameSite=Strict"));
    Some(device.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_known_device_is_not_locked_out_by_others() {
    let app = TestApp::start_with(|config| {
        config.limits.failed_per_address = 6;
        config.limits.failed_per_account_anywhere = 6;
    })
    .await;
    app.user("jean.dupont", N2, Role::Tech).await;
    app.user("marie", N2, Role::Tech).await;
    let signed_in = login(&app, "jean.dupont", PASSWORD).await;
    let device = device_of(&signed_in).expect("a new device is made known");
    for _ in 0..5 {
        login(&app, "jean.dupont", "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    login(&app, "somebody", "wrong password!")
        .await
        .refused(401, "unauthenticated");
    // The address has used up its tries, and the account those from there.
    for name in ["jean.dupont", "marie"] {
        login(&app, name, PASSWORD)
            .await
            .refused(429, "rate_limited");
    }
    let cookie = [("cookie", device.as_str())];
    let known = login_from(&app, &cookie, "JEAN.DUPONT", PASSWORD).await;
    assert_eq!((known.status.as_u16(), device_of(&known)), (200, None));
    // It is known for its own account only, and nobody can make one up.
    login_from(&app, &cookie, "marie", PASSWORD)
        .await
        .refused(429, "rate_limited");
    let forged = format!("{}0", &device[..device.len() - 1]);
    let forged = if forged == device {
        format!("{forged}0")
    } else {
        forged
    };
    login_from(&app, &[("cookie", &forged)], "jean.dupont", PASSWORD)
        .await
        .refused(429, "rate_limited");
    // And it has no more tries than anybody.
    for _ in 0..5 {
        login_from(&app, &cookie, "jean.dupont", "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    login_from(&app, &cookie, "jean.dupont", PASSWORD)
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn refused_tries_cost_nobody_anything() {
    let app = TestApp::start_with(|config| config.limits.failed_per_address = 2).await;
    app.user("jean.dupont", N2, Role::Tech).await;
    for _ in 0..2 {
        login(&app, "somebody", "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    for _ in 0..8 {
        login(&app, "jean.dupont", PASSWORD)
            .await
            .refused(429, "rate_limited");
    }
    let left: i32 = sqlx::query_scalar("SELECT max(attempts) FROM login_attempts")
        .fetch_one(&app.platform.database.pool)
        .await
        .unwrap();
    assert_eq!(left, 2);
    app.advance(TimeDelta::seconds(61));
    assert_eq!(login(&app, "jean.dupont", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn all_spellings_and_addresses_are_one_account() {
    let app = TestApp::start_with(|config| {
        config.trusted_proxies = api::Network::private();
        config.limits.failed_per_account_anywhere = 7;
    })
    .await;
    app.user("jean.dupont", N2, Role::Tech).await;
    for spelling in [
        "a\\jean.dupont",
        "b\\jean.dupont",
        "Jean.Dupont",
        "jean.dupont@x",
        "jean.dupont",
    ] {
        login(&app, spelling, "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    login(&app, "c\\jean.dupont", PASSWORD)
        .await
        .refused(429, "rate_limited");
    // From elsewhere there are two left; all of an IPv6 network are one address.
    for hop in ["2001:db8::1", "2001:db8::2"] {
        let from = [("x-forwarded-for", hop)];
        login_from(&app, &from, "jean.dupont", "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    let elsewhere = [("x-forwarded-for", "192.0.2.1")];
    login_from(&app, &elsewhere, "jean.dupont", PASSWORD)
        .await
        .refused(429, "rate_limited");
    app.advance(TimeDelta::seconds(61));
    let answer = login_from(&app, &elsewhere, "jean.dupont", PASSWORD).await;
    assert_eq!(answer.status, 200, "it is a pause, not a lock");
}

#[tokio::test]
async fn only_a_proxy_of_ours_says_where_a_request_comes_from() {
    for (proxies, may_pretend) in [
        (vec![], false),
        (vec!["192.0.2.0/24"], false),
        (vec!["127.0.0.1"], true),
    ] {
        let app = TestApp::start_with(|config| {
            config.trusted_proxies = proxies.iter().map(|it| it.parse().unwrap()).collect();
            config.limits.failed_per_address = 1;
        })
        .await;
        for (at, hop) in ["198.51.100.1", "198.51.100.2"].iter().enumerate() {
            let from = [("x-forwarded-for", *hop)];
            let status = login_from(&app, &from, &format!("nobody{at}"), "wrong")
                .await
                .status;
            let expected = if at == 0 || may_pretend { 401 } else { 429 };
            assert_eq!(status, expected, "{proxies:?} {hop}");
        }
        // What the client itself wrote stands before the proxy's word.
        let forged = [("x-forwarded-for", "198.51.100.9, 198.51.100.1")];
        let answer = login_from(&app, &forged, "nobody9", "wrong").await;
        answer.refused(429, "rate_limited");
    }
}

#[tokio::test]
async fn only_services_choose_what_their_acts_belong_to() {
    let app = TestApp::start().await;
    let stage = common::stage(&app).await;
    let chosen = "0198c1d2-aaaa-7bbb-8ccc-00000000abcd";
    let refused = async |session: &Session<'_>| {
        let request = session.request(Method::POST, "/api/clients");
        let request = request.header("x-correlation-id", chosen).json(&json!({}));
        Answer::read(request.send().await.unwrap())
            .await
            .refused(403, "forbidden")
    };
    let head = app.head().await;
    assert_eq!(refused(&stage.support).await["trace_id"], chosen);
    assert_ne!(refused(&stage.marie).await["trace_id"], chosen);
    let path = format!("/api/audit/events?after={head}&correlation_id={chosen}");
    let events = stage.admin.get(&path).await.ok();
    let events = events["items"].as_array().unwrap().clone();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["actor"]["kind"], "service");
}

#[tokio::test]
async fn repeated_refusals_are_one_event_a_minute() {
    let app = TestApp::start().await;
    let stage = common::stage(&app).await;
    let other = TestApp::join(app.platform.clone(), |_| {}).await;
    let through_other = Session {
        app: &other,
        token: stage.marie.token.clone(),
    };
    let head = app.head().await;
    for _ in 0..4 {
        for session in [&stage.marie, &through_other] {
            session
                .get("/api/users/audit")
                .await
                .refused(403, "forbidden");
        }
    }
    assert_eq!(app.head().await, head + 1, "also over two processes");
    app.advance(TimeDelta::seconds(61));
    stage
        .marie
        .get("/api/users/audit")
        .await
        .refused(403, "forbidden");
    assert_eq!(app.head().await, head + 2);
    // Another target is another refusal, but nobody can write one event per made-up target.
    for n in 0..60 {
        let path = format!("/api/safeguard/0198c1d2-aaaa-7bbb-8ccc-0000000000{n:02}/approve");
        stage
            .marie
            .post(&path, json!({ "version": 1 }))
            .await
            .refused(404, "not_found");
    }
    assert_eq!(app.head().await, head + 2 + 21);
}

#[tokio::test]
async fn a_requester_cannot_pile_up_requests() {
    let app = TestApp::start_with(|config| config.limits.pending_per_requester = 2).await;
    let stage = common::stage(&app).await;
    let first = common::ask(&stage).await;
    let body = common::request();
    let second = stage
        .support
        .keyed("/api/safeguard/requests", "k", &body)
        .await;
    let second = second.ok();
    app.settle().await;
    let refused = stage
        .support
        .post("/api/safeguard/requests", body.clone())
        .await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(429, "too_many_pending");
    // A repetition is answered as before, and others may ask.
    let again = stage
        .support
        .keyed("/api/safeguard/requests", "k", &body)
        .await;
    assert_eq!(again.ok()["id"], second["id"]);
    stage
        .paul
        .post("/api/safeguard/requests", body.clone())
        .await
        .ok();
    let path = format!("/api/safeguard/{first}/cancel");
    stage
        .support
        .post(&path, json!({ "reason": "no longer needed" }))
        .await
        .ok();
    app.settle().await;
    stage
        .support
        .post("/api/safeguard/requests", body)
        .await
        .ok();
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

#[tokio::test]
async fn nobody_signs_in_without_end() {
    let app = TestApp::start().await;
    app.user("jean.dupont", N2, Role::Tech).await;
    app.user("marie", N2, Role::Tech).await;
    let mut device = None;
    for _ in 1..10 {
        let answer = login(&app, "Jean.Dupont@widip.fr", PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        device = device_of(&answer).or(device);
    }
    let cookie = [("cookie", device.as_deref().unwrap())];
    for answer in [
        login(&app, "jean.dupont", PASSWORD).await,
        login_from(&app, &cookie, "jean.dupont", PASSWORD).await,
    ] {
        answer.refused(429, "rate_limited");
    }
    assert_eq!(login(&app, "marie", PASSWORD).await.status, 200);
    app.advance(TimeDelta::seconds(61));
    assert_eq!(login(&app, "jean.dupont", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn signing_in_forgets_no_failures() {
    let app = TestApp::start().await;
    app.user("jean.dupont", N2, Role::Tech).await;
    for at in 0..5 {
        if at == 4 {
            assert_eq!(login(&app, "jean.dupont", PASSWORD).await.status, 200);
        }
        login(&app, "jean.dupont", "wrong password!")
            .await
            .refused(401, "unauthenticated");
    }
    login(&app, "jean.dupont", PASSWORD)
        .await
        .refused(429, "rate_limited");
}
