//! A place to run the real binary in.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
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
pub struct Place {
    pub folder: tempfile::TempDir,
    pub address: String,
}

impl Place {
    pub fn new() -> Self {
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

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
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

    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
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
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {complaints}\n{}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn up(&self) -> Up {
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

    pub fn endpoints(&self) -> Value {
        serde_json::from_slice(&fs::read(self.data().join("endpoints.json")).unwrap()).unwrap()
    }

    pub async fn sign_in(&self, username: &str, password: &str) -> (u16, Value) {
        let answer = reqwest::Client::new()
            .post(format!("http://{}/api/auth/login", self.address))
            .json(&json!({"username": username, "password": password}))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("http://{}/readyz", self.address))
            .await
            .unwrap();
        answer.status().is_success()
    }

    /// Processes whose working folder is below the data folder: the children.
    pub fn children(&self) -> Vec<i32> {
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
pub struct Up {
    pub child: Child,
    pub printed: Vec<String>,
}

impl Up {
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn wait(&mut self) -> Option<i32> {
        let end = Instant::now() + STOP_LIMIT;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }

    pub fn password(&self) -> Option<&str> {
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
