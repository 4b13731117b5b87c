use std::fmt;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::watch;

use crate::error::{Doing, EmbeddedError};
use crate::lock::FolderLock;
use crate::nats::Nats;
use crate::nats_users::{NatsUser, PLATFORM};
use crate::postgres::Postgres;
use crate::privilege::RunAs;
use crate::supervisor::{Health, Service, Supervisor};
use crate::tools::Tools;
use crate::{nats, nats_system, ports, postgres, secrets};

/// How many ports are tried at a start: somebody may take one between the look and the bind.
const PORT_TRIES: usize = 3;

#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// Made if missing, readable by its owner only.
    pub data_dir: PathBuf,
    /// Holds `postgres/bin/postgres` and `nats/nats-server`; see [`crate::find_tools_dir`].
    pub tools_dir: Option<PathBuf>,
    pub want_postgres: bool,
    pub want_nats: bool,
    /// False only for tests: a power cut may lose the cluster.
    pub is_durable: bool,
    pub max_connections: u16,
    /// The users of NATS besides the platform; none = those of the last start.
    pub nats_users: Option<Vec<NatsUser>>,
    /// PostgreSQL may have to recover first.
    pub start_limit: Duration,
    /// How long a server may take to stop in order before it is killed.
    pub stop_limit: Duration,
}

impl EmbeddedConfig {
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            tools_dir: None,
            want_postgres: true,
            want_nats: true,
            is_durable: true,
            max_connections: 100,
            nats_users: None,
            start_limit: Duration::from_secs(120),
            stop_limit: Duration::from_secs(60),
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct NatsCredentials {
    pub user: String,
    pub password: String,
}

/// Never shows the password.
impl fmt::Debug for NatsCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NatsCredentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

struct Running<S> {
    service: S,
    supervisor: Supervisor,
}

/// The running servers of one data folder. Stop them with [`Servers::stop`]; if this is dropped
/// without, they are told to end but not waited for.
pub struct Servers {
    data_dir: PathBuf,
    postgres: Option<Running<Postgres>>,
    nats: Option<Running<Nats>>,
    // Last: the folder is free only when the servers are gone.
    _lock: FolderLock,
}

impl Servers {
    /// Takes the data folder, stops orphans, starts the wanted servers and waits until they answer.
    pub async fn start(config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        let make = |folder: &Path| {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .doing(|| format!("create {}", folder.display()))
        };
        make(&config.data_dir)?;
        let context = || format!("use {}", config.data_dir.display());
        let data_dir = config.data_dir.canonicalize().doing(context)?;
        let lock = FolderLock::take(&data_dir).await?;
        make(&data_dir.join("secrets"))?;
        make(&data_dir.join("logs"))?;
        let (postgres, nats) = tokio::try_join!(
            async {
                match config.want_postgres {
                    true => Self::start_postgres(&config, &data_dir).await.map(Some),
                    false => Ok(None),
                }
            },
            async {
                match config.want_nats {
                    true => Self::start_nats(&config, &data_dir).await.map(Some),
                    false => Ok(None),
                }
            },
        )?;
        Ok(Self {
            data_dir,
            postgres,
            nats,
            _lock: lock,
        })
    }

    async fn start_postgres(
        config: &EmbeddedConfig,
        data_dir: &Path,
    ) -> Result<Running<Postgres>, EmbeddedError> {
        let run_as = RunAs::choose(&postgres::home(data_dir))?;
        let tools = Tools::locate(config.tools_dir.as_deref(), run_as)?;
        let mut service = Postgres {
            data_dir: data_dir.to_path_buf(),
            bin: tools.postgres_bin,
            port: 0,
            password: secrets::kept_or_generated(&data_dir.join("secrets/postgres"))?,
            run_as,
            is_durable: config.is_durable,
            max_connections: config.max_connections,
        };
        service.prepare().await?;
        service.clear().await?;
        let port_file = data_dir.join("postgres.port");
        let supervisor = start_on_a_port(config, &port_file, &mut service, |service, port| {
            service.port = port;
        })
        .await?;
        service.create_database().await?;
        Ok(Running {
            service,
            supervisor,
        })
    }

