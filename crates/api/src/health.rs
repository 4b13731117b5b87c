//! Whether the platform lives, is ready, and in which state its parts are.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;

use crate::{App, problem::Problem};

/// A part of the platform, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Component {
    pub name: String,
    pub status: Status,
    /// What is wrong, for operators; nothing personal, no addresses.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    Degraded,
    Down,
}

/// The whole platform.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    pub status: Status,
    pub components: Vec<Component>,
}

/// How far one reader of the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    pub name: String,
    pub events: u64,
    /// Age of the oldest event it has not read (seconds).
    pub seconds: i64,
    pub parked: u64,
    pub stopped: Option<String>,
}

/// From here on the platform is not ready (`product.md`: readiness looks at both).
const LAG_EVENTS: u64 = 10_000;
const LAG_SECONDS: i64 = 30;
/// How long an answer holds: the routes are open, and each look costs queries.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// The parts at the last look. Who asks while somebody looks waits for what he sees.
pub(crate) type LastHealth = Mutex<Option<(Instant, Health)>>;

impl Health {
    pub fn of(components: Vec<Component>) -> Self {
        let worst = |status| components.iter().any(|part| part.status == status);
        let status = match (worst(Status::Down), worst(Status::Degraded)) {
            (true, _) => Status::Down,
            (_, true) => Status::Degraded,
            _ => Status::Ok,
        };
        Self { status, components }
    }
}

impl Component {
    pub fn new(name: &str, status: Status, detail: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            status,
            detail,
        }
    }
}

impl App {
    /// The state of every part, a second old at most.
    pub async fn health(&self) -> Health {
        let mut last = self.last_health.lock().await;
        if let Some((at, health)) = &*last
            && at.elapsed() < KNOWN_FOR
        {
            return health.clone();
        }
        let health = self.look().await;
        *last = Some((Instant::now(), health.clone()));
        health
    }

    async fn look(&self) -> Health {
        let mut parts = Vec::new();
        match self.log.epoch().await {
            Ok((_, None)) => parts.push(Component::new("postgresql", Status::Ok, None)),
            Ok((_, Some(fork))) => {
                parts.push(Component::new("postgresql", Status::Ok, None));
                parts.push(Component::new(
                    "log",
                    Status::Down,
                    Some(format!("forked: {fork}")),
                ));
            }
            Err(error) => {
                tracing::warn!(error = %error, "PostgreSQL does not answer");
                parts.push(Component::new(
                    "postgresql",
                    Status::Down,
                    Some("does not answer".into()),
                ));
                return Health::of(parts);
            }
        }
        parts.push(self.nats_health());
        if let Some(relay) = self.relay_health().await {
            parts.push(relay);
        }
        // Nothing is missing then: PostgreSQL is read instead.
        if let Some(why) = self.reader.stream_problem() {
            parts.push(Component::new("log reader", Status::Degraded, Some(why)));
        }
        match self.lags().await {
            Ok(lags) => parts.extend(lags.iter().map(projection_health)),
            Err(_) => parts.push(Component::new(
                "projections",
                Status::Down,
                Some("unknown".into()),
            )),
        }
        Health::of(parts)
    }

    fn nats_health(&self) -> Component {
        use async_nats::connection::State::Connected;
        match &self.nats {
            Some(client) if client.connection_state() == Connected => {
                Component::new("nats", Status::Ok, None)
            }
            // Commands and reads go on without NATS: degraded, not down.
            Some(_) => Component::new("nats", Status::Degraded, Some("not connected".into())),
            None => Component::new("nats", Status::Degraded, Some("not configured".into())),
        }
    }

    /// How old the oldest event is that the stream does not hold yet. Nothing to say without NATS.
    async fn relay_health(&self) -> Option<Component> {
        let client = self.nats.as_ref()?;
        if client.connection_state() != async_nats::connection::State::Connected {
            return None;
        }
        let published = match eventlog::stream_position(client).await {
            Ok(position) => position.unwrap_or(0),
            Err(_) => {
                let detail = Some("JetStream does not answer".into());
                return Some(Component::new("relay", Status::Degraded, detail));
            }
        };
        let age: Result<Option<f64>, _> = sqlx::query_scalar(
            "SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8
             FROM events WHERE position = $1",
        )
        .bind(published as i64 + 1)
        .fetch_optional(self.log.pool())
        .await;
        Some(match age {
            Ok(Some(age)) if age > LAG_SECONDS as f64 => {
                let detail = format!("oldest unpublished event is {age:.0} s old");
                Component::new("relay", Status::Down, Some(detail))
            }
            Ok(_) => Component::new("relay", Status::Ok, None),
            Err(_) => Component::new("relay", Status::Down, Some("unknown".into())),
        })
    }

