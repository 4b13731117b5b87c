//! Who is reading which approval now (`product.md`, "who else is reading the card now").
//!
//! Presence is not a fact: nothing of it is stored, and it has no position. Each process tells the
//! others whom it seats, whole, on change and again before it would be forgotten; a process that
//! died fades. Without NATS a process shows its own people.

mod seats;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::connection::State;
use axum::extract::ws::Utf8Bytes;
use futures::StreamExt;
use kernel::AccreditationLevel;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    sync::{Notify, broadcast},
    time::{Instant, MissedTickBehavior},
};
use uuid::Uuid;

use crate::App;
use seats::{Seats, Viewing};

/// Only the platform may publish or subscribe here (`docs/architecture.md`, "Who reads now").
const SUBJECT: &str = "platform.presence.safeguard";
/// A process that is silent for longer has no readers any more.
const FORGET_AFTER: Duration = Duration::from_secs(45);
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// Names and levels may change, and processes fade, without a word from anybody.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(5);
/// Changes this close together are told as one.
const GATHER: Duration = Duration::from_millis(50);
/// Frames that may wait for one socket.
const BACKLOG: usize = 1_024;
/// A socket says what it shows at most this often per second; more is not listened to.
const MOVES_PER_SECOND: u32 = 5;
/// Names in a frame; nobody reads more.
const MOST_NAMES: usize = 20;

/// What a client may say on a feed.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientFrame {
    /// The approval that is open on the screen; none with `null`.
    Viewing { id: Option<Uuid> },
}

/// What processes tell each other: ids only.
#[derive(Serialize, Deserialize)]
struct Told {
    process: Uuid,
    /// Just started: would the others say whom they seat?
    asks: bool,
    seated: Vec<Viewing>,
}

/// The readers of one platform, as one process knows them.
pub(crate) struct Presence {
    process: Uuid,
    seats: Mutex<Seats>,
    changed: Notify,
    frames: broadcast::Sender<Utf8Bytes>,
}

impl Presence {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            process: kernel::new_id(),
            seats: Mutex::default(),
            changed: Notify::new(),
            frames: broadcast::Sender::new(BACKLOG),
        })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells and listens until the process ends; then says that its people are gone.
    pub(crate) async fn run(self: Arc<Self>, app: App) {
        let mut messages = match &app.nats {
            Some(nats) => match nats.subscribe(SUBJECT).await {
                Ok(messages) => messages.boxed(),
                Err(error) => {
                    tracing::warn!(error = %error, "readers of other processes cannot be heard");
                    futures::stream::pending().boxed()
                }
            },
            None => futures::stream::pending().boxed(),
        };
        self.tell_others(&app, true).await;
        let mut renew = tokio::time::interval(RENEW_EVERY);
        let mut look = tokio::time::interval(LOOK_AGAIN_EVERY);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = app.stopping() => break,
                () = self.changed.notified() => {
                    tokio::time::sleep(GATHER).await;
                    self.tell_others(&app, false).await;
                    self.tell_sockets(&app);
                }
                Some(message) = messages.next() => self.hear(&app, &message.payload).await,
                _ = renew.tick() => self.tell_others(&app, false).await,
                _ = look.tick() => self.tell_sockets(&app),
            }
        }
        self.seats().clear();
        self.tell_others(&app, false).await;
    }

    async fn hear(&self, app: &App, payload: &[u8]) {
        let Ok(told) = serde_json::from_slice::<Told>(payload) else {
            // A service may have somebody's answer sent here, by naming us as its reply subject.
            tracing::debug!("a message about readers cannot be read");
            return;
        };
        if told.process == self.process {
            return;
        }
        if told.asks {
            self.tell_others(app, false).await;
        }
        let until = Instant::now() + FORGET_AFTER;
        self.seats().elsewhere(told.process, told.seated, until);
        self.tell_sockets(app);
    }

    async fn tell_others(&self, app: &App, asks: bool) {
        let Some(nats) = &app.nats else { return };
        if nats.connection_state() != State::Connected {
            // What waits for a server would wait here too; the next renewal says it all.
            return;
        }
        let told = Told {
            process: self.process,
            asks,
            seated: self.seats().here(),
        };
        let sent = match serde_json::to_vec(&told) {
            Ok(body) => nats.publish(SUBJECT, body.into()).await.err(),
            Err(error) => {
                tracing::error!(error = %error, "readers cannot be written down");
                return;
            }
        };
        if let Some(error) = sent {
            // The next renewal says the same again.
            tracing::debug!(error = %error, "other processes were not told of readers");
        }
    }

    /// Sends a frame for each approval whose readers are others than those last told.
    fn tell_sockets(&self, app: &App) {
        let mut seats = self.seats();
        for (approval, people) in seats.changes(Instant::now(), |id| is_shown(app, id)) {
            // Nobody listening is no error.
            let _ = self.frames.send(frame(app, approval, &people));
        }
    }
}

