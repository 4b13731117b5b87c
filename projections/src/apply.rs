//! What every projection needs to apply events.

use eventlog::{ApplyError, RecordedEvent};
use kernel::EventType;

/// Reads the event, or says that this build cannot.
pub fn decode<E: EventType>(event: &RecordedEvent) -> Result<E, ApplyError> {
    event.decode().map_err(|error| data_error(event, error))
}

/// What the event holds cannot be applied, however often it is tried.
pub fn data_error(event: &RecordedEvent, reason: impl std::fmt::Display) -> ApplyError {
    ApplyError::Data {
        position: event.position,
        reason: reason.to_string(),
    }
}

/// The last word of an event's type, e.g. `approved`.
pub fn last_word(event_type: &str) -> &str {
    event_type.rsplit('.').next().unwrap_or(event_type)
}
