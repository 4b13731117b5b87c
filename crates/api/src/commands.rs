//! What every command has in common: its key, what travels with its events, its answer.

use axum::{
    Json,
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderName, HeaderValue, request::Parts},
    response::{IntoResponse, Response},
};
use eventlog::{CommandContext, CommandKey, Executed};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{App, caller::Caller, problem::Problem, shapes::CommandAnswer};

/// The header that makes a repeated command recognisable.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How far a command wrote, or a query read.
pub const POSITION: HeaderName = HeaderName::from_static("greffe-position");

const MAX_KEY_CHARS: usize = 128;

/// The key a caller gave to a command, if any. Over NATS it is the header `Nats-Msg-Id`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    /// Checks a key: 1 to 128 visible characters.
    pub fn parse(text: Option<&str>, header: &str) -> Result<Self, Problem> {
        let Some(text) = text else {
            return Ok(Self(None));
        };
        let fits = (1..=MAX_KEY_CHARS).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        if !fits {
            return Err(Problem::field(
                header,
                "invalid",
                "An idempotency key has 1 to 128 characters.",
            ));
        }
        Ok(Self(Some(text.to_owned())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = match parts.headers.get(IDEMPOTENCY_KEY) {
            Some(value) => Some(value.to_str().map_err(|_| {
                Problem::field(
                    "Idempotency-Key",
                    "invalid",
                    "An idempotency key is ASCII text.",
                )
            })?),
            None => None,
        };
        Self::parse(text, "Idempotency-Key")
    }
}

/// What goes to the log with a command. `asked` is the target and the body: the same key with
/// anything else is refused.
pub fn context(
    app: &App,
    caller: &Caller,
    operation: &str,
    key: &IdempotencyKey,
    asked: &impl Serialize,
) -> Result<CommandContext, Problem> {
    let key = match &key.0 {
        Some(key) => Some(
            CommandKey::for_caller(app.log.vault(), &caller.actor, operation, key, asked)
                .map_err(Problem::internal)?,
        ),
        None => None,
    };
    Ok(CommandContext {
        metadata: caller.metadata(),
        key,
    })
}

/// The answer to a command, from what the log says it did.
pub fn answer<A>(id: impl Into<String>, executed: Executed<A>) -> CommandAnswer {
    let more = match executed.outcome {
        Value::Object(more) => more,
        _ => Map::new(),
    };
    CommandAnswer {
        id: id.into(),
        version: executed.version,
        position: executed.position,
        repeated: executed.repeated,
        more,
    }
}

impl IntoResponse for CommandAnswer {
    fn into_response(self) -> Response {
        let position = self.position;
        let mut response = Json(self).into_response();
        response
            .headers_mut()
            .insert(POSITION, HeaderValue::from(position));
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::unauthenticated("Sign in first."))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_visible_text() {
        let parse = |text: &str| IdempotencyKey::parse(Some(text), "Idempotency-Key");
        assert!(parse("").is_err());
        assert!(parse("a\u{7}").is_err());
        assert!(parse(&"x".repeat(129)).is_err());
        assert_eq!(parse(&"x".repeat(128)).unwrap().0.unwrap().len(), 128);
        assert_eq!(
            IdempotencyKey::parse(None, "").unwrap(),
            IdempotencyKey(None)
        );
    }
}
