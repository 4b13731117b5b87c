//! Names of people, looked up when a row is shown: no other row keeps a copy.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use eventlog::{LogError, Vault};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// Looks names up again and again: the table is another projection's, and is asked for only until it is
/// there.
#[derive(Default)]
pub struct Names {
    is_there: AtomicBool,
}

impl Names {
    /// User names by actor reference (`user:<uuid>`). Whoever is not known (yet) is left out.
    pub async fn find<'a>(
        &self,
        conn: &mut PgConnection,
        vault: &Vault,
        actors: impl IntoIterator<Item = &'a str>,
    ) -> Result<HashMap<String, String>, LogError> {
        let mut ids: Vec<Uuid> = actors
            .into_iter()
            .filter_map(|actor| actor.strip_prefix("user:")?.parse().ok())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() || !self.is_there(&mut *conn).await? {
            return Ok(HashMap::new());
        }
        let rows = sqlx::query_as("SELECT 'user:' || id, sealed FROM users WHERE id = ANY($1)")
            .bind(&ids)
            .fetch_all(&mut *conn)
            .await?;
        open_names(vault, rows, "username").await
    }

    async fn is_there(&self, conn: &mut PgConnection) -> Result<bool, LogError> {
        if self.is_there.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let is_there = table_is_there(conn, "users").await?;
        self.is_there.store(is_there, Ordering::Relaxed);
        Ok(is_there)
    }
}

/// Whether a table of another projection is there: it may not be yet.
pub async fn table_is_there(reader: impl PgExecutor<'_>, table: &str) -> Result<bool, LogError> {
    let is_there = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table);
    Ok(is_there.fetch_one(reader).await?)
}

/// Names by their owners' ids, from rows that hold them sealed under `field`.
pub async fn open_names(
    vault: &Vault,
    mut rows: Vec<(String, Value)>,
    field: &str,
) -> Result<HashMap<String, String>, LogError> {
    vault
        .open_all(rows.iter_mut().map(|(_, sealed)| sealed).collect())
        .await?;
    let opened = rows.into_iter().map(|(id, opened)| {
        let name = opened[field].as_str().unwrap_or(events::ERASED);
        (id, name.to_owned())
    });
    Ok(opened.collect())
}

/// [`Names::find`], once.
pub async fn find_names<'a>(
    conn: &mut PgConnection,
    vault: &Vault,
    actors: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, String>, LogError> {
    Names::default().find(conn, vault, actors).await
}
