//! What the log asks of an aggregate beyond cqrs-es's own trait.

use cqrs_es::Aggregate;
use serde_json::Value;

use crate::EventType;

/// An aggregate that lives in the log. Its `TYPE` is `<context>.<aggregate>`.
pub trait LogAggregate: Aggregate<Event: EventType> + Clone + 'static {
    /// The number a caller names to say what he saw; it counts what he decides on, not every event.
    fn version(&self) -> u64;

    /// What a command answers beyond id, version and position, e.g. a reference. It is kept with
    /// the command for 30 days: nothing personal.
    fn outcome(&self) -> Value {
        Value::Null
    }
}
