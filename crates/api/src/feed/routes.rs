//! The feeds there are, and their routes.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection, ws::WebSocketUpgrade},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{FeedCursor, FeedFrame, FeedPage, PROTOCOL, Reader, WRITE_BUFFER};
use crate::{App, Problem, caller::Caller, params::filter_of};

/// The routes of live feeds.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open_safeguard_feed))
        .routes(routes!(list_safeguard_frames))
        .routes(routes!(open_supervision_feed))
        .routes(routes!(list_supervision_frames))
}

/// A feed, and the operations by which one reads it.
pub(super) struct Feed {
    pub name: &'static str,
    /// What opens its socket, and so what an open socket needs to stay open.
    pub open: &'static str,
    pub poll: &'static str,
    /// What its readers read, for the audit trail.
    pub target: &'static str,
    /// Whether its readers see who else reads.
    pub has_presence: bool,
    /// Whether its items link to tickets.
    pub has_links: bool,
}

const SAFEGUARD: &Feed = &Feed {
    name: "safeguard",
    open: "open_safeguard_feed",
    poll: "list_safeguard_frames",
    target: "safeguard.approval",
    has_presence: true,
    has_links: false,
};
const SUPERVISION: &Feed = &Feed {
    name: "supervision",
    open: "open_supervision_feed",
    poll: "list_supervision_frames",
    target: "supervision",
    has_presence: false,
    has_links: true,
};

type Upgrade = Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>;
type Cursor = Result<Query<FeedCursor>, QueryRejection>;

/// Opens the live feed of approvals (WebSocket).
#[utoipa::path(get, path = "/api/safeguard/ws", tag = "safeguard", params(FeedCursor),
    responses((status = 101, description = "`feed:ready`, then frames", body = FeedFrame)))]
async fn open_safeguard_feed(
    State(app): State<App>,
    caller: Caller,
    query: Cursor,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    SAFEGUARD.open(app, caller, query, upgrade).await
}

/// Frames of the approvals' feed after a position, when a socket cannot be had.
#[utoipa::path(get, path = "/api/safeguard/feed", tag = "safeguard", params(FeedCursor),
    responses((status = 200, description = "Frames", body = FeedPage)))]
async fn list_safeguard_frames(
    State(app): State<App>,
    caller: Caller,
    query: Cursor,
) -> Result<Json<FeedPage>, Problem> {
    SAFEGUARD.poll(app, caller, query).await
}

/// Opens the live feed of SUPERVISION (WebSocket).
#[utoipa::path(get, path = "/api/supervision/ws", tag = "supervision", params(FeedCursor),
    responses((status = 101, description = "`feed:ready`, then frames", body = FeedFrame)))]
async fn open_supervision_feed(
    State(app): State<App>,
    caller: Caller,
    query: Cursor,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    SUPERVISION.open(app, caller, query, upgrade).await
}

/// Frames of SUPERVISION's feed after a position, when a socket cannot be had.
#[utoipa::path(get, path = "/api/supervision/feed", tag = "supervision", params(FeedCursor),
    responses((status = 200, description = "Frames", body = FeedPage)))]
async fn list_supervision_frames(
    State(app): State<App>,
    caller: Caller,
    query: Cursor,
) -> Result<Json<FeedPage>, Problem> {
    SUPERVISION.poll(app, caller, query).await
}

impl Feed {
    async fn open(
        &'static self,
        app: App,
        caller: Caller,
        query: Cursor,
        upgrade: Upgrade,
    ) -> Result<Response, Problem> {
        let cursor = filter_of(query)?;
        let upgrade = upgrade.map_err(|rejection| Problem::invalid(rejection.body_text()))?;
        app.audit_repeated_read(&caller, self.open, self.target, None)
            .await?;
        let place = app.sockets.open(&caller.actor)?;
        Ok(upgrade
            .protocols([PROTOCOL])
            .max_message_size(4_096)
            .max_write_buffer_size(WRITE_BUFFER)
            .on_upgrade(async move |socket| {
                let reader = Reader {
                    app,
                    caller,
                    feed: self,
                };
                reader.serve(socket, cursor).await;
                drop(place);
            }))
    }

    async fn poll(
        &'static self,
        app: App,
        caller: Caller,
        query: Cursor,
    ) -> Result<Json<FeedPage>, Problem> {
        let cursor = filter_of(query)?;
        app.audit_repeated_read(&caller, self.poll, self.target, None)
            .await?;
        let reader = Reader {
            app,
            caller,
            feed: self,
        };
        Ok(Json(reader.page(cursor).await?))
    }
}
