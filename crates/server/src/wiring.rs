//! The one place that starts everything, and ends it in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use api::{Monitor, Watched};
use eventlog::{EventLog, FeedHub, Leases, LogReader, Progress, Vault, ring_doorbell};
use kernel::SystemClock;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use workflows::{Clerk, NatsUsers};

use crate::{
    api_config::api_config,
    backends::Backends,
    config::Config,
    http_server::{self, HttpLimits},
    parts::{Parts, all_projections, leases_in_use},
    readiness::Started,
};

/// The feeds, each with the projection that writes it.
const FEEDS: &[(&str, &str)] = &[("safeguard", "approvals"), ("supervision", "supervision")];
/// How long requests under way may take when the process ends.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a connection may take to begin, and for the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Of the address for operators.
const HEALTH_LIMITS: HttpLimits = HttpLimits {
    connections: 64,
    connections_per_address: 64,
    proxies: Vec::new(),
    head_within: HEAD_WITHIN,
};
/// How long the start waits for NATS; without it the platform works, degraded.
const NATS_WITHIN: Duration = Duration::from_secs(5);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    pub api: bool,
    pub relay: bool,
    pub projector: bool,
    pub workflows: bool,
}

impl Roles {
    pub const ALL: Self = Self {
        api: true,
        relay: true,
        projector: true,
        workflows: true,
    };
}

/// The log of a process, with what it takes to open it.
pub struct OpenLog {
    pub pool: PgPool,
    pub log: EventLog,
}

/// Migrates and opens the log.
pub async fn open_log(config: &Config, backends: &Backends) -> anyhow::Result<OpenLog> {
    let pool = backends
        .connect_database(config.database_connections)
        .await?;
    eventlog::migrate(&pool)
        .await
        .context("the database could not be brought up to date")?;
    unlock(config, backends, pool).await
}

/// Opens the log of a database that is up to date.
pub async fn unlock(config: &Config, backends: &Backends, pool: PgPool) -> anyhow::Result<OpenLog> {
    let master_key = backends.master_key(config, &pool).await?;
    let log = EventLog::open(pool.clone(), Vault::new(pool.clone(), &master_key)).await?;
    // With another key nothing personal could be read, and new data would be sealed with it.
    log.read_after(0, 50).await.context(
        "the beginning of the log cannot be read: is GREFFE_MASTER_KEY the one it was sealed with?",
    )?;
    Ok(OpenLog { pool, log })
}

/// Where a process is reached.
#[derive(Default)]
pub struct Listeners {
    pub api: Option<TcpListener>,
    /// For operators: health and metrics alone.
    pub health: Option<TcpListener>,
}

impl Listeners {
    pub async fn bind(config: &Config, roles: Roles) -> anyhow::Result<Self> {
        let mut listeners = Self::default();
        if roles.api {
            listeners.api = Some(listen(&config.listen, "GREFFE_LISTEN").await?);
        }
        if let Some(address) = &config.health_listen {
            listeners.health = Some(listen(address, "GREFFE_HEALTH_LISTEN").await?);
        }
        Ok(listeners)
    }
}

async fn listen(address: &str, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on: {setting} sets another address"))
}

/// A running process of the platform.
pub struct Platform {
    pub address: Option<SocketAddr>,
    /// Printed once, if the first start made the account `admin`.
    pub admin_password: Option<String>,
    pool: PgPool,
    app: Option<api::App>,
    http: Option<JoinHandle<()>>,
    micro_service: Option<JoinHandle<Option<api::MicroService>>>,
    clerk: Option<Clerk>,
    nats_users: Option<NatsUsers>,
    progress: Progress,
    log: EventLog,
    projections: Vec<&'static str>,
    started: Started,
    stop_http: CancellationToken,
    stop: CancellationToken,
}

