//! Start, crash, restart and stop of the real servers.
//!
//! A parent that is killed is played by `examples/hold-servers.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use embedded::{EmbeddedConfig, EmbeddedError, Health, Servers};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncBufReadExt, BufReader};

fn tools_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools")
}

fn config(data_dir: &Path) -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(data_dir);
    config.tools_dir = Some(tools_dir());
    // No test cuts the power; what is written survives a killed process without fsync.
    config.is_durable = false;
    config
}

async fn start(data_dir: &Path) -> Servers {
    Servers::start(config(data_dir)).await.unwrap()
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

/// Running, and not a zombie waiting for whoever inherited it.
fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

async fn database(servers: &Servers) -> PgConnection {
    PgConnection::connect(&servers.postgres_url().unwrap())
        .await
        .unwrap()
}

async fn nats_as_platform(servers: &Servers) -> async_nats::Client {
    let credentials = servers.nats_credentials().unwrap();
    async_nats::ConnectOptions::with_user_and_password(credentials.user, credentials.password)
        .connect(servers.nats_url().unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn data_and_ports_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Instant::now();
    let servers = start(&data).await;
    println!("first start: {:?}", first.elapsed());
    let mut connection = database(&servers).await;
    sqlx::query("CREATE TABLE kept AS SELECT 42 AS n")
        .execute(&mut connection)
        .await
        .unwrap();
    let jetstream = async_nats::jetstream::new(nats_as_platform(&servers).await);
    let stream = async_nats::jetstream::stream::Config {
        name: "KEPT".to_owned(),
        ..Default::default()
    };
    jetstream.create_stream(stream).await.unwrap();
    let addresses = (servers.postgres_url(), servers.nats_url());
    let pids = [servers.postgres_pid().unwrap(), servers.nats_pid().unwrap()];
    let stop = Instant::now();
    servers.stop().await;
    println!("stop: {:?}", stop.elapsed());
    assert!(!pids.into_iter().any(is_alive));

    let second = Instant::now();
    let servers = start(&data).await;
    println!("second start: {:?}", second.elapsed());
    assert_eq!((servers.postgres_url(), servers.nats_url()), addresses);
    let mut connection = database(&servers).await;
    let n: i32 = sqlx::query_scalar("SELECT n FROM kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(n, 42);
    let jetstream = async_nats::jetstream::new(nats_as_platform(&servers).await);
    jetstream.get_stream("KEPT").await.unwrap();
    servers.stop().await;
}

#[tokio::test]
async fn production_settings_keep_data_and_hide_people() {
    let folder = tempfile::tempdir().unwrap();
    let mut as_in_production = EmbeddedConfig::new(folder.path());
    as_in_production.tools_dir = Some(tools_dir());
    let servers = Servers::start(as_in_production).await.unwrap();
    let mut connection = database(&servers).await;
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT name, setting FROM pg_settings")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let settings: HashMap<String, String> = rows.into_iter().collect();
    for (name, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("server_encoding", "UTF8"),
        ("jit", "off"),
        ("max_connections", "100"),
    ] {
        assert_eq!(settings[name], value, "{name}");
    }
    let upper: String = sqlx::query_scalar("SELECT upper('é')")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(upper, "É");

    sqlx::query("CREATE TABLE people (name text UNIQUE CHECK (length(name) < 99))")
        .execute(&mut connection)
        .await
        .unwrap();
    let insert = "INSERT INTO people VALUES ($1)";
    sqlx::query(insert)
        .bind("Jean Dupont")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query(insert)
        .bind("Jean Dupont")
        .execute(&mut connection)
        .await
        .unwrap_err();
    let long = "Jean Dupont ".repeat(10);
    sqlx::query(insert)
        .bind(&long)
        .execute(&mut connection)
        .await
        .unwrap_err();
    sqlx::query("SELECT 'Jean Dupont'::uuid")
        .execute(&mut connection)
        .await
        .unwrap_err();
    sqlx::query("SELECT nonsense FROM people WHERE name = 'Jean Dupont'")
        .execute(&mut connection)
        .await
        .unwrap_err();
    let wrong = servers
        .postgres_url()
        .unwrap()
        .replace("greffe:", "greffe:wrong");
    assert!(PgConnection::connect(&wrong).await.is_err());
    servers.stop().await;
    let log = fs::read_to_string(folder.path().join("logs/postgres.log")).unwrap();
    assert!(log.contains("ready to accept connections"));
    assert!(!log.contains("Dupont"), "{log}");
    for file in [
        "secrets/postgres",
        "secrets/nats-platform",
        "nats/users.conf",
        "lock",
    ] {
        let mode = fs::metadata(folder.path().join(file)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_data_folder_in_use_is_refused_naming_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let mut only_nats = config(folder.path());
    only_nats.want_postgres = false;
    let servers = Servers::start(only_nats.clone()).await.unwrap();
    let refused = Servers::start(only_nats.clone()).await.err().unwrap();
    assert!(matches!(refused, EmbeddedError::Locked { .. }));
    assert!(
        refused
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{refused}"
    );
    servers.stop().await;
    Servers::start(only_nats).await.unwrap().stop().await;
}

#[tokio::test]
async fn killed_servers_come_back_on_their_ports() {
    let folder = tempfile::tempdir().unwrap();
    let servers = start(folder.path()).await;
    let mut connection = database(&servers).await;
    sqlx::query("CREATE TABLE kept AS SELECT 42 AS n")
        .execute(&mut connection)
        .await
        .unwrap();
    for (pid, mut health) in [
        (
            servers.postgres_pid().unwrap(),
            servers.postgres_health().unwrap(),
        ),
        (servers.nats_pid().unwrap(), servers.nats_health().unwrap()),
    ] {
        let killed = Instant::now();
        signal(pid, Signal::SIGKILL);
        let is_back =
            health.wait_for(|health| matches!(health, Health::Up { pid: new } if *new != pid));
        tokio::time::timeout(Duration::from_secs(20), is_back)
            .await
            .unwrap()
            .unwrap();
        println!("back after {:?}", killed.elapsed());
    }
    let n: i32 = sqlx::query_scalar("SELECT n FROM kept")
        .fetch_one(&mut database(&servers).await)
        .await
        .unwrap();
    assert_eq!(n, 42);
    nats_as_platform(&servers).await.flush().await.unwrap();
    servers.stop().await;
}

fn parent_command(data_dir: &Path) -> tokio::process::Command {
    let tests = std::env::current_exe().unwrap();
    let program = tests
        .parent()
        .unwrap()
        .with_file_name("examples/hold-servers");
    assert!(
        program.exists(),
        "`cargo test -p embedded` builds {}",
        program.display()
    );
    let mut command = tokio::process::Command::new(program);
    command
        .arg(data_dir)
        .arg(tools_dir())
        .stdout(Stdio::piped());
    command
}

/// Another process that runs the servers of this folder, and their pids.
async fn parent(data_dir: &Path) -> (tokio::process::Child, [u32; 2]) {
    let mut parent = parent_command(data_dir).spawn().unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the parent starts its servers");
        if let Some(pids) = line.strip_prefix("children ") {
            let (one, two) = pids.split_once(' ').unwrap();
            return (parent, [one.parse().unwrap(), two.parse().unwrap()]);
        }
    }
}

#[tokio::test]
async fn orphans_of_a_killed_parent_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (mut killed, orphans) = parent(folder.path()).await;
    killed.kill().await.unwrap();
    assert!(
        orphans.into_iter().all(is_alive),
        "children outlive their parent"
    );
    let again = Instant::now();
    let servers = start(folder.path()).await;
    println!("start after a kill -9: {:?}", again.elapsed());
    assert!(!orphans.into_iter().any(is_alive));
    database(&servers).await;
    nats_as_platform(&servers).await.flush().await.unwrap();
    servers.stop().await;
}

#[tokio::test]
async fn orphans_are_found_without_their_pid_files() {
    let folder = tempfile::tempdir().unwrap();
    let (mut killed, orphans) = parent(folder.path()).await;
    killed.kill().await.unwrap();
    fs::remove_file(folder.path().join("postgres.pid")).unwrap();
    fs::remove_file(folder.path().join("nats.pid")).unwrap();
    let servers = start(folder.path()).await;
    assert!(!orphans.into_iter().any(is_alive));
    servers.stop().await;
}

#[tokio::test]
async fn a_recycled_pid_is_never_signalled() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).await.stop().await;
    let mut stranger = tokio::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let pid = stranger.id().unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for name in ["postgres.pid", "nats.pid"] {
        fs::write(folder.path().join(name), format!("{pid} 1 {boot}")).unwrap();
    }
    // As after a crash: PostgreSQL itself would refuse to start beside a living process.
    let stale = format!("{pid}\n/proc/self/cwd\n1\n5432\n\n127.0.0.1\n\nready\n");
    fs::write(folder.path().join("postgres/postmaster.pid"), stale).unwrap();
    let servers = start(folder.path()).await;
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
    servers.stop().await;
    stranger.kill().await.unwrap();
}

#[tokio::test]
async fn a_ctrl_c_in_the_terminal_does_not_reach_the_children() {
    let folder = tempfile::tempdir().unwrap();
    let servers = start(folder.path()).await;
    let own = nix::unistd::getpgrp();
    for pid in [servers.postgres_pid().unwrap(), servers.nats_pid().unwrap()] {
        let group = nix::unistd::getpgid(Some(Pid::from_raw(pid.try_into().unwrap()))).unwrap();
        assert_ne!(group, own);
    }
    servers.stop().await;
}

#[tokio::test]
async fn data_of_another_major_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).await.stop().await;
    fs::write(folder.path().join("postgres/PG_VERSION"), "17\n").unwrap();
    let refused = Servers::start(config(folder.path()))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("PostgreSQL 17, but this is PostgreSQL 18"),
        "{refused}"
    );
    fs::write(folder.path().join("postgres/PG_VERSION"), "18\n").unwrap();
    fs::write(folder.path().join("nats/store-version"), "3").unwrap();
    let refused = Servers::start(config(folder.path()))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("nats-server 3, but this is nats-server 2"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_database_without_its_password_says_which_file_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).await.stop().await;
    let secret = folder.path().join("secrets/postgres");
    let kept = fs::read(&secret).unwrap();
    fs::remove_file(&secret).unwrap();
    let refused = Servers::start(config(folder.path()))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains(&secret.display().to_string()), "{refused}");
    fs::write(&secret, kept).unwrap();
    start(folder.path()).await.stop().await;
}

