//! Many facts that could not be accepted: counted, filtered, and dealt with at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::HashSet;

use async_nats::jetstream;
use common::{Session, TestApp, facts::soon};
use events::users::Role;
use intake::Rejection;
use kernel::AccreditationLevel::{N2, N3};
use serde_json::{Value, json};

const PATH: &str = "/api/intake/rejected";
const DISCARD: &str = "/api/intake/rejected/discard";
const RESUBMIT: &str = "/api/intake/rejected/resubmit";

/// Puts facts aside: of `support` every second one, the others of `sentinel`.
async fn put_aside(app: &TestApp, numbers: std::ops::Range<u32>, code: &str) {
    let rejected = app.rejected().await;
    for number in numbers {
        let service = if number % 2 == 0 {
            "support"
        } else {
            "sentinel"
        };
        let id = format!("{code}-{number}");
        let rejection = Rejection {
            subject: &format!("intake.{service}.sentinel.alert"),
            id: &id,
            original_id: &id,
            code,
            detail: "It was refused.",
            errors: &[],
            headers: None,
            body: format!("{{\"number\":{number}}}").into(),
        };
        rejected.publish(rejection).await.unwrap();
    }
}

async fn page(who: &Session<'_>, query: &str) -> Value {
    who.get(&format!("{PATH}?{query}")).await.ok()
}

/// Sequences of all pages.
async fn sequences(who: &Session<'_>, query: &str) -> Vec<u64> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = page(who, &format!("limit=200&{query}{cursor}")).await;
        let items = page["items"].as_array().unwrap().iter();
        found.extend(items.map(|it| it["sequence"].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn many_are_counted_and_filtered() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    put_aside(&app, 0..30, "invalid").await;
    put_aside(&app, 0..11, "forbidden").await;
    let first = page(&marie, "limit=10").await;
    assert_eq!(first["total"], 41);
    let by_code = json!([{ "code": "invalid", "count": 30 }, { "code": "forbidden", "count": 11 }]);
    assert_eq!(first["by_code"], by_code);
    assert_eq!(
        (&first["is_more_than_counted"], &first["last_sequence"]),
        (&json!(false), &json!(41))
    );
    let next = first["next_cursor"].as_str().unwrap();
    let second = page(&marie, &format!("limit=10&cursor={next}")).await;
    assert_eq!(second.get("total"), None, "the first page says it");
    assert_eq!(second["items"][0]["sequence"], 11);
    let filtered = page(&marie, "service=sentinel&code=forbidden").await;
    assert_eq!(filtered["total"], 5);
    assert_eq!(filtered["items"].as_array().unwrap().len(), 5);
    let by_code = json!([{ "code": "invalid", "count": 15 }, { "code": "forbidden", "count": 5 }]);
    assert_eq!(filtered["by_code"], by_code, "what can be chosen");
    assert_eq!(sequences(&marie, "service=support").await.len(), 21);
    assert_eq!(sequences(&marie, "code=internal").await, [0; 0]);
    let items = filtered["items"].as_array().unwrap();
    assert!(
        items
            .iter()
            .all(|it| it["service"] == "sentinel" && it["code"] == "forbidden")
    );
}

#[tokio::test]
async fn more_than_one_call_takes_are_discarded_by_the_next() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    put_aside(&app, 0..520, "invalid").await;
    let last = page(&marie, "limit=1").await["last_sequence"].clone();
    assert_eq!(last, 520);
    // What comes after it was looked at stays.
    put_aside(&app, 0..1, "forbidden").await;
    let mut body = json!({ "up_to": last, "reason": "Essai" });
    let answer = marie.keyed(DISCARD, "all", &body).await.ok();
    // A slow machine begins fewer in the time of one call.
    let (mut done, mut next) = (
        answer["done"].as_u64().unwrap(),
        answer["next_after"].clone(),
    );
    assert!(done <= 500 && next.as_u64() == Some(done), "{answer}");
    while !next.is_null() {
        body["after"] = next;
        // One key for all calls of the act.
        let answer = marie.keyed(DISCARD, "all", &body).await.ok();
        assert_eq!(answer["failed"], json!([]));
        done += answer["done"].as_u64().unwrap();
        next = answer["next_after"].clone();
    }
    assert_eq!(done, 520);
    // Sent again, nothing is left to do.
    let answer = marie.post(DISCARD, body.clone()).await.ok();
    assert_eq!(
        answer,
        json!({ "done": 0, "failed": [], "next_after": null })
    );
    // The same key is for nothing else, but what was refused is not remembered.
    for (field, other) in [
        ("up_to", json!(521)),
        ("reason", json!("Autre")),
        ("service", json!("support")),
    ] {
        let mut changed = body.clone();
        changed[field] = other;
        let answer = marie.keyed(DISCARD, "all", &changed).await;
        answer.refused(422, "idempotency_key_reused");
    }
    body["reason"] = json!(" ");
    let answer = marie.keyed(DISCARD, "another", &body).await;
    answer.refused(422, "invalid");
    body["reason"] = json!("Essai");
    marie.keyed(DISCARD, "another", &body).await.ok();
    let left = page(&marie, "limit=10").await;
    assert_eq!(
        (&left["total"], &left["items"][0]["sequence"]),
        (&json!(1), &json!(521))
    );
    let events = app.events("operations.rejected_fact").await;
    let facts: HashSet<_> = events
        .iter()
        .map(|event| event.aggregate_id.clone())
        .collect();
    assert_eq!(
        (events.len(), facts.len()),
        (520, 520),
        "each is on record once"
    );
    assert!(
        events
            .iter()
            .all(|it| it.event_type == "operations.rejected_fact.discarded")
    );
}

#[tokio::test]
async fn only_those_of_the_filter_are_taken_and_only_by_who_may() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let jean = app.user("jean.dupont", N2, Role::Tech).await;
    put_aside(&app, 0..20, "invalid").await;
    let body = json!({ "service": "support", "code": "invalid", "after": 4, "up_to": 15, "reason": "Essai" });
    jean.post(DISCARD, body.clone())
        .await
        .refused(403, "forbidden");
    let resubmit = json!({ "up_to": 15 });
    jean.post(RESUBMIT, resubmit)
        .await
        .refused(403, "forbidden");
    let blank = json!({ "up_to": 15, "reason": " " });
    marie.post(DISCARD, blank).await.refused(422, "invalid");
    for bad in [
        json!({ "reason": "Essai" }),
        json!({ "up_to": -1, "reason": "Essai" }),
    ] {
        marie.post(DISCARD, bad).await.refused(422, "invalid");
    }
    assert_eq!(sequences(&marie, "").await.len(), 20);
    let answer = marie.post(DISCARD, body).await.ok();
    assert_eq!(
        answer,
        json!({ "done": 6, "failed": [], "next_after": null })
    );
    let left = sequences(&marie, "").await;
    let of_support: Vec<u64> = [5, 7, 9, 11, 13, 15].into();
    assert_eq!(left.len(), 14);
    assert!(
        of_support.iter().all(|sequence| !left.contains(sequence)),
        "{left:?}"
    );
    let reads = app.events("audit.sensitive_read").await;
    assert_eq!(reads.len(), 1, "{reads:?}");
}