impl Platform {
    /// Starts the roles; `is_first` also makes the first account.
    pub async fn start(
        config: &Config,
        backends: &Backends,
        metrics: PrometheusHandle,
        roles: Roles,
        listeners: Listeners,
        is_first: bool,
    ) -> anyhow::Result<Self> {
        let OpenLog { pool, log } = open_log(config, backends).await?;
        let stop = CancellationToken::new();
        // A start that fails half way leaves nothing running.
        let half_way = stop.clone().drop_guard();
        let nats = backends.nats.connect(true).await?;
        let admin_password = if is_first {
            first_start(config, &log).await?
        } else {
            None
        };
        api::seed_tools(&log).await.map_err(problem)?;
        let parts = Parts {
            reader: LogReader::start(log.clone(), Some(nats.clone()), stop.clone()).await?,
            progress: Progress::new(pool.clone()),
            leases: Leases::start(&pool),
            clock: Arc::new(SystemClock),
            log,
            nats,
            stop,
        };
        ring_doorbell(&parts.log, parts.nats.clone(), parts.stop.clone());
        let relay = roles.relay.then(|| parts.start_relay(config));
        let all = all_projections();
        let projections = all.iter().map(|it| it.name()).collect();
        for projection in &all {
            let progress = &parts.progress;
            progress.expect_version(projection.name(), projection.version());
        }
        if roles.projector {
            parts.start_projector(all);
        }
        let clerk = if roles.workflows {
            Some(parts.start_workflows(config, &backends.nats).await?)
        } else {
            None
        };
        let nats_users = parts.keep_nats_users(roles, backends);
        let mut platform = Self {
            address: None,
            admin_password,
            pool,
            app: None,
            http: None,
            micro_service: None,
            clerk,
            nats_users,
            progress: parts.progress.clone(),
            log: parts.log.clone(),
            projections,
            started: Started::default(),
            stop_http: CancellationToken::new(),
            stop: parts.stop.clone(),
        };
        let monitor = Arc::new(Monitor::new(Watched {
            log: parts.log.clone(),
            reader: parts.reader.clone(),
            progress: parts.progress.clone(),
            nats: Some(parts.nats.clone()),
            clock: parts.clock.clone(),
            metrics: Some(metrics),
            relay,
            leases: leases_in_use(),
            checks: backends.disk_check(config).into_iter().collect(),
        }));
        if let Some(listener) = listeners.health {
            platform.start_health(listener, monitor.clone());
        }
        if let Some(listener) = listeners.api.filter(|_| roles.api) {
            platform
                .start_api(config, backends, &parts, listener, monitor)
                .await?;
        }
        drop(half_way.disarm());
        Ok(platform)
    }

    fn start_health(&self, listener: TcpListener, monitor: Arc<Monitor>) {
        let router = self.started.guard(api::health_router(monitor));
        let server = http_server::serve(listener, router, HEALTH_LIMITS, self.stop.clone());
        drop(tokio::spawn(server));
    }

    async fn start_api(
        &mut self,
        config: &Config,
        backends: &Backends,
        parts: &Parts,
        listener: TcpListener,
        monitor: Arc<Monitor>,
    ) -> anyhow::Result<()> {
        let pool = self.pool.clone();
        let vault = parts.log.vault().clone();
        let frames =
            FeedHub::start(pool, vault, parts.progress.clone(), FEEDS, &parts.stop).await?;
        let nats = api::Nats {
            client: parts.nats.clone(),
            connect: backends.nats.connecting(),
        };
        let api_parts = api::Parts {
            log: parts.log.clone(),
            reader: parts.reader.clone(),
            frames,
            progress: parts.progress.clone(),
            nats: Some(nats.clone()),
            clock: parts.clock.clone(),
            monitor,
        };
        let app = api::App::start(api_config(config, backends)?, api_parts).await?;
        let router = self.started.guard(api::router(app.clone()));
        self.address = Some(listener.local_addr()?);
        let limits = HttpLimits {
            connections: config.max_connections as usize,
            connections_per_address: config.max_connections_per_address as usize,
            proxies: config.proxies()?,
            head_within: HEAD_WITHIN,
        };
        let server = http_server::serve(listener, router, limits, self.stop_http.clone());
        self.http = Some(tokio::spawn(server));
        self.micro_service = Some(tokio::spawn(answer_nats(app.clone(), nats)));
        self.app = Some(app);
        Ok(())
    }

