//! The disk fills up beneath PostgreSQL and nats-server: who asks is told, who reads goes on, and once
//! there is room again everything goes on by itself.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use async_nats::jetstream;
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use testkit::assert_stream_is_log;

use crate::{
    load::Load,
    place::{
        Place, Up,
        caller::Caller,
        cluster::{settings, succeeded},
        eventually, output,
    },
};

const DISK: &str = "size=256m,mode=755";
/// Commands at each stage.
const SOME: u64 = 100;
/// A stream of the test's own, beside those of the platform.
const STREAM: &str = "FULL";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let place = Place::new();
    let disk = Disk::new(&place);
    let up = disk.up(&place);
    let (status, session) = place.sign_in("admin", up.password().unwrap()).await;
    assert_eq!(status, 200, "{session}");
    let token = session["access_token"].as_str().unwrap();
    let admin = Caller::with_key(&place.address, token);
    let database = place.endpoints()["database"].as_str().unwrap().to_owned();
    let pool = PgPool::connect(&database).await.unwrap();
    let load = Load::start_patient(&admin, 4);
    let nats = jetstream::new(place.nats().await);
    nats.create_stream(jetstream::stream::Config {
        name: STREAM.into(),
        ..Default::default()
    })
    .await
    .unwrap();
    until_accepted(&load, SOME).await;
    // A whole segment for what is still written: PostgreSQL stays until it is asked for another.
    sqlx::query("SELECT pg_switch_wal()")
        .execute(&pool)
        .await
        .unwrap();
    until_accepted(&load, load.accepted() + SOME).await;

    disk.fill(&up);
    eventually("nats-server writes no more", || async {
        (!is_stored(&nats).await).then_some(())
    })
    .await;
    eventually("commands are refused", || async {
        (load.refused() > 0).then_some(())
    })
    .await;
    admin.read("/api/supervision/overview").await;
    eventually("readiness tells", || async {
        let part = part(&admin, "disk").await?;
        (part["detail"] == "0 MiB free").then_some(())
    })
    .await;
    let ends = until_postgres_ends(&database).await;
    disk.empty(&up);

    until_accepted(&load, load.accepted() + SOME).await;
    let refused = load.refused();
    eventually("nats-server writes again", || async {
        is_stored(&nats).await.then_some(())
    })
    .await;
    eventually("the relay goes on", || async {
        let part = part(&admin, "relay").await?;
        (part["status"] == "ok").then_some(())
    })
    .await;
    let accepted = load.stop_and_check(&pool).await;
    let events = assert_stream_is_log(&pool, &place.nats().await).await;
    let mut check = place.command(&["projection", "check", "--all"]);
    check.envs(settings());
    succeeded(&output(check, ""));
    println!(
        "{accepted} accepted, {refused} refused, {events} events; PostgreSQL ended after {ends} segments"
    );
    up.stop();
}

async fn until_accepted(load: &Load, least: u64) {
    eventually("commands are accepted", || async {
        (load.accepted() >= least).then_some(())
    })
    .await;
}

/// Whether nats-server takes a message of 64 KiB into the stream.
async fn is_stored(nats: &jetstream::Context) -> bool {
    let sent = nats.publish(STREAM, vec![0; 1 << 16].into()).await;
    sent.unwrap().await.is_ok()
}

/// A part of readiness, whatever its status.
async fn part(caller: &Caller, name: &str) -> Option<Value> {
    let asked = caller.request(reqwest::Method::GET, "/readyz");
    let (_, health) = Caller::send(asked).await.unwrap();
    let parts = health["components"].as_array()?;
    parts.iter().find(|part| part["name"] == name).cloned()
}

/// Asks for new segments of its log until PostgreSQL cannot make another, and ends its sessions. How many.
async fn until_postgres_ends(database: &str) -> usize {
    let mut connection = eventually("PostgreSQL can be reached", || async {
        PgConnection::connect(database).await.ok()
    })
    .await;
    for segments in 0..100 {
        let switched =
            sqlx::query("SELECT pg_logical_emit_message(true, 'full', ''), pg_switch_wal()");
        if switched.execute(&mut connection).await.is_err() && connection.ping().await.is_err() {
            return segments;
        }
    }
    panic!("PostgreSQL found room for 100 segments");
}

/// A small file system of its own in the platform's mount namespace: it ends with the platform.
struct Disk {
    at: PathBuf,
}

impl Disk {
    fn new(place: &Place) -> Self {
        let at = place.folder.path().join("disk");
        fs::create_dir(&at).unwrap();
        Self { at }
    }

    /// `greffe up` on it; what it keeps is seen through its own root.
    fn up(&self, place: &Place) -> Up {
        let mut command = place.command(&["up"]);
        command.envs(settings());
        command.env("GREFFE_DATA_DIR", self.at.join("data"));
        let mut up = Up::spawn(self.mounted(&command), &place.log(), &place.address);
        symlink(self.seen_by(&up).join("data"), place.data()).unwrap();
        up.until_ready();
        up
    }

    /// The same command, after the file system is mounted. Who is not root is root in a user
    /// namespace for as long as that takes.
    fn mounted(&self, command: &Command) -> Command {
        let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let (unshare, back) = match user.is_root() {
            true => ("unshare --mount", String::new()),
            false => (
                "unshare --map-root-user --mount",
                format!("unshare --map-user={user} --map-group={group}"),
            ),
        };
        let script = format!(
            r#"exec {unshare} sh -euc 'mount -t tmpfs -o {DISK} tmpfs "$0"; exec {back} "$@"' "$@""#
        );
        let mut mounted = Command::new("sh");
        mounted.args(["-euc", &script, "sh"]).arg(&self.at);
        mounted.arg(command.get_program()).args(command.get_args());
        mounted.env_clear();
        mounted.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        mounted.current_dir(command.get_current_dir().unwrap());
        mounted
    }

    fn seen_by(&self, up: &Up) -> PathBuf {
        let inside = self.at.strip_prefix("/").unwrap();
        Path::new(&format!("/proc/{}/root", up.child.id())).join(inside)
    }

    fn balloon(&self, up: &Up) -> PathBuf {
        self.seen_by(up).join("balloon")
    }

    fn fill(&self, up: &Up) {
        let mut balloon = File::create(self.balloon(up)).unwrap();
        loop {
            match balloon.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn empty(&self, up: &Up) {
        fs::remove_file(self.balloon(up)).unwrap();
    }
}
