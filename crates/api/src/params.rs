//! What the paths and query strings of requests say.

use axum::extract::{Query, rejection::QueryRejection};
use uuid::Uuid;

use crate::Problem;

/// A query string, read or not.
pub(crate) type QueryOf<T> = Result<Query<T>, QueryRejection>;

/// An id in a path. Anything that is no UUID names nothing.
pub(crate) fn id_of(text: &str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found("There is nothing of this id."))
}

/// A query string that reads as asked, or a refusal.
pub(crate) fn filter_of<T>(query: QueryOf<T>) -> Result<T, Problem> {
    match query {
        Ok(Query(filter)) => Ok(filter),
        Err(rejection) => Err(Problem::invalid(rejection.body_text())),
    }
}
