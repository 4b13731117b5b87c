//! Who is calling: session cookie, session token or service key; and whether he may.
//!
//! Invariant: a handler runs only after this layer admitted the caller by the access table, and a
//! refusal of someone known is in the audit trail before the answer goes out.

pub mod cookie;
pub mod device;
pub mod keys;
pub mod passwords;
pub mod sign_in_limits;
pub mod tokens;

use std::{collections::HashMap, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Path, Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::{Actor, Origin};
use uuid::Uuid;

use crate::{
    App,
    access::Rule,
    accounts::Session,
    caller::Caller,
    http::{Trace, correlation, origin},
    problem::Problem,
};

/// What cookie-authenticated writes must carry: a page of another site cannot set it.
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
const REQUESTED_WITH_VALUE: &str = "greffe";

/// The layer around every route.
pub async fn authenticate(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(rule) = app.operations.find(&request) else {
        if app.operations.knows_path(&request) {
            return Problem::of_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
        }
        tracing::error!(
            path = request.uri().path(),
            "a route has no entry in the access table"
        );
        return Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "This operation is open to nobody.",
        )
        .into_response();
    };
    let (mut parts, body) = request.into_parts();
    let origin = origin(
        &app,
        &parts.headers,
        parts.extensions.get::<ConnectInfo<SocketAddr>>(),
    );
    let trace = parts
        .extensions
        .get::<Trace>()
        .map_or_else(kernel::new_id, |trace| trace.0);
    parts.extensions.insert(origin.clone());
    if rule.open {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let caller = match recognise(&app, &parts.headers, origin, trace).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    if caller.correlation_id != trace {
        tracing::Span::current().record("trace_id", tracing::field::display(caller.correlation_id));
    }
    let target = target_of(&mut parts).await;
    let mut response = match admit(&app, rule, &caller, &parts) {
        Ok(()) => {
            parts.extensions.insert(caller.clone());
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    // A refusal names what the caller's other events are found by.
    response
        .extensions_mut()
        .insert(Trace(caller.correlation_id));
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return response;
    };
    match app
        .audit_refusal(&caller, rule.operation, target.as_deref(), &problem)
        .await
    {
        Ok(()) => response,
        // A refusal that cannot be recorded is not given either.
        Err(problem) => problem.into_response(),
    }
}

fn admit(app: &App, rule: &Rule, caller: &Caller, request: &Parts) -> Result<(), Problem> {
    app.rate_limits.count(&caller.actor)?;
    let by_cookie = caller
        .session
        .as_ref()
        .is_some_and(|session| session.by_cookie);
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    if by_cookie && !is_read && !has_requested_with(&request.headers) {
        return Err(Problem::forbidden(
            "Writes with the session cookie need `X-Requested-With: greffe`.",
        ));
    }
    if by_cookie && is_upgrade(&request.headers) && !same_origin(app, &request.headers) {
        return Err(Problem::forbidden("This page may not open a live feed."));
    }
    rule.admit(Some(caller))
}

fn has_requested_with(headers: &HeaderMap) -> bool {
    headers.get(REQUESTED_WITH).is_some_and(|value| {
        value
            .as_bytes()
            .eq_ignore_ascii_case(REQUESTED_WITH_VALUE.as_bytes())
    })
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}

/// Whether the page that opens a socket is ours, or one the operator listed.
fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    let Some(origin) = text(header::ORIGIN) else {
        return false;
    };
    let host = text(header::HOST).unwrap_or_default();
    let is_ours = origin.split_once("://").is_some_and(|(scheme, of)| {
        matches!(scheme, "http" | "https") && of.eq_ignore_ascii_case(host)
    });
    is_ours
        || app
            .config
            .cors_origins
            .iter()
            .any(|allowed| allowed == origin)
}

/// The `{id}` or else the `{name}` of the path: what a refusal was about.
async fn target_of(request: &mut Parts) -> Option<String> {
    let Path(parameters) = Path::<HashMap<String, String>>::from_request_parts(request, &())
        .await
        .ok()?;
    let first = || parameters.keys().min().and_then(|key| parameters.get(key));
    let named = parameters.get("id").or_else(|| parameters.get("name"));
    named
        .or_else(first)
        .map(|text| text.chars().filter(|c| !c.is_control()).take(128).collect())
}

async fn recognise(
    app: &App,
    headers: &HeaderMap,
    origin: Origin,
    trace: Uuid,
) -> Result<Caller, Problem> {
    if let Some(token) = cookie::bearer(headers) {
        return match token.starts_with("grf_") {
            // People cannot choose: nobody puts his act among the causes and effects of another's.
            true => {
                let correlation_id = correlation(headers).unwrap_or(trace);
                app.key_caller(token, origin, correlation_id).await
            }
            false => app.session_caller(token, false, origin, trace).await,
        };
    }
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(Problem::unauthenticated(
            "Only `Authorization: Bearer …` is known here.",
        ));
    }
    if let Some(token) = socket_token(headers) {
        return app.session_caller(token, false, origin, trace).await;
    }
    match cookie::read(headers) {
        Some(token) => app.session_caller(&token, true, origin, trace).await,
        None => Err(Problem::unauthenticated("Sign in first.")),
    }
}

