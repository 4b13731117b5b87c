//! Sessions.

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, RecordedEvent, Vault};
use events::{
    millis,
    users::{SessionEvent, SessionOpened},
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    ReadError,
    apply::{data_error, decode},
};

/// An open session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionRow {
    pub id: Uuid,
    #[serde(serialize_with = "millis")]
    pub opened_at: DateTime<Utc>,
    /// When its latest token ends.
    #[serde(serialize_with = "millis")]
    pub expires_at: DateTime<Utc>,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

pub(super) async fn apply(tx: &mut ApplyTx<'_>, event: &RecordedEvent) -> Result<(), ApplyError> {
    let id: Uuid = event
        .aggregate_id
        .parse()
        .map_err(|error| data_error(event, error))?;
    let (position, version) = (event.position as i64, event.sequence as i64);
    let query = match decode(event)? {
        SessionEvent::Opened(opened) => return open(tx, id, event, opened).await,
        SessionEvent::Refreshed(refreshed) => sqlx::query(
            "UPDATE sessions SET expires_at = $4, version = $3, position = $2
             WHERE id = $1 AND position < $2",
        )
        .bind(id)
        .bind(position)
        .bind(version)
        .bind(refreshed.expires_at),
        SessionEvent::Revoked(revoked) => sqlx::query(
            "UPDATE sessions SET revoked_at = $4, revocation_cause = $5, version = $3, position = $2
             WHERE id = $1 AND position < $2",
        )
        .bind(id)
        .bind(position)
        .bind(version)
        .bind(revoked.revoked_at)
        .bind(json!(revoked.cause).as_str().map(str::to_owned)),
    };
    query.execute(tx.conn()).await?;
    Ok(())
}

async fn open(
    tx: &mut ApplyTx<'_>,
    id: Uuid,
    event: &RecordedEvent,
    opened: SessionOpened,
) -> Result<(), ApplyError> {
    let from = json!({ "ip_address": opened.ip_address, "user_agent": opened.user_agent });
    let sealed = tx
        .vault()
        .seal(&format!("user:{}", opened.user_id), &from)
        .await?;
    sqlx::query(
        "INSERT INTO sessions (id, user_id, opened_at, expires_at, ends_at, version, position, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(opened.user_id)
    .bind(opened.opened_at)
    .bind(opened.expires_at)
    .bind(opened.ends_at)
    .bind(event.sequence as i64)
    .bind(event.position as i64)
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The open sessions of a person, the latest first.
pub async fn list_sessions(
    pool: &PgPool,
    vault: &Vault,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<SessionRow>, ReadError> {
    let mut rows: Vec<(Uuid, DateTime<Utc>, DateTime<Utc>, Value)> = sqlx::query_as(
        "SELECT id, opened_at, expires_at, sealed FROM sessions
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
         ORDER BY opened_at DESC, id DESC",
    )
    .bind(user_id)
    .bind(now)
    .fetch_all(pool)
    .await?;
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.3).collect())
        .await?;
    let sessions = rows.into_iter().map(|(id, opened_at, expires_at, opened)| {
        let text = |field: &str| opened.get(field).and_then(Value::as_str).map(str::to_owned);
        SessionRow {
            id,
            opened_at,
            expires_at,
            ip_address: text("ip_address"),
            user_agent: text("user_agent"),
        }
    });
    Ok(sessions.collect())
}
