//! The real binary: `greffe up` from an empty folder, through kill -9 and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod place;

use std::{fs, net::TcpListener, os::unix::fs::MetadataExt};

use nix::sys::signal::Signal;
use place::Place;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_starts_is_operated_killed_started_again_and_stopped() {
    let place = Place::new();
    let mut up = place.up();
    let password = up
        .password()
        .expect("a password at the first start")
        .to_owned();
    assert_eq!(
        up.printed.last().unwrap(),
        &format!("ready: http://{}", place.address)
    );
    assert!(place.is_ready().await);
    let (status, session) = place.sign_in("admin", &password).await;
    assert_eq!(status, 200, "{session}");
    assert_eq!(session["user"]["accreditation_level"], "N4");
    assert_eq!(place.sign_in("admin", "not the password").await.0, 401);
    check_files(&place);
    check_commands(&place).await;
    check_read_models(&place).await;

    // Another one on the same folder.
    let second = place.run(&["up"], "");
    assert_eq!(second.status.code(), Some(1));

    up.signal(Signal::SIGKILL);
    up.wait();
    let mut up = place.up();
    assert_eq!(up.password(), None, "only the first start prints one");
    assert_eq!(place.sign_in("admin", &password).await.0, 200);
    let (status, _) = place.sign_in("chef.support", "correct horse battery").await;
    assert_eq!(status, 200, "what was accepted survived");

    up.signal(Signal::SIGTERM);
    assert_eq!(up.wait(), Some(0));
    assert!(!place.data().join("endpoints.json").exists());
    assert_eq!(
        place.children(),
        Vec::<i32>::new(),
        "the servers have stopped"
    );
    // Without a platform a command starts the servers for itself, and stops them.
    assert!(place.done(&["service-account", "list"]).contains("support"));
    assert_eq!(place.children(), Vec::<i32>::new());
}

/// Read models are compared, filled anew and brought back while the platform runs.
async fn check_read_models(place: &Place) {
    let checked = place.done(&["projection", "check", "--all"]);
    assert_eq!(checked.matches("no difference in").count(), 7, "{checked}");
    let database = place.endpoints()["database"].as_str().unwrap().to_owned();
    let mut connection = PgConnection::connect(&database).await.unwrap();
    sqlx::query("UPDATE approvals_v3.approvals SET status = 'approved'")
        .execute(&mut connection)
        .await
        .unwrap();
    for arguments in [
        &["projection", "check", "approvals"][..],
        &["projection", "rebuild", "approvals", "--check"],
    ] {
        let found = place.run(arguments, "");
        let said = String::from_utf8_lossy(&found.stdout).into_owned();
        assert_eq!(found.status.code(), Some(1), "{said}");
        assert!(said.contains("table `approvals`, key "), "{said}");
        assert!(said.contains("column `status` differs"), "{said}");
    }
    let rebuilt = place.done(&["projection", "rebuild", "approvals"]);
    assert!(rebuilt.contains("was swapped at position"), "{rebuilt}");
    place.done(&["projection", "check", "approvals"]);
    assert!(place.done(&["projection", "list"]).contains("kept at"));
    place.done(&["projection", "rollback", "approvals"]);
    let checked = place.run(&["projection", "check", "approvals"], "");
    assert_eq!(checked.status.code(), Some(1), "the altered row is back");
    place.done(&["projection", "rollback", "approvals"]);
    place.done(&["projection", "check", "approvals"]);
    place.done(&["projection", "drop", "approvals", "--before"]);
    for (refused, code) in [
        (&["rollback", "approvals"][..], 1),
        (&["drop", "approvals", "--version", "2"], 1),
        (&["drop", "decisions", "--version", "1"], 1),
        (&["rebuild", "nonsense"], 2),
        (&["drop", "approvals"], 2),
    ] {
        let arguments = [&["projection"], refused].concat();
        let found = place.run(&arguments, "");
        assert_eq!(found.status.code(), Some(code), "{arguments:?}");
    }
}