    /// Returns once what was due is done, what happened is applied and NATS knows its users.
    pub async fn ready(&self) -> anyhow::Result<()> {
        if let Some(users) = &self.nats_users
            && tokio::time::timeout(NATS_WITHIN, users.written())
                .await
                .is_err()
        {
            let problem = users.state().problem.unwrap_or_default();
            tracing::warn!(%problem, "NATS does not know its users yet; going on without");
        }
        self.apply_all().await?;
        if let Some(clerk) = &self.clerk {
            clerk.caught_up().await;
        }
        // What the clerk has just done is to be seen as well.
        self.apply_all().await?;
        if let Some(started) = &self.micro_service {
            let end = tokio::time::Instant::now() + NATS_WITHIN;
            while !started.is_finished() && tokio::time::Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        self.started.set();
        Ok(())
    }

    /// Returns once the projections have applied what the log holds now.
    async fn apply_all(&self) -> anyhow::Result<()> {
        let head = self.log.head().await?;
        let mut is_said = false;
        loop {
            let wait = Duration::from_secs(2);
            let waited = self.progress.wait_for(&self.projections, head, wait);
            match waited.await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_passing() => {
                    tracing::warn!(%error, "the projections cannot be asked how far they are");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return Err(error.into()),
            }
            if !is_said {
                tracing::info!("the projections are catching up");
                is_said = true;
            }
        }
    }

    /// Where other commands find this platform.
    pub fn endpoints(&self, backends: &Backends) -> Option<crate::data_folder::Endpoints> {
        Some(crate::data_folder::Endpoints {
            http: format!("http://{}", self.address?),
            nats: backends.nats.address(),
            database: backends.database_url.expose().to_owned(),
        })
    }

    /// Returns once the database was found to be another than this process knows, and why.
    pub fn parted(&self) -> impl Future<Output = String> + use<> {
        let log = self.log.clone();
        async move { log.parted().await }
    }

    /// Returns if the HTTP server ends by itself, which it never should.
    pub async fn failed(&mut self) -> anyhow::Error {
        match &mut self.http {
            Some(http) => match http.await {
                Ok(()) => anyhow::anyhow!("the HTTP server has ended"),
                Err(error) => anyhow::anyhow!("the HTTP server has ended: {error}"),
            },
            None => std::future::pending().await,
        }
    }

    /// Ends in order: what was accepted is answered, sockets are told to come back (1012). The servers
    /// go on.
    pub async fn stop(self) {
        tracing::info!("stopping");
        let answer_last = async {
            match self.micro_service {
                Some(started) if started.is_finished() => {
                    if let Ok(Some(service)) = started.await {
                        service.stop().await;
                    }
                }
                Some(starting) => starting.abort(),
                None => {}
            }
        };
        let close_http = async {
            if let Some(app) = &self.app {
                app.stop();
            }
            self.stop_http.cancel();
            if let Some(http) = self.http
                && !http.is_finished()
                && tokio::time::timeout(DRAIN, http).await.is_err()
            {
                tracing::warn!("some requests were still under way at the end");
            }
        };
        tokio::join!(answer_last, close_http);
        self.stop.cancel();
        drop((
            self.app,
            self.clerk,
            self.nats_users,
            self.progress,
            self.log,
        ));
        // Those who were told to end do so before their connections are taken away.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if tokio::time::timeout(DRAIN, self.pool.close())
            .await
            .is_err()
        {
            tracing::warn!("connections to PostgreSQL were still in use at the end");
        }
    }
}

/// Makes the account `admin` on an empty log; returns its password if it was drawn.
async fn first_start(config: &Config, log: &EventLog) -> anyhow::Result<Option<String>> {
    let given = config
        .admin_password
        .as_ref()
        .map(|password| password.expose().to_owned());
    let is_given = given.is_some();
    let made = api::bootstrap_admin(log, given)
        .await
        .map_err(problem)
        .context("the account `admin` could not be made; is GREFFE_ADMIN_PASSWORD too weak?")?;
    Ok(made.filter(|_| !is_given))
}

async fn answer_nats(app: api::App, nats: api::Nats) -> Option<api::MicroService> {
    loop {
        match api::MicroService::start(app.clone(), nats.clone()).await {
            Ok(service) => return Some(service),
            Err(error) => tracing::warn!(%error, "commands over NATS cannot be answered yet"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Once per process.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = api::install_metrics().context("metrics")?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

pub fn problem(problem: api::Problem) -> anyhow::Error {
    anyhow::anyhow!("{problem}")
}
