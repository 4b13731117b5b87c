//! Pages of lists: a cursor says after which row the next page starts.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use eventlog::LogError;
use serde::Serialize;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Asks for the rest; `None` at the end.
    pub next_cursor: Option<String>,
}

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The cursor is not one of ours.
    #[error("the cursor is not valid")]
    InvalidCursor,
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error.into())
    }
}

/// One row too many was asked for: if it came, there is a next page after the last one kept.
pub(crate) fn page<T>(mut rows: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Page<T> {
    let is_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| is_more).map(cursor);
    Page {
        items: rows,
        next_cursor,
    }
}

/// `<milliseconds>_<key>`: a place in a list ordered by a time.
pub(crate) fn time_cursor(at: DateTime<Utc>, key: impl std::fmt::Display) -> String {
    format!("{}_{key}", at.timestamp_millis())
}

pub(crate) fn parse_time_cursor<K: FromStr>(
    cursor: Option<&str>,
) -> Result<Option<(DateTime<Utc>, K)>, ReadError> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let parsed = cursor.split_once('_').and_then(|(millis, key)| {
        let at = DateTime::from_timestamp_millis(millis.parse().ok()?)?;
        Some((at, key.parse().ok()?))
    });
    parsed.map(Some).ok_or(ReadError::InvalidCursor)
}
