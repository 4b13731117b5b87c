//! What arrives from outside: notifications of Observium, and facts that were refused.

use std::{sync::Arc, time::Duration};

use api::ObserviumWebhook;
use async_trait::async_trait;
use eventlog::{EventLog, Leases, LogError, RecordedEvent};
use intake::{Accounts, Connect, IntakeParts, Rejected, Rejection};
use serde_json::{Value, json};
use testkit::{NatsCredentials, TestNats};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Answer, TestApp};

pub const TOKEN: &str = "observium-token-3141";
pub const WEBHOOK: &str = "/api/workflows/webhook/observium";
const SOON: Duration = Duration::from_secs(60);

/// Sets the webhook up.
pub fn with_webhook(config: &mut api::Config) {
    let clients = "^SWITCH-(?<client>[0-9]+)-".parse().unwrap();
    config.observium = Some(ObserviumWebhook::new(TOKEN, Some(clients)));
}

impl TestApp {
    /// A notification about alert `id` of `SWITCH-42-001`, of now.
    pub fn notification(&self, state: &str, id: &str) -> Value {
        let now = kernel::Clock::now(&self.platform.clock).timestamp();
        json!({
            "ALERT_STATE": state, "ALERT_ID": id, "ALERT_SEVERITY": "Critical",
            "ALERT_UNIXTIME": now.to_string(), "ALERT_MESSAGE": "Device down",
            "DEVICE_HOSTNAME": "SWITCH-42-001", "ENTITY_LINK": "<a href=\"x\">SWITCH-42-001</a>",
        })
    }

    /// Sends a body as Observium does.
    pub async fn notify(&self, authorization: Option<&str>, body: String) -> Answer {
        let mut request = self.client.post(format!("{}{WEBHOOK}", self.url));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let request = request
            .header("content-type", "application/json")
            .body(body);
        Answer::read(request.send().await.unwrap()).await
    }

    /// An alert is raised; its id.
    pub async fn raise(&self, id: &str) -> String {
        let body = self.notification("ALERT", id).to_string();
        let answer = self.notify(Some(TOKEN), body).await.ok();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// The events of a context, from the start.
    pub async fn events(&self, prefix: &str) -> Vec<Arc<RecordedEvent>> {
        let events = self.app.log.read_after(0, 10_000).await.unwrap();
        let of = events.into_iter();
        of.filter(|event| event.event_type.starts_with(prefix))
            .collect()
    }

    pub async fn event_types(&self, prefix: &str) -> Vec<String> {
        let events = self.events(prefix).await;
        events.iter().map(|it| it.event_type.clone()).collect()
    }

    /// What could not be accepted.
    pub async fn rejected(&self) -> Rejected {
        let nats = &self.platform.nats;
        Rejected::new(nats.client().await, connect(nats), 1)
    }

    /// Puts a fact of `support` aside, as the intake does.
    pub async fn reject(&self, id: &str, body: &str) {
        let rejection = Rejection {
            subject: "intake.support.sentinel.alert",
            id,
            original_id: id,
            code: "invalid",
            detail: "`device` is missing.",
            errors: &[domain::FieldError::new("device", "required")],
            headers: None,
            body: body.to_owned().into(),
        };
        self.rejected().await.publish(rejection).await.unwrap();
    }

    /// Takes facts in until it is dropped; any account may publish.
    pub async fn take_in(&self) -> DropGuard {
        let stop = CancellationToken::new();
        let parts = IntakeParts {
            log: self.app.log.clone(),
            client: self.platform.nats.client().await,
            connect: connect(&self.platform.nats),
            clock: Arc::new(self.platform.clock.clone()),
            accounts: Arc::new(Anybody),
            replicas: 1,
        };
        let leases = Leases::start(self.app.log.pool());
        intake::start(parts, &leases, stop.clone());
        let held = stop.clone();
        // The leases are held as long as the intake runs.
        tokio::spawn(async move {
            held.cancelled().await;
            drop(leases);
        });
        stop.drop_guard()
    }
}

/// Makes connections to a nats-server as the platform.
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

struct Anybody;

#[async_trait]
impl Accounts for Anybody {
    async fn may_intake(&self, _: &str) -> Result<bool, LogError> {
        Ok(true)
    }
}

/// Tries until it holds.
pub async fn soon<F: Future<Output = bool>>(holds: impl Fn() -> F) -> bool {
    let end = tokio::time::Instant::now() + SOON;
    while tokio::time::Instant::now() < end {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holds().await
}

/// Whether PostgreSQL itself, asked on another connection, has such an event.
pub async fn is_durable(database: &str, position: u64, event_type: &str) -> bool {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(database)
        .await
        .unwrap();
    let found: Option<String> =
        sqlx::query_scalar("SELECT event_type FROM events WHERE position = $1")
            .bind(position as i64)
            .fetch_optional(&mut connection)
            .await
            .unwrap();
    found.as_deref() == Some(event_type)
}

/// Events of a log whose database may be away.
pub async fn count(log: &EventLog, prefix: &str) -> Option<usize> {
    let events = log.read_after(0, 10_000).await.ok()?;
    let of = events
        .iter()
        .filter(|event| event.event_type.starts_with(prefix));
    Some(of.count())
}