#[tokio::test]
async fn a_parent_killed_during_its_first_start_leaves_nothing_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut parent = parent_command(&data).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !data.join("postgres.new/base").exists() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    parent.kill().await.unwrap();
    assert!(
        !data.join("postgres").exists(),
        "killed in the middle of initdb"
    );
    let servers = start(&data).await;
    database(&servers).await;
    servers.stop().await;
}

#[tokio::test]
async fn an_interrupted_first_start_leaves_nothing_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("postgres.new");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("PG_VERSION"), "18\n").unwrap();
    start(folder.path()).await.stop().await;
    assert!(!half.exists());
}

/// A clone and its data below a folder only its owner may enter, such as `/root`. For root, the
/// servers run as somebody else who cannot reach either by path.
#[tokio::test]
async fn a_clone_in_a_closed_folder_works() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(tools_dir())
        .arg(closed.join(".tools"))
        .status()
        .unwrap();
    assert!(copied.success());
    let mut config = config(&closed.join("data"));
    config.tools_dir = Some(closed.join(".tools"));
    let servers = Servers::start(config).await.unwrap();
    database(&servers).await;
    nats_as_platform(&servers).await.flush().await.unwrap();
    let owner = fs::metadata(format!("/proc/{}", servers.postgres_pid().unwrap()))
        .unwrap()
        .uid();
    assert_ne!(owner, 0);
    assert_eq!(
        fs::metadata(&closed).unwrap().mode() & 0o777,
        0o700,
        "the folder stays closed"
    );
    servers.stop().await;
}

#[tokio::test]
async fn missing_programs_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.tools_dir = Some(folder.path().join("nowhere"));
    let refused = Servers::start(config).await.err().unwrap().to_string();
    assert!(refused.contains("nowhere/postgres/bin/postgres is missing: run scripts/setup"));
}
