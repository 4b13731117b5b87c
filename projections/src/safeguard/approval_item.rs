//! An approval as it is read, and how its personal parts are kept apart from the rest.

use chrono::{DateTime, TimeDelta, Utc};
use domain::safeguard::{ExecutionOutcome, Status};
use events::{ERASED, millis, optional_millis, safeguard::*};
use kernel::ActionLevel;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// How soon a pending request expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// 15 min or less.
    Red,
    /// 45 min or less.
    Yellow,
    Green,
}

impl Urgency {
    const RED: TimeDelta = TimeDelta::minutes(15);
    const YELLOW: TimeDelta = TimeDelta::minutes(45);

    pub fn of(time_left: TimeDelta) -> Self {
        if time_left <= Self::RED {
            Self::Red
        } else if time_left <= Self::YELLOW {
            Self::Yellow
        } else {
            Self::Green
        }
    }

    /// The expiries of this urgency: after the first time, up to the second.
    pub(super) fn expiries(
        self,
        now: DateTime<Utc>,
    ) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        match self {
            Self::Red => (None, Some(now + Self::RED)),
            Self::Yellow => (Some(now + Self::RED), Some(now + Self::YELLOW)),
            Self::Green => (Some(now + Self::YELLOW), None),
        }
    }
}

/// Why the action is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub ticket_id: Option<i64>,
    pub ticket_title: Option<String>,
    pub ticket_description: Option<String>,
    pub client_id: Option<String>,
    pub client_name: Option<String>,
    pub client_critical: bool,
    pub workflow: Option<String>,
    pub confidence: Option<u8>,
}

/// A decision of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `approved`, `rejected` or `glass_broken`.
    pub kind: String,
    /// The user name; the reference if it is not known.
    pub by: String,
    /// `user:<uuid>`.
    pub by_id: String,
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    pub comment: Option<String>,
}

/// How far the granted action is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    pub grant_id: Uuid,
    #[serde(serialize_with = "millis")]
    pub claimed_at: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub execute_before: DateTime<Utc>,
    pub outcome: Option<ExecutionOutcome>,
    pub detail: Option<String>,
    #[serde(serialize_with = "optional_millis")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// Something that happened to an approval. Postponements are personal and not among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub position: u64,
    #[serde(serialize_with = "millis")]
    pub at: DateTime<Utc>,
    /// The last word of the event's type, e.g. `vote_recorded`.
    pub kind: String,
    /// The user name, or the reference of whoever is not a person.
    pub by: String,
    pub by_id: String,
    pub detail: Option<String>,
}

/// An approval as read (`contracts.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalItem {
    pub id: Uuid,
    pub reference: String,
    pub status: Status,
    pub version: u64,
    pub tool_name: String,
    pub arguments: Value,
    pub arguments_hash: String,
    pub security_level: ActionLevel,
    pub context: Context,
    pub requested_by: String,
    pub on_behalf_of: Option<String>,
    #[serde(serialize_with = "millis")]
    pub requested_at: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub expires_at: DateTime<Utc>,
    /// For the reader: until when he hid the card.
    #[serde(serialize_with = "optional_millis")]
    pub postponed_until: Option<DateTime<Utc>>,
    pub required_approvals: u8,
    pub decisions: Vec<Decision>,
    pub execution: Option<Execution>,
    /// While pending.
    pub urgency: Option<Urgency>,
    pub timeline: Vec<TimelineEntry>,
}

impl ApprovalItem {
    pub(super) fn requested(event: ApprovalRequested) -> Self {
        let context = event.context;
        Self {
            id: event.approval_id,
            reference: event.reference,
            status: Status::Pending,
            version: 1,
            tool_name: event.tool_name,
            arguments: event.arguments,
            arguments_hash: event.arguments_hash,
            security_level: event.security_level,
            context: Context {
                ticket_id: context.ticket_id,
                ticket_title: context.ticket_title,
                ticket_description: context.ticket_description,
                client_id: context.client_id,
                client_name: context.client_name,
                client_critical: context.client_critical,
                workflow: context.workflow,
                confidence: context.confidence,
            },
            requested_by: event.requested_by,
            on_behalf_of: event.on_behalf_of,
            requested_at: event.requested_at,
            expires_at: event.expires_at,
            postponed_until: None,
            required_approvals: event.required_approvals,
            decisions: Vec::new(),
            execution: None,
            urgency: None,
            timeline: Vec::new(),
        }
    }

    /// Whose personal data it holds; see [`approval_subject`]. Nothing personal is left once that
    /// person is erased.
    pub(super) fn subject(&self) -> String {
        let id = self.id.to_string();
        let client_id = self.context.client_id.as_deref();
        approval_subject(
            &id,
            self.on_behalf_of.as_deref(),
            &self.arguments,
            client_id,
        )
        .unwrap_or_else(|| format!("approval:{id}"))
    }

