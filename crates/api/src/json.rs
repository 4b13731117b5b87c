//! JSON from callers: bounded in size and depth, refused with the name of the field.

mod exact_numbers;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde::de::DeserializeOwned;

use crate::problem::Problem;
pub(crate) use exact_numbers::exact_arguments;

/// The largest body (bytes).
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A JSON body. Refuses what it cannot take with a [`Problem`].
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                let essence = value
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase();
                essence == "application/json" || essence.ends_with("+json")
            });
        if !is_json {
            return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = read_body(request, state).await?;
        Ok(Self(parse(&bytes)?))
    }
}

/// The whole body, at most [`MAX_BODY_BYTES`].
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| Problem::of_status(rejection.status()))
}

/// Reads JSON, over HTTP and NATS alike.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    kernel::json::parse(bytes).map_err(explain)
}

fn explain(fault: kernel::json::JsonFault) -> Problem {
    let Some(field) = fault.field else {
        return Problem::invalid(fault.detail);
    };
    let detail = match &*fault.code {
        exact_numbers::NOT_EXACT => {
            format!("`{field}` has a number that is another one as a double.")
        }
        _ => fault.detail,
    };
    Problem::field(field, &fault.code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Body {
        tool: String,
        #[serde(default)]
        context: Option<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Inner {
        confidence: u8,
    }

    fn refusal(text: &str) -> (String, String) {
        let problem = parse::<Body>(text.as_bytes()).unwrap_err();
        assert_eq!(problem.code, "invalid");
        problem
            .errors
            .first()
            .map(|e| (e.field.clone(), e.code.clone()))
            .unwrap_or_default()
    }

    #[test]
    fn names_the_field() {
        let named = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(refusal("{}"), named("tool", "required"));
        assert_eq!(refusal(r#"{"tool":1}"#), named("tool", "invalid_type"));
        assert_eq!(
            refusal(r#"{"tool":"t","context":{}}"#),
            named("context.confidence", "required")
        );
        assert_eq!(
            refusal(r#"{"tool":"t","context":{"confidence":"x"}}"#),
            named("context.confidence", "invalid_type")
        );
        assert_eq!(refusal("not json"), named("", ""));
        assert_eq!(refusal(r#"["t"]"#), named("", ""));
        assert_eq!(refusal(r#"{"tool":"t"} trailing"#), named("", ""));
        assert_eq!(refusal(r#"{"tool":"t","x":{"a":1,"a":1}}"#), named("", ""));
    }

    #[test]
    fn refuses_deep_nesting_without_parsing_it() {
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(
            parse::<serde_json::Value>(deep.as_bytes())
                .unwrap_err()
                .code,
            "invalid"
        );
        let flat = format!(r#"{{"a":"{}"}}"#, "[".repeat(5_000));
        assert!(parse::<serde_json::Value>(flat.as_bytes()).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse::<Body>(&bytes);
        }
    }
}