fn is_shown(app: &App, person: Uuid) -> bool {
    let person = app.accounts.person(person);
    person.is_some_and(|person| person.active && person.level >= AccreditationLevel::N1)
}

fn frame(app: &App, approval: Uuid, people: &BTreeSet<Uuid>) -> Utf8Bytes {
    let people: Vec<_> = people
        .iter()
        .filter_map(|id| app.accounts.person(*id))
        .take(MOST_NAMES)
        .map(|person| {
            json!({ "id": person.id, "username": person.username, "display_name": person.display_name })
        })
        .collect();
    json!({ "type": "safeguard:presence", "id": approval, "people": people })
        .to_string()
        .into()
}

/// One open socket of a person: what it shows, and what it is told. Leaves when dropped.
pub(crate) struct Attendee {
    presence: Arc<Presence>,
    socket: Uuid,
    person: Uuid,
    frames: broadcast::Receiver<Utf8Bytes>,
    pace: Pace,
}

/// How often a socket has moved in the present second.
struct Pace {
    second: Instant,
    moves: u32,
}

impl Pace {
    fn allows(&mut self, now: Instant) -> bool {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.moves) = (now, 0);
        }
        self.moves = self.moves.saturating_add(1);
        self.moves <= MOVES_PER_SECOND
    }
}

impl Attendee {
    /// Joins, and what to show first: one frame per approval that somebody reads.
    pub(crate) fn join(app: &App, person: Uuid) -> (Self, Vec<Utf8Bytes>) {
        let presence = app.presence.clone();
        let seats = presence.seats();
        // Under the lock: no change falls between the first frames and the next.
        let frames = presence.frames.subscribe();
        let first = seats
            .told()
            .map(|(approval, people)| frame(app, *approval, people))
            .collect();
        drop(seats);
        let attendee = Self {
            presence,
            socket: kernel::new_id(),
            person,
            frames,
            pace: Pace {
                second: Instant::now(),
                moves: 0,
            },
        };
        (attendee, first)
    }

    /// What the client said; anything but a word of ours, or too much of it, changes nothing.
    pub(crate) fn hear(&mut self, text: &str) {
        let Ok(ClientFrame::Viewing { id }) = serde_json::from_str(text) else {
            return;
        };
        if self.pace.allows(Instant::now()) {
            self.view(id);
        }
    }

    /// The next frame; `None` if this socket is too slow and must start anew.
    pub(crate) async fn next(&mut self) -> Option<Utf8Bytes> {
        self.frames.recv().await.ok()
    }

    fn view(&self, approval: Option<Uuid>) {
        let viewing = approval.map(|approval| Viewing {
            approval,
            person: self.person,
        });
        if self.presence.seats().sit(self.socket, viewing) {
            self.presence.changed.notify_one();
        }
    }
}

impl Drop for Attendee {
    fn drop(&mut self) {
        self.view(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_not_listened_to() {
        let start = Instant::now();
        let mut pace = Pace {
            second: start,
            moves: 0,
        };
        let heard = |pace: &mut Pace, millis| {
            let now = start + Duration::from_millis(millis);
            (0..100).filter(|_| pace.allows(now)).count()
        };
        assert_eq!(heard(&mut pace, 10), 5);
        assert_eq!(heard(&mut pace, 990), 0);
        assert_eq!(heard(&mut pace, 1_010), 5);
    }
}
