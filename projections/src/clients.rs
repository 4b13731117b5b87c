//! The register of clients as it is read.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, Projection, RecordedEvent, Vault};
use events::{clients::ClientEvent, millis};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgPool, Row, postgres::PgRow};

use crate::{Page, ReadError, apply::decode, page::page};

/// Writes the register.
pub struct Clients;

/// A client of the register.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientRow {
    pub id: String,
    pub name: String,
    pub critical: bool,
    pub version: u64,
    #[serde(serialize_with = "millis")]
    pub updated_at: DateTime<Utc>,
}

/// Which clients.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// Words of the name or the number, by their beginnings.
    pub q: Option<String>,
    pub critical: Option<bool>,
    pub limit: u32,
    /// The number of the last client of the page before.
    pub cursor: Option<String>,
}

#[async_trait]
impl Projection for Clients {
    fn name(&self) -> &'static str {
        "clients"
    }

    fn version(&self) -> i32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("../sql/clients.sql")
    }

    fn tables(&self) -> &'static [&'static str] {
        &["clients"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("clients.client.")
    }

    /// Each event changes the rows of its own aggregate only.
    fn partition_key(&self, event: &RecordedEvent) -> Option<String> {
        Some(event.aggregate_id.clone())
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        for event in events {
            let at = match decode(event)? {
                ClientEvent::Registered(registered) => {
                    let (sealed, terms) =
                        seal_name(tx.vault(), &registered.client_id, &registered.name).await?;
                    insert(tx, event, &registered, sealed, terms).await?;
                    continue;
                }
                ClientEvent::Renamed(renamed) => {
                    let (sealed, terms) =
                        seal_name(tx.vault(), &renamed.client_id, &renamed.name).await?;
                    sqlx::query(
                        "UPDATE clients SET sealed = $3, terms = $4 WHERE client_id = $1 AND position < $2",
                    )
                    .bind(&renamed.client_id)
                    .bind(event.position as i64)
                    .bind(sealed)
                    .bind(terms)
                    .execute(tx.conn())
                    .await?;
                    (renamed.client_id, renamed.renamed_at)
                }
                ClientEvent::CriticalityChanged(changed) => {
                    sqlx::query(
                        "UPDATE clients SET critical = $3 WHERE client_id = $1 AND position < $2",
                    )
                    .bind(&changed.client_id)
                    .bind(event.position as i64)
                    .bind(changed.critical)
                    .execute(tx.conn())
                    .await?;
                    (changed.client_id, changed.changed_at)
                }
            };
            sqlx::query(
                "UPDATE clients SET version = $3, updated_at = $4, position = $2
                 WHERE client_id = $1 AND position < $2",
            )
            .bind(at.0)
            .bind(event.position as i64)
            .bind(event.sequence as i64)
            .bind(at.1)
            .execute(tx.conn())
            .await?;
        }
        Ok(())
    }
}

async fn seal_name(
    vault: &Vault,
    client_id: &str,
    name: &str,
) -> Result<(Value, Vec<i64>), ApplyError> {
    let sealed = vault
        .seal(&format!("client:{client_id}"), &json!({ "name": name }))
        .await?;
    Ok((sealed, vault.index_terms([client_id, name])))
}

async fn insert(
    tx: &mut ApplyTx<'_>,
    event: &RecordedEvent,
    registered: &events::clients::ClientRegistered,
    sealed: Value,
    terms: Vec<i64>,
) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO clients (client_id, critical, version, registered_at, updated_at, position, sealed, terms)
         VALUES ($1, $2, $3, $4, $4, $5, $6, $7) ON CONFLICT (client_id) DO NOTHING",
    )
    .bind(&registered.client_id)
    .bind(registered.critical)
    .bind(event.sequence as i64)
    .bind(registered.registered_at)
    .bind(event.position as i64)
    .bind(sealed)
    .bind(terms)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The clients, by number.
pub async fn list_clients(
    pool: &PgPool,
    vault: &Vault,
    filter: &ClientFilter,
) -> Result<Page<ClientRow>, ReadError> {
    let rows = sqlx::query(
        "SELECT * FROM clients
         WHERE ($1::bigint[] IS NULL OR terms @> $1) AND ($2::boolean IS NULL OR critical = $2)
           AND ($3::text IS NULL OR client_id > $3)
         ORDER BY client_id LIMIT $4",
    )
    .bind(filter.q.as_deref().map(|q| vault.query_terms(q)))
    .bind(filter.critical)
    .bind(&filter.cursor)
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(pool)
    .await?;
    let clients = open(vault, &rows).await?;
    Ok(page(clients, filter.limit, |client| client.id.clone()))
}

pub async fn find_client(
    pool: &PgPool,
    vault: &Vault,
    client_id: &str,
) -> Result<Option<ClientRow>, ReadError> {
    let rows = sqlx::query("SELECT * FROM clients WHERE client_id = $1")
        .bind(client_id)
        .fetch_all(pool)
        .await?;
    Ok(open(vault, &rows).await?.pop())
}

async fn open(vault: &Vault, rows: &[PgRow]) -> Result<Vec<ClientRow>, ReadError> {
    let mut sealed = rows
        .iter()
        .map(|row| row.try_get::<Value, _>("sealed"))
        .collect::<Result<Vec<_>, _>>()?;
    vault.open_all(sealed.iter_mut().collect()).await?;
    let clients = rows.iter().zip(sealed).map(|(row, opened)| {
        Ok(ClientRow {
            id: row.try_get("client_id")?,
            name: opened["name"].as_str().unwrap_or(events::ERASED).to_owned(),
            critical: row.try_get("critical")?,
            version: row.try_get::<i64, _>("version")? as u64,
            updated_at: row.try_get("updated_at")?,
        })
    });
    Ok(clients.collect::<Result<_, LogError>>()?)
}
