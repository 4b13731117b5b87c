//! Live feeds: WebSocket, and polling for where no socket can be had (`contracts.md`, "Live feeds").
//!
//! No gap, no duplicate: a reader is at a position, and frames follow it. What a reader may see is
//! asked when a frame is sent, because levels change while sockets stay open.

mod open_sockets;
mod routes;

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use chrono::SecondsFormat;
use eventlog::{Audience, FeedItem, FeedSubscription};
use futures::{SinkExt, StreamExt, stream::SplitSink};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    App, Problem, access, accounts::Session, caller::Caller, presence::Attendee, supervision::link,
};

pub(crate) use open_sockets::OpenSockets;
use routes::Feed;
pub use routes::routes;

/// The subprotocol we speak.
const PROTOCOL: &str = "greffe.v1";
const PING_EVERY: Duration = Duration::from_secs(20);
/// A peer that has not answered for this long is gone.
const SILENCE: Duration = Duration::from_secs(65);
/// How long one frame may take to leave: a slower reader is closed, and resumes by position.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// Bytes that may wait in one socket.
const WRITE_BUFFER: usize = 512 * 1024;

const SESSION_ENDED: (u16, &str) = (4401, "the session has ended");
const TOO_SLOW: (u16, &str) = (1013, "too slow; resume by position");
const RESTARTING: (u16, &str) = (1012, "restarting; resume by position");
const FAILED: (u16, &str) = (1011, "failed; resume by position");

/// From where a feed goes on.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeedCursor {
    /// The last position seen; live only if absent.
    pub after: Option<u64>,
    /// The epoch of that position; another one gets `feed:reset`.
    pub epoch: Option<Uuid>,
}

/// What a feed shows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FeedFrame {
    /// e.g. `safeguard:new_request`.
    #[serde(rename = "type")]
    pub kind: String,
    pub position: u64,
    pub at: String,
    /// The item after the event, as its GET would show it.
    pub data: Value,
}

/// Frames after a position, for polling.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FeedPage {
    pub items: Vec<FeedFrame>,
    /// Ask next for what is after it.
    pub position: u64,
    pub epoch: Uuid,
    /// The cursor was too old: fetch the lists again, then go on from `position`.
    pub reset: bool,
    pub server_time: String,
}

/// One reader of one feed.
struct Reader {
    app: App,
    caller: Caller,
    feed: &'static Feed,
}

