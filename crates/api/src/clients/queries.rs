//! Reading the client registry.

use projections::{
    Page,
    clients::{self, ClientRow},
};

use super::ClientFilter;
use crate::{
    App, Problem,
    min_position::{AsOf, MinPosition},
    shapes::limit,
};

/// The projection these queries read.
const READS: &[&str] = &["clients"];

/// The clients.
pub async fn list_clients(
    app: &App,
    filter: ClientFilter,
    from: MinPosition,
) -> Result<AsOf<Page<ClientRow>>, Problem> {
    if filter
        .cursor
        .as_deref()
        .is_some_and(|cursor| cursor.contains('\0'))
    {
        return Err(Problem::field(
            "cursor",
            "invalid",
            "No page gave this cursor.",
        ));
    }
    let filter = clients::ClientFilter {
        q: filter.q,
        critical: filter.critical,
        limit: limit(filter.limit)?,
        cursor: filter.cursor,
    };
    let position = app.reached(READS, from).await?;
    let body = clients::list_clients(app.log.pool(), app.log.vault(), &filter).await?;
    Ok(AsOf { position, body })
}

/// One client.
pub async fn get_client(
    app: &App,
    id: &str,
    from: MinPosition,
) -> Result<AsOf<ClientRow>, Problem> {
    let position = app.reached(READS, from).await?;
    let nothing = || Problem::not_found("There is no such client.");
    if id.contains('\0') {
        return Err(nothing());
    }
    let found = clients::find_client(app.log.pool(), app.log.vault(), id).await?;
    Ok(AsOf {
        position,
        body: found.ok_or_else(nothing)?,
    })
}
