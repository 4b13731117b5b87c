//! The tool registry as it is read.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, Projection, RecordedEvent};
use events::{
    millis,
    safeguard::{ToolDescription, ToolEvent},
};
use kernel::ActionLevel;
use serde::Serialize;
use sqlx::{PgPool, Row, postgres::PgRow};

use crate::{ReadError, apply::decode};

/// Writes the tool registry.
pub struct Tools;

/// A tool of the registry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolRow {
    pub name: String,
    pub level: ActionLevel,
    pub description: ToolDescription,
    pub schema_fingerprint: Option<String>,
    pub version: u64,
    #[serde(serialize_with = "millis")]
    pub updated_at: DateTime<Utc>,
}

#[async_trait]
impl Projection for Tools {
    fn name(&self) -> &'static str {
        "tools"
    }

    fn version(&self) -> i32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/tools.sql")
    }

    fn tables(&self) -> &'static [&'static str] {
        &["tools"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("safeguard.tool.")
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
            let (name, level, description, fingerprint, at) = match decode(event)? {
                ToolEvent::Registered(e) => (
                    e.name,
                    e.level,
                    e.description,
                    e.schema_fingerprint,
                    e.registered_at,
                ),
                ToolEvent::Reclassified(e) => (
                    e.name,
                    e.level,
                    e.description,
                    e.schema_fingerprint,
                    e.reclassified_at,
                ),
            };
            sqlx::query(
                "INSERT INTO tools AS t (name, level, description_fr, description_en,
                                         schema_fingerprint, version, updated_at, position)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (name) DO UPDATE SET level = $2, description_fr = $3, description_en = $4,
                     schema_fingerprint = $5, version = $6, updated_at = $7, position = $8
                 WHERE t.position < $8",
            )
            .bind(name)
            .bind(level.as_str())
            .bind(description.fr)
            .bind(description.en)
            .bind(fingerprint)
            .bind(event.sequence as i64)
            .bind(at)
            .bind(event.position as i64)
            .execute(tx.conn())
            .await?;
        }
        Ok(())
    }
}

/// Every tool, by name.
pub async fn list_tools(pool: &PgPool) -> Result<Vec<ToolRow>, ReadError> {
    let rows = sqlx::query("SELECT * FROM tools ORDER BY name")
        .fetch_all(pool)
        .await?;
    rows.iter().map(from_row).collect()
}

pub async fn find_tool(pool: &PgPool, name: &str) -> Result<Option<ToolRow>, ReadError> {
    let row = sqlx::query("SELECT * FROM tools WHERE name = $1")
        .bind(name)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(from_row).transpose()
}

fn from_row(row: &PgRow) -> Result<ToolRow, ReadError> {
    let level: String = row.try_get("level")?;
    Ok(ToolRow {
        name: row.try_get("name")?,
        level: level
            .parse()
            .map_err(|_| eventlog::LogError::Corrupt(level))?,
        description: ToolDescription {
            fr: row.try_get("description_fr")?,
            en: row.try_get("description_en")?,
        },
        schema_fingerprint: row.try_get("schema_fingerprint")?,
        version: row.try_get::<i64, _>("version")? as u64,
        updated_at: row.try_get("updated_at")?,
    })
}
