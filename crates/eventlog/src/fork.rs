//! What the log remembers about its stream: whether it ever had one, and whether they have parted.

use uuid::Uuid;

use crate::{EventLog, LogError};

impl EventLog {
    /// Which history this is, and why it is closed if the relay found it forked.
    pub async fn epoch(&self) -> Result<(Uuid, Option<String>), LogError> {
        Ok(sqlx::query_as("SELECT epoch, fork FROM log_meta")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Starts a new history: a new epoch, open again. The operator has decided that the database is
    /// right; the stream must be removed with it (`greffe log reset-stream`).
    pub async fn begin_epoch(&self) -> Result<Uuid, LogError> {
        let epoch = Uuid::new_v4();
        sqlx::query("UPDATE log_meta SET epoch = $1, fork = NULL, stream_made = false")
            .bind(epoch)
            .execute(&self.pool)
            .await?;
        Ok(epoch)
    }

    /// Refuses appends to this history, in every process, until an operator decides.
    pub(crate) async fn close_for_fork(&self, epoch: Uuid, problem: &str) -> Result<(), LogError> {
        sqlx::query("UPDATE log_meta SET fork = $1 WHERE epoch = $2")
            .bind(problem)
            .bind(epoch)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub(crate) async fn stream_was_made(&self) -> Result<bool, LogError> {
        Ok(sqlx::query_scalar("SELECT stream_made FROM log_meta")
            .fetch_one(&self.pool)
            .await?)
    }

    pub(crate) async fn note_stream_made(&self) -> Result<(), LogError> {
        sqlx::query("UPDATE log_meta SET stream_made = true")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
