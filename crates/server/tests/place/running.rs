//! A process of the platform.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// A running process of the platform: `greffe up` or `greffe serve`.
pub struct Up {
    pub child: Child,
    pub printed: Vec<String>,
    /// Where its API listens, if it has one.
    pub address: String,
    lines: mpsc::Receiver<String>,
    log: PathBuf,
}

impl Up {
    /// Starts it and returns at once.
    pub fn spawn(mut command: Command, log: &Path, address: &str) -> Self {
        let complaints = File::options().create(true).append(true).open(log).unwrap();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            printed: Vec::new(),
            address: address.to_owned(),
            lines,
            log: log.to_owned(),
        }
    }

    pub fn until_ready(&mut self) {
        let end = Instant::now() + START_LIMIT;
        while !self.printed.iter().any(|line| line.starts_with("ready")) {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.printed.push(line),
                Err(_) => panic!(
                    "not ready: {:?}\n{}",
                    self.printed,
                    fs::read_to_string(&self.log).unwrap()
                ),
            }
        }
    }

    /// Whether it has said so by now.
    pub fn is_ready(&mut self) -> bool {
        self.printed.extend(self.lines.try_iter());
        self.printed.iter().any(|line| line.starts_with("ready"))
    }

    /// Whether it runs no longer.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// kill -9, and gone.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        assert_eq!(self.wait(), Some(0));
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
