//! The trail: every event of the log, whatever its context, found by who, what, on what and when.
//!
//! A row only says where in the log to look. Details, reasons and addresses are read from the log
//! itself, so that there is no copy of them to erase.

mod trail;

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, Projection, RecordedEvent, TermColumn, UNREADABLE, Vault};
use events::millis;
use kernel::{Actor, ActorKind, DecodeError};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use self::trail::{Told, read_log};
use crate::apply::data_error;

pub use trail::list_audit_items;

/// Writes the trail.
pub struct Audit;

/// Who acted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditActor {
    pub kind: ActorKind,
    pub id: String,
    /// The user name of a person, the name of a service account.
    pub name: Option<String>,
}

/// One thing that someone did, or was refused (`contracts.md`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditItem {
    pub position: u64,
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    pub actor: AuditActor,
    /// The event's type; of a refusal or a read, the operation.
    pub action: String,
    /// `accepted`, `refused` or `failed`.
    pub outcome: String,
    pub target_type: String,
    pub target_id: String,
    pub reason: Option<String>,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    /// The version that the event was stored in.
    pub schema_version: u32,
    /// The event's data in today's shape; as it was stored, if a newer release wrote it.
    pub details: Value,
    /// Why a sealed part of it does not open, which then reads `illisible`: `damaged`, `key_missing` or
    /// `key_damaged`; absent if it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<&'static str>,
}

/// Which items.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub actor: Option<Actor>,
    /// An action, or its beginning if it ends in `.`.
    pub action: Option<String>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    pub correlation_id: Option<Uuid>,
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
    /// Words, by their beginnings.
    pub q: Option<String>,
    pub limit: u32,
    /// Only older ones than this position.
    pub before: Option<u64>,
    /// Only newer ones than this position, and then the oldest first: for exports and live tails.
    pub after: Option<u64>,
}

#[async_trait]
impl Projection for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn version(&self) -> i32 {
        3
    }

    fn schema(&self) -> &'static str {
        include_str!("../sql/audit.sql")
    }

    fn tables(&self) -> &'static [&'static str] {
        &["audit_items"]
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    /// Each event is a row by itself.
    fn partition_key(&self, event: &RecordedEvent) -> Option<String> {
        Some(event.position.to_string())
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        let marked = marked(tx, events).await?;
        let mut rows = Rows::default();
        let data = events
            .iter()
            .map(|event| match marked.get(&(event.position as i64)) {
                Some(told) => Ok(Cow::Borrowed(&told.data)),
                None => current(event),
            });
        let data = data.collect::<Result<Vec<_>, _>>()?;
        for (event, data) in events.iter().zip(&data) {
            rows.add(event, data, tx.vault());
        }
        sqlx::query(
            "INSERT INTO audit_items (position, at, actor, action, outcome, target_type, target_id,
                                      correlation_id, terms)
             SELECT n.position, n.at, n.actor, n.action, n.outcome, n.target_type, n.target_id,
                    n.correlation_id, ($9::bigint[])[n.first_term:n.last_term]
             FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
                         $7::text[], $8::uuid[], $10::integer[], $11::integer[])
                  AS n(position, at, actor, action, outcome, target_type, target_id, correlation_id, first_term, last_term)
             ON CONFLICT (position) DO NOTHING",
        )
        .bind(rows.position)
        .bind(rows.at)
        .bind(rows.actor)
        .bind(rows.action)
        .bind(rows.outcome)
        .bind(rows.target_type)
        .bind(rows.target_id)
        .bind(rows.correlation_id)
        .bind(rows.terms.all)
        .bind(rows.terms.first)
        .bind(rows.terms.last)
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

/// What those events say that came without data because they do not open: all but the broken parts.
async fn marked(
    tx: &mut ApplyTx<'_>,
    events: &[Arc<RecordedEvent>],
) -> Result<HashMap<i64, Told>, ApplyError> {
    let broken = events.iter().filter(|event| event.data.is_null());
    let positions: Vec<i64> = broken.map(|event| event.position as i64).collect();
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let vault = tx.vault().clone();
    Ok(read_log(tx.conn(), &vault, &positions).await?)
}

