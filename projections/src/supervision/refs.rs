//! Clients that items name, looked up in the register when they are shown: no row keeps a copy.

use std::collections::HashMap;

use eventlog::{LogError, Vault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;

use super::shapes::ClientRef;
use crate::names::table_is_there;

/// The clients of the register among some.
pub(super) struct Clients(HashMap<String, (String, bool)>);

impl Clients {
    pub async fn find<'a>(
        conn: &mut PgConnection,
        vault: &Vault,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, LogError> {
        let mut ids: Vec<&str> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() || !table_is_there(&mut *conn, "clients").await? {
            return Ok(Self(HashMap::new()));
        }
        let mut rows: Vec<(String, bool, Value)> = sqlx::query_as(
            "SELECT client_id, critical, sealed FROM clients WHERE client_id = ANY($1)",
        )
        .bind(&ids)
        .fetch_all(conn)
        .await?;
        vault
            .open_all(rows.iter_mut().map(|row| &mut row.2).collect())
            .await?;
        let clients = rows.into_iter().map(|(id, critical, opened)| {
            let name = opened["name"].as_str().unwrap_or(events::ERASED);
            (id, (name.to_owned(), critical))
        });
        Ok(Self(clients.collect()))
    }

    /// The client of a number; if the register does not know it, with the name its source writes.
    pub fn get(&self, id: &str, told_name: Option<&str>) -> ClientRef {
        let known = self.0.get(id);
        ClientRef {
            id: id.to_owned(),
            name: known
                .map(|(name, _)| name.clone())
                .or_else(|| told_name.map(str::to_owned)),
            critical: known.map(|(_, critical)| *critical),
            is_known: known.is_some(),
        }
    }

    pub fn complete(&self, client: &mut Option<ClientRef>) {
        if let Some(client) = client {
            *client = self.get(&client.id, client.name.as_deref());
        }
    }
}

/// A client as its source tells it.
pub(super) fn told(id: Option<String>, name: Option<String>) -> Option<ClientRef> {
    id.map(|id| ClientRef {
        id,
        name,
        critical: None,
        is_known: false,
    })
}

/// How a value of the events is written.
pub(super) fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The value that a row writes so.
pub(super) fn value<T: DeserializeOwned>(word: &str) -> Result<T, LogError> {
    serde_json::from_value(Value::from(word)).map_err(|error| LogError::Corrupt(error.to_string()))
}

/// A text of an opened value; an erased value is erased in all its parts.
pub(super) fn text(opened: &Value, field: &str) -> Option<String> {
    match opened {
        Value::String(erased) => Some(erased.clone()),
        opened => opened[field].as_str().map(str::to_owned),
    }
}
