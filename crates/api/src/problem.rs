//! The one place that turns what went wrong into `application/problem+json` (RFC 9457).
//!
//! Codes are contracts. What failed inside never reaches the caller: it is logged once, here, under
//! the trace id that the caller is given.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Refusal, RefusalKind};
use eventlog::{AppendError, ExecuteError, LogError};
use projections::ReadError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A refusal or failure, with the code that callers rely on.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub detail: String,
    pub errors: Vec<FieldError>,
    pub retry_after: Option<Duration>,
    /// The state the caller did not know of, e.g. with `stale_version`.
    pub current: Option<Value>,
    /// Whether it is a decision of ours about the caller, which the audit trail keeps.
    pub audited: bool,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path within the body, e.g. `context.confidence`; a parameter's or header's name.
    pub field: String,
    /// `required`, `invalid_type`, `invalid`, `too_long`, …
    pub code: String,
}

/// The body of every refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: &'static str,
    #[schema(example = "Conflict")]
    pub title: String,
    #[schema(example = 409)]
    pub status: u16,
    /// Stable, for programs.
    #[schema(example = "stale_version")]
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// Names the request in Greffe's own logs.
    pub trace_id: Uuid,
    pub errors: Vec<FieldError>,
    /// With a conflict: what the thing is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Value>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            current: None,
            audited: false,
        }
    }

    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self {
            audited: true,
            ..Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
        }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// A field that cannot be taken as it is.
    pub fn field(field: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        let error = FieldError {
            field: field.into(),
            code: code.to_owned(),
        };
        Self {
            errors: vec![error],
            ..Self::invalid(detail)
        }
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            audited: true,
            ..Self::new(StatusCode::CONFLICT, code, detail)
        }
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    pub fn rate_limited(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "Too many requests; wait a little.",
            )
        }
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }

    pub fn projection_behind(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "projection_behind", detail)
        }
    }

    pub fn key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This idempotency key was used for another request.",
        )
    }

    /// Logs what failed inside and says nothing of it.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(error = %error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something failed on our side; name the trace id when you report it.",
        )
    }

    /// A rule of the domain said no; the audit trail keeps it.
    pub fn audited(mut self) -> Self {
        self.audited = true;
        self
    }

    pub fn with_current(mut self, current: Option<Value>) -> Self {
        self.current = current;
        self
    }

    /// What the caller reads.
    pub fn body(&self, trace_id: Uuid) -> ProblemBody {
        ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.clone(),
            trace_id,
            errors: self.errors.clone(),
            current: self.current.clone(),
        }
    }

    /// The finished answer; `None` if there is nothing to say beyond the status.
    pub fn respond(&self, trace_id: Uuid) -> Response {
        let body = serde_json::to_vec(&self.body(trace_id)).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// What a bare error answer of the framework means.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("There is nothing here."),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                status,
                "method_not_allowed",
                "This resource does not know that method.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("The body is over 1 MiB."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(
                status,
                "unsupported_media_type",
                "The body's media type is not accepted.",
            ),
            StatusCode::REQUEST_TIMEOUT => {
                Self::new(status, "invalid", "The request took too long to arrive.")
            }
            // Of the framework: e.g. a path that is not UTF-8. Ours is always 422.
            StatusCode::BAD_REQUEST => Self::invalid("The request cannot be understood."),
            status if status.is_client_error() => {
                Self::new(status, "invalid", "The request cannot be understood.")
            }
            _ => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something failed on our side.",
            ),
        }
    }
}

/// The problem travels beside an empty answer; the outermost layer writes it with the trace id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::NoRoom => {
                tracing::warn!(%error, "the log cannot grow");
                Self::unavailable("The log has no room to grow just now.")
            }
            error if error.is_passing() => {
                tracing::warn!(error = %error, "the log is not available");
                Self::unavailable("The log is not available just now.")
            }
            // Said where it is noted; the process begins again.
            LogError::Parted(_) => Self::unavailable("The log is being opened again."),
            LogError::Forked(_) => {
                tracing::error!(error = %error, "the log has forked");
                Self::unavailable("The log is closed until an operator has looked at it.")
            }
            LogError::Nats(why) => {
                tracing::warn!(error = why, "NATS does not answer");
                Self::unavailable("NATS does not answer just now.")
            }
            other => Self::internal(other),
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        LogError::Database(error).into()
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::InvalidCursor => {
                Self::field("cursor", "invalid", "No page gave this cursor.")
            }
            ReadError::Log(error) => error.into(),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict { .. } | AppendError::Outdated => Self::contended(),
            AppendError::KeyReused => Self::key_reused(),
            AppendError::Taken { scope } => Self::taken(&scope),
            AppendError::Invalid(reason) => Self::invalid(reason),
            AppendError::Log(error) => error.into(),
        }
    }
}

impl<E: Refusal> From<ExecuteError<E>> for Problem {
    fn from(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => Self::refused(refusal),
            ExecuteError::KeyReused => Self::key_reused(),
            ExecuteError::Taken { scope } => Self::taken(&scope),
            ExecuteError::Contended | ExecuteError::Outdated => Self::contended(),
            ExecuteError::Invalid(reason) => Self::invalid(reason),
            ExecuteError::Log(error) => error.into(),
        }
    }
}

impl Problem {
    /// A rule of the domain said no.
    pub fn refused(refusal: impl Refusal) -> Self {
        let status = match refusal.kind() {
            RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Forbidden => StatusCode::FORBIDDEN,
            RefusalKind::Conflict => StatusCode::CONFLICT,
        };
        let error = |fault: &domain::FieldError| FieldError {
            field: fault.field.clone(),
            code: fault.code.clone(),
        };
        Self {
            errors: refusal.fields().iter().map(error).collect(),
            ..Self::new(status, refusal.code(), sentence(&refusal.to_string()))
        }
        .audited()
    }

    /// Others kept changing what the command is about.
    pub(crate) fn contended() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "It is changing too fast; try again.",
            )
        }
    }

    fn taken(scope: &str) -> Self {
        Self::conflict(
            "conflict",
            format!("This {} is already taken.", scope.replace(['.', '_'], " ")),
        )
    }
}

/// `the grant was already used` → `The grant was already used.`
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        for error in &self.errors {
            write!(f, " [{} {}]", error.field, error.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
