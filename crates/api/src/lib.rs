//! The operations of the platform, over HTTP and as a NATS micro service alike.
//!
//! Invariants: an operation function knows neither axum nor NATS; every operation has one entry in
//! [`access`]; every refusal leaves through [`problem`].

pub mod access;
pub mod accounts;
mod audit;
mod auth;
mod bootstrap;
mod caller;
mod catalogue;
mod clients;
mod commands;
mod cursors;
mod docs;
mod exports;
mod feed;
mod health;
mod http;
mod intake;
mod json;
mod metrics;
mod min_position;
mod nats;
mod network;
mod openapi;
mod operations;
mod params;
mod presence;
mod problem;
mod rate_limit;
pub mod safeguard;
mod sentinel;
mod shapes;
mod supervision;
mod users;
mod web;

use std::{any::Any, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use ::intake::Rejected;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, StatusCode},
    middleware,
    response::IntoResponse,
};
use chrono::TimeDelta;
use eventlog::EventLog;
use kernel::Clock;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::CorsLayer,
    timeout::{RequestBodyTimeoutLayer, TimeoutLayer},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use zeroize::Zeroizing;

pub use audit::audit_csv;
pub use auth::tokens::SecretTooShort;
pub use bootstrap::{
    CreatedServiceAccount, NatsAccount, NewServiceAccount, NewUser, bootstrap_admin,
    create_service_account, create_user, disable_service_account, nats_accounts, seed_tools,
};
pub use caller::Caller;
pub use commands::IdempotencyKey;
pub use health::{Check, Component, Health, Monitor, Status, Watched, health_router};
pub use metrics::{DISK, Kind, METRICS, Metric, install as install_metrics};
pub use min_position::{AsOf, MinPosition};
pub use nats::MicroService;
pub use network::{InvalidNetwork, Network};
pub use operations::{
    Maintenance, Order, operator_context, order, order_all, parked_event, parked_orders,
    record_maintenance,
};
pub use problem::Problem;
pub use rate_limit::Limits;
pub use sentinel::ObserviumWebhook;
pub use shapes::CommandAnswer;

use crate::{
    accounts::Accounts,
    audit::Refusals,
    auth::{sign_in_limits::SignInLimits, tokens::Tokens},
    http::Operations,
    presence::Presence,
    rate_limit::RateLimits,
};

/// How long a request may take to arrive and to be answered; sockets and downloads go on.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// How long the next part of a body may be awaited.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Settings of the API; read once in `main`.
pub struct Config {
    /// `JWT_SECRET`, 32 bytes at least.
    pub jwt_secret: Zeroizing<Vec<u8>>,
    /// `JWT_EXPIRE_HOURS`: how long a token lasts.
    pub token_lifetime: TimeDelta,
    /// The platform is only reached over HTTPS.
    pub secure_cookies: bool,
    /// The proxies of ours, whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// `CORS_ORIGINS`.
    pub cors_origins: Vec<String>,
    pub limits: Limits,
    /// Where the front end's files are; the embedded ones if `None`.
    pub web_folder: Option<PathBuf>,
    /// How long an approval waits for its claim.
    pub claim_window: TimeDelta,
    /// How long after the claim the action may begin.
    pub execution_window: TimeDelta,
    /// `GLPI_BASE_URL`: where links to tickets lead.
    pub glpi_base_url: Option<String>,
    /// Takes notifications of Observium; without it there is no webhook.
    pub observium: Option<ObserviumWebhook>,
    /// The components whose health is asked for, e.g. `glpi`.
    pub watched_components: Vec<String>,
    /// `NATS_REPLICAS`: of streams made here.
    pub nats_replicas: usize,
}

impl Config {
    /// The defaults of `contracts.md`, with this secret.
    pub fn new(jwt_secret: Zeroizing<Vec<u8>>) -> Self {
        Self {
            jwt_secret,
            token_lifetime: domain::users::TOKEN_LIFETIME,
            secure_cookies: false,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            limits: Limits::default(),
            web_folder: None,
            claim_window: domain::safeguard::CLAIM_WINDOW,
            execution_window: domain::safeguard::EXECUTION_WINDOW,
            glpi_base_url: None,
            observium: None,
            watched_components: Vec::new(),
            nats_replicas: 1,
        }
    }

    /// Whether a peer is a proxy of ours.
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|range| range.contains(peer))
    }
}

/// What the API works with.
pub struct Parts {
    pub log: EventLog,
    pub reader: eventlog::LogReader,
    pub frames: eventlog::FeedHub,
    pub progress: eventlog::Progress,
    pub nats: Option<Nats>,
    pub clock: Arc<dyn Clock>,
    pub monitor: Arc<Monitor>,
}

/// How the API reaches NATS.
#[derive(Clone)]
pub struct Nats {
    /// The platform's own connection, which only messages of ours come over.
    pub client: async_nats::Client,
    /// Makes those that read what services wrote.
    pub connect: ::intake::Connect,
}

