//! What every HTTP answer has in common: problems written with their trace id, security headers,
//! the operation a request is for, and who sent it from where.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use kernel::Origin;
use tracing::{Instrument, Span};
use utoipa::openapi::{OpenApi, path::Operation};
use uuid::Uuid;

use crate::{
    App,
    access::{self, Rule},
    auth::{cookie, keys},
    metrics,
    min_position::PARKED,
    problem::Problem,
};

/// Pages, and paths that lead nowhere.
const NO_OPERATION: &str = "page";
/// Asked every few seconds by machines.
const UNTRACED: &[&str] = &[
    "get_liveness",
    "get_readiness",
    "get_workflows_health",
    "get_metrics",
];

/// Names a request, in its problem and in the log.
#[derive(Debug, Clone, Copy)]
pub struct Trace(pub Uuid);

/// Lets a service account say what a request belongs to (a UUID).
pub const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// The operation behind each method and path, read from the OpenAPI document: a route that is not
/// documented has no operation, hence no rule, and is open to nobody.
#[derive(Debug, Default)]
pub struct Operations(HashMap<String, HashMap<Method, &'static Rule>>);

impl Operations {
    pub fn new(document: &OpenApi) -> Self {
        let mut operations: HashMap<_, HashMap<_, _>> = HashMap::new();
        for (method, path, operation) in walk(document) {
            let rule = operation.operation_id.as_deref().and_then(access::rule);
            if let Some(rule) = rule {
                operations.entry(path).or_default().insert(method, rule);
            }
        }
        Self(operations)
    }

    /// Whether the path of a request has operations, of whatever method.
    pub fn knows_path(&self, request: &Request) -> bool {
        self.of_path(request).is_some()
    }

    pub fn find(&self, request: &Request) -> Option<&'static Rule> {
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            other => other,
        };
        self.of_path(request)?.get(method).copied()
    }

    fn of_path(&self, request: &Request) -> Option<&HashMap<Method, &'static Rule>> {
        let path = request.extensions().get::<MatchedPath>()?;
        self.0.get(path.as_str())
    }
}

/// Every operation of the document.
pub fn walk(document: &OpenApi) -> Vec<(Method, String, &Operation)> {
    let mut found = Vec::new();
    for (path, item) in &document.paths.paths {
        let operations = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::DELETE, &item.delete),
            (Method::PATCH, &item.patch),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                found.push((method, path.clone(), operation));
            }
        }
    }
    found
}

/// The outermost layer.
pub async fn finish(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let operation = app
        .operations
        .find(&request)
        .map_or(NO_OPERATION, |rule| rule.operation);
    let is_command = operation != NO_OPERATION && !request.method().is_safe();
    let span = span_of(&app, operation, request.method(), request.headers()).await;
    let trace = eventlog::trace::trace_id(&span).unwrap_or_else(kernel::new_id);
    span.record("trace_id", tracing::field::display(trace));
    request.extensions_mut().insert(Trace(trace));
    let secure = is_https(&app, request.headers());
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    let trace = response.extensions().get().map_or(trace, |Trace(of)| *of);
    let problem = problem_of(&response);
    count(operation, &response, began.elapsed());
    span.in_scope(|| {
        let (status, code) = (
            response.status().as_u16(),
            problem.as_ref().map(|it| it.code),
        );
        tracing::debug!(operation, http.status = status, code, "answered");
    });
    if is_command {
        let refusal = problem.as_ref().map(|it| (it.status.as_u16(), it.code));
        metrics::count_command(operation, refusal, began.elapsed());
    }
    if let Some(problem) = problem {
        let kept = std::mem::take(response.headers_mut());
        response = problem.respond(trace);
        for name in [header::ALLOW, header::VARY, header::SET_COOKIE, PARKED] {
            kept.get_all(&name).iter().for_each(|value| {
                response.headers_mut().append(name.clone(), value.clone());
            });
        }
        copy_cors(&kept, response.headers_mut());
    }
    protect(response.headers_mut(), &path, secure);
    response
}

