//! Who did something. An actor's reference is never personal: names are looked up when shown.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What kind of party acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person who signed in; the id is the user's UUID.
    User,
    /// A service account; the id is its name, e.g. `support`.
    Service,
    /// The platform itself: the clerk that expires requests, the first start.
    System,
    /// Nobody the platform knows, e.g. a failed sign-in.
    Anonymous,
}

/// A party that acts. Its text form is `<kind>:<id>`, e.g. `service:support`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    pub id: String,
}

impl Actor {
    /// A person, by the UUID of the user.
    pub fn user(id: impl fmt::Display) -> Self {
        Self {
            kind: ActorKind::User,
            id: id.to_string(),
        }
    }

    /// A service account, by its name.
    pub fn service(name: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::Service,
            id: name.into(),
        }
    }

    /// A part of the platform, e.g. `clerk`.
    pub fn system(part: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::System,
            id: part.into(),
        }
    }

    /// Nobody known.
    pub fn anonymous() -> Self {
        Self {
            kind: ActorKind::Anonymous,
            id: "anonymous".into(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ActorKind::User => "user",
            ActorKind::Service => "service",
            ActorKind::System => "system",
            ActorKind::Anonymous => "anonymous",
        };
        write!(f, "{kind}:{}", self.id)
    }
}

/// The text is not `<kind>:<id>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an actor reference")]
pub struct InvalidActor(String);

impl FromStr for Actor {
    type Err = InvalidActor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidActor(text.to_owned());
        let (kind, id) = text.split_once(':').ok_or_else(invalid)?;
        let kind = match kind {
            "user" => ActorKind::User,
            "service" => ActorKind::Service,
            "system" => ActorKind::System,
            "anonymous" => ActorKind::Anonymous,
            _ => return Err(invalid()),
        };
        if id.is_empty() {
            return Err(invalid());
        }
        Ok(Self {
            kind,
            id: id.to_owned(),
        })
    }
}
