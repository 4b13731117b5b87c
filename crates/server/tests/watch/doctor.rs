//! `greffe doctor` finds real faults, says what to do, and changes nothing.

use std::process::Output;

use crate::{
    place::{
        caller::{Caller, request},
        cluster::{Cluster, Setting},
        eventually,
    },
    pooler,
};

const ROLES: &str = "api,relay,projector,workflows";

/// What the doctor prints with other settings; it must find something.
fn findings(cluster: &Cluster, settings: &[Setting]) -> String {
    let output = run(cluster, settings);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let failed = said.matches("FAIL  ").count();
    assert_eq!(
        said.matches("\n      → ").count(),
        failed,
        "each has an action: {said}"
    );
    said
}

fn run(cluster: &Cluster, settings: &[Setting]) -> Output {
    let mut command = cluster.command(&["doctor"]);
    command.envs(settings.to_vec());
    command.output().unwrap()
}

/// Nothing is wrong but what tests do without: they need not survive a power cut.
#[track_caller]
fn assert_well(said: &str) {
    assert_eq!(said.matches("FAIL  ").count(), 1, "{said}");
    assert_found(said, "database: fsync is off", "fsync = on");
}

#[track_caller]
fn assert_found(said: &str, what: &str, todo: &str) {
    let at = said.find(&format!("FAIL  {what}"));
    let at = at.unwrap_or_else(|| panic!("no {what} in\n{said}"));
    let advice = said[at..].lines().nth(1).unwrap();
    assert!(advice.contains(todo), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_servers_and_settings_are_found() {
    let cluster = Cluster::new().await;
    assert_well(&findings(&cluster, &[]));

    let said = findings(&cluster, &[("GREFFE_MASTER_KEY", "cd".repeat(32))]);
    assert_found(&said, "master key", "GREFFE_MASTER_KEY");

    let host = cluster.database.url.split_once('@').unwrap().1;
    let (server, database) = host.split_once('/').unwrap();
    let port = pooler::start(server.to_owned()).await;
    let pooled = cluster
        .database
        .url
        .replace(host, &format!("127.0.0.1:{port}/{database}"));
    let pooled = [("DATABASE_URL", pooled)];
    let said = tokio::task::block_in_place(|| findings(&cluster, &pooled));
    assert_found(
        &said,
        "pooler: sessions do not keep their locks",
        "session mode",
    );

    let empty = testkit::fresh_database().await;
    let said = findings(&cluster, &[("DATABASE_URL", empty.url.clone())]);
    assert_found(&said, "migrations", "greffe migrate");
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_one(&empty.pool)
            .await
            .unwrap();
    assert_eq!(tables, 0, "a doctor does not migrate");
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (99990101000000, 'later', true, '', 0)";
    sqlx::query(newer)
        .execute(&cluster.database.pool)
        .await
        .unwrap();
    assert_found(
        &findings(&cluster, &[]),
        "migrations: a newer release",
        "run that release",
    );
    let undone = "DELETE FROM _sqlx_migrations WHERE version = 99990101000000";
    sqlx::query(undone)
        .execute(&cluster.database.pool)
        .await
        .unwrap();

    cluster.nats.kill().await;
    assert_found(&findings(&cluster, &[]), "nats", "start nats-server");
    let nowhere = (
        "DATABASE_URL",
        "postgres://greffe:x@127.0.0.1:1/greffe".to_owned(),
    );
    assert_found(
        &findings(&cluster, &[nowhere]),
        "postgresql",
        "DATABASE_URL",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_running_platform_are_found() {
    let cluster = Cluster::new().await;
    let process = cluster.serve(ROLES);
    let listen = [("GREFFE_LISTEN", process.address.clone())];
    let admin = cluster.sign_in(&process, "admin").await;
    let asked = admin.done("/api/safeguard/requests", &request(1)).await;
    admin
        .read_as_of("/api/safeguard/pending", &asked["position"])
        .await;
    let said = findings(&cluster, &listen);
    assert!(said.contains("ok    platform"), "{said}");
    assert_well(&said);

    // An event that says nothing a projection understands.
    let bad = "INSERT INTO events (position, event_id, aggregate_type, aggregate_id, sequence, event_type,
                   event_version, payload, metadata, recorded_at)
               SELECT position + 1, gen_random_uuid(), aggregate_type, aggregate_id, sequence + 1,
                   'safeguard.approval.rejected', '1', '{}', metadata, clock_timestamp()
               FROM events ORDER BY position DESC LIMIT 1";
    let bad = sqlx::query(bad)
        .execute(&cluster.database.pool)
        .await
        .unwrap();
    assert_eq!(bad.rows_affected(), 1);
    let anyone = Caller::with_key(&process.address, "");
    eventually("a projection is not well", || async {
        let asked = anyone.request(reqwest::Method::GET, "/readyz");
        let (_, health) = Caller::send(asked).await.unwrap();
        let parts = health["components"].as_array().unwrap();
        let is_bad = parts
            .iter()
            .any(|part| part["name"] == "projection approvals" && part["status"] != "ok");
        is_bad.then_some(())
    })
    .await;
    assert_found(
        &findings(&cluster, &listen),
        "projection approvals",
        "corrected build",
    );
    process.stop();

    // The same NATS with another database: as after a restored backup.
    let other = testkit::fresh_database().await;
    let place = &cluster.place;
    let database = ("DATABASE_URL", other.url.clone());
    let mut command = cluster.command(&["serve", "--roles", ROLES]);
    command.envs([database.clone(), listen[0].clone()]);
    let forked = crate::place::Up::spawn(command, &place.log(), &listen[0].1);
    eventually("the fork is seen", || async {
        let fork = sqlx::query_scalar::<_, Option<String>>("SELECT fork FROM log_meta");
        fork.fetch_optional(&other.pool).await.ok()??
    })
    .await;
    assert_found(
        &findings(&cluster, &[database]),
        "log: forked",
        "reset-stream",
    );
    forked.kill();
}
