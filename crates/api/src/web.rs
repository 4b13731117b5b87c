//! The front end's files: embedded in the binary, or read from a folder while developing.
//!
//! Unknown paths that ask for a page get `index.html`; `/api` never does.

use std::path::{Component, Path, PathBuf};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use crate::{App, problem::Problem};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Embedded;

/// Everything that no route took.
pub async fn fallback(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path();
    let is_api = path == "/api" || path.starts_with("/api/");
    if is_api || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::of_status(StatusCode::NOT_FOUND).into_response();
    }
    let wanted = path.trim_start_matches('/');
    if let Some(response) = file(&app, wanted).await {
        return response;
    }
    let is_asset = wanted.starts_with("assets/") || Path::new(wanted).extension().is_some();
    match file(&app, "index.html").await {
        Some(page) if !is_asset => page,
        _ => Problem::of_status(StatusCode::NOT_FOUND).into_response(),
    }
}

async fn file(app: &App, path: &str) -> Option<Response> {
    let path = if path.is_empty() { "index.html" } else { path };
    let bytes = match &app.config.web_folder {
        Some(folder) => tokio::fs::read(within(folder, path)?).await.ok()?,
        None => Embedded::get(path)?.data.into_owned(),
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(path)),
    );
    // Vite puts a hash of the contents in the names under assets/.
    let cache = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Some(response)
}

/// A path within the folder, never beside it.
fn within(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    path.components()
        .all(|part| matches!(part, Component::Normal(_)))
        .then(|| folder.join(path))
}

fn media_type(path: &str) -> &'static str {
    match Path::new(path)
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
    {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_folder() {
        let folder = Path::new("/srv/web");
        assert_eq!(
            within(folder, "assets/a.js"),
            Some(PathBuf::from("/srv/web/assets/a.js"))
        );
        assert_eq!(within(folder, "../secret"), None);
        assert_eq!(within(folder, "a/../../secret"), None);
        assert_eq!(within(folder, "/etc/passwd"), None);
    }
}