/// What was refused again has a new sequence, which the call does not reach.
#[tokio::test]
async fn many_are_published_anew_and_what_cannot_be_is_named() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    put_aside(&app, 0..6, "invalid").await;
    // As large as a fact may be: there is no room left for what names it.
    let large = "x".repeat(intake::MAX_FACT_BYTES - 10);
    app.reject("large", &large).await;
    let _intake = app.take_in().await;
    let context = jetstream::new(app.platform.nats.client().await);
    assert!(soon(|| async { context.get_stream("INTAKE").await.is_ok() }).await);
    marie
        .post(&format!("{PATH}/7/resubmit"), json!({}))
        .await
        .refused(413, "too_large");
    let answer = marie.post(RESUBMIT, json!({ "up_to": 7 })).await.ok();
    assert_eq!(
        (&answer["done"], &answer["next_after"]),
        (&json!(6), &Value::Null)
    );
    let failed = &answer["failed"];
    assert_eq!(
        (&failed[0]["sequence"], &failed[0]["code"]),
        (&json!(7), &json!("too_large"))
    );
    assert_eq!(failed.as_array().unwrap().len(), 1);
    let again = || async { sequences(&marie, "").await == [7, 8, 9, 10, 11, 12, 13] };
    assert!(soon(again).await, "{:?}", sequences(&marie, "").await);
    assert_eq!(app.events("operations.rejected_fact").await.len(), 6);
    // What is shortened goes through.
    let body = json!({ "body": "{}" });
    marie.post(&format!("{PATH}/7/resubmit"), body).await.ok();
}

#[tokio::test]
async fn large_facts_do_not_end_the_platform_s_connection() {
    let app = TestApp::start().await;
    let marie = app.user("marie.martin", N3, Role::Tech).await;
    let large = "x".repeat(240 * 1024);
    for number in 0..300 {
        app.reject(&number.to_string(), &large).await;
    }
    let counted = app.rejected().await.counts().await.unwrap();
    assert!(counted.is_more, "64 MiB are counted at most");
    let (mut done, mut after) = (0, json!(null));
    loop {
        let body = json!({ "up_to": 300, "after": after, "reason": "Essai" });
        let answer = marie.post(DISCARD, body).await.ok();
        done += answer["done"].as_u64().unwrap();
        assert_eq!(answer["failed"], json!([]));
        after = answer["next_after"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(done, 300);
    assert_eq!(sequences(&marie, "").await, [0; 0]);
}
