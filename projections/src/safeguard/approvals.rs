//! Writes the approvals and the frames of the feed `safeguard`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::safeguard::{ExecutionOutcome, Status};
use eventlog::{ApplyError, ApplyTx, Audience, Frame, Projection, RecordedEvent};
use events::safeguard::ApprovalEvent;
use kernel::AccreditationLevel;
use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::{
    ApprovalItem, Decision, Execution, TimelineEntry,
    approval_rows::{Row, load, write},
};
use crate::{
    apply::{data_error, decode, last_word},
    names::Names,
};

/// The approvals as they are read. A batch is folded in memory and written at once.
#[derive(Default)]
pub struct Approvals {
    names: Names,
}

struct Postponement {
    approval_id: Uuid,
    user_id: String,
    until: DateTime<Utc>,
    position: u64,
}

#[async_trait]
impl Projection for Approvals {
    fn name(&self) -> &'static str {
        "approvals"
    }

    fn version(&self) -> i32 {
        3
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/approvals.sql")
    }

    fn tables(&self) -> &'static [&'static str] {
        &["approvals", "approval_postponements"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("safeguard.approval.")
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
        let mut rows = load(tx, events).await?;
        let mut frames = Vec::new();
        let mut postponements = Vec::new();
        for event in events {
            let id = event
                .aggregate_id
                .parse()
                .map_err(|error| data_error(event, error))?;
            let what: ApprovalEvent = decode(event)?;
            let (shown, at) = (frame_of(&what), happened_at(&what));
            if let ApprovalEvent::Postponed(postponed) = &what {
                postponements.push(Postponement {
                    approval_id: id,
                    user_id: postponed.by.clone(),
                    until: postponed.until,
                    position: event.position,
                });
            }
            let Some(row) = fold(&mut rows, id, event, what)? else {
                continue;
            };
            if let Some((kind, audience, until)) = shown
                && tx.shows_frames()
            {
                let item = row.item.clone().seen(until, at);
                frames.push((event, kind, audience, item));
            }
        }
        write(tx, rows).await?;
        write_postponements(tx, postponements).await?;
        match frames.is_empty() {
            true => Ok(()),
            false => self.write_frames(tx, frames).await,
        }
    }
}

/// How the feed shows an event: kind, to whom, and until when the card is hidden for him.
fn frame_of(event: &ApprovalEvent) -> Option<(&'static str, Audience, Option<DateTime<Utc>>)> {
    let kind = match event {
        ApprovalEvent::Requested(_) => "safeguard:new_request",
        ApprovalEvent::VoteRecorded(_) => "safeguard:decision_recorded",
        ApprovalEvent::Approved(_) => "safeguard:request_approved",
        ApprovalEvent::Rejected(_) => "safeguard:request_rejected",
        ApprovalEvent::Expired(_) => "safeguard:request_expired",
        ApprovalEvent::Cancelled(_) => "safeguard:request_cancelled",
        ApprovalEvent::Postponed(event) => {
            let user_id = event
                .by
                .strip_prefix("user:")
                .unwrap_or(&event.by)
                .to_owned();
            let until = Some(event.until);
            return Some((
                "safeguard:request_postponed",
                Audience::User(user_id),
                until,
            ));
        }
        // The approval that follows is shown.
        ApprovalEvent::GlassBroken(_) => return None,
        ApprovalEvent::ExecutionClaimed(_) => "safeguard:request_executing",
        ApprovalEvent::Executed(_) | ApprovalEvent::ExecutionFailed(_) => {
            "safeguard:request_executed"
        }
        ApprovalEvent::Lapsed(_) => "safeguard:request_lapsed",
    };
    Some((kind, Audience::Level(AccreditationLevel::N1), None))
}

