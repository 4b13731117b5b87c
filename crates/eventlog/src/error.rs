//! What can go wrong with the log.

use kernel::DecodeError;

use crate::writer::is_passing;

/// The log could not do what was asked, through no fault of the caller.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// PostgreSQL did not answer, or refused.
    #[error("PostgreSQL: {0}")]
    Database(#[from] sqlx::Error),
    /// PostgreSQL was away for as long as the log tried.
    #[error("PostgreSQL: {0}")]
    Unavailable(String),
    /// PostgreSQL cannot write; it goes on by itself once there is room.
    #[error("PostgreSQL has no room left on its disk")]
    NoRoom,
    #[error("migrations: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// NATS did not answer, or refused.
    #[error("NATS: {0}")]
    Nats(String),
    /// A stored event that this build cannot read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What is stored is not what the log writes.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// The stream and the database have parted; nothing is appended until an operator decides.
    #[error("the log has forked from its stream ({0}); see `greffe log status`")]
    Forked(String),
    /// The database holds another history than this process knows: it must begin again.
    #[error("the database was replaced ({0})")]
    Parted(String),
    /// Somebody else changed what this process was working on: it starts again from there.
    #[error("{0} has been moved")]
    Moved(String),
    /// Sealing or opening failed.
    #[error("sealing: {0}")]
    Seal(String),
    /// The writer has stopped, because the process is ending.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Whether the same may go through a moment later, because a server is away or starting.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::NoRoom | Self::Closed => true,
            Self::Database(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            // Also what is wrong with the conversation itself is told so.
            Self::Database(sqlx::Error::Protocol(_)) => false,
            Self::Database(error) => is_passing(error),
            _ => false,
        }
    }
}

/// Why an append did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Someone appended to the aggregate meanwhile.
    #[error("the aggregate is at sequence {found}")]
    Conflict { found: u64 },
    /// Another aggregate that the decision rests on has moved.
    #[error("what was decided on is out of date")]
    Outdated,
    /// The command id was used before, for something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A name is held by another aggregate.
    #[error("already taken: {scope}")]
    Taken { scope: String },
    /// The request could never be appended, e.g. an event over 256 KiB.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why a command had no effect.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E> {
    /// The aggregate refused it: a rule of the domain.
    #[error("{0}")]
    Refused(E),
    /// Another aggregate that the caller decided on has moved: look again and decide anew.
    #[error("what was decided on is out of date")]
    Outdated,
    /// The idempotency key was used before, for something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A name is held by another aggregate, e.g. a user name.
    #[error("already taken: {scope}")]
    Taken { scope: String },
    /// Others kept changing the aggregate for as long as the log tried.
    #[error("the aggregate is changing too fast")]
    Contended,
    /// The command's events could never be appended, e.g. one over 256 KiB.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Log(#[from] LogError),
}
