//! How far the read models are, and waiting for them (`contracts.md`: `Greffe-Min-Position`).
//!
//! The checkpoint is read before the rows, so an answer never claims more than it shows.

use std::time::Duration;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{App, commands::POSITION, problem::Problem};

/// The header a query waits by.
pub const MIN_POSITION: HeaderName = HeaderName::from_static("greffe-min-position");

/// From which position on the answer is out of date: the event there could not be applied to what was
/// asked for, and what follows of it waits.
pub const PARKED: HeaderName = HeaderName::from_static("greffe-parked");

const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// From where on the caller wants to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinPosition(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for MinPosition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match parts.headers.get(MIN_POSITION).map(HeaderValue::to_str) {
            None => Ok(Self(None)),
            // Not text: no number either.
            Some(value) => Self::parse(Some(value.unwrap_or_default())),
        }
    }
}

impl MinPosition {
    /// Of the header's value, over HTTP and NATS alike.
    pub fn parse(value: Option<&str>) -> Result<Self, Problem> {
        let Some(value) = value else {
            return Ok(Self(None));
        };
        let wanted = value.trim().parse::<i64>().ok();
        match wanted.and_then(|wanted| u64::try_from(wanted).ok()) {
            Some(wanted) => Ok(Self(Some(wanted))),
            None => Err(Problem::field(
                "Greffe-Min-Position",
                "invalid",
                "A position is a whole number.",
            )),
        }
    }
}

/// An answer with how far its read model was.
pub struct AsOf<T> {
    pub position: u64,
    pub body: T,
}

impl<T: Serialize> IntoResponse for AsOf<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        response
            .headers_mut()
            .insert(POSITION, HeaderValue::from(self.position));
        response
    }
}

impl App {
    /// How far all the named projections are, once that is far enough.
    pub async fn reached(&self, projections: &[&str], wanted: MinPosition) -> Result<u64, Problem> {
        let wanted = wanted.0.unwrap_or(0);
        let position = self.progress.position(projections).await?;
        if position >= wanted {
            return Ok(position);
        }
        let head = self.log.head().await?;
        if wanted > head {
            let detail = format!("The log ends at {head}.");
            return Err(Problem::field("Greffe-Min-Position", "invalid", detail));
        }
        if self
            .progress
            .wait_for(projections, wanted, LONGEST_WAIT)
            .await?
        {
            return Ok(self.progress.position(projections).await?);
        }
        Err(Problem::projection_behind(format!(
            "The read model has not reached {wanted} yet."
        )))
    }
}
