//! `/readyz` says no until the start is over: what was due is done, what happened is applied.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json, Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Whether the start is over. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Started(Arc<AtomicBool>);

impl Started {
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Answers for the router until then; afterwards the platform's own health counts.
    pub fn guard(&self, router: Router) -> Router {
        let started = self.clone();
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let is_early = request.uri().path() == "/readyz" && !started.0.load(Ordering::Acquire);
            async move {
                match is_early {
                    true => starting(),
                    false => next.run(request).await,
                }
            }
        }))
    }
}

fn starting() -> Response {
    let part = json!({"name": "start", "status": "down", "detail": "catching up"});
    let health = json!({"status": "down", "components": [part]});
    (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn only_readiness_waits_for_the_start() {
        let started = Started::default();
        let routes = Router::new()
            .route("/readyz", get(|| async {}))
            .route("/x", get(|| async {}));
        let router = started.guard(routes);
        let status = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router
                .clone()
                .oneshot(request)
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        assert_eq!((status("/readyz").await, status("/x").await), (503, 200));
        started.set();
        assert_eq!(status("/readyz").await, 200);
    }
}
