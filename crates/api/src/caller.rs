//! Who calls an operation, however he came in.

use chrono::{DateTime, Utc};
use kernel::{AccreditationLevel, Actor, Metadata, Origin};
use uuid::Uuid;

use crate::accounts::Session;

/// A party that the platform has recognised.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    pub username: String,
    /// People have a level; service accounts have none.
    pub level: Option<AccreditationLevel>,
    pub role: String,
    /// What a service account may do.
    pub scopes: Vec<String>,
    /// The person answerable for a service account.
    pub owner: Option<Uuid>,
    /// The credential behind a service account's key, as it was then.
    pub key_id: Option<Uuid>,
    pub session: Option<Session>,
    pub origin: Origin,
    /// Shared by all that this call leads to; also the trace id of its refusals.
    pub correlation_id: Uuid,
    /// When the call came in.
    pub at: DateTime<Utc>,
}

impl Caller {
    /// What goes with the events of this call.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            origin: Some(self.origin.clone()),
            ..Metadata::new(self.actor.clone(), self.correlation_id)
        }
    }

    /// The user's id, if it is a person.
    pub fn user_id(&self) -> Option<Uuid> {
        self.level.and(self.actor.id.parse().ok())
    }

    #[cfg(test)]
    pub(crate) fn nobody() -> Self {
        Self {
            actor: Actor::anonymous(),
            username: String::new(),
            level: None,
            role: String::new(),
            scopes: Vec::new(),
            owner: None,
            key_id: None,
            session: None,
            origin: Origin {
                ip_address: None,
                user_agent: None,
            },
            correlation_id: Uuid::nil(),
            at: DateTime::UNIX_EPOCH,
        }
    }
}