type Sink = SplitSink<WebSocket, Message>;
type Closing = (u16, &'static str);

impl Reader {
    async fn subscribe(&self, cursor: &FeedCursor) -> Result<(FeedSubscription, Uuid), Problem> {
        let (epoch, _) = self.app.log.epoch().await?;
        let same_epoch = cursor.epoch.is_none_or(|of| of == epoch);
        let after = match same_epoch {
            true => cursor.after,
            false => Some(u64::MAX),
        };
        Ok((
            self.app.frames.subscribe(self.feed.name, after).await?,
            epoch,
        ))
    }

    async fn page(&self, cursor: FeedCursor) -> Result<FeedPage, Problem> {
        let (mut frames, epoch) = self.subscribe(&cursor).await?;
        let mut page = FeedPage {
            items: Vec::new(),
            position: frames.position(),
            epoch,
            reset: false,
            server_time: self.server_time(),
        };
        while let Some(item) = frames.next_ready().await? {
            match item {
                FeedItem::Frame(frame) => {
                    page.position = frame.position;
                    if self.may_see(&frame.audience) {
                        let mut shown: FeedFrame =
                            serde_json::from_str(&frame.json).map_err(Problem::internal)?;
                        if let Some(glpi) = self.glpi() {
                            link(&mut shown.data, Some(glpi));
                        }
                        page.items.push(shown);
                    }
                }
                FeedItem::Reset { position } => {
                    page.items.clear();
                    page.position = position;
                    page.reset = true;
                }
            }
            if page.items.len() >= 1_000 {
                break;
            }
        }
        Ok(page)
    }

    async fn serve(self, socket: WebSocket, cursor: FeedCursor) {
        let open = metrics::gauge!("greffe_feed_sockets", "feed" => self.feed.name);
        open.increment(1.0);
        let (mut sink, mut incoming) = socket.split();
        let ended = self.run(&mut sink, &mut incoming, cursor).await;
        if ended == Some(TOO_SLOW) {
            metrics::counter!("greffe_feed_slow_readers_total", "feed" => self.feed.name)
                .increment(1);
        }
        if let Some((code, reason)) = ended {
            let close = Message::Close(Some(CloseFrame {
                code,
                reason: Utf8Bytes::from_static(reason),
            }));
            let _ = tokio::time::timeout(SEND_WITHIN, sink.send(close)).await;
            // Wait for the peer's own close, so that ours is not lost with the connection.
            let _ = tokio::time::timeout(SEND_WITHIN, async {
                while let Some(Ok(message)) = incoming.next().await {
                    if matches!(message, Message::Close(_)) {
                        break;
                    }
                }
            })
            .await;
        }
        open.decrement(1.0);
    }

    /// Runs until someone ends it; `None` if the peer did.
    async fn run(
        &self,
        sink: &mut Sink,
        incoming: &mut (impl StreamExt<Item = Result<Message, axum::Error>> + Unpin),
        cursor: FeedCursor,
    ) -> Option<Closing> {
        let (mut frames, epoch) = match self.subscribe(&cursor).await {
            Ok(subscribed) => subscribed,
            Err(_) => return Some(FAILED),
        };
        let ready = json!({
            "type": "feed:ready", "position": frames.position(), "epoch": epoch,
            "server_time": self.server_time(),
        });
        if let Err(closing) = send(sink, Message::text(ready.to_string())).await {
            return closing;
        }
        let mut attendee = match self.attend(sink).await {
            Ok(attendee) => attendee,
            Err(closing) => return closing,
        };
        let mut accounts = self.app.accounts.changes();
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut heard = Instant::now();
        loop {
            let sent = tokio::select! {
                biased;
                () = self.app.stopping() => return Some(RESTARTING),
                changed = accounts.changed() => {
                    if changed.is_err() || !self.still_signed_in() {
                        return Some(SESSION_ENDED);
                    }
                    Ok(())
                }
                _ = ping.tick() => {
                    if !self.still_signed_in() {
                        return Some(SESSION_ENDED);
                    }
                    if heard.elapsed() > SILENCE {
                        return Some(TOO_SLOW);
                    }
                    send(sink, Message::Ping(Default::default())).await
                }
                () = self.token_end() => return Some(SESSION_ENDED),
                message = incoming.next() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(message)) => {
                        heard = Instant::now();
                        if let (Message::Text(text), Some(attendee)) = (message, &mut attendee) {
                            attendee.hear(&text);
                        }
                        Ok(())
                    }
                },
                item = frames.next() => match item {
                    Ok(Some(item)) => self.show(sink, item).await,
                    Ok(None) => Err(Some(TOO_SLOW)),
                    Err(error) => {
                        tracing::warn!(error = %error, "a live feed could not be read");
                        Err(Some(FAILED))
                    }
                },
                readers = readers_changed(&mut attendee) => match readers {
                    Some(text) => send(sink, Message::Text(text)).await,
                    None => Err(Some(TOO_SLOW)),
                },
            };
            if let Err(closing) = sent {
                return closing;
            }
        }
    }

    /// People see who else reads, and are seen; service accounts neither.
    async fn attend(&self, sink: &mut Sink) -> Result<Option<Attendee>, Option<Closing>> {
        let person = self.caller.user_id().filter(|_| self.feed.has_presence);
        let Some(person) = person else {
            return Ok(None);
        };
        let (attendee, first) = Attendee::join(&self.app, person);
        for text in first {
            send(sink, Message::Text(text)).await?;
        }
        Ok(Some(attendee))
    }

    async fn show(&self, sink: &mut Sink, item: FeedItem) -> Result<(), Option<Closing>> {
        let (text, counter) = match item {
            FeedItem::Frame(frame) if self.may_see(&frame.audience) => {
                (self.text(&frame.json), "greffe_feed_frames_sent_total")
            }
            FeedItem::Frame(_) => return Ok(()),
            FeedItem::Reset { position } => {
                let reset = json!({ "type": "feed:reset", "position": position });
                (reset.to_string(), "greffe_feed_resets_total")
            }
        };
        send(sink, Message::text(text)).await?;
        metrics::counter!(counter, "feed" => self.feed.name).increment(1);
        Ok(())
    }

    /// Where links of this feed's items lead.
    fn glpi(&self) -> Option<&str> {
        let base = self.app.config.glpi_base_url.as_deref();
        base.filter(|_| self.feed.has_links)
    }

    /// The frame with its links: its data is as GET shows it.
    fn text(&self, frame: &str) -> String {
        let Some(glpi) = self.glpi() else {
            return frame.to_owned();
        };
        match serde_json::from_str::<Value>(frame) {
            Ok(mut linked) => {
                link(&mut linked["data"], Some(glpi));
                linked.to_string()
            }
            Err(error) => {
                tracing::error!(error = %error, "a frame is no JSON");
                frame.to_owned()
            }
        }
    }

    /// Whether the session or key still counts, and its party may still open this feed.
    fn still_signed_in(&self) -> bool {
        let now = match &self.caller.session {
            Some(session) => self.person_now(session),
            None => self.service_now(),
        };
        now.is_some_and(|caller| access::admit(self.feed.open, &caller).is_ok())
    }

    fn person_now(&self, session: &Session) -> Option<Caller> {
        let accounts = &self.app.accounts;
        let person = accounts.person(self.caller.user_id()?)?;
        let holds = person.active
            && session.ends_at > self.app.clock.now().timestamp()
            && !accounts.is_revoked(session.id, person.id, session.issued_at);
        holds.then(|| Caller {
            level: Some(person.level),
            role: person.role,
            ..self.caller.clone()
        })
    }

    /// A rotated key is another key, and its holder perhaps another one too.
    fn service_now(&self) -> Option<Caller> {
        let account = self.app.accounts.service(&self.caller.username)?;
        let holds = account.active && self.caller.key_id == Some(account.credential_id);
        holds.then(|| Caller {
            scopes: account.scopes,
            ..self.caller.clone()
        })
    }

    /// Sleeps until the token ends; for ever with a key.
    async fn token_end(&self) {
        let Some(session) = &self.caller.session else {
            return std::future::pending().await;
        };
        let left = session.ends_at - self.app.clock.now().timestamp();
        tokio::time::sleep(Duration::from_secs(u64::try_from(left).unwrap_or(0))).await;
    }

    fn may_see(&self, audience: &Audience) -> bool {
        match (audience, self.caller.user_id()) {
            (Audience::Level(least), Some(user_id)) => self
                .app
                .accounts
                .person(user_id)
                .is_some_and(|person| person.active && person.level >= *least),
            // A service account got here by its scope: it sees what N1 sees.
            (Audience::Level(least), None) => *least <= kernel::AccreditationLevel::N1,
            (Audience::User(id), user_id) => user_id.is_some() && self.caller.actor.id == *id,
        }
    }

    fn server_time(&self) -> String {
        self.app
            .clock
            .now()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

/// Readers of some approval, changed; never for who is not told.
async fn readers_changed(attendee: &mut Option<Attendee>) -> Option<Utf8Bytes> {
    match attendee {
        Some(attendee) => attendee.next().await,
        None => std::future::pending().await,
    }
}

/// Sends within the time a reader has.
async fn send(sink: &mut Sink, message: Message) -> Result<(), Option<Closing>> {
    match tokio::time::timeout(SEND_WITHIN, sink.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(TOO_SLOW)),
    }
}
