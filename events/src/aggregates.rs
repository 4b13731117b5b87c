//! Every event enum in one list, for what is asked of all events: upcasting without knowing the
//! enum, the schemas, the catalogue.

use std::borrow::Cow;

use kernel::{ActorKind, DecodeError, EventType, PersonalField, Upcaster};
use schemars::Schema;
use serde_json::Value;

use crate::{
    audit::{RefusalEvent, SensitiveReadEvent, SignInFailuresEvent},
    clients::ClientEvent,
    knowledge::EnrichmentEvent,
    operations::{BackupEvent, ProjectionEvent, RejectedFactEvent},
    safeguard::{ApprovalEvent, ToolEvent},
    sentinel::{AlertEvent, MaintenanceEvent},
    support::TicketEvent,
    users::{ServiceAccountEvent, SessionEvent, UserEvent},
    workflow::{ComponentEvent, WorkflowErrorEvent},
};

/// `data` as it would be written today, with its personal fields.
type Rewritten = (Value, Vec<PersonalField>);

/// The event enum of one aggregate, as functions.
pub struct AggregateEvents {
    /// Every persisted literal of it.
    pub type_names: &'static [&'static str],
    /// The JSON Schema of each event's `data` as it is stored today.
    pub schemas: fn() -> Vec<(&'static str, Schema)>,
    /// The kinds of actors that may cause an event.
    pub emitters: fn(&str) -> Option<&'static [ActorKind]>,
    /// The steps from version 1 of an event to today's.
    pub upcasters: fn(&str) -> &'static [Upcaster],
    /// Reads opened `data` of a version and writes it as today, with its personal fields.
    pub rewrite: fn(&str, u32, &Value) -> Result<Rewritten, DecodeError>,
}

macro_rules! aggregates {
    ($($event:ident),+ $(,)?) => {
        &[$(AggregateEvents {
            type_names: $event::TYPE_NAMES,
            schemas: $event::schemas,
            emitters: $event::emitters,
            upcasters: $event::upcasters,
            rewrite: rewrite::<$event>,
        }),+]
    };
}

/// All of them, context by context.
pub const AGGREGATES: &[AggregateEvents] = aggregates![
    ApprovalEvent,
    ToolEvent,
    ClientEvent,
    UserEvent,
    SessionEvent,
    ServiceAccountEvent,
    RefusalEvent,
    SensitiveReadEvent,
    SignInFailuresEvent,
    ProjectionEvent,
    RejectedFactEvent,
    BackupEvent,
    AlertEvent,
    MaintenanceEvent,
    TicketEvent,
    EnrichmentEvent,
    WorkflowErrorEvent,
    ComponentEvent,
];

/// Brings opened `data` of any event to today's shape, for readers that do not decode it.
pub fn upcast<'a>(
    type_name: &str,
    stored_version: u32,
    data: &'a Value,
) -> Result<Cow<'a, Value>, DecodeError> {
    let Some(aggregate) = of(type_name) else {
        return Err(DecodeError::Unknown {
            type_name: type_name.to_owned(),
        });
    };
    let steps = (aggregate.upcasters)(type_name);
    if stored_version == kernel::current_version(steps) {
        return Ok(Cow::Borrowed(data));
    }
    kernel::upcast(type_name, stored_version, steps, data.clone()).map(Cow::Owned)
}

fn of(type_name: &str) -> Option<&'static AggregateEvents> {
    AGGREGATES
        .iter()
        .find(|aggregate| aggregate.type_names.contains(&type_name))
}

fn rewrite<E: EventType>(
    type_name: &str,
    stored_version: u32,
    data: &Value,
) -> Result<Rewritten, DecodeError> {
    let event = E::decode(type_name, stored_version, data)?;
    let data = event.encode().map_err(|source| DecodeError::Shape {
        type_name: type_name.to_owned(),
        source,
    })?;
    Ok((data, event.personal()))
}
