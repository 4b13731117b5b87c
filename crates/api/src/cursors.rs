//! Cursors that were given out here: a page's `next_cursor` is signed with the list and the filters it
//! belongs to, and whoever brings another one is told so instead of being shown a page of nothing.
//!
//! The queries know nothing of it: a signature is added and taken away around them.

use std::collections::HashSet;

use axum::{
    body::{self, Body, Bytes},
    extract::{MatchedPath, Query, Request, State},
    http::{Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::openapi::{OpenApi, RefOr, path::Parameter};

use crate::{App, Problem, http::walk};

const CURSOR: &str = "cursor";
/// Hexadecimal digits of a signature.
const DIGITS: usize = 24;

/// The paths of lists that take a cursor, as the router writes them.
pub(crate) struct Lists(HashSet<String>);

impl Lists {
    pub fn of(document: &OpenApi) -> Self {
        let lists = walk(document)
            .into_iter()
            .filter_map(|(method, path, operation)| {
                let mut parameters = operation.parameters.iter().flatten();
                let is_cursor =
                    |it: &RefOr<Parameter>| matches!(it, RefOr::T(it) if it.name == CURSOR);
                let is_list = method == Method::GET && parameters.any(is_cursor);
                is_list.then_some(path)
            });
        Self(lists.collect())
    }

    fn takes(&self, request: &Request) -> bool {
        let path = request.extensions().get::<MatchedPath>();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        reads && path.is_some_and(|path| self.0.contains(path.as_str()))
    }
}

/// Refuses cursors that are not of the list asked for, and signs the next one.
pub(crate) async fn keep(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if !app.lists.takes(&request) {
        return next.run(request).await;
    }
    let Asked { scope, uri } = match Asked::of(&app, request.uri()) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    if let Some(uri) = uri {
        *request.uri_mut() = uri;
    }
    let response = next.run(request).await;
    match signed(&app, &scope, response).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// What a request asks for.
struct Asked {
    /// The list and its filters.
    scope: String,
    /// The same without the cursor's signature; `None` if there is no cursor.
    uri: Option<Uri>,
}

impl Asked {
    fn of(app: &App, uri: &Uri) -> Result<Self, Problem> {
        let refused = || Problem::field(CURSOR, "invalid", "No page gave this cursor.");
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(mut pairs) = pairs.map_err(|error| Problem::invalid(error.body_text()))?;
        let cursors: Vec<String> = pairs
            .extract_if(.., |(name, _)| name == CURSOR)
            .map(|(_, cursor)| cursor)
            .collect();
        // How much of it and in what form does not change what the list is.
        pairs.retain(|(name, _)| name != "limit" && name != "format");
        pairs.sort();
        let path = uri.path().trim_end_matches("/export");
        let scope = serde_json::to_string(&(path, pairs)).map_err(Problem::internal)?;
        let cursor = match &*cursors {
            [] => return Ok(Self { scope, uri: None }),
            [cursor] => cursor,
            _ => return Err(refused()),
        };
        let (inner, signature) = cursor.rsplit_once('.').ok_or_else(refused)?;
        if signature != sign(app, &scope, inner) {
            return Err(refused());
        }
        let uri = without_signature(uri, signature).ok_or_else(refused)?;
        Ok(Self {
            scope,
            uri: Some(uri),
        })
    }
}

/// The address with the cursor as the query knows it; `None` if the cursor or its signature is written
/// with escapes that nothing in them needs.
fn without_signature(uri: &Uri, signature: &str) -> Option<Uri> {
    let query = uri.query()?;
    let mut stripped = 0;
    let pairs: Vec<&str> = query
        .split('&')
        .map(|pair| {
            if !pair.starts_with("cursor=") {
                return Some(pair);
            }
            stripped += 1;
            pair.strip_suffix(signature)?.strip_suffix('.')
        })
        .collect::<Option<_>>()?;
    let uri = format!("{}?{}", uri.path(), pairs.join("&"));
    (stripped == 1).then(|| uri.parse().ok()).flatten()
}

fn sign(app: &App, scope: &str, cursor: &str) -> String {
    let text = format!("{scope}{cursor}");
    let fingerprint = app.log.vault().fingerprint(CURSOR, &text);
    let digits = fingerprint.iter().map(|byte| format!("{byte:02x}"));
    digits.take(DIGITS / 2).collect()
}

/// The part of a page that is read here; the rest goes out as it was written.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    next_cursor: Option<&'a RawValue>,
}

async fn signed(app: &App, scope: &str, response: Response) -> Result<Response, Problem> {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind == "application/json");
    if response.status() != StatusCode::OK || !is_page {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let page = body::to_bytes(body, usize::MAX).await;
    let page = page.map_err(Problem::internal)?;
    let page = with_signature(page, |cursor| sign(app, scope, cursor))?;
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(page)))
}

/// The page with the signature at the end of its cursor, if it has one.
fn with_signature(page: Bytes, sign: impl Fn(&str) -> String) -> Result<Bytes, Problem> {
    if page.is_empty() {
        // Only the head was asked for.
        return Ok(page);
    }
    let text = std::str::from_utf8(&page).map_err(Problem::internal)?;
    let read: Page = serde_json::from_str(text).map_err(Problem::internal)?;
    let Some(raw) = read.next_cursor else {
        return Ok(page);
    };
    let cursor: Option<String> = serde_json::from_str(raw.get()).map_err(Problem::internal)?;
    let Some(cursor) = cursor else {
        return Ok(page);
    };
    // Before the quotation mark that ends it: the raw value is a part of the text.
    let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
    let (before, after) = text.split_at(start + raw.get().len() - 1);
    let signature = sign(&cursor);
    Ok(Bytes::from(format!("{before}.{signature}{after}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cursor_of_the_page_is_signed() {
        let sign = |cursor: &str| cursor.len().to_string();
        for (page, expected) in [
            (
                r#"{"items":[{"next_cursor":"a"}],"next_cursor":"é\"b","x":1}"#,
                r#"{"items":[{"next_cursor":"a"}],"next_cursor":"é\"b.4","x":1}"#,
            ),
            (r#"{"next_cursor":null}"#, r#"{"next_cursor":null}"#),
            (r#"{"items":[]}"#, r#"{"items":[]}"#),
        ] {
            let page = with_signature(Bytes::from_static(page.as_bytes()), sign).unwrap();
            assert_eq!(page, expected);
        }
    }

    #[test]
    fn the_query_reads_a_cursor_without_its_signature() {
        let uri = "/a?limit=1&cursor=x%20y.0.abc&q=b".parse().unwrap();
        let inner = without_signature(&uri, "abc").unwrap();
        assert_eq!(inner, "/a?limit=1&cursor=x%20y.0&q=b");
        // What was checked is what is read: nothing is hidden behind escapes.
        for hidden in [
            "/a?%63ursor=5.abc",
            "/a?cursor=5%2Eabc",
            "/a?cursor=5.ab%63",
        ] {
            let uri = hidden.parse().unwrap();
            assert_eq!(without_signature(&uri, "abc"), None, "{hidden}");
        }
    }
}
