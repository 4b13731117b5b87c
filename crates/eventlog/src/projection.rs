//! Projections: read models that the log alone writes. Rows and checkpoint change in one
//! transaction, so each event takes effect exactly once.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgConnection;

use crate::{Frame, LogError, RecordedEvent, Vault, frames::write_frames};

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

    /// Raised when the shape of the rows changes: the tables are then dropped and filled anew.
    fn version(&self) -> i32;

    /// Its tables, made if they are not there.
    fn schema(&self) -> &'static str;

    /// The names of its tables, for a rebuild.
    fn tables(&self) -> &'static [&'static str];

    fn wants(&self, event_type: &str) -> bool;

    /// Applies wanted events, in order. All or nothing.
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
}

impl ApplyTx<'_> {
    pub fn conn(&mut self) -> &mut PgConnection {
        self.conn
    }

    pub fn vault(&self) -> &Vault {
        self.vault
    }

    /// Writes what the feeds show of the events: at most one frame per feed and position.
    pub async fn frames(&mut self, frames: Vec<Frame>) -> Result<(), ApplyError> {
        if frames.is_empty() {
            return Ok(());
        }
        Ok(write_frames(self.conn, self.vault, frames).await?)
    }
}