    async fn start_nats(
        config: &EmbeddedConfig,
        data_dir: &Path,
    ) -> Result<Running<Nats>, EmbeddedError> {
        let run_as = RunAs::choose(&nats::home(data_dir))?;
        let tools = Tools::locate(config.tools_dir.as_deref(), run_as)?;
        let mut service = Nats {
            data_dir: data_dir.to_path_buf(),
            program: tools.nats_server,
            port: 0,
            platform_password: secrets::kept_or_generated(&data_dir.join("secrets/nats-platform"))?,
            system_password: secrets::kept_or_generated(&data_dir.join("secrets/nats-system"))?,
            run_as,
        };
        service.clear().await?;
        service.prepare(config.nats_users.as_deref())?;
        let port_file = data_dir.join("nats.port");
        let supervisor = start_on_a_port(config, &port_file, &mut service, |service, port| {
            service.port = port;
        })
        .await?;
        Ok(Running {
            service,
            supervisor,
        })
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// `postgres://greffe:<password>@127.0.0.1:<port>/greffe`: the superuser.
    pub fn postgres_url(&self) -> Option<String> {
        self.postgres.as_ref().map(|it| it.service.url())
    }

    /// PostgreSQL's own folder (PGDATA).
    pub fn postgres_dir(&self) -> PathBuf {
        postgres::home(&self.data_dir)
    }

    /// The postmaster; none while it is down.
    pub fn postgres_pid(&self) -> Option<u32> {
        self.postgres.as_ref().and_then(|it| it.supervisor.pid())
    }

    pub fn postgres_health(&self) -> Option<watch::Receiver<Health>> {
        self.postgres.as_ref().map(|it| it.supervisor.health())
    }

    /// `nats://127.0.0.1:<port>`, without credentials.
    pub fn nats_url(&self) -> Option<String> {
        self.nats.as_ref().map(|it| it.service.url())
    }

    /// Of user `platform`, who may do everything.
    pub fn nats_credentials(&self) -> Option<NatsCredentials> {
        self.nats.as_ref().map(|it| NatsCredentials {
            user: PLATFORM.to_owned(),
            password: it.service.platform_password.clone(),
        })
    }

    /// nats-server's own folder: `users.conf`, and the store in `store/jetstream/`.
    pub fn nats_dir(&self) -> PathBuf {
        nats::home(&self.data_dir)
    }

    /// None while it is down.
    pub fn nats_pid(&self) -> Option<u32> {
        self.nats.as_ref().and_then(|it| it.supervisor.pid())
    }

    pub fn nats_health(&self) -> Option<watch::Receiver<Health>> {
        self.nats.as_ref().map(|it| it.supervisor.health())
    }

    /// Replaces the users of NATS (the platform aside) and returns when the server knows them:
    /// removed users are disconnected, the others stay.
    pub async fn set_nats_users(&self, users: &[NatsUser]) -> Result<(), EmbeddedError> {
        let nats = self.running_nats()?;
        nats.service.write_users(users)?;
        nats_system::request_reload(&nats.service.url(), &nats.service.system_password).await
    }

    /// Removes a stream of the platform; nobody but the system user can.
    pub async fn delete_nats_stream(&self, stream: &str) -> Result<(), EmbeddedError> {
        let nats = &self.running_nats()?.service;
        nats_system::delete_stream(&nats.url(), &nats.system_password, stream).await
    }

    /// Of the user `system`, for processes that are given our server's address.
    pub fn nats_system_password(&self) -> Result<String, EmbeddedError> {
        Ok(self.running_nats()?.service.system_password.clone())
    }

    /// Removes a consumer of a stream; nobody but the system user can.
    pub async fn delete_nats_consumer(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<(), EmbeddedError> {
        let nats = &self.running_nats()?.service;
        nats_system::delete_consumer(&nats.url(), &nats.system_password, stream, consumer).await
    }

    /// Makes nats-server read its files again (SIGHUP); does not wait for it.
    pub fn reload_nats(&self) -> Result<(), EmbeddedError> {
        self.running_nats()?.supervisor.signal(Signal::SIGHUP);
        Ok(())
    }

    /// Kills PostgreSQL at once and leaves it down until [`Servers::resume_postgres`].
    pub async fn halt_postgres(&self) -> Result<(), EmbeddedError> {
        self.running_postgres()?.supervisor.halt().await;
        Ok(())
    }

    /// Starts a halted PostgreSQL again on its port and waits until it answers.
    pub async fn resume_postgres(&self) -> Result<(), EmbeddedError> {
        self.running_postgres()?.supervisor.resume().await;
        Ok(())
    }

    /// Kills nats-server at once and leaves it down until [`Servers::resume_nats`].
    pub async fn halt_nats(&self) -> Result<(), EmbeddedError> {
        self.running_nats()?.supervisor.halt().await;
        Ok(())
    }

    /// Starts a halted nats-server again on its port and waits until it answers.
    pub async fn resume_nats(&self) -> Result<(), EmbeddedError> {
        self.running_nats()?.supervisor.resume().await;
        Ok(())
    }

    /// Stops both in order and frees the data folder.
    pub async fn stop(self) {
        tokio::join!(
            async {
                if let Some(postgres) = &self.postgres {
                    postgres.supervisor.stop().await;
                }
            },
            async {
                if let Some(nats) = &self.nats {
                    nats.supervisor.stop().await;
                }
            },
        );
    }

    fn running_postgres(&self) -> Result<&Running<Postgres>, EmbeddedError> {
        self.postgres
            .as_ref()
            .ok_or(EmbeddedError::NotOurs("PostgreSQL"))
    }

    fn running_nats(&self) -> Result<&Running<Nats>, EmbeddedError> {
        self.nats
            .as_ref()
            .ok_or(EmbeddedError::NotOurs("nats-server"))
    }
}

/// Starts on the port of last time, or another one when somebody took it in the meantime.
async fn start_on_a_port<S: Service>(
    config: &EmbeddedConfig,
    port_file: &Path,
    service: &mut S,
    set_port: impl Fn(&mut S, u16),
) -> Result<Supervisor, EmbeddedError> {
    let mut port = ports::kept_or_free(port_file)?;
    for _ in 1..PORT_TRIES {
        set_port(service, port);
        let started =
            Supervisor::start(service.clone(), config.start_limit, config.stop_limit).await;
        match started {
            Err(EmbeddedError::NotStarted { .. }) if !ports::is_free(port) => {
                port = ports::free()?;
            }
            Err(error) => return Err(error),
            Ok(supervisor) => {
                ports::keep(port_file, port)?;
                return Ok(supervisor);
            }
        }
    }
    set_port(service, port);
    let supervisor =
        Supervisor::start(service.clone(), config.start_limit, config.stop_limit).await?;
    ports::keep(port_file, port)?;
    Ok(supervisor)
}