    /// What it is for a reader now.
    pub(super) fn seen(
        mut self,
        postponed_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        self.postponed_until = postponed_until.filter(|until| *until > now);
        self.urgency = (self.status == Status::Pending).then(|| Urgency::of(self.expires_at - now));
        self
    }

    /// The texts it can be found by.
    pub(super) fn texts(&self) -> Vec<&str> {
        let context = &self.context;
        let mut texts = vec![self.reference.as_str(), &self.tool_name];
        leaves(&self.arguments, &mut texts);
        let optional = [
            &self.on_behalf_of,
            &context.client_id,
            &context.client_name,
            &context.workflow,
            &context.ticket_title,
        ];
        texts.extend(optional.into_iter().flatten().map(String::as_str));
        texts.extend(
            self.decisions
                .iter()
                .filter_map(|decision| decision.comment.as_deref()),
        );
        texts.extend(
            self.execution
                .iter()
                .filter_map(|execution| execution.detail.as_deref()),
        );
        texts.extend(context.ticket_description.as_deref());
        texts
    }

    /// The actors whose names are shown.
    pub(super) fn actors(&self) -> impl Iterator<Item = &str> {
        let deciders = self
            .decisions
            .iter()
            .map(|decision| decision.by_id.as_str());
        deciders.chain(self.timeline.iter().map(|entry| entry.by_id.as_str()))
    }

    pub(super) fn name_actors(&mut self, names: &std::collections::HashMap<String, String>) {
        let decisions = self
            .decisions
            .iter_mut()
            .map(|decision| (&mut decision.by, &decision.by_id));
        let timeline = self
            .timeline
            .iter_mut()
            .map(|entry| (&mut entry.by, &entry.by_id));
        for (by, by_id) in decisions.chain(timeline) {
            by.clone_from(names.get(by_id).unwrap_or(by_id));
        }
    }
}

fn leaves<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, texts)),
        _ => {}
    }
}

/// Takes the personal parts out: what is left has the text of an erased value in their places.
pub(super) fn split(mut doc: Value) -> (Value, Value) {
    let mut personal = Map::new();
    for pointer in personal_pointers(&doc) {
        match doc.pointer_mut(&pointer) {
            None | Some(Value::Null) => {}
            Some(place) => {
                personal.insert(pointer, std::mem::replace(place, json!(ERASED)));
            }
        }
    }
    (doc, Value::Object(personal))
}

/// Puts the personal parts back. If they are erased, the document says so in each place.
pub(super) fn join(mut doc: Value, personal: Value) -> Value {
    if let Value::Object(personal) = personal {
        for (pointer, value) in personal {
            if let Some(place) = doc.pointer_mut(&pointer) {
                *place = value;
            }
        }
    }
    doc
}

fn personal_pointers(doc: &Value) -> Vec<String> {
    let mut pointers: Vec<String> = [
        "/arguments",
        "/on_behalf_of",
        "/context/ticket_title",
        "/context/ticket_description",
        "/context/client_name",
        "/execution/detail",
    ]
    .map(str::to_owned)
    .into();
    for (list, field) in [("decisions", "comment"), ("timeline", "detail")] {
        let length = doc[list].as_array().map_or(0, Vec::len);
        pointers.extend((0..length).map(|index| format!("/{list}/{index}/{field}")));
    }
    pointers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgency_changes_at_15_and_45_minutes() {
        let of = |minutes| Urgency::of(TimeDelta::minutes(minutes));
        assert_eq!(
            [of(-1), of(15), of(16), of(45), of(46)].map(|u| json!(u)),
            ["red", "red", "yellow", "yellow", "green"]
        );
    }

    #[test]
    fn personal_parts_come_out_and_go_back() {
        let doc = json!({
            "id": 1, "arguments": {"username": "jean.dupont"}, "on_behalf_of": null,
            "context": {"ticket_title": "Jean Dupont", "workflow": "SUPPORT"},
            "decisions": [{"by": "user:1", "comment": "vu avec Jean Dupont"}],
            "timeline": [{"by": "user:1", "detail": null}], "execution": null
        });
        let (clear, personal) = split(doc.clone());
        assert!(
            !clear.to_string().to_lowercase().contains("dupont"),
            "{clear}"
        );
        assert_eq!(join(clear.clone(), personal), doc);
        let erased = join(clear, json!(ERASED));
        assert_eq!(erased["decisions"][0]["comment"], ERASED);
        assert_eq!(erased["context"]["workflow"], "SUPPORT");
    }
}
