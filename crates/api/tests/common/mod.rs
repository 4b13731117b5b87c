//! A whole platform for tests: real PostgreSQL and NATS, a manual clock, and no sleeps.
#![allow(dead_code, clippy::unwrap_used)]

pub mod facts;
pub mod socket;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use api::{
    App, Config, Limits, MicroService, Monitor, Nats, NewServiceAccount, NewUser, Parts, Watched,
};
use chrono::TimeDelta;
use eventlog::{EventLog, FeedHub, Leases, LogReader, Progress, Projector, Relay, Vault};
use events::users::{Role, Scope};
use kernel::AccreditationLevel::{self, N2, N3, N4};
use metrics_exporter_prometheus::PrometheusHandle;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use testkit::{ManualClock, TestDatabase, TestNats};
use tokio_util::sync::CancellationToken;

pub const PASSWORD: &str = "correct horse battery";
const SECRET: &[u8] = &[7; 32];

/// The one recorder of this process: all its platforms count together.
fn metrics() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| api::install_metrics().unwrap())
}

/// What the instances of one platform share.
pub struct Platform {
    pub database: TestDatabase,
    pub nats: TestNats,
    pub clock: ManualClock,
}

/// One running API.
pub struct TestApp {
    pub platform: Arc<Platform>,
    pub app: App,
    pub url: String,
    pub client: reqwest::Client,
    pub progress: Progress,
    /// The platform's own connection.
    pub nats: async_nats::Client,
    service: Option<MicroService>,
    stop: CancellationToken,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.app.stop();
        self.stop.cancel();
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        let database = testkit::fresh_database().await;
        eventlog::migrate(&database.pool).await.unwrap();
        let platform = Platform {
            database,
            nats: testkit::nats().await,
            clock: ManualClock::default(),
        };
        // Sign-ins happen now: tokens compare with this clock.
        platform.clock.set(kernel::Clock::now(&kernel::SystemClock));
        Self::join(Arc::new(platform), configure).await
    }

    /// Another process of the same platform.
    pub async fn join(platform: Arc<Platform>, configure: impl FnOnce(&mut Config)) -> Self {
        // Every part of a process wants connections of its own: the test database's pool is small.
        let options = sqlx::postgres::PgPoolOptions::new().max_connections(16);
        let pool = options
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(eventlog::search_path(
                platform.database.url.parse().unwrap(),
                &projections::all(),
            ))
            .await
            .unwrap();
        let vault = Vault::new(pool.clone(), &[9; 32]);
        let log = EventLog::open(pool.clone(), vault.clone()).await.unwrap();
        let stop = CancellationToken::new();
        let client = platform.nats.client().await;
        let leases = Leases::start(&pool);
        let relay = Relay::start(log.clone(), client.clone(), &leases, 1, stop.clone());
        eventlog::ring_doorbell(&log, client.clone(), stop.clone());
        let reader = LogReader::start(log.clone(), Some(client.clone()), stop.clone())
            .await
            .unwrap();
        let progress = Progress::new(pool.clone());
        let projector = Projector {
            log: log.clone(),
            reader: reader.clone(),
            progress: progress.clone(),
            orders: api::parked_orders,
        };
        projector.start(projections::all(), &leases, &stop);
        let feeds = [("safeguard", "approvals"), ("supervision", "supervision")];
        let frames = FeedHub::start(pool.clone(), vault, progress.clone(), &feeds, &stop)
            .await
            .unwrap();
        let mut config = Config::new(SECRET.to_vec().into());
        config.limits = Limits {
            per_person: 100_000.try_into().unwrap(),
            ..Limits::default()
        };
        configure(&mut config);
        let monitor = Monitor::new(Watched {
            log: log.clone(),
            reader: reader.clone(),
            progress: progress.clone(),
            nats: Some(client.clone()),
            clock: Arc::new(platform.clock.clone()),
            metrics: Some(metrics().clone()),
            relay: Some(relay),
            leases: Vec::new(),
            checks: Vec::new(),
        });
        let nats = Nats {
            client,
            connect: facts::connect(&platform.nats),
        };
        let parts = Parts {
            log,
            reader,
            frames,
            progress: progress.clone(),
            nats: Some(nats.clone()),
            clock: Arc::new(platform.clock.clone()),
            monitor: Arc::new(monitor),
        };
        let app = App::start(config, parts).await.unwrap();
        let service = MicroService::start(app.clone(), nats.clone())
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let make =
            api::router(app.clone()).into_make_service_with_connect_info::<std::net::SocketAddr>();
        let ended = stop.clone();
        tokio::spawn(async move {
            axum::serve(listener, make)
                .with_graceful_shutdown(async move { ended.cancelled().await })
                .await
        });
        Self {
            platform,
            app,
            url,
            client: reqwest::Client::new(),
            progress,
            nats: nats.client,
            service: Some(service),
            stop,
        }
    }

    /// Waits until everything that was appended is in every read model and directory.
    pub async fn settle(&self) {
        let head = self.app.log.head().await.unwrap();
        let names: Vec<&str> = projections::all()
            .iter()
            .map(|projection| projection.name())
            .collect();
        let reached = self
            .progress
            .wait_for(&names, head, Duration::from_secs(60))
            .await
            .unwrap();
        assert!(
            reached,
            "the projections did not reach {head}: {:?}",
            self.progress.here()
        );
        self.app.accounts.catch_up(&self.app.log).await.unwrap();
    }

    pub async fn head(&self) -> u64 {
        self.app.log.head().await.unwrap()
    }

    pub fn advance(&self, by: TimeDelta) {
        self.platform.clock.advance(by);
    }

    /// Registers a person; the password is [`PASSWORD`].
    pub async fn user(&self, username: &str, level: AccreditationLevel, role: Role) -> Session<'_> {
        let user = NewUser {
            username: username.into(),
            display_name: username.into(),
            level,
            role,
            password: PASSWORD.to_owned().into(),
        };
        api::create_user(&self.app.log, user).await.unwrap();
        self.sign_in(username).await
    }

    pub async fn sign_in(&self, username: &str) -> Session<'_> {
        let body = json!({ "username": username, "password": PASSWORD });
        let response = self
            .client
            .post(format!("{}/api/auth/login", self.url))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        let body: Value = response.json().await.unwrap();
        Session {
            app: self,
            token: Some(body["access_token"].as_str().unwrap().to_owned()),
        }
    }

    /// Creates a service account, known to nats-server too; its key is the token.
    pub async fn service(&self, name: &str, owner: &str, scopes: &[Scope]) -> Session<'_> {
        let account = NewServiceAccount {
            name: name.into(),
            owner_username: owner.into(),
            scopes: scopes.to_vec(),
        };
        let created = api::create_service_account(&self.app.log, account)
            .await
            .unwrap();
        Session {
            app: self,
            token: Some(created.key.to_string()),
        }
    }

    pub fn anonymous(&self) -> Session<'_> {
        Session {
            app: self,
            token: None,
        }
    }
}