/// The time of the decision itself, so that a frame is the same whenever it is made.
fn happened_at(event: &ApprovalEvent) -> DateTime<Utc> {
    match event {
        ApprovalEvent::Requested(event) => event.requested_at,
        ApprovalEvent::VoteRecorded(event) => event.voted_at,
        ApprovalEvent::Approved(event) => event.approved_at,
        ApprovalEvent::Rejected(event) => event.rejected_at,
        ApprovalEvent::Expired(event) => event.expired_at,
        ApprovalEvent::Cancelled(event) => event.cancelled_at,
        ApprovalEvent::Postponed(event) => event.postponed_at,
        ApprovalEvent::GlassBroken(event) => event.broken_at,
        ApprovalEvent::ExecutionClaimed(event) => event.claimed_at,
        ApprovalEvent::Executed(event) => event.executed_at,
        ApprovalEvent::ExecutionFailed(event) => event.failed_at,
        ApprovalEvent::Lapsed(event) => event.lapsed_at,
    }
}

/// Applies the event to its row; `None` if the row already says it.
fn fold<'a>(
    rows: &'a mut HashMap<Uuid, Row>,
    id: Uuid,
    event: &RecordedEvent,
    what: ApprovalEvent,
) -> Result<Option<&'a mut Row>, ApplyError> {
    if let (ApprovalEvent::Requested(requested), false) = (&what, rows.contains_key(&id)) {
        let item = ApprovalItem::requested((**requested).clone());
        let row = Row {
            position: 0,
            item,
            decided_at: None,
            has_new_texts: true,
            is_changed: true,
        };
        rows.insert(id, row);
    }
    let Some(row) = rows.get_mut(&id) else {
        return Err(data_error(
            event,
            "it belongs to an approval that was never requested",
        ));
    };
    if event.position <= row.position {
        return Ok(None);
    }
    row.apply(event, what);
    Ok(Some(row))
}

impl Row {
    fn apply(&mut self, recorded: &RecordedEvent, event: ApprovalEvent) {
        let kind = last_word(&recorded.event_type);
        let actor = recorded.metadata.actor.to_string();
        let note = |item: &mut ApprovalItem, at, detail: Option<String>| {
            item.timeline.push(TimelineEntry {
                position: recorded.position,
                at,
                kind: kind.to_owned(),
                by: actor.clone(),
                by_id: actor.clone(),
                detail,
            });
        };
        let item = &mut self.item;
        match event {
            ApprovalEvent::Requested(event) => note(item, event.requested_at, None),
            // `approval_postponements` says who does not want to see it: the approval stays as it was.
            ApprovalEvent::Postponed(_) => return,
            ApprovalEvent::VoteRecorded(event) => {
                item.version = event.version;
                self.has_new_texts |= event.comment.is_some();
                note(item, event.voted_at, event.comment.clone());
                item.decide("approved", event.by, event.voted_at, event.comment);
            }
            ApprovalEvent::Approved(event) => {
                (item.status, item.version) = (Status::Approved, event.version);
                self.decided_at = Some(event.approved_at);
                self.has_new_texts |= event.comment.is_some();
                note(item, event.approved_at, event.comment.clone());
                let is_alone = item.decisions.last().is_some_and(|last| {
                    last.kind == "glass_broken" && last.at == event.approved_at
                });
                // Breaking the glass is the decision; the approval is what follows of it.
                if !is_alone {
                    item.decide("approved", event.by, event.approved_at, event.comment);
                }
            }
            ApprovalEvent::Rejected(event) => {
                (item.status, item.version) = (Status::Rejected, event.version);
                self.decided_at = Some(event.rejected_at);
                self.has_new_texts = true;
                note(item, event.rejected_at, Some(event.reason.clone()));
                item.decide("rejected", event.by, event.rejected_at, Some(event.reason));
            }
            ApprovalEvent::Expired(event) => {
                (item.status, item.version) = (Status::Expired, event.version);
                note(item, event.expired_at, None);
            }
            ApprovalEvent::Cancelled(event) => {
                (item.status, item.version) = (Status::Cancelled, event.version);
                note(item, event.cancelled_at, event.reason);
            }
            ApprovalEvent::GlassBroken(event) => {
                self.has_new_texts = true;
                note(item, event.broken_at, Some(event.reason.clone()));
                item.decide(
                    "glass_broken",
                    event.by,
                    event.broken_at,
                    Some(event.reason),
                );
            }
            ApprovalEvent::ExecutionClaimed(event) => {
                item.status = Status::Executing;
                note(item, event.claimed_at, None);
                item.execution = Some(Execution {
                    grant_id: event.grant_id,
                    claimed_at: event.claimed_at,
                    execute_before: event.execute_before,
                    outcome: None,
                    detail: None,
                    finished_at: None,
                });
            }
            ApprovalEvent::Executed(event) => {
                item.status = Status::Executed;
                self.has_new_texts |= event.detail.is_some();
                note(item, event.executed_at, event.detail.clone());
                item.finish(ExecutionOutcome::Succeeded, event.executed_at, event.detail);
            }
            ApprovalEvent::ExecutionFailed(event) => {
                item.status = Status::ExecutionFailed;
                self.has_new_texts |= event.detail.is_some();
                note(item, event.failed_at, event.detail.clone());
                item.finish(ExecutionOutcome::Failed, event.failed_at, event.detail);
            }
            ApprovalEvent::Lapsed(event) => {
                (item.status, item.version) = (Status::Lapsed, event.version);
                note(item, event.lapsed_at, None);
            }
        }
        self.position = recorded.position;
        self.is_changed = true;
    }
}