    /// How far each projection is behind the log.
    async fn lags(&self) -> Result<Vec<Lag>, Problem> {
        let rows = eventlog::checkpoints(self.log.pool()).await?;
        let here = self.progress.here();
        // Versions of other releases are theirs to look after.
        let ours = rows.into_iter().filter(|row| row.is_in_use);
        Ok(ours
            .map(|row| Lag {
                stopped: here
                    .get(row.name.as_str())
                    .and_then(|here| here.problem.clone()),
                name: row.name,
                events: row.behind as u64,
                seconds: row.seconds as i64,
                parked: row.parked as u64,
            })
            .collect())
    }
}

fn projection_health(lag: &Lag) -> Component {
    let name = format!("projection {}", lag.name);
    let behind = lag.events > LAG_EVENTS || lag.seconds > LAG_SECONDS;
    if let Some(why) = &lag.stopped {
        return Component::new(&name, Status::Down, Some(why.clone()));
    }
    if behind {
        let detail = format!("{} events and {} s behind", lag.events, lag.seconds);
        return Component::new(&name, Status::Down, Some(detail));
    }
    match lag.parked {
        0 => Component::new(&name, Status::Ok, None),
        parked => Component::new(
            &name,
            Status::Degraded,
            Some(format!("{parked} events parked")),
        ),
    }
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It lives", body = Health)))]
pub async fn get_liveness() -> Json<Health> {
    Json(Health::of(vec![Component::new(
        "process",
        Status::Ok,
        None,
    )]))
}

/// Whether traffic should come here: false while a projection is stuck or too far behind.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready", body = Health),
    (status = 503, description = "Not ready", body = Health)))]
pub async fn get_readiness(State(app): State<App>) -> Response {
    let health = match app.is_stopping() {
        true => Health::of(vec![Component::new(
            "process",
            Status::Down,
            Some("stopping".into()),
        )]),
        false => app.health().await,
    };
    let status = match health.status {
        Status::Down => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    (status, Json(health)).into_response()
}

/// The state of the platform's parts.
#[utoipa::path(get, path = "/api/workflows/health", tag = "health",
    responses((status = 200, description = "State of every part", body = Health)))]
pub async fn get_workflows_health(State(app): State<App>) -> Json<Health> {
    Json(app.health().await)
}

/// Metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub async fn get_metrics(State(app): State<App>) -> Result<Response, Problem> {
    let Some(recorder) = &app.metrics else {
        return Err(Problem::unavailable("Metrics are not collected here."));
    };
    let mut text = recorder.render();
    for lag in app.lags().await? {
        use std::fmt::Write;
        let _ = writeln!(
            text,
            "greffe_projection_lag_events{{projection=\"{}\"}} {}",
            lag.name, lag.events
        );
        let _ = writeln!(
            text,
            "greffe_projection_lag_seconds{{projection=\"{}\"}} {}",
            lag.name, lag.seconds
        );
        let _ = writeln!(
            text,
            "greffe_projection_parked_events{{projection=\"{}\"}} {}",
            lag.name, lag.parked
        );
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lag() -> Lag {
        Lag {
            name: "approvals".into(),
            events: 0,
            seconds: 0,
            parked: 0,
            stopped: None,
        }
    }

    #[test]
    fn behind_or_stopped_is_down_and_parked_is_degraded() {
        assert_eq!(projection_health(&lag()).status, Status::Ok);
        assert_eq!(
            projection_health(&Lag {
                events: 10_001,
                ..lag()
            })
            .status,
            Status::Down
        );
        assert_eq!(
            projection_health(&Lag {
                seconds: 31,
                ..lag()
            })
            .status,
            Status::Down
        );
        assert_eq!(
            projection_health(&Lag { parked: 1, ..lag() }).status,
            Status::Degraded
        );
        assert_eq!(
            projection_health(&Lag {
                stopped: Some("x".into()),
                ..lag()
            })
            .status,
            Status::Down
        );
    }
}
