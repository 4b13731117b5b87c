//! Personal values are nowhere in clear, and destroying a key erases them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{path::Path, time::Duration};

use common::*;
use eventlog::{ERASED, EventLog, Leases, Relay, Vault};
use serde_json::json;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "Mot de passe de jean.dupont";

fn find_in_files(folder: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            find_in_files(&path, needle, found);
        } else if entry.file_type().unwrap().is_file()
            && std::fs::read(&path)
                .is_ok_and(|bytes| memchr::memmem::find(&bytes, needle).is_some())
        {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_postgresql_nor_jetstream_hold_a_sealed_text() {
    let server = testkit::postgres_server().await;
    let nats = testkit::nats().await;
    let db = server.fresh_database().await;
    eventlog::migrate(&db.pool).await.unwrap();
    let log = open(&db.pool).await;
    let mut context = context();
    context.metadata.origin = Some(kernel::Origin {
        ip_address: Some("203.0.113.77".into()),
        user_agent: Some("Navigateur-de-jean".into()),
    });
    // Enough that rows are written out and full pages go to the WAL.
    for n in 0..200 {
        log.execute::<Book>(&id(&format!("b{n}")), write(SECRET), &(), &context)
            .await
            .unwrap();
    }
    let stop = CancellationToken::new();
    let client = nats.client().await;
    let mut status = Relay::start(
        log.clone(),
        client,
        &Leases::start(&db.pool),
        1,
        stop.clone(),
    );
    status
        .wait_for(|status| status.published == 200)
        .await
        .unwrap();
    sqlx::query("CHECKPOINT").execute(&db.pool).await.unwrap();

    let mut found = Vec::new();
    for needle in [SECRET, "jean.dupont", "203.0.113.77", "Navigateur-de-jean"] {
        find_in_files(&server.data_dir(), needle.as_bytes(), &mut found);
        find_in_files(&nats.store_dir(), needle.as_bytes(), &mut found);
        assert_eq!(found, Vec::<String>::new(), "{needle}");
    }
    // The search itself works: what is not personal is found in both.
    for folder in [server.data_dir(), nats.store_dir()] {
        let mut found = Vec::new();
        find_in_files(&folder, b"test.book.written", &mut found);
        assert!(!found.is_empty(), "{}", folder.display());
    }
    let read = log.read_after(199, 1).await.unwrap();
    assert_eq!(read[0].data["line"], SECRET);
    let stored = "SELECT metadata->'origin' FROM events WHERE position = 200";
    let mut origin: serde_json::Value = sqlx::query_scalar(stored)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert!(origin["sealed"].is_string());
    log.vault().open(&mut origin).await.unwrap();
    let opened = serde_json::from_value(origin).unwrap();
    assert_eq!(Some(opened), context.metadata.origin);
    stop.cancel();
}

async fn line(log: &EventLog) -> String {
    let events = log.read_after(0, 10).await.unwrap();
    events[0].data["line"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn destroying_a_key_erases_the_person_and_leaves_the_log_readable() {
    let db = database().await;
    let log = open(&db.pool).await;
    log.execute::<Book>(&id("a"), write(SECRET), &(), &context())
        .await
        .unwrap();
    let other = BookCommand::Write {
        owner: "marie.martin".into(),
        line: "reste".into(),
    };
    log.execute::<Book>(&id("a"), other, &(), &context())
        .await
        .unwrap();
    assert_eq!(line(&log).await, SECRET);

    assert!(log.vault().destroy("person:jean.dupont").await.unwrap());
    assert!(
        !log.vault().destroy("person:jean.dupont").await.unwrap(),
        "only once"
    );
    let elsewhere = another_process(&db.url).await;
    for log in [&log, &elsewhere] {
        assert_eq!(line(log).await, ERASED);
        assert_eq!(log.read_after(1, 1).await.unwrap()[0].data["line"], "reste");
    }
    let book = elsewhere.load::<Book>(&id("a")).await.unwrap();
    assert_eq!(book.state.lines, [ERASED, "reste"]);
    // What comes later about the person is not kept either.
    elsewhere
        .execute::<Book>(&id("b"), write(SECRET), &(), &context())
        .await
        .unwrap();
    assert_eq!(
        elsewhere.read_after(2, 1).await.unwrap()[0].data["line"],
        ERASED
    );
}

#[tokio::test]
async fn another_master_key_opens_nothing() {
    let db = database().await;
    let log = open(&db.pool).await;
    log.execute::<Book>(&id("a"), write(SECRET), &(), &context())
        .await
        .unwrap();
    let stranger = EventLog::open(db.pool.clone(), Vault::new(db.pool.clone(), &[1; 32]))
        .await
        .unwrap();
    let error = stranger.read_after(0, 1).await.unwrap_err().to_string();
    assert!(error.contains("GREFFE_MASTER_KEY"), "{error}");
}

#[tokio::test]
async fn equal_texts_are_sealed_differently_and_tampering_is_noticed() {
    let db = database().await;
    let vault = open(&db.pool).await.vault().clone();
    let one = vault.seal("user:1", &json!("x")).await.unwrap();
    let two = vault.seal("user:1", &json!("x")).await.unwrap();
    assert_eq!(one["sealed"], two["sealed"]);
    assert_ne!(one["v"], two["v"]);
    // Nested values are opened where they lie, whatever they are.
    let sealed = vault
        .seal("user:2", &json!({ "a": [1, null, "é"] }))
        .await
        .unwrap();
    let mut both =
        json!({ "list": [one, { "deep": sealed }], "plain": { "v": 1, "sealed": "no" } });
    vault.open(&mut both).await.unwrap();
    assert_eq!(
        both,
        json!({ "list": ["x", { "deep": { "a": [1, null, "é"] } }], "plain": { "v": 1, "sealed": "no" } })
    );
    // A value moved under another person's key does not open.
    let other = vault.seal("user:3", &json!("y")).await.unwrap();
    let mut moved = json!({ "sealed": other["sealed"], "v": two["v"] });
    assert!(vault.open(&mut moved).await.is_err());
}

#[tokio::test]
async fn eight_processes_agree_on_a_subjects_key() {
    let db = database().await;
    let sealed = futures::future::join_all((0..8).map(|_| async {
        let pool = PgPool::connect(&db.url).await.unwrap();
        Vault::new(pool, &MASTER_KEY)
            .seal("person:x", &json!("x"))
            .await
            .unwrap()
    }))
    .await;
    assert!(
        sealed
            .iter()
            .all(|value| value["sealed"] == sealed[0]["sealed"])
    );
    tokio::time::timeout(Duration::from_secs(60), async {
        for mut value in sealed {
            open(&db.pool).await.vault().open(&mut value).await.unwrap();
            assert_eq!(value, "x");
        }
    })
    .await
    .unwrap();
}
