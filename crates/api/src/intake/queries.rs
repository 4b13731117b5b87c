//! Reading what was refused. It may hold anything, personal data too: every reading is recorded, once
//! per person, fact and hour.

use std::{collections::BTreeMap, sync::LazyLock};

use ::intake::{Counts, Rejected, RejectedMessage};
use serde_json::Value;

use super::shapes::*;
use crate::{App, Problem, caller::Caller, problem::FieldError, shapes::limit};

pub const TARGET: &str = "operations.rejected_fact";
/// A page has so many bytes of bodies at most, and one fact at least.
const PAGE_BYTES: usize = 1024 * 1024;
/// Messages read at once.
const CHUNK: usize = 20;
/// What is read at most for a page whose filter wants few: then it is short, and the next one goes on.
const MOST_READ: usize = 5_000;
const MOST_READ_BYTES: usize = 32 * 1024 * 1024;

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
    let after = match filter.cursor.as_ref().map(|cursor| cursor.parse::<u64>()) {
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
    let wanted = Wanted::new(filter.service, filter.code);
    let page = match filter.cursor {
        None => first_page(&*rejected.counts().await?, &wanted),
        Some(_) => RejectedFactPage::default(),
    };
    fill(page, rejected, after, most, &wanted).await
}

/// Puts the facts after a sequence on a page, `most` at most.
async fn fill(
    mut page: RejectedFactPage,
    rejected: &Rejected,
    mut after: u64,
    most: usize,
    wanted: &Wanted,
) -> Result<RejectedFactPage, Problem> {
    let mut walk = rejected.walk(after, u64::MAX);
    if wanted.is_all() {
        walk = walk.by(CHUNK.min(most + 1));
    }
    let mut bytes = 0;
    while let Some(message) = walk.next().await? {
        let (messages, read) = walk.given();
        let sequence = message.sequence;
        if wanted.has(&message) {
            bytes += message.body.len();
            let is_full =
                page.items.len() == most || (bytes > PAGE_BYTES && !page.items.is_empty());
            if is_full {
                page.next_cursor = Some(after.to_string());
                break;
            }
            page.items.push(shown(message));
        }
        after = sequence;
        if messages >= MOST_READ || read >= MOST_READ_BYTES {
            page.next_cursor = Some(after.to_string());
            break;
        }
    }
    Ok(page)
}

/// Facts of one service, or of one code, or of both; of all without any.
pub struct Wanted {
    service: Option<String>,
    code: Option<String>,
}

impl Wanted {
    pub fn new(service: Option<String>, code: Option<String>) -> Self {
        Self { service, code }
    }

    pub fn has(&self, message: &RejectedMessage) -> bool {
        self.has_service(&message.service) && self.has_code(&message.code)
    }

    fn has_service(&self, service: &str) -> bool {
        self.service.as_ref().is_none_or(|it| it == service)
    }

    fn has_code(&self, code: &str) -> bool {
        self.code.as_ref().is_none_or(|it| it == code)
    }

    fn is_all(&self) -> bool {
        self.service.is_none() && self.code.is_none()
    }
}

/// What the first page says of all the others.
fn first_page(counts: &Counts, wanted: &Wanted) -> RejectedFactPage {
    let (mut by_code, mut total) = (BTreeMap::<&str, u64>::new(), 0);
    let kinds = counts.kinds.iter();
    for ((_, code), count) in kinds.filter(|((service, _), _)| wanted.has_service(service)) {
        *by_code.entry(code).or_default() += count;
        total += if wanted.has_code(code) { *count } else { 0 };
    }
    let by_code = by_code.into_iter().map(|(code, count)| CodeCount {
        code: code.to_owned(),
        count,
    });
    let mut by_code: Vec<CodeCount> = by_code.collect();
    by_code.sort_by_key(|it| std::cmp::Reverse(it.count));
    RejectedFactPage {
        total: Some(total),
        by_code: Some(by_code),
        is_more_than_counted: Some(counts.is_more),
        last_sequence: Some(counts.last_sequence),
        ..RejectedFactPage::default()
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
