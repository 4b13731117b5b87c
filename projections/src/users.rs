//! People, their sessions, and service accounts as they are read.

mod people;
mod service_accounts;
mod sessions;

use std::sync::Arc;

use async_trait::async_trait;
use eventlog::{ApplyError, ApplyTx, Projection, RecordedEvent};

pub use people::{UserFilter, UserRow, count_enabled_n4, find_user, find_user_by_name, list_users};
pub use service_accounts::{ServiceAccountRow, find_service_account, list_service_accounts};
pub use sessions::{SessionRow, list_sessions};

/// Writes people, sessions and service accounts.
pub struct Users;

#[async_trait]
impl Projection for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn version(&self) -> i32 {
        1
    }

    fn schema(&self) -> &'static str {
        include_str!("../sql/users.sql")
    }

    fn tables(&self) -> &'static [&'static str] {
        &["users", "sessions", "service_accounts"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("users.")
    }

    /// Each event changes the rows of its own aggregate only.
    fn partition_key(&self, event: &RecordedEvent) -> Option<String> {
        Some(event.aggregate_id.clone())
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        for event in events {
            match event.aggregate_type.as_str() {
                "users.user" => people::apply(tx, event).await?,
                "users.session" => sessions::apply(tx, event).await?,
                "users.service_account" => service_accounts::apply(tx, event).await?,
                // Of a newer build.
                _ => {}
            }
        }
        Ok(())
    }
}
