//! The client registry.

mod routes;
mod shapes;

pub use routes::routes;
pub use shapes::{Client, ClientFilter, ClientImport, ClientPage, PutClient, RefusedRow, RegisterClient};

use crate::{App, Problem, caller::Caller, commands::IdempotencyKey, min_position::{AsOf, MinPosition}, shapes::CommandAnswer};

pub async fn list_clients(_app: &App, _f: ClientFilter, _from: MinPosition) -> Result<AsOf<ClientPage>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn get_client(_app: &App, _id: &str, _from: MinPosition) -> Result<AsOf<Client>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn register_client(_app: &App, _c: &Caller, _b: RegisterClient, _k: &IdempotencyKey) -> Result<CommandAnswer, Problem> { Err(Problem::unavailable("soon")) }
pub async fn put_client(_app: &App, _c: &Caller, _id: &str, _b: PutClient, _k: &IdempotencyKey) -> Result<CommandAnswer, Problem> { Err(Problem::unavailable("soon")) }
pub async fn import_clients(_app: &App, _c: &Caller, _b: &[u8]) -> Result<ClientImport, Problem> { Err(Problem::unavailable("soon")) }
