//! The real program, `greffe up`, as its callers see it: commands over HTTP, frames on a WebSocket.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::{
    commands::{AT_ONCE, DEPOSITS, rate},
    line::Line,
};

const PASSWORD: &str = "Un mot de passe de mesure";
/// Registered and not critical.
const CLIENT_ID: &str = "44";
const REQUESTS: &str = "/api/safeguard/requests";
/// Commands per second while latencies are measured.
const STEADY: u64 = 200;

pub type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// At a steady rate of commands.
pub struct Latencies {
    pub frame_p50_ms: f64,
    pub frame_p99_ms: f64,
    pub answer_p50_ms: f64,
}

/// A setting of the program.
pub type Setting = (&'static str, String);

pub struct Platform {
    child: Child,
    folder: tempfile::TempDir,
    settings: Vec<Setting>,
    /// How long the program took to say that it is ready.
    pub started_in: Duration,
    http: reqwest::Client,
    address: String,
    token: String,
    sent: AtomicU64,
}

impl Platform {
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Vec::new()).await
    }

    /// With settings beside those of every measurement.
    pub async fn start_with(settings: Vec<Setting>) -> anyhow::Result<Self> {
        Self::start_in(tempfile::tempdir()?, settings, &["up"]).await
    }

    /// Starts it again on the same data.
    pub async fn again(self) -> anyhow::Result<Self> {
        self.again_as(&["up"]).await
    }

    /// The same as another command of the program.
    pub async fn again_as(self, words: &[&str]) -> anyhow::Result<Self> {
        let (folder, settings) = self.leave().await?;
        Self::start_in(folder, settings, words).await
    }

    /// Ends it, and leaves its data.
    pub async fn leave(self) -> anyhow::Result<(tempfile::TempDir, Vec<Setting>)> {
        end(self.child).await?;
        Ok((self.folder, self.settings))
    }

    pub async fn start_in(
        folder: tempfile::TempDir,
        settings: Vec<Setting>,
        words: &[&str],
    ) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let address = format!("127.0.0.1:{port}");
        let began = Instant::now();
        let mut child = command(&folder, &settings, words)?
            .env("GREFFE_LISTEN", &address)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("ready:") {
                break;
            }
        }
        let started_in = began.elapsed();
        let http = reqwest::Client::new();
        let answer: Value = http
            .post(format!("http://{address}/api/auth/login"))
            .json(&json!({ "username": "admin", "password": PASSWORD }))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let token = answer["access_token"]
            .as_str()
            .context("no token")?
            .to_owned();
        let platform = Self {
            child,
            folder,
            settings,
            started_in,
            http,
            address,
            token,
            sent: AtomicU64::new(0),
        };
        platform
            .register_client(CLIENT_ID, "EHPAD Music Art")
            .await?;
        Ok(platform)
    }

    /// A service account that may publish facts, connected to NATS.
    pub async fn service(&self, name: &str) -> anyhow::Result<async_nats::Client> {
        let words = ["service-account", "create", "--name", name];
        let output = command(&self.folder, &self.settings, &words)?
            .args(["--owner", "admin", "--scope", "intake"])
            .output()
            .await?;
        ensure!(output.status.success(), "no account: {output:?}");
        let key = String::from_utf8(output.stdout)?.trim().to_owned();
        let endpoints = std::fs::read(self.folder.path().join("endpoints.json"))?;
        let endpoints: Value = serde_json::from_slice(&endpoints)?;
        let url = endpoints["nats"].as_str().context("no address of NATS")?;
        let options = async_nats::ConnectOptions::with_user_and_password(name.to_owned(), key)
            .custom_inbox_prefix(format!("_INBOX.{name}"));
        Ok(options.connect(url).await?)
    }

    /// What a query answers, and how long that took.
    pub async fn get(&self, path: &str) -> anyhow::Result<(Duration, Value)> {
        let began = Instant::now();
        let answer = self
            .http
            .get(format!("http://{}{path}", self.address))
            .bearer_auth(&self.token)
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok((began.elapsed(), serde_json::from_str(&text)?))
    }

    /// Requests name a client, as most do: reading the register is measured too.
    /// A client that is there already stays as it is.
    pub async fn register_client(&self, id: &str, name: &str) -> anyhow::Result<()> {
        let answer = self
            .http
            .post(format!("http://{}/api/clients", self.address))
            .bearer_auth(&self.token)
            .json(&json!({ "id": id, "name": name, "critical": false }))
            .send()
            .await?;
        if answer.status() != reqwest::StatusCode::CONFLICT {
            answer.error_for_status()?;
        }
        Ok(())
    }

    /// Approval requests per second, each authenticated, decided and durable.
    pub async fn requests(&self, time: Duration) -> anyhow::Result<f64> {
        let callers = self.callers().await?;
        rate(AT_ONCE, time, |task, _| {
            let (caller, number) = (callers[task].lock(), self.next());
            async move { caller.await.request(number).await }
        })
        .await
    }

    /// Commands per second on approvals that take ten each, as the peer's accounts do: the request,
    /// eight decisions to look at it later, and its withdrawal. So none of them stays pending.
    pub async fn commands(&self, time: Duration) -> anyhow::Result<f64> {
        let callers = self.callers().await?;
        let postponed = json!({ "version": 1, "minutes": 15 });
        let cancelled = json!({ "reason": "Jean a retrouvé son mot de passe." });
        rate(AT_ONCE, time, |task, nth| {
            let (postponed, cancelled, number) = (&postponed, &cancelled, self.next());
            let caller = callers[task].lock();
            async move {
                let mut caller = caller.await;
                match nth % DEPOSITS {
                    0 => caller.request(number).await,
                    last if last == DEPOSITS - 1 => caller.act("cancel", number, cancelled).await,
                    _ => caller.act("postpone", number, postponed).await,
                }
            }
        })
        .await
    }

    async fn callers(&self) -> anyhow::Result<Vec<tokio::sync::Mutex<Caller>>> {
        let mut callers = Vec::with_capacity(AT_ONCE);
        for _ in 0..AT_ONCE {
            callers.push(tokio::sync::Mutex::new(Caller {
                line: Line::open(&self.address, &self.token).await?,
                approval: String::new(),
            }));
        }
        Ok(callers)
    }

    /// The number of the next command, which names it.
    fn next(&self) -> u64 {
        self.sent.fetch_add(1, Ordering::Relaxed)
    }

    /// A live feed.
    pub async fn socket(&self) -> anyhow::Result<Socket> {
        let mut request =
            format!("ws://{}/api/safeguard/ws", self.address).into_client_request()?;
        let protocols = format!("greffe.v1, bearer.{}", self.token);
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocols.parse()?);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
        // The first frame says that the feed is live.
        socket.next().await.context("the socket closed")??;
        Ok(socket)
    }

    /// From sending a command to its answer, and to seeing its frame elsewhere.
    pub async fn latencies(&self, time: Duration) -> anyhow::Result<Latencies> {
        let mut socket = self.socket().await?;
        let seen: Arc<Mutex<HashMap<u64, Instant>>> = Arc::default();
        let seeing = seen.clone();
        let watcher = tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let now = Instant::now();
                match message {
                    Message::Text(text) => {
                        if let Ok(frame) = serde_json::from_str::<Value>(&text)
                            && let Some(nth) = frame["data"]["context"]["ticket_id"].as_u64()
                        {
                            seeing
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .insert(nth, now);
                        }
                    }
                    Message::Ping(bytes) => drop(socket.send(Message::Pong(bytes)).await),
                    _ => {}
                }
            }
        });
        let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / STEADY));
        let mut all = Histogram::<u64>::new(3)?;
        let mut requests = tokio::task::JoinSet::new();
        let (started, mut began) = (Instant::now(), HashMap::new());
        while started.elapsed() < time {
            tick.tick().await;
            let nth = self.next();
            let sending = self.prepared(nth);
            let now = Instant::now();
            began.insert(nth, now);
            requests.spawn(async move {
                sending.send().await?.error_for_status()?;
                anyhow::Ok(now.elapsed())
            });
        }
        let mut answers = Histogram::<u64>::new(3)?;
        while let Some(done) = requests.join_next().await {
            answers.record(done??.as_micros() as u64)?;
        }
        let give_up = Instant::now() + Duration::from_secs(5);
        loop {
            let count = {
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                began.keys().filter(|nth| seen.contains_key(nth)).count()
            };
            if count == began.len() {
                break;
            }
            ensure!(
                Instant::now() < give_up,
                "{} frames never came",
                began.len() - count
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        watcher.abort();
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (nth, began) in began {
            if let Some(at) = seen.get(&nth) {
                all.record(at.duration_since(began).as_micros() as u64)?;
            }
        }
        let ms = |of: &Histogram<u64>, quantile| of.value_at_quantile(quantile) as f64 / 1_000.0;
        Ok(Latencies {
            frame_p50_ms: ms(&all, 0.5),
            frame_p99_ms: ms(&all, 0.99),
            answer_p50_ms: ms(&answers, 0.5),
        })
    }

    /// Asks for an approval; its id.
    pub async fn request(&self) -> anyhow::Result<String> {
        let answer = self.prepared(self.next()).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        Ok(answer["id"].as_str().context("no id")?.to_owned())
    }

    fn prepared(&self, nth: u64) -> reqwest::RequestBuilder {
        self.http
            .post(format!("http://{}{REQUESTS}", self.address))
            .bearer_auth(&self.token)
            .header("Idempotency-Key", key(nth))
            .json(&asked(nth))
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        end(self.child).await
    }

    /// Resident memory of the program, its children aside (MiB).
    pub fn memory_mib(&self) -> anyhow::Result<f64> {
        let pid = self.child.id().context("greffe has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        let kib: f64 = resident.context("no VmRSS")?.trim().parse()?;
        Ok(kib / 1024.0)
    }
}

/// One who asks for approvals and changes them, each after the other.
struct Caller {
    line: Line,
    /// The one he asked for last.
    approval: String,
}

impl Caller {
    async fn request(&mut self, nth: u64) -> anyhow::Result<()> {
        let answer = self.line.post(REQUESTS, &key(nth), &asked(nth)).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        self.approval = answer["id"].as_str().context("no id")?.to_owned();
        Ok(())
    }

    async fn act(&mut self, act: &str, nth: u64, body: &Value) -> anyhow::Result<()> {
        let path = format!("/api/safeguard/{}/{act}", self.approval);
        self.line.post(&path, &key(nth), body).await.map(drop)
    }
}

fn key(nth: u64) -> String {
    format!("bench-{nth}")
}

fn asked(nth: u64) -> Value {
    json!({
        "tool_name": "ad_reset_password",
        "arguments": { "username": "jean.dupont" },
        "security_level": "L3",
        "context": { "ticket_id": nth, "ticket_title": "Reset MDP - Jean Dupont",
                     "client_id": CLIENT_ID, "workflow": "SUPPORT", "confidence": 95 },
        "on_behalf_of": "jean.dupont",
        "expires_in_seconds": 3600,
    })
}

/// The program beside this one, on the data of a folder.
pub fn command(
    folder: &tempfile::TempDir,
    settings: &[Setting],
    words: &[&str],
) -> anyhow::Result<Command> {
    let program = std::env::current_exe()?.with_file_name("greffe");
    ensure!(
        program.exists(),
        "{} is missing: run `make bench`",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .args(words)
        .env("GREFFE_DATA_DIR", folder.path())
        .env("GREFFE_ADMIN_PASSWORD", PASSWORD)
        .env("RATE_LIMIT_PER_MINUTE", "100000000")
        .env("MAX_PENDING_PER_REQUESTER", "100000000")
        .env("MAX_SOCKETS_PER_PARTY", "100000")
        .env("RUST_LOG", "error")
        .env_remove("DATABASE_URL")
        .env_remove("NATS_URL")
        .envs(settings.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

async fn end(mut child: Child) -> anyhow::Result<()> {
    let pid = child.id().context("greffe has ended")?;
    Command::new("kill")
        .args(["-TERM", &pid.to_string()])
        .status()
        .await?;
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await??;
    ensure!(status.success(), "greffe ended with {status}");
    Ok(())
}
