//! Looks at the parts of the platform, whatever roles this process has.
//!
//! What passes by itself (a start, an outage that is over, a flood) must not raise an alarm that
//! says otherwise: what stands still is told from what is on its way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use eventlog::{EventLog, LogError, LogReader, Progress, RelayStatus, SchemaState};
use kernel::Clock;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use super::{Component, Health, Lag, Status, jetstream::in_time, projection_health};

/// How long an answer holds: the routes are open, and each look costs queries.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// A relay that publishes nothing for so long, while it should, is down.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// From here on it is worth saying.
const LATE_AFTER: Duration = Duration::from_secs(5);
/// Longer than it takes to notice that a holder's machine is gone, and to take over.
const UNHELD_AFTER: Duration = Duration::from_secs(15);
/// Whoever spreads traffic asks with a timeout of seconds: PostgreSQL has less.
const POSTGRESQL_WITHIN: Duration = Duration::from_secs(2);

/// A look of the process's own, e.g. at its disk; it must be quick.
pub type Check = Box<dyn Fn() -> Component + Send + Sync>;

/// What is looked at.
pub struct Watched {
    pub log: EventLog,
    pub reader: LogReader,
    pub progress: Progress,
    pub nats: Option<async_nats::Client>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Option<PrometheusHandle>,
    /// Of the relay in this process.
    pub relay: Option<watch::Receiver<RelayStatus>>,
    /// Those that some process must hold for the platform to work.
    pub leases: Vec<String>,
    pub checks: Vec<Check>,
}

/// Knows how the platform is. One per process.
pub struct Monitor {
    watched: Watched,
    /// Who asks while somebody looks waits for what he sees.
    last: Mutex<Option<(Instant, Health)>>,
    stream: StdMutex<Published>,
    unheld: StdMutex<HashMap<String, Instant>>,
}

/// The stream at the last look, and since when it stands there although there is more.
#[derive(Default)]
struct Published {
    /// Unknown until the stream could be asked once.
    position: Option<u64>,
    stalled: Option<Instant>,
}

impl Published {
    /// Takes what the stream was found to hold (`None` if it could not be asked), and says how long
    /// it has stood there although the log holds more. What is old is no sign: after an outage all is.
    fn stands_for(&mut self, found: Option<u64>, head: u64, now: Instant) -> Duration {
        let before = self.position;
        self.position = found.or(before);
        let stands = found.is_some_and(|found| Some(found) == before && found < head);
        self.stalled = stands.then(|| self.stalled.unwrap_or(now));
        self.stalled.map_or(Duration::ZERO, |since| now - since)
    }
}

impl std::ops::Deref for Monitor {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}

impl Monitor {
    pub fn new(watched: Watched) -> Self {
        Self {
            watched,
            last: Mutex::default(),
            stream: StdMutex::default(),
            unheld: StdMutex::default(),
        }
    }

    /// The state of every part, a second old at most.
    pub async fn health(&self) -> Health {
        let mut last = self.last.lock().await;
        if let Some((at, health)) = &*last
            && at.elapsed() < KNOWN_FOR
        {
            return health.clone();
        }
        let health = self.look().await;
        set_ready(health.status != Status::Down);
        *last = Some((Instant::now(), health.clone()));
        health
    }

    async fn look(&self) -> Health {
        let mut parts: Vec<Component> = self.checks.iter().map(|check| check()).collect();
        let postgresql = self.postgresql().await;
        let answers = postgresql
            .iter()
            .all(|part| part.name != "postgresql" || part.status != Status::Down);
        parts.extend(postgresql);
        parts.push(self.nats_health());
        if parts.iter().any(|part| part.status == Status::Down) {
            // It is known, and what follows may take seconds.
            set_ready(false);
        }
        if !answers {
            return Health::of(parts);
        }
        let head = self.log.head().await.unwrap_or_default();
        metrics::gauge!("greffe_log_head_position").set(head as f64);
        // Each asks JetStream, which answers late under a flood: not one after the other.
        let (relay, storage, intake) =
            tokio::join!(self.relay(head), self.storage(), self.intake());
        parts.extend([relay, storage, intake].into_iter().flatten());
        parts.push(self.log_reader());
        match self.lags().await {
            Ok(lags) => {
                lags.iter().for_each(measure);
                parts.extend(lags.iter().map(projection_health));
                parts.extend(self.clerk(&lags).await);
            }
            Err(_) => parts.push(Component::new(
                "projections",
                Status::Down,
                Some("unknown".into()),
            )),
        }
        parts.extend(self.leases().await);
        Health::of(parts)
    }

