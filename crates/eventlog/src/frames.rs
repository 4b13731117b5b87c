//! Live feeds: what each one shows of the log, kept 24 h, handed to open sockets.
//!
//! A feed belongs to one projection, which writes a frame in the transaction that changes the row
//! the frame shows. A socket resumes by position: no gap, no duplicate.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::AccreditationLevel;
use serde_json::value::RawValue;
use sqlx::{PgConnection, PgPool};

use crate::{LogError, Vault, recorded::corrupt};

/// How long frames are kept (`contracts.md`, "Live feeds").
const KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);
const FRAMES_AT_ONCE: usize = 100;

/// Who may see a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everyone of this level or above.
    Level(AccreditationLevel),
    /// One person, by the user's id.
    User(String),
}

/// What a feed shows of one event.
#[derive(Debug, Clone)]
pub struct Frame {
    pub feed: &'static str,
    pub position: u64,
    /// e.g. `safeguard:new_request`.
    pub kind: &'static str,
    pub audience: Audience,
    pub recorded_at: DateTime<Utc>,
    /// Whose personal data it holds: it is kept sealed.
    pub subject: String,
    /// The item as a GET would show it after the event.
    pub data: Box<RawValue>,
}

/// A frame as it goes out to every socket that may see it: serialised once.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedFrame {
    pub position: u64,
    pub audience: Audience,
    /// `{"type","position","at","data"}`.
    pub json: Arc<str>,
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedItem {
    Frame(Arc<SharedFrame>),
    /// The cursor is of no use: fetch everything again, then go on from this position.
    Reset {
        position: u64,
    },
}

impl Audience {
    fn to_text(&self) -> String {
        match self {
            Self::Level(level) => format!("level:{level}"),
            Self::User(id) => format!("user:{id}"),
        }
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, LogError> {
        match text.split_once(':') {
            Some(("level", level)) => Ok(Self::Level(level.parse().map_err(corrupt)?)),
            Some(("user", id)) => Ok(Self::User(id.to_owned())),
            _ => Err(LogError::Corrupt(format!("audience `{text}`"))),
        }
    }
}

/// Writes frames, at most one per feed and position. Old ones, met in a rebuild, are left out.
pub(crate) async fn write_frames(
    conn: &mut PgConnection,
    vault: &Vault,
    frames: Vec<Frame>,
) -> Result<(), LogError> {
    // A few at a time: each may hold 64 KiB of arguments, several times over.
    for frames in frames.chunks(FRAMES_AT_ONCE) {
        write_some(conn, vault, frames).await?;
    }
    Ok(())
}

async fn write_some(
    conn: &mut PgConnection,
    vault: &Vault,
    frames: &[Frame],
) -> Result<(), LogError> {
    let mut sealed = Vec::with_capacity(frames.len());
    for frame in frames {
        sealed.push(vault.seal(&frame.subject, &frame.data).await?);
    }
    fn column<T>(frames: &[Frame], of: impl Fn(&Frame) -> T) -> Vec<T> {
        frames.iter().map(of).collect()
    }
    sqlx::query(
        "INSERT INTO feed_frames (feed, position, kind, audience, sealed, recorded_at)
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[])
              AS n(feed, position, kind, audience, sealed, recorded_at)
         WHERE n.recorded_at > clock_timestamp() - interval '24 hours'
         ON CONFLICT (feed, position) DO NOTHING",
    )
    .bind(column(frames, |frame| frame.feed))
    .bind(column(frames, |frame| frame.position as i64))
    .bind(column(frames, |frame| frame.kind))
    .bind(column(frames, |frame| frame.audience.to_text()))
    .bind(sealed)
    .bind(column(frames, |frame| frame.recorded_at))
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes frames older than 24 h.
pub async fn prune_frames(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, LogError> {
    let pruned = sqlx::query("DELETE FROM feed_frames WHERE recorded_at < $1")
        .bind(now - KEPT)
        .execute(pool)
        .await?;
    Ok(pruned.rows_affected())
}
