//! Service accounts.

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, RecordedEvent};
use events::{
    millis,
    users::{Scope, ServiceAccountEvent},
};
use serde::Serialize;
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{ReadError, apply::decode};

/// A service account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceAccountRow {
    pub name: String,
    pub owner_id: Uuid,
    pub scopes: Vec<Scope>,
    /// Which key hash is valid. Not for answers.
    #[serde(skip)]
    pub credential_id: Uuid,
    pub is_disabled: bool,
    #[serde(serialize_with = "millis")]
    pub created_at: DateTime<Utc>,
    pub version: u64,
}

fn names(scopes: &[Scope]) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.as_str()).collect()
}

pub(super) async fn apply(tx: &mut ApplyTx<'_>, event: &RecordedEvent) -> Result<(), ApplyError> {
    let (name, position) = (&event.aggregate_id, event.position as i64);
    let version = event.sequence as i64;
    let query = match decode(event)? {
        ServiceAccountEvent::Created(created) => sqlx::query(
            "INSERT INTO service_accounts (name, position, version, owner_id, scopes, credential_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(position)
        .bind(version)
        .bind(created.owner_id)
        .bind(names(&created.scopes))
        .bind(created.credential_id)
        .bind(created.created_at),
        ServiceAccountEvent::ScopesChanged(changed) => sqlx::query(
            "UPDATE service_accounts SET scopes = $4, version = $3, position = $2
             WHERE name = $1 AND position < $2",
        )
        .bind(name)
        .bind(position)
        .bind(version)
        .bind(names(&changed.scopes)),
        ServiceAccountEvent::KeyRotated(rotated) => sqlx::query(
            "UPDATE service_accounts SET credential_id = $4, version = $3, position = $2
             WHERE name = $1 AND position < $2",
        )
        .bind(name)
        .bind(position)
        .bind(version)
        .bind(rotated.credential_id),
        ServiceAccountEvent::Disabled(_) => sqlx::query(
            "UPDATE service_accounts SET is_disabled = true, version = $3, position = $2
             WHERE name = $1 AND position < $2",
        )
        .bind(name)
        .bind(position)
        .bind(version),
    };
    query.execute(tx.conn()).await?;
    Ok(())
}

/// Every service account, by name.
pub async fn list_service_accounts(pool: &PgPool) -> Result<Vec<ServiceAccountRow>, ReadError> {
    let rows = sqlx::query("SELECT * FROM service_accounts ORDER BY name")
        .fetch_all(pool)
        .await?;
    rows.iter().map(from_row).collect()
}

pub async fn find_service_account(
    pool: &PgPool,
    name: &str,
) -> Result<Option<ServiceAccountRow>, ReadError> {
    let row = sqlx::query("SELECT * FROM service_accounts WHERE name = $1")
        .bind(name)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(from_row).transpose()
}

fn from_row(row: &PgRow) -> Result<ServiceAccountRow, ReadError> {
    let scopes: Vec<String> = row.try_get("scopes")?;
    Ok(ServiceAccountRow {
        name: row.try_get("name")?,
        owner_id: row.try_get("owner_id")?,
        scopes: scopes
            .into_iter()
            .map(|scope| scope.parse().map_err(|_| LogError::Corrupt(scope)))
            .collect::<Result<_, _>>()?,
        credential_id: row.try_get("credential_id")?,
        is_disabled: row.try_get("is_disabled")?,
        created_at: row.try_get("created_at")?,
        version: row.try_get::<i64, _>("version")? as u64,
    })
}
