//! Names of people, looked up when a row is shown: no other row keeps a copy.

use std::collections::HashMap;

use eventlog::{LogError, Vault};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// User names by actor reference (`user:<uuid>`). Whoever is not known (yet) is left out.
pub async fn find_names<'a>(
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
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // The table is another projection's: it may not be there yet.
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass('users') IS NOT NULL")
        .fetch_one(&mut *conn)
        .await?;
    if !is_there {
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
