//! How one component is asked, and what its answer means.

use std::time::Duration;

use async_nats::{Client, connection::State};
use events::workflow::HealthStatus;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, timeout};

use super::http::HttpProbe;

/// An answer that takes longer is none.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// An answer that takes longer is degraded.
pub const SLOW_FROM: Duration = Duration::from_secs(2);
/// What JetStream says of the account.
const JETSTREAM_INFO: &str = "$JS.API.INFO";

/// A component and the way to ask it.
#[derive(Clone)]
pub struct Probe {
    /// e.g. `glpi`; the component's name in the log.
    pub component: &'static str,
    pub way: Way,
}

/// How a component is asked.
#[derive(Clone)]
pub enum Way {
    /// A connection of its own, and `SELECT 1`.
    PostgreSql(Box<PgConnectOptions>),
    /// JetStream's own account.
    Nats(Client),
    /// Any answer below 500 is a sign of life.
    Http(Box<HttpProbe>),
}

/// Why there was no answer; without any address, and nothing that a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("it refuses connections")]
    Refused,
    #[error("it cannot be reached")]
    Unreachable,
    #[error("its certificate or its TLS is not accepted")]
    Tls,
    #[error("it broke off its answer")]
    BrokeOff,
    #[error("it did not answer within 3 s")]
    Silent,
    #[error("the connection to it is lost")]
    Disconnected,
    #[error("JetStream does not answer")]
    NoJetStream,
    #[error("it accepts no connection of ours")]
    NotAdmitted,
}

/// What a component answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: HealthStatus,
    /// What is wrong, for operators.
    pub detail: Option<String>,
    /// How long it took, if it answered.
    pub latency_ms: Option<u64>,
}

impl Probe {
    /// Asks once; takes [`ANSWER_WITHIN`] at most.
    pub async fn ask(&self) -> Answer {
        let began = Instant::now();
        let asked = timeout(ANSWER_WITHIN, async {
            match &self.way {
                Way::PostgreSql(options) => ask_postgresql(options).await.map(|()| None),
                Way::Nats(client) => ask_nats(client).await.map(|()| None),
                Way::Http(probe) => probe.ask().await.map(Some),
            }
        });
        let answered = asked.await.unwrap_or(Err(Failure::Silent));
        judge(answered, began.elapsed())
    }
}

/// What an answer means that took so long; `status` is HTTP's, where there is one.
fn judge(answered: Result<Option<u16>, Failure>, took: Duration) -> Answer {
    let (status, detail) = match answered {
        Err(failure) => {
            return Answer {
                status: HealthStatus::Down,
                detail: Some(failure.to_string()),
                latency_ms: None,
            };
        }
        Ok(Some(code @ (401 | 403))) => {
            let detail = format!("it answers {code}: it does not let us in");
            (HealthStatus::Degraded, Some(detail))
        }
        Ok(Some(code @ 500..)) => (HealthStatus::Down, Some(format!("it answers {code}"))),
        Ok(_) if took > SLOW_FROM => {
            let detail = "it takes more than 2 s to answer";
            (HealthStatus::Degraded, Some(detail.to_owned()))
        }
        Ok(_) => (HealthStatus::Ok, None),
    };
    Answer {
        status,
        detail,
        latency_ms: u64::try_from(took.as_millis()).ok(),
    }
}

async fn ask_postgresql(options: &PgConnectOptions) -> Result<(), Failure> {
    let refused = |error: sqlx::Error| match error {
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Failure::Refused
        }
        // It shuts down, begins, or has no connection left.
        sqlx::Error::Database(_) => Failure::NotAdmitted,
        _ => Failure::Unreachable,
    };
    let mut connection = PgConnection::connect_with(options).await.map_err(refused)?;
    let one: Result<i32, _> = sqlx::query_scalar("SELECT 1")
        .persistent(false)
        .fetch_one(&mut connection)
        .await;
    one.map_err(|_| Failure::BrokeOff)?;
    // It has answered: how it parts does not matter.
    drop(connection.close().await);
    Ok(())
}

async fn ask_nats(client: &Client) -> Result<(), Failure> {
    if client.connection_state() != State::Connected {
        return Err(Failure::Disconnected);
    }
    let asked = client.request(JETSTREAM_INFO, bytes::Bytes::new());
    let answer = asked.await.map_err(|_| Failure::NoJetStream)?;
    let answer: serde_json::Value =
        serde_json::from_slice(&answer.payload).map_err(|_| Failure::NoJetStream)?;
    match answer.get("error") {
        None => Ok(()),
        Some(_) => Err(Failure::NoJetStream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_mean() {
        use HealthStatus::{Degraded, Down, Ok as Well};
        let quick = Duration::from_millis(12);
        let of = |answered, took| judge(answered, took).status;
        for code in [200, 204, 302, 404, 405, 429] {
            assert_eq!(of(Ok(Some(code)), quick), Well, "{code}");
        }
        for code in [401, 403] {
            assert_eq!(of(Ok(Some(code)), quick), Degraded, "{code}");
        }
        for code in [500, 502, 503] {
            assert_eq!(of(Ok(Some(code)), quick), Down, "{code}");
        }
        assert_eq!(of(Ok(None), quick), Well);
        assert_eq!(of(Ok(None), SLOW_FROM), Well);
        assert_eq!(of(Ok(None), SLOW_FROM + quick), Degraded);
        assert_eq!(of(Err(Failure::Silent), ANSWER_WITHIN), Down);
        assert_eq!(judge(Ok(None), quick).latency_ms, Some(12));
        assert_eq!(judge(Err(Failure::Refused), quick).latency_ms, None);
    }
}
