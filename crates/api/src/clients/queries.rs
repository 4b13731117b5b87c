//! Reading the client registry.

use super::{Client, ClientFilter, ClientPage};
use crate::{App, Problem, min_position::{AsOf, MinPosition}};

pub async fn list_clients(_app: &App, _f: ClientFilter, _from: MinPosition) -> Result<AsOf<ClientPage>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn get_client(_app: &App, _id: &str, _from: MinPosition) -> Result<AsOf<Client>, Problem> { Err(Problem::unavailable("soon")) }
