//! What callers send and read about clients.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A new client.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RegisterClient {
    /// The id that workflows and tickets use.
    #[schema(example = "42", min_length = 1, max_length = 64)]
    pub id: String,
    #[schema(example = "EHPAD Les Jardins")]
    pub name: String,
    /// Health or HDS: its approvals need two people.
    pub critical: bool,
}

/// What a client is from now on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PutClient {
    pub name: String,
    pub critical: bool,
    /// The version the caller saw; refused if it changed since.
    #[serde(default)]
    pub version: Option<u64>,
}

/// A client as read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub id: String,
    pub name: String,
    pub critical: bool,
    pub version: u64,
    pub updated_at: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientPage {
    pub items: Vec<Client>,
    pub next_cursor: Option<String>,
}

/// Which clients.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ClientFilter {
    /// Words of the name, by their beginnings, or the id.
    pub q: Option<String>,
    pub critical: Option<bool>,
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// What became of an import.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClientImport {
    pub registered: u32,
    pub changed: u32,
    pub unchanged: u32,
    pub refused: Vec<RefusedRow>,
    /// Position of the last event.
    pub position: u64,
}

/// A row that was not taken, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RefusedRow {
    /// 1 is the first line under the head.
    pub row: u32,
    pub code: String,
    pub detail: String,
}
