//! Reading the client registry.

use projections::clients::{self, Client};

use super::{ClientFilter, ClientPage};
use crate::{
    App, Problem,
    min_position::{AsOf, MinPosition},
    shapes::page,
};

/// The projection these queries read.
const READS: &[&str] = &["clients"];

/// The clients.
pub async fn list_clients(app: &App, filter: ClientFilter, from: MinPosition) -> Result<AsOf<ClientPage>, Problem> {
    let part = page(filter.limit, filter.cursor)?;
    let filter = clients::ClientFilter { q: filter.q, critical: filter.critical };
    let position = app.reached(READS, from).await?;
    let found = clients::list_clients(app.log.pool(), app.log.vault(), &filter, &part).await?;
    Ok(AsOf { position, body: ClientPage { items: found.items, next_cursor: found.next_cursor } })
}

/// One client.
pub async fn get_client(app: &App, id: &str, from: MinPosition) -> Result<AsOf<Client>, Problem> {
    let position = app.reached(READS, from).await?;
    let nothing = || Problem::not_found("There is no such client.");
    if id.contains('\0') {
        return Err(nothing());
    }
    let found = clients::find_client(app.log.pool(), app.log.vault(), id).await?;
    Ok(AsOf { position, body: found.ok_or_else(nothing)? })
}
