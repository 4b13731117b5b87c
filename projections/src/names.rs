//! Names of people, looked up when a row is shown: no other row keeps a copy.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use eventlog::{LogError, Vault};
use serde_json::Value;
use sqlx::PgConnection;
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
        let mut rows: Vec<(Uuid, Value)> =
            sqlx::query_as("SELECT id, sealed FROM users WHERE id = ANY($1)")
                .bind(&ids)
                .fetch_all(&mut *conn)
                .await?;
        vault
            .open_all(rows.iter_mut().map(|(_, sealed)| sealed).collect())
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, opened)| {
                let name = opened["username"].as_str().unwrap_or(events::ERASED);
                (format!("user:{id}"), name.to_owned())
            })
            .collect())
    }

    async fn is_there(&self, conn: &mut PgConnection) -> Result<bool, LogError> {
        if self.is_there.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let is_there = sqlx::query_scalar("SELECT to_regclass('users') IS NOT NULL")
            .fetch_one(conn)
            .await?;
        self.is_there.store(is_there, Ordering::Relaxed);
        Ok(is_there)
    }
}

/// [`Names::find`], once.
pub async fn find_names<'a>(
    conn: &mut PgConnection,
    vault: &Vault,
    actors: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, String>, LogError> {
    Names::default().find(conn, vault, actors).await
}
