//! The HTTP routes of the client registry.

use axum::{
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{StatusCode, header},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use projections::{Page, clients::ClientRow};

use super::shapes::*;
use crate::{
    App, Problem,
    caller::Caller,
    commands::IdempotencyKey,
    json::{JsonBody, read_body},
    min_position::{AsOf, MinPosition},
    params::filter_of,
    shapes::CommandAnswer,
};

/// The routes of the client registry.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_clients, register_client))
        .routes(routes!(import_clients))
        .routes(routes!(get_client, put_client))
}

/// The clients, by name.
#[utoipa::path(get, path = "/api/clients", tag = "clients", params(ClientFilter),
    responses((status = 200, description = "Clients", body = ClientPage)))]
async fn list_clients(
    State(app): State<App>,
    _caller: Caller,
    from: MinPosition,
    query: Result<Query<ClientFilter>, QueryRejection>,
) -> Result<AsOf<Page<ClientRow>>, Problem> {
    super::list_clients(&app, filter_of(query)?, from).await
}

/// One client.
#[utoipa::path(get, path = "/api/clients/{id}", tag = "clients", params(("id" = String, Path)),
    responses((status = 200, description = "The client", body = Client), (status = 404, description = "not_found")))]
async fn get_client(
    State(app): State<App>,
    _caller: Caller,
    from: MinPosition,
    Path(id): Path<String>,
) -> Result<AsOf<ClientRow>, Problem> {
    super::get_client(&app, &id, from).await
}

/// Registers a client.
#[utoipa::path(post, path = "/api/clients", tag = "clients", request_body = RegisterClient,
    responses((status = 201, description = "Registered", body = CommandAnswer),
    (status = 409, description = "conflict: there is one of this id")))]
async fn register_client(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<RegisterClient>,
) -> Result<(StatusCode, CommandAnswer), Problem> {
    Ok((
        StatusCode::CREATED,
        super::register_client(&app, &caller, body, &key).await?,
    ))
}

/// Registers a client, or says what it is from now on.
#[utoipa::path(put, path = "/api/clients/{id}", tag = "clients", params(("id" = String, Path)),
    request_body = PutClient, responses((status = 200, description = "Done", body = CommandAnswer)))]
async fn put_client(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<PutClient>,
) -> Result<CommandAnswer, Problem> {
    super::put_client(&app, &caller, &id, body, &key).await
}

/// Takes clients from CSV with the columns `id`, `name` and `critical`; repeating it changes nothing.
#[utoipa::path(post, path = "/api/clients/import", tag = "clients",
    request_body(content = String, content_type = "text/csv", description = "`id,name,critical`"),
    responses((status = 200, description = "What became of the rows", body = ClientImport)))]
async fn import_clients(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<axum::Json<ClientImport>, Problem> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/csv")) {
        return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let bytes = read_body(request, &app).await?;
    Ok(axum::Json(
        super::import_clients(&app, &caller, &bytes).await?,
    ))
}
