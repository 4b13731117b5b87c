//! A database restored to an earlier moment is never published over the stream of a later one.

use std::{fs, path::Path, process::Command};

use async_nats::jetstream;
use serde_json::{Value, json};
use testkit::assert_stream_is_log;

use crate::place::{
    Place,
    caller::{Caller, request},
    cluster::{MASTER_KEY, create_user, open_log, settings, succeeded},
    eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_is_noticed_and_opened_again_as_another_history() {
    let place = Place::new();
    create_user(&place, "admin", &settings());
    let up = place.up_with(&settings());
    let admin = Caller::sign_in(&place.address, "admin").await;
    let kept = ask(&admin, 1..4).await;
    up.stop();
    let (database, backup) = (
        place.data().join("postgres"),
        place.folder.path().join("backup"),
    );
    copy(&database, &backup);

    let up = place.up_with(&settings());
    let lost = ask(&admin, 4..12).await;
    check_stream(&place).await;
    let published = stream_of(&place).await;
    up.stop();

    fs::remove_dir_all(&database).unwrap();
    copy(&backup, &database);
    // Appended before any relay has looked.
    create_user(&place, "chef.support", &settings());

    let up = place.spawn_up(&settings());
    let problem = eventually("the fork is noticed", || unready(&admin)).await;
    assert!(problem.contains("forked"), "{problem}");
    let (status, answer) = admin
        .post("/api/safeguard/requests", &request(20))
        .await
        .unwrap();
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (503, &json!("unavailable"))
    );
    let said = run(&place, &["log", "status"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stdout).contains("forked"));
    assert_eq!(stream_of(&place).await, published, "nothing was published");

    succeeded(&run(&place, &["log", "reset-stream", "--yes"]));
    check_stream(&place).await;
    ask(&admin, 20..23).await;
    check_stream(&place).await;
    for id in &kept {
        let shown = admin.read(&format!("/api/safeguard/{id}")).await;
        assert_eq!(shown["status"], "pending");
    }
    // The process has begun again meanwhile: its read models may be a moment behind.
    let (head, _) = stream_of(&place).await;
    let head = json!(head);
    let pending = admin.read_as_of("/api/safeguard/pending", &head).await;
    let ids: Vec<&Value> = pending["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["id"])
        .collect();
    assert_eq!(ids.len(), kept.len() + 3, "{ids:?}");
    assert!(lost.iter().all(|id| !ids.contains(&&json!(id))), "{ids:?}");
    Caller::sign_in(&place.address, "chef.support").await;
    up.stop();
}

async fn ask(admin: &Caller, tickets: std::ops::Range<u64>) -> Vec<String> {
    let mut ids = Vec::new();
    for ticket in tickets {
        let asked = admin
            .done("/api/safeguard/requests", &request(ticket))
            .await;
        ids.push(asked["id"].as_str().unwrap().to_owned());
    }
    ids
}

fn run(place: &Place, arguments: &[&str]) -> std::process::Output {
    let mut command = place.command(arguments);
    command.envs(settings());
    crate::place::output(command, "")
}

/// Keeps owners and modes: PostgreSQL insists on them.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// What `/readyz` complains of; nothing while it is ready or does not answer.
async fn unready(caller: &Caller) -> Option<String> {
    let asked = caller.request(reqwest::Method::GET, "/readyz");
    let (status, health) = Caller::send(asked).await.ok()?;
    let log = health["components"]
        .as_array()?
        .iter()
        .find(|part| part["name"] == "log")?;
    (status == 503).then(|| log["detail"].to_string())
}

async fn check_stream(place: &Place) {
    let log = open_log(&database_url(place), &MASTER_KEY).await;
    assert_stream_is_log(log.pool(), &place.nats().await).await;
}

fn database_url(place: &Place) -> String {
    let secret = |name| fs::read_to_string(place.data().join(name)).unwrap();
    let (password, port) = (secret("secrets/postgres"), secret("postgres.port"));
    format!(
        "postgres://greffe:{}@127.0.0.1:{}/greffe",
        password.trim(),
        port.trim()
    )
}

/// The last sequence of `EVENTS`, and the message there.
async fn stream_of(place: &Place) -> (u64, Vec<u8>) {
    let context = jetstream::new(place.nats().await);
    let stream = context.get_stream("EVENTS").await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let message = stream.get_raw_message(last).await.unwrap();
    (last, message.payload.to_vec())
}
