//! The words every crate shares. No I/O, no context: adding a context never edits this crate.

mod actor;
mod aggregate;
mod clock;
mod event;
mod ids;
pub mod json;
mod level;
mod tagged;
mod time;

pub use actor::{Actor, ActorKind};
pub use aggregate::LogAggregate;
pub use clock::{Clock, SystemClock};
pub use event::{
    Claim, DeadlineChange, DecodeError, EventType, Metadata, Origin, PersonalField, Series,
    Upcaster, current_version, upcast,
};
pub use ids::{AggregateId, InvalidAggregateId, new_id};
pub use level::{AccreditationLevel, ActionLevel, UnknownLevel};
pub use time::{millis, optional_millis};
