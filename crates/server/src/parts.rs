//! The parts of a process that work in the background: relay, projections, workflows.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use embedded::{NatsUser, UserKind};
use eventlog::{
    Deadlines, EventLog, Leases, LogError, LogReader, Progress, Projection, Projector, Relay,
    RelayStatus,
};
use kernel::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use workflows::{
    ApprovalDuty, Clerk, ClerkParts, Decisions, Housekeeping, MaintenanceDuty, NatsUsers,
    health::HealthWatch,
};

use crate::{
    backends::Backends,
    config::Config,
    health_probes::probes,
    nats_access::NatsAccess,
    wiring::{Roles, problem},
};

/// What an account needs to publish facts (`contracts.md`, "NATS").
const INTAKE_SCOPE: &str = "intake";
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(600);

/// What the parts of a process share.
pub struct Parts {
    pub log: EventLog,
    pub reader: LogReader,
    pub progress: Progress,
    pub leases: Leases,
    pub nats: async_nats::Client,
    pub clock: Arc<dyn Clock>,
    pub stop: CancellationToken,
}

impl Parts {
    pub fn start_relay(&self, config: &Config) -> watch::Receiver<RelayStatus> {
        Relay::start(
            self.log.clone(),
            self.nats.clone(),
            &self.leases,
            config.nats_replicas,
            self.stop.clone(),
        )
    }

    pub fn start_projector(&self, projections: Vec<Arc<dyn Projection>>) {
        let projector = Projector {
            log: self.log.clone(),
            reader: self.reader.clone(),
            progress: self.progress.clone(),
            orders: api::parked_orders,
        };
        projector.start(projections, &self.leases, &self.stop);
    }

    pub async fn start_workflows(
        &self,
        config: &Config,
        access: &NatsAccess,
    ) -> anyhow::Result<Clerk> {
        let clerk = ClerkParts {
            log: self.log.clone(),
            progress: self.progress.clone(),
            clock: self.clock.clone(),
            duties: vec![Arc::new(ApprovalDuty), Arc::new(MaintenanceDuty)],
        };
        let clerk = Clerk::start(clerk, &self.leases, self.stop.clone()).await?;
        Decisions::start(
            self.log.clone(),
            self.reader.clone(),
            self.nats.clone(),
            self.clock.clone(),
            config.nats_replicas,
            &self.leases,
            self.stop.clone(),
        );
        let health = HealthWatch {
            log: self.log.clone(),
            clock: self.clock.clone(),
            every: Duration::from_secs(u64::from(config.health_probe_seconds)),
            probes: probes(config, &self.log, &self.nats)?,
        };
        health.start(&self.leases, self.stop.clone());
        self.start_intake(config, access).await?;
        let pool = self.log.pool().clone();
        let (clock, stop) = (self.clock.clone(), self.stop.clone());
        Housekeeping::start(pool, clock, HOUSEKEEPING_EVERY, &self.leases, stop);
        Ok(clerk)
    }

    /// Facts of workflows, by accounts that are followed in this process, whether it serves or not.
    async fn start_intake(&self, config: &Config, access: &NatsAccess) -> anyhow::Result<()> {
        let accounts = api::accounts::Accounts::load(&self.log, self.clock.now()).await?;
        let accounts = Arc::new(accounts);
        let (log, reader) = (self.log.clone(), self.reader.clone());
        let following = accounts.clone().follow(log, reader, self.stop.clone());
        drop(tokio::spawn(following));
        let parts = intake::IntakeParts {
            log: self.log.clone(),
            client: self.nats.clone(),
            connect: access.connecting(),
            clock: self.clock.clone(),
            accounts: Arc::new(Publishers {
                log: self.log.clone(),
                accounts,
                has_webhook: config.observium_webhook_token.is_some(),
            }),
            replicas: config.nats_replicas,
        };
        intake::start(parts, &self.leases, self.stop.clone());
        Ok(())
    }

    pub fn keep_nats_users(&self, roles: Roles, backends: &Backends) -> Option<NatsUsers> {
        let writer = backends.users_writer();
        if writer.is_none() && roles.workflows {
            tracing::warn!(
                "new service accounts cannot use NATS: set NATS_USERS_FILE and \
                 NATS_SYSTEM_PASSWORD, or write its users yourself"
            );
        }
        let (writer, log) = (writer?, self.log.clone());
        let read = move || {
            let log = log.clone();
            async move { nats_users(&log).await }
        };
        let write = move |users| {
            let writer = writer.clone();
            async move { writer.write(users).await }
        };
        Some(NatsUsers::start(
            self.reader.clone(),
            read,
            write,
            self.stop.clone(),
        ))
    }
}

/// Which accounts may publish facts.
struct Publishers {
    log: EventLog,
    accounts: Arc<api::accounts::Accounts>,
    /// The webhook hands facts over while PostgreSQL is away; it is no account.
    has_webhook: bool,
}

#[async_trait]
impl intake::Accounts for Publishers {
    async fn may_intake(&self, name: &str) -> Result<bool, LogError> {
        if self.has_webhook && name == connectors::observium::SOURCE {
            return Ok(true);
        }
        self.accounts.refresh_if_stale(&self.log).await?;
        Ok(self.accounts.has_scope(name, INTAKE_SCOPE))
    }
}

/// Every projection that a projector runs.
pub fn all_projections() -> Vec<Arc<dyn Projection>> {
    let mut all = projections::all();
    all.push(Arc::new(Deadlines::new(workflows::deadlines_of)));
    all
}

/// The leases that some process must hold for the platform to work.
pub fn leases_in_use() -> Vec<String> {
    let parts = [
        "relay",
        "clerk",
        "housekeeping",
        "reaction decisions",
        HealthWatch::lease(),
        intake::LEASE,
    ];
    let projections = all_projections();
    let names = projections
        .iter()
        .map(|it| eventlog::lease_of(it.name(), it.version()));
    parts.map(str::to_owned).into_iter().chain(names).collect()
}

/// The users of NATS, as the accounts are now.
pub async fn nats_users(log: &EventLog) -> anyhow::Result<Vec<NatsUser>> {
    let accounts = api::nats_accounts(log).await.map_err(problem)?;
    let users = accounts.into_iter().filter_map(|account| {
        match NatsUser::new(&*account.name, account.bcrypt, UserKind::Service) {
            Ok(user) => Some(user),
            Err(error) => {
                tracing::error!(account.name, %error, "this account cannot use NATS");
                None
            }
        }
    });
    Ok(users.collect())
}