/// `Sec-WebSocket-Protocol: greffe.v1, bearer.<jwt>`.
fn socket_token(headers: &HeaderMap) -> Option<&str> {
    is_upgrade(headers).then_some(())?;
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    offered
        .split(',')
        .find_map(|protocol| protocol.trim().strip_prefix("bearer."))
}

impl App {
    /// The person whose session a token belongs to.
    pub async fn session_caller(
        &self,
        token: &str,
        by_cookie: bool,
        origin: Origin,
        correlation_id: Uuid,
    ) -> Result<Caller, Problem> {
        let now = self.clock.now();
        let claims = self.tokens.check(token, now)?;
        self.accounts.refresh_if_stale(&self.log).await?;
        let mut person = self.accounts.person(claims.sub);
        if person.is_none() {
            // Registered a moment ago, through another process.
            self.accounts.catch_up(&self.log).await?;
            person = self.accounts.person(claims.sub);
        }
        let ended = || Problem::unauthenticated("The session has ended or never was; sign in.");
        let person = person.filter(|person| person.active).ok_or_else(ended)?;
        if self.accounts.is_revoked(claims.jti, claims.sub, claims.iat) {
            return Err(ended());
        }
        Ok(Caller {
            actor: Actor::user(person.id),
            username: person.username.clone(),
            level: Some(person.level),
            role: person.role.clone(),
            scopes: Vec::new(),
            owner: None,
            key_id: None,
            session: Some(Session {
                id: claims.jti,
                ends_at: claims.exp,
                issued_at: claims.iat,
                by_cookie,
            }),
            origin,
            correlation_id,
            at: now,
        })
    }

    /// The service account that a key belongs to.
    async fn key_caller(
        &self,
        key: &str,
        origin: Origin,
        correlation_id: Uuid,
    ) -> Result<Caller, Problem> {
        let address = origin.ip_address.clone();
        let refuse = || {
            let counted = self.rate_limits.count_refused_key(address.as_deref());
            counted
                .err()
                .unwrap_or_else(|| Problem::unauthenticated("This key is not valid."))
        };
        let parts = keys::split(key).ok_or_else(refuse)?;
        self.accounts.refresh_if_stale(&self.log).await?;
        let mut account = self.accounts.service(parts.name);
        // Anybody may ask about names that do not exist: that costs the log little.
        if account.is_none() && self.rate_limits.may_look_up() {
            self.accounts.catch_up(&self.log).await?;
            account = self.accounts.service(parts.name);
        }
        let known = match &account {
            Some(account) => {
                self.accounts
                    .key_digest(&self.log, account.credential_id)
                    .await?
            }
            None => None,
        };
        let matches = keys::matches(parts.secret, known.as_deref().unwrap_or_default());
        match account.filter(|account| account.active && matches) {
            Some(account) => Ok(self.service_as_caller(&account, origin, correlation_id)),
            None => Err(refuse()),
        }
    }

    /// The service account that NATS says is speaking.
    pub async fn service_caller(
        &self,
        name: &str,
        origin: Origin,
        correlation_id: Uuid,
    ) -> Result<Caller, Problem> {
        self.accounts.refresh_if_stale(&self.log).await?;
        let mut account = self.accounts.service(name);
        if account.is_none() && keys::is_name(name) {
            self.accounts.catch_up(&self.log).await?;
            account = self.accounts.service(name);
        }
        match account.filter(|account| account.active) {
            Some(account) => Ok(self.service_as_caller(&account, origin, correlation_id)),
            None => Err(Problem::forbidden(
                "There is no active service account of this name.",
            )),
        }
    }

    fn service_as_caller(
        &self,
        account: &crate::accounts::ServiceAccount,
        origin: Origin,
        correlation_id: Uuid,
    ) -> Caller {
        Caller {
            actor: Actor::service(account.name.clone()),
            username: account.name.clone(),
            level: None,
            role: "service".into(),
            scopes: account.scopes.clone(),
            owner: Some(account.owner),
            key_id: Some(account.credential_id),
            session: None,
            origin,
            correlation_id,
            at: self.clock.now(),
        }
    }
}
