//! A log, a nats-server and the intake between them.
#![allow(dead_code, reason = "each test uses its part")]

use std::{
    collections::HashSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, HeaderMap, jetstream};
use async_trait::async_trait;
use eventlog::{EventLog, Leases, LogError, RecordedEvent, Vault};
use intake::{Accounts, Connect, IntakeParts, Rejected, RejectedMessage};
use kernel::SystemClock;
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::{NatsCredentials, TestDatabase, TestNats, UserKind};
use tokio_util::sync::CancellationToken;

pub const SOON: Duration = Duration::from_secs(30);

/// The accounts that may publish facts.
#[derive(Default)]
pub struct Allowed(pub RwLock<HashSet<String>>);

#[async_trait]
impl Accounts for Allowed {
    async fn may_intake(&self, name: &str) -> Result<bool, LogError> {
        Ok(self.0.read().unwrap().contains(name))
    }
}

/// Connections to a nats-server as the platform.
pub fn connect(nats: &TestNats) -> Connect {
    let (url, credentials) = (nats.url(), nats.credentials());
    Arc::new(move || {
        let (url, NatsCredentials { user, password }) = (url.clone(), credentials.clone());
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        Box::pin(async move {
            let connected = options.connect(&url).await;
            connected.map_err(|error| LogError::Nats(error.to_string()))
        })
    })
}

/// What could not be accepted, read and dealt with.
pub async fn rejected(nats: &TestNats) -> Rejected {
    Rejected::new(nats.client().await, connect(nats), 1)
}

pub struct World {
    pub nats: TestNats,
    pub database: TestDatabase,
    pub allowed: Arc<Allowed>,
    /// Connected as the service `sentinel`.
    pub service: Client,
    /// Connections that the intake has made to read facts: one each time it begins.
    pub begun: Arc<AtomicUsize>,
}

/// One process's intake; it ends when it is dropped.
pub struct Process {
    pub log: EventLog,
    leases: Leases,
    _stop: tokio_util::sync::DropGuard,
}

pub async fn open(pool: &PgPool) -> EventLog {
    let vault = Vault::new(pool.clone(), &[7; 32]);
    EventLog::open(pool.clone(), vault).await.unwrap()
}

impl World {
    pub async fn new() -> Self {
        Self::on(testkit::fresh_database().await).await
    }

    pub async fn on(database: TestDatabase) -> Self {
        let nats = testkit::nats().await;
        eventlog::migrate(&database.pool).await.unwrap();
        let password = nats.add_user("sentinel", UserKind::Service).await;
        let service = nats.client_as("sentinel", &password).await;
        let allowed = Arc::new(Allowed::default());
        allowed.0.write().unwrap().insert("sentinel".into());
        Self {
            nats,
            database,
            allowed,
            service,
            begun: Arc::default(),
        }
    }

    /// Starts the intake on a pool of its own.
    pub async fn start_on(&self, pool: &PgPool) -> Process {
        let log = open(pool).await;
        let leases = Leases::start(pool);
        let stop = CancellationToken::new();
        let (begun, connect) = (self.begun.clone(), connect(&self.nats));
        let parts = IntakeParts {
            log: log.clone(),
            client: self.nats.client().await,
            connect: Arc::new(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                connect()
            }),
            clock: Arc::new(SystemClock),
            accounts: self.allowed.clone(),
            replicas: 1,
        };
        intake::start(parts, &leases, stop.clone());
        Process {
            log,
            leases,
            _stop: stop.drop_guard(),
        }
    }

    pub async fn start(&self) -> Process {
        self.start_on(&self.database.pool).await
    }

    /// Publishes and waits until it is stored; again if the server is away.
    pub async fn publish(&self, subject: &str, id: Option<&str>, body: &Value) {
        let context = jetstream::new(self.service.clone());
        let end = tokio::time::Instant::now() + SOON;
        loop {
            let mut headers = HeaderMap::new();
            if let Some(id) = id {
                headers.insert("Nats-Msg-Id", id);
            }
            let body = body.to_string().into();
            let sent = context.publish_with_headers(subject.to_owned(), headers, body);
            let stored = async { sent.await?.await };
            match tokio::time::timeout(Duration::from_secs(2), stored).await {
                Ok(Ok(_)) => return,
                _ if tokio::time::Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Every event of the log, opened.
    pub async fn events(&self) -> Vec<Arc<RecordedEvent>> {
        let log = open(&self.database.pool).await;
        log.read_after(0, 100_000).await.unwrap()
    }

    pub async fn count(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(&self.database.pool)
            .await
            .unwrap()
    }

    /// Messages in a stream.
    pub async fn messages(&self, stream: &str) -> u64 {
        let context = jetstream::new(self.nats.client().await);
        let mut stream = context.get_stream(stream).await.unwrap();
        stream.info().await.unwrap().state.messages
    }

    pub async fn is_empty(&self) -> bool {
        let context = jetstream::new(self.nats.client().await);
        match context.get_stream("INTAKE").await {
            Ok(mut stream) => stream.info().await.unwrap().state.messages == 0,
            Err(_) => false,
        }
    }

    /// Waits until the stream is empty: everything is in the log or rejected.
    pub async fn settle(&self) {
        assert!(
            within(SOON, || self.is_empty()).await,
            "the intake is finished"
        );
    }
}

/// Whether something comes true in time.
pub async fn within<F: Future<Output = bool>>(time: Duration, is_so: impl Fn() -> F) -> bool {
    let end = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < end {
        if is_so().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// An alert of a device, at a second of the day.
pub fn alert(device: u32, second: i64, state: &str) -> Value {
    let at = chrono::DateTime::from_timestamp(1_768_000_000 + second, 0).unwrap();
    json!({
        "source": "observium", "external_id": format!("port-{device}"), "state": state,
        "device": format!("SWITCH-CLI-{device:03}"), "client_id": "42", "severity": "critical",
        "message": format!("Port {device} {state}"), "occurred_at": at.to_rfc3339(),
    })
}

/// What waits after a sequence, oldest first.
pub async fn waiting(rejected: &Rejected, after: u64) -> Vec<RejectedMessage> {
    let mut walk = rejected.walk(after, u64::MAX);
    let mut found = Vec::new();
    while let Some(message) = walk.next().await.unwrap() {
        found.push(message);
    }
    found
}
