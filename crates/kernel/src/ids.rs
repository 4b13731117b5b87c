//! Identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A new time-ordered id (UUIDv7).
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// The id of an aggregate in the log: `^[A-Za-z0-9_-]{1,64}$`.
///
/// The log refuses anything else, because one bad id would stop the relay for ever. A key that
/// comes from outside (a tool's name, a client's number) becomes a UUIDv5 with [`AggregateId::derived`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AggregateId(String);

/// The text cannot be an aggregate's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 64 letters, digits, `_` or `-`")]
pub struct InvalidAggregateId;

impl AggregateId {
    /// Checks and wraps an id.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidAggregateId> {
        let text = text.into();
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits {
            Ok(Self(text))
        } else {
            Err(InvalidAggregateId)
        }
    }

    /// The id of a thing that the outside names with any text, e.g. `derived("tool", "ad_check_user")`.
    pub fn derived(kind: &str, outside_key: &str) -> Self {
        let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("greffe:{kind}").as_bytes());
        Self(Uuid::new_v5(&namespace, outside_key.as_bytes()).to_string())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for AggregateId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

impl TryFrom<String> for AggregateId {
    type Error = InvalidAggregateId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<AggregateId> for String {
    fn from(id: AggregateId) -> Self {
        id.0
    }
}

impl fmt::Display for AggregateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_stop_the_relay() {
        for bad in ["", "a b", "a.b", "a\0b", "é", "a*", "a>", &"x".repeat(65)] {
            assert_eq!(AggregateId::new(bad), Err(InvalidAggregateId), "{bad:?}");
        }
        assert!(AggregateId::new("0198c1d2-aaaa-7bbb-8ccc-000000000001").is_ok());
    }

    #[test]
    fn derived_ids_depend_on_kind_and_key() {
        let id = AggregateId::derived("tool", "ad_reset_password");
        assert_eq!(id, AggregateId::derived("tool", "ad_reset_password"));
        assert_ne!(id, AggregateId::derived("client", "ad_reset_password"));
        assert_ne!(id, AggregateId::derived("tool", "ad_reset_password "));
        assert!(AggregateId::new(id.as_str()).is_ok());
    }
}
