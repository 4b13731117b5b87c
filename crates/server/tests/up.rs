//! The real binary: `greffe up` from an empty folder, through kill -9 and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(40);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A data folder and an address of its own.
struct Place {
    folder: tempfile::TempDir,
    address: String,
}

impl Place {
    fn new() -> Self {
        let setup = Command::new(repository().join("scripts/setup"))
            .arg("servers")
            .output()
            .unwrap();
        assert!(
            setup.status.success(),
            "{}",
            String::from_utf8_lossy(&setup.stderr)
        );
        let probe = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = probe.local_addr().unwrap().to_string();
        Self {
            folder: tempfile::tempdir().unwrap(),
            address,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greffe"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GREFFE_DATA_DIR", self.data())
            .env("GREFFE_LISTEN", &self.address)
            // Where the servers' programs are found.
            .current_dir(repository());
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed; returns what it printed.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {complaints}\n{}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn up(&self) -> Up {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("greffe.log"))
            .unwrap();
        let mut child = self
            .command(&["up"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut up = Up {
            child,
            printed: Vec::new(),
        };
        let end = Instant::now() + START_LIMIT;
        while !up.printed.iter().any(|line| line.starts_with("ready: ")) {
            match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => up.printed.push(line),
                Err(_) => panic!(
                    "not ready: {:?}\n{}",
                    up.printed,
                    fs::read_to_string(self.folder.path().join("greffe.log")).unwrap()
                ),
            }
        }
        up
    }

    fn endpoints(&self) -> Value {
        serde_json::from_slice(&fs::read(self.data().join("endpoints.json")).unwrap()).unwrap()
    }

    async fn sign_in(&self, username: &str, password: &str) -> (u16, Value) {
        let answer = reqwest::Client::new()
            .post(format!("http://{}/api/auth/login", self.address))
            .json(&json!({"username": username, "password": password}))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("http://{}/readyz", self.address))
            .await
            .unwrap();
        answer.status().is_success()
    }

    /// Processes whose working folder is below the data folder: the children.
    fn children(&self) -> Vec<i32> {
        let below = |link: PathBuf| {
            fs::read_link(link).is_ok_and(|cwd| cwd.starts_with(self.folder.path()))
        };
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok())
            .filter(|pid| below(PathBuf::from(format!("/proc/{pid}/cwd"))))
            .collect()
    }
}

/// A running platform.
struct Up {
    child: Child,
    printed: Vec<String>,
}

impl Up {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn wait(&mut self) -> Option<i32> {
        let end = Instant::now() + STOP_LIMIT;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }

    fn password(&self) -> Option<&str> {
        self.printed
            .iter()
            .find_map(|line| line.strip_prefix("admin password: "))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // A failed test leaves nothing behind.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

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
    let key = place.done(&[&account[..], &["--scope", "safeguard.request"]].concat());
    let key = key.trim();
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