impl ApprovalItem {
    fn decide(&mut self, kind: &str, by: String, at: DateTime<Utc>, comment: Option<String>) {
        let (kind, by_id) = (kind.to_owned(), by.clone());
        self.decisions.push(Decision {
            kind,
            by,
            by_id,
            at,
            comment,
        });
    }

    fn finish(&mut self, outcome: ExecutionOutcome, at: DateTime<Utc>, detail: Option<String>) {
        if let Some(execution) = &mut self.execution {
            execution.outcome = Some(outcome);
            execution.finished_at = Some(at);
            execution.detail = detail;
        }
    }
}

async fn write_postponements(
    tx: &mut ApplyTx<'_>,
    postponements: Vec<Postponement>,
) -> Result<(), ApplyError> {
    if postponements.is_empty() {
        return Ok(());
    }
    // The last word of each on each card, in one order for all writers.
    let latest: BTreeMap<(Uuid, String), (DateTime<Utc>, i64)> = postponements
        .into_iter()
        .map(|it| ((it.approval_id, it.user_id), (it.until, it.position as i64)))
        .collect();
    sqlx::query(
        "INSERT INTO approval_postponements AS p (approval_id, user_id, until, position)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[])
         ON CONFLICT (approval_id, user_id)
         DO UPDATE SET until = excluded.until, position = excluded.position
         WHERE p.position < excluded.position",
    )
    .bind(latest.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(latest.keys().map(|key| &*key.1).collect::<Vec<_>>())
    .bind(latest.values().map(|value| value.0).collect::<Vec<_>>())
    .bind(latest.values().map(|value| value.1).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

impl Approvals {
    async fn write_frames(
        &self,
        tx: &mut ApplyTx<'_>,
        frames: Vec<(&Arc<RecordedEvent>, &'static str, Audience, ApprovalItem)>,
    ) -> Result<(), ApplyError> {
        let vault = tx.vault().clone();
        let actors: Vec<String> = frames
            .iter()
            .flat_map(|(.., item)| item.actors().map(str::to_owned))
            .collect();
        let names = self
            .names
            .find(tx.conn(), &vault, actors.iter().map(String::as_str))
            .await?;
        let mut written = Vec::with_capacity(frames.len());
        for (event, kind, audience, mut item) in frames {
            item.name_actors(&names);
            written.push(Frame {
                feed: "safeguard",
                position: event.position,
                kind,
                audience,
                recorded_at: event.recorded_at,
                subject: item.subject(),
                data: to_raw_value(&item).map_err(|error| data_error(event, error))?,
            });
        }
        tx.frames(written).await
    }
}