/// The API of one process. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What every operation can reach through [`App`].
pub struct Inner {
    pub log: EventLog,
    pub(crate) frames: eventlog::FeedHub,
    pub(crate) progress: eventlog::Progress,
    pub(crate) nats: Option<async_nats::Client>,
    /// What could not be accepted; none without NATS.
    pub(crate) rejected: Option<Rejected>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) monitor: Arc<Monitor>,
    pub(crate) config: Config,
    pub(crate) tokens: Tokens,
    pub accounts: Arc<Accounts>,
    pub(crate) rate_limits: RateLimits,
    pub(crate) refusals: Refusals,
    pub(crate) operations: Operations,
    pub(crate) lists: cursors::Lists,
    pub(crate) presence: Arc<Presence>,
    pub(crate) sockets: Arc<feed::OpenSockets>,
    pub(crate) exports: Arc<exports::Exports>,
    stopping: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Why the API cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Secret(#[from] SecretTooShort),
    #[error(transparent)]
    Log(#[from] eventlog::LogError),
}

impl App {
    /// Loads the directory of accounts and starts following the log.
    pub async fn start(config: Config, parts: Parts) -> Result<Self, StartError> {
        let tokens = Tokens::new(&config.jwt_secret)?;
        let accounts = Arc::new(Accounts::load(&parts.log, parts.clock.now()).await?);
        let stopping = CancellationToken::new();
        let document = routes().1;
        tokio::spawn(
            accounts
                .clone()
                .follow(parts.log.clone(), parts.reader, stopping.clone()),
        );
        let app = Self(Arc::new(Inner {
            rate_limits: RateLimits::new(&config.limits),
            sockets: Arc::new(feed::OpenSockets::new(config.limits.sockets_per_party)),
            exports: Arc::new(exports::Exports::new(exports::ExportLimits::default())),
            refusals: Refusals::default(),
            operations: Operations::new(&document),
            lists: cursors::Lists::of(&document),
            rejected: parts
                .nats
                .clone()
                .map(|nats| Rejected::new(nats.client, nats.connect, config.nats_replicas)),
            log: parts.log,
            frames: parts.frames,
            progress: parts.progress,
            nats: parts.nats.map(|nats| nats.client),
            clock: parts.clock,
            monitor: parts.monitor,
            config,
            tokens,
            accounts,
            presence: Presence::new(),
            stopping,
        }));
        tokio::spawn(app.presence.clone().run(app.clone()));
        tokio::spawn(app.clone().tidy());
        Ok(app)
    }

    /// Ends live feeds and background work; the HTTP server is the caller's to stop.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Whether [`App::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    pub(crate) async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    pub(crate) fn sign_in_limits(&self) -> SignInLimits {
        SignInLimits {
            pool: self.log.pool().clone(),
            vault: self.log.vault().clone(),
            limits: self.config.limits,
        }
    }

    /// Forgets rate limits that no longer matter.
    async fn tidy(self) {
        let mut every = tokio::time::interval(Duration::from_secs(60));
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return self.refusals.report_all(),
                _ = every.tick() => {}
            }
            self.rate_limits.shrink();
            self.refusals.report_before(self.clock.now());
            if self.sign_in_limits().sweep(self.clock.now()).await.is_err() {
                tracing::warn!("old sign-in counters could not be dropped");
            }
        }
    }
}

/// Every route with its operation, and the document they make.
pub fn routes() -> (Router<App>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(openapi::get_openapi))
        .routes(routes!(openapi::get_docs))
        .routes(routes!(health::get_liveness))
        .routes(routes!(health::get_readiness))
        .routes(routes!(health::get_workflows_health))
        .routes(routes!(health::get_metrics))
        .merge(users::routes())
        .merge(safeguard::routes())
        .merge(clients::routes())
        .merge(audit::routes())
        .merge(operations::routes())
        .merge(catalogue::routes())
        .merge(sentinel::routes())
        .merge(intake::routes())
        .merge(supervision::routes())
        .merge(feed::routes())
        .split_for_parts();
    openapi::complete(&mut document);
    (router, document)
}

/// The HTTP service of an API, complete with its layers.
pub fn router(app: App) -> Router {
    let admitted = middleware::from_fn_with_state(app.clone(), auth::authenticate);
    let cursors = middleware::from_fn_with_state(app.clone(), cursors::keep);
    let routes = routes().0;
    let inside = ServiceBuilder::new().layer(admitted).layer(cursors);
    layered(app, routes.route_layer(inside))
}

/// Routes with what surrounds each of them: pages beside them, limits, problems, headers.
pub fn layered(app: App, routes: Router<App>) -> Router {
    let origins: Vec<HeaderValue> = app
        .config
        .cors_origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect();
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(true)
        .allow_methods([
            axum::http::Method::GET,
            axum::http::Method::POST,
            axum::http::Method::PUT,
        ])
        .allow_headers([
            axum::http::header::CONTENT_TYPE,
            axum::http::header::AUTHORIZATION,
            axum::http::HeaderName::from_static("x-requested-with"),
            commands::IDEMPOTENCY_KEY,
            min_position::MIN_POSITION,
            http::CORRELATION,
        ])
        .expose_headers([
            commands::POSITION,
            min_position::PARKED,
            supervision::TRUNCATED,
            axum::http::header::RETRY_AFTER,
        ]);
    // One stack, the outermost first: each `Router::layer` would box every request once more.
    let around = ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(app.clone(), http::finish))
        .layer(cors)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            ANSWERED_WITHIN,
        ))
        .layer(RequestBodyTimeoutLayer::new(BODY_WITHIN))
        .layer(DefaultBodyLimit::max(json::MAX_BODY_BYTES));
    routes.fallback(web::fallback).layer(around).with_state(app)
}

fn panicked(cause: Box<dyn Any + Send + 'static>) -> axum::response::Response {
    let text = cause
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(format!("panicked: {text}")).into_response()
}

/// The OpenAPI document of this build.
pub fn openapi_json() -> &'static str {
    &openapi::DOCUMENT
}