/// Everything a request leads to, and the lines of the log about it. Of the path only the route is
/// kept: the rest may be personal.
async fn span_of(app: &App, operation: &'static str, method: &Method, headers: &HeaderMap) -> Span {
    if operation == NO_OPERATION || UNTRACED.contains(&operation) {
        return Span::none();
    }
    let span = tracing::info_span!(
        "request", otel.name = operation, otel.kind = "server", operation,
        trace_id = tracing::field::Empty, http.request.method = %method,
        http.response.status_code = tracing::field::Empty,
    );
    let traceparent = headers.get("traceparent");
    if let Some(traceparent) = traceparent.and_then(|value| value.to_str().ok())
        && access::rule(operation).is_some_and(|rule| !rule.open)
        && has_known_key(app, headers).await
    {
        eventlog::trace::continue_from(&span, traceparent);
    }
    span
}

/// Whether a service account speaks: neither people, as with `X-Correlation-Id`, nor strangers choose
/// a trace. Asked before the caller is recognised, because a span that has begun keeps its trace; of
/// what is remembered, so an account made this moment may begin with a trace of ours.
async fn has_known_key(app: &App, headers: &HeaderMap) -> bool {
    let Some(key) = cookie::bearer(headers).and_then(keys::split) else {
        return false;
    };
    let account = app.accounts.service(key.name);
    let Some(account) = account.filter(|account| account.active) else {
        return false;
    };
    let known = app.accounts.key_digest(&app.log, account.credential_id);
    matches!(known.await, Ok(Some(known)) if keys::matches(key.secret, &known))
}

fn count(operation: &'static str, response: &Response, took: Duration) {
    let status = match response.status().as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    ::metrics::counter!("greffe_http_requests_total", "operation" => operation, "status" => status)
        .increment(1);
    ::metrics::histogram!("greffe_http_request_seconds", "operation" => operation)
        .record(took.as_secs_f64());
}

/// The problem an answer carries, or the one its bare status stands for.
fn problem_of(response: &Response) -> Option<Problem> {
    let status = response.status();
    match response.extensions().get::<Problem>() {
        Some(problem) => Some(problem.clone()),
        None if status == StatusCode::SERVICE_UNAVAILABLE => None,
        None if status.is_client_error() || status.is_server_error() => {
            Some(Problem::of_status(status))
        }
        None => None,
    }
}

fn copy_cors(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if name.as_str().starts_with("access-control-") {
            to.insert(name.clone(), value.clone());
        }
    }
}

const CSP: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

fn protect(headers: &mut HeaderMap, path: &str, secure: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CSP);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
    if secure {
        set(
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        );
    }
    if path.starts_with("/api/") && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Whether the browser speaks HTTPS with us, or with the proxy before us.
pub fn is_https(app: &App, headers: &HeaderMap) -> bool {
    app.config.secure_cookies
        || headers
            .get("x-forwarded-proto")
            .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// What a service account says its request belongs to.
pub fn correlation(headers: &HeaderMap) -> Option<Uuid> {
    headers.get(CORRELATION)?.to_str().ok()?.parse().ok()
}

/// From where a request came. A forwarded address counts only if the peer is a proxy of ours.
pub fn origin(app: &App, headers: &HeaderMap, peer: Option<&ConnectInfo<SocketAddr>>) -> Origin {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let peer = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let address = match peer {
        Some(peer) if app.config.is_proxy(peer) => forwarded_for(headers).or(Some(peer)),
        peer => peer,
    };
    Origin {
        ip_address: address.map(|address| address.to_string()),
        user_agent: text(&header::USER_AGENT).map(|agent| {
            agent
                .chars()
                .filter(|c| !c.is_control())
                .take(256)
                .collect()
        }),
    }
}

/// The hop that our proxy saw: the last of the last line. What stands before it the client can write.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let lines = headers.get_all(HeaderName::from_static("x-forwarded-for"));
    let hop = lines
        .iter()
        .next_back()?
        .to_str()
        .ok()?
        .rsplit(',')
        .next()?
        .trim();
    let with_port = || hop.parse::<SocketAddr>().map(|hop| hop.ip());
    let address = hop.parse().or_else(|_| with_port()).ok()?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_hop_counts() {
        let seen = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            forwarded_for(&headers).map(|address| address.to_string())
        };
        assert_eq!(seen(&[]), None);
        assert_eq!(seen(&["192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(
            seen(&["192.0.2.9, 192.0.2.1"]).as_deref(),
            Some("192.0.2.1")
        );
        assert_eq!(
            seen(&["192.0.2.9", "192.0.2.8, 192.0.2.1"]).as_deref(),
            Some("192.0.2.1")
        );
        assert_eq!(seen(&["192.0.2.1:4711"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(seen(&["::ffff:192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(seen(&["192.0.2.1, unknown"]), None);
    }
}
