//! The building blocks themselves, on the real servers.

use std::time::Instant;

use async_nats::jetstream;
use testkit::UserKind;

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, two) = tokio::join!(testkit::fresh_database(), testkit::fresh_database());
    sqlx::query("CREATE TABLE mine (id int)")
        .execute(&one.pool)
        .await
        .unwrap();
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relname = 'mine'")
        .fetch_one(&two.pool)
        .await
        .unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn the_shared_server_outlives_the_test_that_started_it() {
    let started = Instant::now();
    let database = testkit::fresh_database().await;
    println!("fresh database: {:?}", started.elapsed());
    sqlx::query("CREATE EXTENSION vector")
        .execute(&database.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_private_postgres_keeps_what_was_committed_through_a_kill() {
    let started = Instant::now();
    let server = testkit::postgres_server_durable().await;
    println!("private PostgreSQL: {:?}", started.elapsed());
    let database = server.fresh_database().await;
    sqlx::query("CREATE TABLE kept AS SELECT 42 AS n")
        .execute(&database.pool)
        .await
        .unwrap();
    let pid = server.pid();
    server.restart().await;
    assert_ne!(server.pid(), pid);
    let n: i32 = sqlx::query_scalar("SELECT n FROM kept")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(n, 42);
    assert!(server.data_dir().join("PG_VERSION").exists());
}

#[tokio::test]
async fn a_client_comes_back_after_a_restart_and_the_stream_is_there() {
    let started = Instant::now();
    let nats = testkit::nats().await;
    println!("nats-server: {:?}", started.elapsed());
    let client = nats.client().await;
    let context = jetstream::new(client.clone());
    let config = jetstream::stream::Config {
        name: "KEPT".to_owned(),
        subjects: vec!["kept.>".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    context
        .publish("kept.a", "1".into())
        .await
        .unwrap()
        .await
        .unwrap();
    nats.kill().await;
    assert_eq!(nats.pid(), None);
    nats.restart().await;
    let mut found = None;
    for _ in 0..200 {
        if let Ok(stream) = context.get_stream("KEPT").await {
            found = Some(stream.cached_info().state.messages);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(found, Some(1));
    assert!(nats.store_dir().is_dir());
}

#[tokio::test]
async fn a_service_connects_with_its_own_inbox() {
    let nats = testkit::nats().await;
    let password = nats.add_user("support", UserKind::Service).await;
    let service = nats.client_as("support", &password).await;
    assert!(service.new_inbox().starts_with("_INBOX.support."));
    nats.remove_user("support").await;
    let again = async_nats::ConnectOptions::with_user_and_password("support".into(), password)
        .connect(nats.url())
        .await;
    assert!(again.is_err());
}
