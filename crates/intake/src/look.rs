//! A look at both streams from outside, which makes nothing.

use async_nats::Client;
use chrono::{DateTime, TimeDelta, Utc};
use eventlog::LogError;

use crate::stream::{INTAKE, REJECTED, connected, context, find, nats};

/// What waits, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Facts in `INTAKE`.
    pub unfinished: u64,
    /// Age of the oldest of them; zero if there is none.
    pub oldest: TimeDelta,
    /// Facts in `REJECTED`.
    pub rejected: u64,
}

/// What waits as of `now`; `None` if the streams are not made yet.
pub async fn look(client: &Client, now: DateTime<Utc>) -> Result<Option<Waiting>, LogError> {
    connected(client)?;
    let context = context(client);
    let Some(intake) = find(&context, INTAKE).await? else {
        return Ok(None);
    };
    let Some(rejected) = find(&context, REJECTED).await? else {
        return Ok(None);
    };
    let state = &intake.cached_info().state;
    let first = i64::try_from(state.first_timestamp.unix_timestamp_nanos())
        .map(DateTime::from_timestamp_nanos)
        .map_err(nats)?;
    let oldest = match state.messages {
        0 => TimeDelta::zero(),
        _ => (now - first).max(TimeDelta::zero()),
    };
    Ok(Some(Waiting {
        unfinished: state.messages,
        oldest,
        rejected: rejected.cached_info().state.messages,
    }))
}
