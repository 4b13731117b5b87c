//! What every refusal can say, so that one place can turn any of them into an answer.

use serde::{Deserialize, Serialize};

/// What kind of refusal; the API makes the HTTP status of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The command itself is wrong; repeating it is in vain.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// The one who asks may not.
    Forbidden,
    /// The state does not allow it (any more).
    Conflict,
}

/// What is wrong with one field of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// As the caller wrote it, e.g. `context.ticket_title`.
    pub field: String,
    /// Stable, e.g. `required`, `too_long`.
    pub code: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, code: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: code.into(),
        }
    }
}

/// A typed error of an aggregate that names the rule it broke.
pub trait Refusal: std::error::Error {
    /// Stable; `contracts.md` lists the public ones.
    fn code(&self) -> &'static str;

    fn kind(&self) -> RefusalKind;

    /// What is wrong with which field; only of an `invalid` one.
    fn fields(&self) -> &[FieldError] {
        &[]
    }
}
