//! The catalogue of events: what readers of the audit trail and of `EVENTS` may find. Told by the
//! code of this build, so it needs no read model.

use std::sync::LazyLock;

use axum::Json;
use events::EventDescription;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// Every event that this release writes, context by context.
#[derive(Serialize)]
struct Catalogue {
    items: Vec<EventDescription>,
    /// Always absent: there is one page.
    next_cursor: Option<String>,
}

/// How the document shows a [`Catalogue`].
#[derive(Serialize, Deserialize, ToSchema)]
pub struct EventCatalogue {
    pub items: Vec<CatalogueEvent>,
    /// Always absent: there is one page.
    pub next_cursor: Option<String>,
}

/// One event as this release writes it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CatalogueEvent {
    /// `<context>.<aggregate>.<event>`, for ever.
    #[serde(rename = "type")]
    pub event_type: String,
    pub context: String,
    /// `<context>.<aggregate>`.
    pub aggregate_type: String,
    pub schema_version: u32,
    /// Where it is in the stream `EVENTS`.
    pub subject: String,
    pub description: String,
    /// The kinds of actors that may cause it: `user`, `service`, `system`, `anonymous`.
    pub emitted_by: Vec<String>,
    pub fields: Vec<CatalogueField>,
    /// An example of `data` as it is stored: personal values are sealed.
    pub example: Value,
}

/// One field of an event's `data`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CatalogueField {
    /// Its place, e.g. `context.ticket_title`.
    pub name: String,
    /// What it holds, in words, e.g. `string (uuid)`.
    pub kind: String,
    /// Whether it is always there.
    pub required: bool,
    /// Of a personal field: the kinds of subjects whose it may be, e.g. `user`; else empty.
    pub personal_of: Vec<String>,
    pub description: String,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    items: events::catalogue(),
    next_cursor: None,
});

/// The route of the catalogue.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_event_catalogue))
}

/// Every event that this release writes: its fields, which are personal, an example.
#[utoipa::path(get, path = "/api/events/catalogue", tag = "audit",
    responses((status = 200, description = "All of them, context by context", body = EventCatalogue)))]
async fn get_event_catalogue() -> Json<&'static Catalogue> {
    Json(&CATALOGUE)
}
