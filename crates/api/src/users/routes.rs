//! The HTTP routes of signing in. The cookie is set here and nowhere else.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::Origin;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::shapes::*;
use crate::{
    App, Problem,
    auth::{
        cookie,
        device::{self, Device},
    },
    caller::Caller,
    http::{Trace, is_https},
    json::JsonBody,
};

/// The routes of signing in.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(refresh_session))
        .routes(routes!(get_me))
}

/// Signs in with a user name and a password.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = Login, responses(
    (status = 200, description = "Signed in; also sets the session cookie", body = SignedIn),
    (status = 401, description = "unauthenticated: user name or password wrong"),
    (status = 429, description = "rate_limited: too many failed tries")))]
async fn login(
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    Extension(trace): Extension<Trace>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Login>,
) -> Result<Response, Problem> {
    let username = body.username.clone();
    let device = Device::read(app.log.vault(), &headers, &username);
    let signed_in = super::login(&app, body, device.as_ref(), origin, trace.0).await?;
    let mut response = with_cookie(&app, &headers, signed_in)?;
    if device.is_none() {
        let secure = is_https(&app, &headers);
        let cookie = device::new_cookie(app.log.vault(), &username, secure)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Signs out: the session and all its tokens end at once.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", responses((status = 204, description = "Signed out")))]
async fn logout(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    super::logout(&app, &caller).await?;
    let gone = cookie::set("", 0, is_https(&app, &headers))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Prolongs the session, up to its absolute limit.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth",
    responses((status = 200, description = "A new token", body = SignedIn)))]
async fn refresh_session(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let signed_in = super::refresh_session(&app, &caller).await?;
    with_cookie(&app, &headers, signed_in)
}

/// The signed-in person.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth", responses((status = 200, description = "Me", body = Me)))]
async fn get_me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, Problem> {
    Ok(Json(super::get_me(&app, &caller)?))
}

fn with_cookie(
    app: &App,
    headers: &HeaderMap,
    signed_in: super::NewSession,
) -> Result<Response, Problem> {
    let lifetime = signed_in.ends_at - app.clock.now().timestamp();
    let value = cookie::set(
        &signed_in.body.access_token,
        lifetime,
        is_https(app, headers),
    )?;
    Ok(([(header::SET_COOKIE, value)], Json(signed_in.body)).into_response())
}
