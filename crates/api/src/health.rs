//! Whether the platform lives, is ready, and in which state its parts are.

mod jetstream;
mod monitor;
mod routes;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;

pub use monitor::{Check, Monitor, Watched};
pub use routes::*;

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

impl Monitor {
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