fn check_files(place: &Place) {
    let mode = |name: &str| fs::metadata(place.data().join(name)).unwrap().mode() & 0o777;
    for file in ["endpoints.json", "secrets/jwt", "secrets/master-key"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    let endpoints = place.endpoints();
    assert_eq!(endpoints["http"], format!("http://{}", place.address));
    let nats = endpoints["nats"].as_str().unwrap();
    assert!(
        nats.starts_with("nats://127.0.0.1:") && !nats.contains('@'),
        "{nats}"
    );
    assert!(
        endpoints["database"]
            .as_str()
            .unwrap()
            .starts_with("postgres://")
    );
}

async fn check_commands(place: &Place) {
    let create = [
        "user",
        "create",
        "--username",
        "chef.support",
        "--level",
        "N2",
        "--password-stdin",
    ];
    let made = place.run(&create, "correct horse battery\n");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    assert_eq!(
        place.run(&create, "correct horse battery\n").status.code(),
        Some(1),
        "taken"
    );
    let (status, _) = place.sign_in("chef.support", "correct horse battery").await;
    assert_eq!(status, 200, "the running platform knows the account");

    let account = [
        "service-account",
        "create",
        "--name",
        "support",
        "--owner",
        "chef.support",
    ];
    let made = place.run(
        &[&account[..], &["--scope", "safeguard.request"]].concat(),
        "",
    );
    let said = String::from_utf8_lossy(&made.stderr);
    assert_eq!(
        said, "this key is not shown again\n",
        "it waits for NATS in silence"
    );
    let key = std::str::from_utf8(&made.stdout).unwrap().trim();
    assert!(
        key.starts_with("grf_support_") && !key.contains('\n'),
        "{key}"
    );
    let nats = place.endpoints()["nats"].as_str().unwrap().to_owned();
    let client = async_nats::ConnectOptions::with_user_and_password("support".into(), key.into())
        .custom_inbox_prefix("_INBOX.support")
        .connect(&nats)
        .await
        .expect("NATS takes the key as soon as the command is done");
    let body = json!({
        "tool_name": "ad_reset_password", "arguments": {"username": "jean.dupont"},
        "security_level": "L3", "context": {"client_id": "42"}, "expires_in_seconds": 60,
    });
    let subject = "commands.support.safeguard.request_approval";
    let reply = client
        .request(subject, body.to_string().into())
        .await
        .unwrap();
    let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
    assert_eq!(reply["ok"], true, "{reply}");
    assert!(
        reply["reference"].as_str().unwrap().starts_with("APR-"),
        "{reply}"
    );

    let projections = place.done(&["projection", "list"]);
    for name in ["approvals", "audit", "deadlines", "decisions"] {
        assert!(projections.contains(name), "{projections}");
    }
    assert!(place.done(&["log", "status"]).contains("epoch"));
    assert!(
        place
            .done(&["service-account", "list"])
            .contains("safeguard.request")
    );
    let trail = place.done(&["audit", "export"]);
    assert!(trail.lines().count() > 15);
    assert!(trail.contains("safeguard.approval.requested"), "{trail}");
    assert!(
        place
            .done(&["audit", "export", "--format", "csv"])
            .starts_with("position,at,actor_kind")
    );
    let found = place.done(&["doctor"]);
    assert!(
        found.contains("ok    database") && !found.contains("FAIL"),
        "{found}"
    );
    assert_eq!(
        place.run(&["log", "reset-stream"], "").status.code(),
        Some(2)
    );
    assert!(
        place
            .done(&["log", "reset-stream", "--yes"])
            .contains("stream")
    );
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_started() {
    let place = Place::new();
    let taken = TcpListener::bind(&place.address).unwrap();
    let output = place.run(&["up"], "");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(&place.address) && said.contains("GREFFE_LISTEN"),
        "{said}"
    );
    assert!(!place.data().exists(), "it did not even begin");
    drop(taken);

    let output = place
        .command(&["up"])
        .env("JWT_SECRET", "tiny-9171")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("JWT_SECRET") && !said.contains("9171"),
        "{said}"
    );
    assert_eq!(place.run(&["nonsense"], "").status.code(), Some(2));
    assert_eq!(
        place
            .run(&["user", "create", "--username", "a", "--level", "N1"], "")
            .status
            .code(),
        Some(2)
    );
}