    async fn postgresql(&self) -> Vec<Component> {
        let pool = self.log.pool();
        let idle = pool.num_idle() as f64;
        let connections =
            |state| metrics::gauge!("greffe_database_pool_connections", "state" => state);
        connections("idle").set(idle);
        connections("used").set(f64::from(pool.size()) - idle);
        let asked = tokio::time::timeout(POSTGRESQL_WITHIN, self.fork_and_schema()).await;
        let (fork, schema) = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return vec![unanswered(&error)],
            Err(late) => return vec![unanswered(&late)],
        };
        let mut parts = vec![Component::new("postgresql", Status::Ok, None)];
        if let Some(fork) = fork {
            parts.push(down("log", format!("forked: {fork}")));
        }
        parts.extend(match schema {
            SchemaState::Current => None,
            SchemaState::Behind => Some(down("migrations", "some have not run")),
            SchemaState::Newer => Some(degraded("migrations", "a newer release has been here")),
        });
        parts
    }

    async fn fork_and_schema(&self) -> Result<(Option<String>, SchemaState), LogError> {
        let pool = self.log.pool();
        let wait = metrics::gauge!("greffe_database_pool_wait_seconds");
        // Stays if no connection comes.
        wait.set(POSTGRESQL_WITHIN.as_secs_f64());
        let began = Instant::now();
        let mut connection = pool.acquire().await?;
        wait.set(began.elapsed().as_secs_f64());
        let fork: Option<String> = sqlx::query_scalar("SELECT fork FROM log_meta")
            .fetch_one(&mut *connection)
            .await?;
        drop(connection);
        Ok((fork, eventlog::schema_state(pool).await?))
    }

    fn nats_health(&self) -> Component {
        let is_connected = self.is_connected();
        metrics::gauge!("greffe_nats_connected").set(f64::from(u8::from(is_connected)));
        // Commands and reads go on without NATS: degraded, not down.
        match &self.nats {
            Some(_) if is_connected => Component::new("nats", Status::Ok, None),
            Some(_) => degraded("nats", "not connected"),
            None => degraded("nats", "not configured"),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        use async_nats::connection::State::Connected;
        self.nats
            .as_ref()
            .is_some_and(|client| client.connection_state() == Connected)
    }

    /// Whether the stream gets what the log holds. Nothing is said of a relay without NATS.
    async fn relay(&self, head: u64) -> Option<Component> {
        let found = match (&self.nats, self.is_connected()) {
            (Some(client), true) => Some(in_time(eventlog::stream_position(client)).await),
            _ => None,
        };
        let known = found.as_ref().and_then(|found| found.as_ref().ok());
        let (position, stalled) = {
            let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
            let stalled = stream.stands_for(known.map(|it| it.unwrap_or(0)), head, Instant::now());
            (stream.position, stalled)
        };
        let Some(position) = position else {
            return found.map(|_| degraded("relay", "JetStream does not answer"));
        };
        let age = self.age_of(position + 1).await.unwrap_or_default();
        metrics::gauge!("greffe_relay_lag_events").set(head.saturating_sub(position) as f64);
        metrics::gauge!("greffe_relay_lag_seconds").set(age);
        match found? {
            Err(_) => Some(degraded("relay", "JetStream does not answer")),
            Ok(_) if stalled >= STALLED_AFTER || age > LATE_AFTER.as_secs_f64() => {
                let status = match stalled >= STALLED_AFTER {
                    true => Status::Down,
                    false => Status::Degraded,
                };
                let events = head.saturating_sub(position);
                let problem = self
                    .relay
                    .as_ref()
                    .and_then(|it| it.borrow().problem.clone());
                let problem = problem.map_or(String::new(), |it| format!(" ({it})"));
                let detail =
                    format!("{events} events unpublished, the oldest {age:.0} s old{problem}");
                Some(Component::new("relay", status, Some(detail)))
            }
            Ok(_) => Some(Component::new("relay", Status::Ok, None)),
        }
    }

    /// How old the event at a position is (seconds); `None` if there is none.
    async fn age_of(&self, position: u64) -> Option<f64> {
        let age = sqlx::query_scalar(
            "SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8
             FROM events WHERE position = $1",
        )
        .bind(position as i64)
        .fetch_optional(self.log.pool())
        .await;
        age.ok().flatten()
    }

    /// Nothing is missing if the stream cannot be read: PostgreSQL is read instead.
    fn log_reader(&self) -> Component {
        let behind = self.reader.behind_for();
        metrics::gauge!("greffe_reader_position").set(self.reader.last() as f64);
        metrics::gauge!("greffe_reader_lag_seconds").set(behind.as_secs_f64());
        match self.reader.stream_problem() {
            _ if behind > STALLED_AFTER => {
                down("log reader", format!("{} s behind", behind.as_secs()))
            }
            _ if behind > LATE_AFTER => {
                degraded("log reader", format!("{} s behind", behind.as_secs()))
            }
            Some(why) => degraded("log reader", why),
            None => Component::new("log reader", Status::Ok, None),
        }
    }

    /// Whether what is due is done. While the deadlines are read anew, old ones look due: then
    /// nothing can be said.
    async fn clerk(&self, lags: &[Lag]) -> Option<Component> {
        let deadlines = lags
            .iter()
            .find(|lag| lag.name == eventlog::Deadlines::NAME)?;
        if deadlines.events > 0 && deadlines.seconds >= LATE_AFTER.as_secs() as i64 {
            return None;
        }
        let next = eventlog::next_deadlines(self.log.pool(), 1).await.ok()?;
        let overdue = next.first().map_or(0.0, |next| {
            (self.clock.now() - next.due_at).as_seconds_f64().max(0.0)
        });
        metrics::gauge!("greffe_clerk_overdue_seconds").set(overdue);
        // The aggregates refuse what comes too late by themselves: no reason to send traffic away.
        Some(match overdue > LATE_AFTER.as_secs_f64() {
            true => degraded("clerk", format!("something is {overdue:.0} s overdue")),
            false => Component::new("clerk", Status::Ok, None),
        })
    }

    async fn leases(&self) -> Option<Component> {
        if self.leases.is_empty() {
            return None;
        }
        let unheld = eventlog::unheld_leases(self.log.pool(), &self.leases)
            .await
            .ok()?;
        for name in &self.leases {
            let is_unheld = f64::from(u8::from(unheld.contains(name)));
            metrics::gauge!("greffe_lease_unheld", "lease" => name.clone()).set(is_unheld);
        }
        let mut since = self.unheld.lock().unwrap_or_else(PoisonError::into_inner);
        since.retain(|name, _| unheld.contains(name));
        let now = Instant::now();
        for name in &unheld {
            since.entry(name.clone()).or_insert(now);
        }
        let lasting = |name: &&String| {
            since
                .get(*name)
                .is_some_and(|at| at.elapsed() >= UNHELD_AFTER)
        };
        let lasting: Vec<&str> = unheld.iter().filter(lasting).map(String::as_str).collect();
        Some(match lasting.is_empty() {
            true => Component::new("leases", Status::Ok, None),
            false => degraded(
                "leases",
                format!("held by no process: {}", lasting.join(", ")),
            ),
        })
    }
}

