//! Projections: read models that the log alone writes. Rows and checkpoint change in one
//! transaction, so each event takes effect exactly once.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgConnection;

use crate::{Frame, LogError, RecordedEvent, Vault, frames::write_frames, writer::is_disk_full};

/// Why a batch could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// What an event holds cannot be applied: trying again changes nothing.
    #[error("event {position}: {reason}")]
    Data { position: u64, reason: String },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A read model. It writes nothing but its own tables and its feed's frames, and has no effect
/// outside: it is replayed.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// Raised when the shape of the rows changes: they are then filled beside those of other
    /// versions, which go on.
    fn version(&self) -> i32;

    /// Its tables, made if they are not there. Names are unqualified: the tables lie in a schema of
    /// this version.
    fn schema(&self) -> &'static str;

    /// The names of its tables.
    fn tables(&self) -> &'static [&'static str];

    fn wants(&self, event_type: &str) -> bool;

    /// Whose rows the event changes; it changes none of another key. If it cannot be applied, what
    /// follows of its key waits and the rest flows. Without a key the projection stops there.
    fn partition_key(&self, _event: &RecordedEvent) -> Option<String> {
        None
    }

    /// Applies wanted events: all or nothing, those of one key in order.
    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError>;
}

/// What a projection may touch while it applies.
pub struct ApplyTx<'a> {
    pub(crate) conn: &'a mut PgConnection,
    pub(crate) vault: &'a Vault,
    pub(crate) shows_frames: bool,
}

impl ApplyTx<'_> {
    pub fn conn(&mut self) -> &mut PgConnection {
        self.conn
    }

    pub fn vault(&self) -> &Vault {
        self.vault
    }

    /// Whether frames are wanted: in a rebuild they were shown long ago.
    pub fn shows_frames(&self) -> bool {
        self.shows_frames
    }

    /// Writes what the feeds show of the events: at most one frame per feed and position.
    pub async fn frames(&mut self, frames: Vec<Frame>) -> Result<(), ApplyError> {
        if frames.is_empty() || !self.shows_frames {
            return Ok(());
        }
        Ok(write_frames(self.conn, self.vault, frames).await?)
    }
}

impl ApplyError {
    /// Whether what the event holds is at fault: an outage never is.
    pub(crate) fn is_data(&self) -> bool {
        match self {
            Self::Data { .. } | Self::Log(LogError::Decode(_) | LogError::Corrupt(_)) => true,
            Self::Database(error) | Self::Log(LogError::Database(error)) => {
                let code = error.as_database_error().and_then(|error| error.code());
                // Data exceptions and violated constraints.
                code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Log(_) => false,
        }
    }

    /// Whether another transaction was in the way, which has gone on: a deadlock, or a failed
    /// serialisation.
    pub(crate) fn is_collision(&self) -> bool {
        let (Self::Database(error) | Self::Log(LogError::Database(error))) = self else {
            return false;
        };
        let code = error.as_database_error().and_then(|error| error.code());
        code.is_some_and(|code| matches!(&*code, "40001" | "40P01"))
    }

    /// What may be shown of it: no value of an event, which may be personal.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Data { position, .. } => format!("event {position}: {}", self.without_values()),
            _ if self.is_data() => self.without_values(),
            Self::Database(error) | Self::Log(LogError::Database(error)) if is_disk_full(error) => {
                LogError::NoRoom.to_string()
            }
            // The server's own words may name hosts and users.
            Self::Database(error) | Self::Log(LogError::Database(error)) => {
                match error.as_database_error().and_then(|error| error.code()) {
                    Some(code) => format!("PostgreSQL, SQLSTATE {code}"),
                    None => "PostgreSQL does not answer".into(),
                }
            }
            Self::Log(error) => without_quoted(&error.to_string()),
        }
    }

    /// What may be kept of why an event failed: no value of the event, which may be personal.
    pub(crate) fn without_values(&self) -> String {
        match self {
            Self::Data { reason, .. } => without_quoted(reason),
            Self::Database(error) | Self::Log(LogError::Database(error)) => {
                match error.as_database_error() {
                    Some(error) => format!(
                        "SQLSTATE {}, constraint {}",
                        error.code().unwrap_or_default(),
                        error.constraint().unwrap_or("none")
                    ),
                    None => "PostgreSQL".into(),
                }
            }
            Self::Log(error) => without_quoted(&error.to_string()),
        }
    }
}

/// The text with nothing between its quotation marks, and between backticks only names of ours.
pub(crate) fn without_quoted(text: &str) -> String {
    let text = without_double_quoted(text);
    let mut kept = String::with_capacity(text.len());
    for (nth, part) in text.split('`').enumerate() {
        let is_inside = nth % 2 == 1;
        let is_field = kept.ends_with("missing field ");
        let is_type = part.split('.').count() == 3
            && part
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'));
        match is_inside {
            false => kept.push_str(part),
            true if is_field || is_type => kept.extend(["`", part, "`"]),
            true => kept.push_str("``"),
        }
    }
    kept
}

fn without_double_quoted(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut is_quoted, mut is_escaped) = (false, false);
    for letter in text.chars() {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        if ends {
            is_quoted = !is_quoted;
            kept.push('"');
        } else if !is_quoted {
            kept.push(letter);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_of_an_event_is_told() {
        let error = ApplyError::Data {
            position: 7,
            reason: r#"invalid type: string "Jean \" Dupont", expected u64"#.into(),
        };
        assert_eq!(
            error.without_values(),
            r#"invalid type: string "", expected u64"#
        );
        for (text, kept) in [
            (
                "unknown variant `Jean`, expected `a`",
                "unknown variant ``, expected ``",
            ),
            ("missing field `reference`", "missing field `reference`"),
            (
                "event `safeguard.approval.requested` cannot be read",
                "event `safeguard.approval.requested` cannot be read",
            ),
            ("integer `5`, expected `a.b.C`", "integer ``, expected ``"),
        ] {
            assert_eq!(without_quoted(text), kept);
        }
    }

    #[test]
    fn an_outage_is_never_the_fault_of_an_event() {
        let lost = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(!ApplyError::Database(lost()).is_data());
        assert!(!ApplyError::Log(LogError::Database(lost())).is_data());
        assert!(!ApplyError::Log(LogError::Seal("no key".into())).is_data());
        let corrupt = LogError::Corrupt("a row".into());
        assert!(ApplyError::Log(corrupt).is_data());
    }
}