/// What the event says, in the shape that is interpreted here. Of an event that this build does not
/// know at all nothing is interpreted: it is listed all the same, for the trail is complete.
fn current(event: &RecordedEvent) -> Result<Cow<'_, Value>, ApplyError> {
    match events::upcast(&event.event_type, event.schema_version, &event.data) {
        Err(DecodeError::Unknown { .. }) => Ok(Cow::Borrowed(&event.data)),
        known => known.map_err(|error| data_error(event, error)),
    }
}

/// A batch, column by column.
#[derive(Default)]
struct Rows<'a> {
    position: Vec<i64>,
    at: Vec<DateTime<Utc>>,
    actor: Vec<String>,
    action: Vec<&'a str>,
    outcome: Vec<&'static str>,
    target_type: Vec<&'a str>,
    target_id: Vec<&'a str>,
    correlation_id: Vec<Uuid>,
    terms: TermColumn,
}

impl<'a> Rows<'a> {
    fn add(&mut self, event: &'a RecordedEvent, data: &'a Value, vault: &Vault) {
        let What {
            action,
            outcome,
            target_type,
            target_id,
        } = what(event, data);
        let mut texts = vec![target_id];
        free_texts(data, &mut texts);
        self.position.push(event.position as i64);
        self.at.push(event.recorded_at);
        self.actor.push(event.metadata.actor.to_string());
        self.action.push(action);
        self.outcome.push(outcome);
        self.target_type.push(target_type);
        self.target_id.push(target_id);
        self.correlation_id.push(event.metadata.correlation_id);
        self.terms.push(Some(vault.index_terms(texts)));
    }
}

struct What<'a> {
    action: &'a str,
    outcome: &'static str,
    target_type: &'a str,
    target_id: &'a str,
}

fn what<'a>(event: &'a RecordedEvent, data: &'a Value) -> What<'a> {
    let told = |field: &str| data.get(field).and_then(Value::as_str);
    let aggregate = What {
        action: &event.event_type,
        outcome: "accepted",
        target_type: &event.aggregate_type,
        target_id: &event.aggregate_id,
    };
    let of_another = |outcome| What {
        action: told("action").unwrap_or(&event.event_type),
        outcome,
        target_type: told("target_type").unwrap_or(&event.aggregate_type),
        target_id: told("target_id").unwrap_or(&event.aggregate_id),
    };
    match event.event_type.as_str() {
        "audit.refusal.recorded" => of_another("refused"),
        "audit.sensitive_read.recorded" => of_another("accepted"),
        "audit.sign_in_failures.counted" => What {
            outcome: "refused",
            ..aggregate
        },
        "safeguard.approval.execution_failed" => What {
            outcome: "failed",
            ..aggregate
        },
        // The id in the log is made of the name the outside knows.
        kind if kind.starts_with("safeguard.tool.") => What {
            target_id: told("name").unwrap_or(&event.aggregate_id),
            ..aggregate
        },
        kind if kind.starts_with("workflow.component.") => What {
            target_id: told("component").unwrap_or(&event.aggregate_id),
            ..aggregate
        },
        kind if kind.starts_with("clients.client.") => What {
            target_id: told("client_id").unwrap_or(&event.aggregate_id),
            ..aggregate
        },
        _ => aggregate,
    }
}

/// The texts of an event but not its ids, references, times and hashes, which have their filters.
fn free_texts<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => {
            let id = text.split_once(':').map_or(text.as_str(), |(_, rest)| rest);
            let is_mechanical = text.starts_with("sha256:")
                || Uuid::try_parse(id).is_ok()
                || DateTime::parse_from_rfc3339(text).is_ok();
            if !is_mechanical && text != UNREADABLE {
                texts.push(text);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| free_texts(item, texts)),
        Value::Object(members) => members
            .values()
            .for_each(|member| free_texts(member, texts)),
        _ => {}
    }
}
