//! A place to run the real binary in.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod caller;
pub mod cluster;
pub mod overdue;
pub mod random;
mod running;

use std::{
    fs,
    future::Future,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

pub use running::Up;
use serde_json::{Value, json};

/// Long enough for a busy machine; nothing is judged by it.
const PATIENCE: Duration = Duration::from_secs(180);

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
        Self {
            folder: tempfile::tempdir().unwrap(),
            address: free_address(),
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
        output(self.command(arguments), input)
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
        self.up_with(&[])
    }

    /// `greffe up` with settings of its own.
    pub fn up_with(&self, settings: &[cluster::Setting]) -> Up {
        let mut up = self.spawn_up(settings);
        up.until_ready();
        up
    }

    /// The same, without waiting.
    pub fn spawn_up(&self, settings: &[cluster::Setting]) -> Up {
        let mut command = self.command(&["up"]);
        command.envs(settings.to_vec());
        Up::spawn(command, &self.log(), &self.address)
    }

    /// Connected as the platform to its own nats-server.
    pub async fn nats(&self) -> async_nats::Client {
        let read = |name: &str| fs::read_to_string(self.data().join(name)).unwrap();
        let (password, port) = (read("secrets/nats-platform"), read("nats.port"));
        async_nats::ConnectOptions::with_user_and_password(
            "platform".into(),
            password.trim().into(),
        )
        .connect(format!("nats://127.0.0.1:{}", port.trim()))
        .await
        .unwrap()
    }

    /// What the processes of this place say.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("greffe.log")
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

impl Drop for Place {
    /// A failed test shows the end of what its processes said.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = fs::read_to_string(self.log()).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            let last = lines.len().saturating_sub(40);
            println!("{}", lines[last..].join("\n"));
        }
    }
}

/// Runs a command to its end.
pub fn output(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Waits for a condition; the last word is the condition's, not the clock's.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn free_address() -> String {
    let probe = TcpListener::bind("127.0.0.1:0").unwrap();
    probe.local_addr().unwrap().to_string()
}