/// Someone who calls.
#[derive(Clone)]
pub struct Session<'a> {
    pub app: &'a TestApp,
    pub token: Option<String>,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    /// A refusal with its code, complete.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert!(
            self.body["trace_id"].is_string()
                && self.body["detail"].is_string()
                && self.body["errors"].is_array()
        );
        self.body
    }
}

impl Session<'_> {
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .app
            .client
            .request(method, format!("{}{path}", self.app.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        Answer::read(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header("Idempotency-Key", key)
            .json(body);
        Answer::read(request.send().await.unwrap()).await
    }
}

/// The client of [`request`].
pub async fn register_client(admin: &Session<'_>) {
    let client = json!({ "id": "44", "name": "EHPAD Music Art", "critical": false });
    admin.post("/api/clients", client).await.ok();
}

/// A request that any approver may decide: its client is registered and not critical.
pub fn request() -> Value {
    json!({
        "tool_name": "ad_reset_password", "arguments": { "username": "jean.dupont" }, "security_level": "L3",
        "context": { "ticket_id": 1234, "ticket_title": "Reset MDP - Jean Dupont", "client_id": "44",
                     "workflow": "SUPPORT", "confidence": 95 },
    })
}

/// Of the tool and arguments of [`request`]; computed outside.
pub const HASH: &str = "sha256:4578e88d8bc62fa9ff0acd067bccf8977ddbf646db22c9ba44f73148ab4dbd6c";

/// Who plays in most tests: a bot, two approvers, and the administrator who answers for the bot.
pub struct Stage<'a> {
    pub support: Session<'a>,
    pub marie: Session<'a>,
    pub paul: Session<'a>,
    pub admin: Session<'a>,
}

pub async fn stage(app: &TestApp) -> Stage<'_> {
    let admin = app.user("admin.n4", N4, Role::Admin).await;
    let support = app
        .service(
            "support",
            "admin.n4",
            &[Scope::SafeguardRequest, Scope::SafeguardRead],
        )
        .await;
    let marie = app.user("marie", N2, Role::Tech).await;
    let paul = app.user("paul", N3, Role::Tech).await;
    register_client(&admin).await;
    app.settle().await;
    Stage {
        support,
        marie,
        paul,
        admin,
    }
}

pub async fn ask(stage: &Stage<'_>) -> String {
    let asked = stage
        .support
        .post("/api/safeguard/requests", request())
        .await
        .ok();
    asked["id"].as_str().unwrap().to_owned()
}
