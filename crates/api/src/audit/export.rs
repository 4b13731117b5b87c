//! The audit trail: in pages, or as an export of any size that is written while it is read.

use std::{io, str::FromStr};

use axum::{
    body::Bytes,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use kernel::Actor;
use projections::{
    Page,
    audit::{self as rows, AuditItem},
};
use uuid::Uuid;

use super::shapes::{AuditFilter, Format};
use crate::{
    App, Problem,
    caller::Caller,
    commands::POSITION,
    exports::{Parts, harmless},
    min_position::{AsOf, MinPosition},
    shapes::limit,
};

/// The projection these queries read.
const READS: &[&str] = &["audit"];
/// Items fetched at once while exporting.
const PAGE: u32 = 200;
const COLUMNS: [&str; 17] = [
    "position",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "outcome",
    "target_type",
    "target_id",
    "reason",
    "ip_address",
    "user_agent",
    "correlation_id",
    "causation_id",
    "details",
    "schema_version",
    "unreadable",
];

/// A page of the trail, the latest first. The reading is itself recorded, once per hour.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &AuditFilter,
    from: MinPosition,
) -> Result<AsOf<Page<AuditItem>>, Problem> {
    let limit = limit(filter.limit)?;
    let mut wanted = wanted(app, filter)?;
    wanted.limit = limit + 1;
    wanted.before =
        match &filter.cursor {
            Some(cursor) => {
                let before = cursor.parse();
                Some(before.map_err(|_| {
                    Problem::field("cursor", "invalid", "No page gave this cursor.")
                })?)
            }
            None => None,
        };
    let position = app.reached(READS, from).await?;
    app.audit_repeated_read(caller, "list_audit_items", "audit", None)
        .await?;
    let mut items = rows::list_audit_items(app.log.pool(), app.log.vault(), &wanted).await?;
    let is_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items
        .last()
        .filter(|_| is_more)
        .map(|item| item.position.to_string());
    Ok(AsOf {
        position,
        body: Page { items, next_cursor },
    })
}

/// Everything that matches, the oldest first. The export is itself recorded before it begins.
pub async fn export(
    app: &App,
    caller: &Caller,
    filter: AuditFilter,
    format: Format,
    from: MinPosition,
) -> Result<Response, Problem> {
    let wanted = wanted(app, &filter)?;
    let place = app.exports.begin(&caller.actor)?;
    let position = app.reached(READS, from).await?;
    app.audit_read(caller, "list_audit_items", "audit").await?;
    let start = Export {
        app: app.clone(),
        wanted,
        format,
        after: 0,
        is_first: true,
    };
    let (kind, name) = match format {
        Format::Csv => (
            "text/csv; charset=utf-8",
            "attachment; filename=\"audit.csv\"",
        ),
        _ => (
            "application/x-ndjson",
            "attachment; filename=\"audit.jsonl\"",
        ),
    };
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, kind.into()),
        (header::CONTENT_DISPOSITION, name.into()),
        (POSITION, position.to_string()),
    ];
    Ok((headers, place.body(start)).into_response())
}

struct Export {
    app: App,
    wanted: rows::AuditFilter,
    format: Format,
    after: u64,
    is_first: bool,
}

impl Parts for Export {
    async fn next(&mut self) -> io::Result<(Bytes, bool)> {
        self.wanted.after = Some(self.after);
        self.wanted.limit = PAGE;
        let found =
            rows::list_audit_items(self.app.log.pool(), self.app.log.vault(), &self.wanted).await;
        let items = found.map_err(|error| {
            tracing::error!(error = %error, "an export of the audit trail broke off");
            io::Error::other("the export broke off")
        })?;
        let text = match self.format {
            Format::Csv => audit_csv(&items, self.is_first)?,
            _ => jsonl(&items)?,
        };
        self.after = items.last().map_or(self.after, |item| item.position);
        self.is_first = false;
        Ok((Bytes::from(text), items.len() == PAGE as usize))
    }
}

fn jsonl(items: &[AuditItem]) -> Result<Vec<u8>, io::Error> {
    let mut text = Vec::new();
    for item in items {
        serde_json::to_writer(&mut text, item)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Items as lines of CSV, every cell harmless in a spreadsheet; with the line of names, if asked.
pub fn audit_csv(items: &[AuditItem], with_head: bool) -> Result<Vec<u8>, io::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_head {
        writer.write_record(COLUMNS)?;
    }
    for item in items {
        let actor = Actor {
            kind: item.actor.kind,
            id: String::new(),
        }
        .to_string();
        let text =
            |text: &Option<String>| harmless(text.as_deref().unwrap_or_default()).into_owned();
        writer.write_record([
            item.position.to_string(),
            item.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            actor.trim_end_matches(':').to_owned(),
            harmless(&item.actor.id).into_owned(),
            text(&item.actor.name),
            item.action.clone(),
            item.outcome.clone(),
            item.target_type.clone(),
            harmless(&item.target_id).into_owned(),
            text(&item.reason),
            text(&item.ip_address),
            text(&item.user_agent),
            item.correlation_id.to_string(),
            item.causation_id
                .map(|id: Uuid| id.to_string())
                .unwrap_or_default(),
            harmless(&item.details.to_string()).into_owned(),
            item.schema_version.to_string(),
            item.unreadable.unwrap_or_default().to_owned(),
        ])?;
    }
    writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

fn wanted(app: &App, filter: &AuditFilter) -> Result<rows::AuditFilter, Problem> {
    let texts = [
        &filter.action,
        &filter.target_type,
        &filter.target_id,
        &filter.q,
        &filter.actor,
    ];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(Problem::invalid("U+0000 is nowhere."));
    }
    let actor = filter.actor.as_deref().map(|text| actor(app, text));
    Ok(rows::AuditFilter {
        actor,
        action: filter.action.clone(),
        target_type: filter.target_type.clone(),
        target_id: filter.target_id.clone(),
        from: filter.from,
        to: filter.to,
        q: filter.q.clone(),
        limit: PAGE,
        ..rows::AuditFilter::default()
    })
}

/// `user:<id>`, `service:<name>`, or a user name; an unknown one matches nothing.
fn actor(app: &App, text: &str) -> Actor {
    match (Actor::from_str(text), app.accounts.person_named(text)) {
        (Ok(actor), _) => actor,
        (_, Some(person)) => Actor::user(person.id),
        _ => Actor::user(text),
    }
}
