//! Reading what was refused. It may hold anything, personal data too: every reading is recorded, once
//! per person, fact and hour.

use std::sync::LazyLock;

use ::intake::{Rejected, RejectedMessage};
use serde_json::Value;

use super::shapes::*;
use crate::{App, Problem, caller::Caller, problem::FieldError, shapes::limit};

pub const TARGET: &str = "operations.rejected_fact";
/// A page has so many bytes of bodies at most, and one fact at least.
const PAGE_BYTES: usize = 1024 * 1024;
/// Messages read at once.
const CHUNK: usize = 20;

static SCHEMAS: LazyLock<Vec<(&'static str, Value)>> = LazyLock::new(|| {
    let kinds = events::intake::SUBJECTS.iter();
    kinds
        .map(|(subject, schema)| (*subject, schema().to_value()))
        .collect()
});

/// Where refused facts are; a refusal while there is no NATS.
pub fn rejected(app: &App) -> Result<&Rejected, Problem> {
    app.rejected
        .as_ref()
        .ok_or_else(|| Problem::unavailable("NATS is not configured."))
}

/// Which fact a path names.
pub fn sequence_of(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| unknown())
}

/// The facts that wait, oldest first.
pub async fn list_rejected_facts(
    app: &App,
    caller: &Caller,
    filter: RejectedFilter,
) -> Result<RejectedFactPage, Problem> {
    let most = limit(filter.limit)? as usize;
    let mut after = match filter.cursor.map(|cursor| cursor.parse::<u64>()) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => {
            let detail = "No page gave this cursor.";
            return Err(Problem::field("cursor", "invalid", detail));
        }
    };
    let rejected = rejected(app)?;
    app.audit_repeated_read(caller, "list_rejected_facts", TARGET, None)
        .await?;
    let (mut items, mut bytes) = (Vec::new(), 0);
    loop {
        let chunk = rejected.list(after, CHUNK.min(most + 1)).await?;
        let is_last = chunk.len() < CHUNK.min(most + 1);
        for message in chunk {
            bytes += message.body.len();
            let is_full = items.len() == most || (bytes > PAGE_BYTES && !items.is_empty());
            if is_full {
                return Ok(RejectedFactPage {
                    items,
                    next_cursor: Some(after.to_string()),
                });
            }
            after = message.sequence;
            items.push(shown(message));
        }
        if is_last {
            return Ok(RejectedFactPage {
                items,
                next_cursor: None,
            });
        }
    }
}

/// One fact that waits.
pub async fn get_rejected_fact(
    app: &App,
    caller: &Caller,
    sequence: u64,
) -> Result<RejectedFact, Problem> {
    let message = find(app, sequence).await?;
    let target = sequence.to_string();
    app.audit_repeated_read(caller, "get_rejected_fact", TARGET, Some(&target))
        .await?;
    Ok(shown(message))
}

/// A fact that waits; `not_found` if it was dealt with, or never was.
pub async fn find(app: &App, sequence: u64) -> Result<RejectedMessage, Problem> {
    rejected(app)?.get(sequence).await?.ok_or_else(unknown)
}

/// The kinds of facts that are taken.
pub fn fact_schemas() -> FactSchemas {
    let items = SCHEMAS.iter().map(|(subject, schema)| FactSchema {
        subject: (*subject).to_owned(),
        schema: schema.clone(),
    });
    FactSchemas {
        items: items.collect(),
        next_cursor: None,
    }
}

fn unknown() -> Problem {
    Problem::not_found("No rejected fact of this sequence waits (any more).")
}

fn shown(message: RejectedMessage) -> RejectedFact {
    let errors = message.errors.into_iter().map(|error| FieldError {
        field: error.field,
        code: error.code,
    });
    RejectedFact {
        sequence: message.sequence,
        subject: message.subject,
        service: message.service,
        code: message.code,
        detail: message.detail,
        errors: errors.collect(),
        received_at: message.received_at,
        body: String::from_utf8_lossy(&message.body).into_owned(),
        size: message.body.len() as u64,
    }
}
