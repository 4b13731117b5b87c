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

/// A fact that waits for so long is not merely one of a burst (seconds).
const STANDS_STILL_SECONDS: i64 = 60;

impl Waiting {
    /// Whether facts are not taken in, or far too slowly.
    pub fn stands_still(&self) -> bool {
        self.oldest.num_seconds() > STANDS_STILL_SECONDS
    }
}

/// What waits as of `now`; `None` if the streams are not made yet.
pub async fn look(client: &Client, now: DateTime<Utc>) -> Result<Option<Waiting>, LogError> {
    connected(client)?;
    let context = context(client);
    let found = tokio::try_join!(find(&context, INTAKE), find(&context, REJECTED))?;
    let (Some(intake), Some(rejected)) = found else {
        return Ok(None);
    };
    let state = &intake.cached_info().state;
    // An empty stream has the first time of the calendar there.
    let oldest = match state.messages {
        0 => TimeDelta::zero(),
        _ => i64::try_from(state.first_timestamp.unix_timestamp_nanos())
            .map(|first| now - DateTime::from_timestamp_nanos(first))
            .map_err(nats)?
            .max(TimeDelta::zero()),
    };
    Ok(Some(Waiting {
        unfinished: state.messages,
        oldest,
        rejected: rejected.cached_info().state.messages,
    }))
}