fn set_ready(is_ready: bool) {
    metrics::gauge!("greffe_ready").set(f64::from(u8::from(is_ready)));
}

fn unanswered(error: &dyn std::fmt::Display) -> Component {
    tracing::warn!(error = %error, "PostgreSQL does not answer");
    down("postgresql", "does not answer")
}

fn measure(lag: &Lag) {
    let set = |name: &'static str, value: f64| {
        metrics::gauge!(name, "projection" => lag.name.clone()).set(value);
    };
    set("greffe_projection_lag_events", lag.events as f64);
    set("greffe_projection_lag_seconds", lag.seconds as f64);
    set("greffe_projection_parked_events", lag.parked as f64);
}

fn down(name: &str, detail: impl Into<String>) -> Component {
    Component::new(name, Status::Down, Some(detail.into()))
}

pub(super) fn degraded(name: &str, detail: impl Into<String>) -> Component {
    Component::new(name, Status::Degraded, Some(detail.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_moves_or_cannot_is_not_stalled() {
        let (mut stream, began) = (Published::default(), Instant::now());
        let mut look = |found, head, seconds| {
            let now = began + Duration::from_secs(seconds);
            stream.stands_for(found, head, now).as_secs()
        };
        assert_eq!(look(Some(5), 5, 0), 0);
        assert_eq!(look(Some(5), 5, 60), 0, "idle");
        assert_eq!(look(None, 90, 120), 0, "NATS is away");
        assert_eq!(look(Some(5), 90, 180), 0, "NATS is back");
        assert_eq!(look(Some(40), 90, 181), 0, "it catches up");
        assert_eq!(look(Some(40), 91, 190), 0);
        assert_eq!(look(Some(40), 95, 225), 35, "it stands");
        assert_eq!(look(Some(0), 95, 226), 0, "the stream is made anew");
        assert_eq!(look(Some(95), 95, 227), 0);
    }
}
