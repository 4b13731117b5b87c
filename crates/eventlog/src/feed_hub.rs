//! Hands the frames of the feeds to who is there: from memory, or from PostgreSQL to who was away.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{Audience, FeedItem, LogError, Progress, SharedFrame, Vault, trace};

/// A cursor that is further behind fetches everything anew.
const MAX_BEHIND: u64 = 10_000;
/// Frames handed from memory; a reader that is further behind is too slow.
const RING: usize = 2_000;
const PAGE: i64 = 500;
/// How often frames written by other processes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Hands out the frames of the feeds. Cheap to clone.
#[derive(Clone)]
pub struct FeedHub {
    pool: PgPool,
    vault: Vault,
    feeds: Arc<HashMap<&'static str, Feed>>,
}

struct Feed {
    ring: Mutex<VecDeque<Arc<SharedFrame>>>,
    /// Everything up to here is in the ring, or was.
    last: watch::Sender<u64>,
}

impl FeedHub {
    /// Starts the feeds, each with the projection that writes it.
    pub async fn start(
        pool: PgPool,
        vault: Vault,
        progress: Progress,
        feeds: &[(&'static str, &'static str)],
        stop: &CancellationToken,
    ) -> Result<Self, LogError> {
        let mut started = HashMap::new();
        for (feed, projection) in feeds {
            let last = progress.position(&[projection]).await?;
            let ring = Mutex::default();
            started.insert(
                *feed,
                Feed {
                    ring,
                    last: watch::Sender::new(last),
                },
            );
        }
        let hub = Self {
            pool,
            vault,
            feeds: Arc::new(started),
        };
        for (feed, projection) in feeds {
            let (hub, progress, stop) = (hub.clone(), progress.clone(), stop.clone());
            let (feed, projection) = (*feed, *projection);
            tokio::spawn(async move {
                tokio::select! {
                    () = hub.follow(feed, projection, progress) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        Ok(hub)
    }

    /// Frames after a position, then live ones. Without a position: from now on.
    pub async fn subscribe(
        &self,
        feed: &str,
        after: Option<u64>,
    ) -> Result<FeedSubscription, LogError> {
        let (feed, state) = self
            .feeds
            .get_key_value(feed)
            .ok_or_else(|| LogError::Corrupt(format!("there is no feed `{feed}`")))?;
        let head = *state.last.borrow();
        let (position, is_reset) = match after {
            None => (head, false),
            Some(after) if self.can_resume(after, head).await? => (after, false),
            Some(_) => (head, true),
        };
        let last = state.last.subscribe();
        Ok(FeedSubscription {
            hub: self.clone(),
            feed,
            position,
            is_reset,
            last,
            ready: VecDeque::new(),
        })
    }

    /// Whether all the frames after a cursor are still there.
    async fn can_resume(&self, after: u64, head: u64) -> Result<bool, LogError> {
        if after > head {
            // Another process has shown what this one is about to read: it goes on from there.
            let is_of_log = "SELECT EXISTS (SELECT 1 FROM events WHERE position = $1)";
            let query = sqlx::query_scalar(is_of_log).bind(i64::try_from(after).unwrap_or(0));
            return Ok(query.fetch_one(&self.pool).await?);
        }
        if head - after > MAX_BEHIND {
            return Ok(false);
        }
        if after == head {
            return Ok(true);
        }
        // Not older than what pruning keeps, judged by the first event the cursor has not seen.
        let is_kept: Option<bool> = sqlx::query_scalar(
            "SELECT recorded_at > clock_timestamp() - interval '24 hours' FROM events WHERE position = $1",
        )
        .bind(after as i64 + 1)
        .fetch_optional(&self.pool)
        .await?;
        Ok(is_kept.unwrap_or(false))
    }

    async fn follow(&self, feed: &'static str, projection: &'static str, progress: Progress) {
        let Some(state) = self.feeds.get(feed) else {
            return;
        };
        let mut changed = progress.changed();
        loop {
            match self.advance(feed, state, projection, &progress).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(feed, %error, "the feed cannot be read"),
            }
            // Either reason is one to look again.
            drop(tokio::time::timeout(LOOK_EVERY, changed.changed()).await);
        }
    }

    async fn advance(
        &self,
        feed: &'static str,
        state: &Feed,
        projection: &'static str,
        progress: &Progress,
    ) -> Result<(), LogError> {
        let upto = progress.position(&[projection]).await?;
        let from = *state.last.borrow();
        if upto <= from {
            return Ok(());
        }
        if state.last.receiver_count() == 0 {
            // Nobody listens: who comes reads PostgreSQL first.
            state.clear();
            state.last.send_replace(upto);
            return Ok(());
        }
        let mut position = from;
        loop {
            let page = self.read(feed, position, upto).await?;
            let is_last = (page.len() as i64) < PAGE;
            position = page.last().map_or(upto, |frame| frame.position);
            let mut ring = state.ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.extend(page);
            let surplus = ring.len().saturating_sub(RING);
            ring.drain(..surplus);
            drop(ring);
            state
                .last
                .send_replace(if is_last { upto } else { position });
            if is_last {
                return Ok(());
            }
        }
    }

    /// Frames after a position and up to another, opened and serialised.
    async fn read(
        &self,
        feed: &str,
        after: u64,
        upto: u64,
    ) -> Result<Vec<Arc<SharedFrame>>, LogError> {
        // Dropped once the frames are ready for the sockets.
        let _following = self.follow_traces(feed, after, upto).await?;
        let mut rows: Vec<(i64, String, String, Value, DateTime<Utc>)> = sqlx::query_as(
            "SELECT position, kind, audience, sealed, recorded_at FROM feed_frames
             WHERE feed = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4",
        )
        .bind(feed)
        .bind(after as i64)
        .bind(upto as i64)
        .bind(PAGE)
        .fetch_all(&self.pool)
        .await?;
        self.vault
            .open_all(rows.iter_mut().map(|row| &mut row.3).collect())
            .await?;
        rows.into_iter()
            .map(|(position, kind, audience, data, at)| {
                let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
                let json = json!({ "type": kind, "position": position, "at": at, "data": data })
                    .to_string();
                let audience = Audience::from_text(&audience)?;
                Ok(Arc::new(SharedFrame {
                    position: position as u64,
                    audience,
                    json: json.into(),
                }))
            })
            .collect()
    }
}

impl FeedHub {
    /// Spans in the traces of the events that are about to be shown; asks nothing unless traces go
    /// somewhere.
    async fn follow_traces(
        &self,
        feed: &str,
        after: u64,
        upto: u64,
    ) -> Result<Vec<Span>, LogError> {
        if !trace::is_on() {
            return Ok(Vec::new());
        }
        let traced: Vec<(i64, String)> = sqlx::query_as(
            "SELECT e.position, e.metadata->>'traceparent' FROM feed_frames f JOIN events e USING (position)
             WHERE f.feed = $1 AND f.position > $2 AND f.position <= $3
                 AND e.metadata->>'traceparent' IS NOT NULL
             ORDER BY f.position LIMIT $4",
        )
        .bind(feed)
        .bind(after as i64)
        .bind(upto as i64)
        .bind(PAGE)
        .fetch_all(&self.pool)
        .await?;
        let spans = traced
            .iter()
            .map(|(position, of)| trace::follow_one("feed", feed, *position as u64, of));
        Ok(spans.collect())
    }
}

/// One reader of a feed.
pub struct FeedSubscription {
    hub: FeedHub,
    feed: &'static str,
    position: u64,
    is_reset: bool,
    last: watch::Receiver<u64>,
    ready: VecDeque<Arc<SharedFrame>>,
}

impl FeedSubscription {
    /// Up to where everything has been handed out, or was before this subscription.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next item, once there is one; `None` if this reader is too far behind. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<FeedItem>, LogError> {
        loop {
            if let Some(item) = self.next_ready().await? {
                return Ok(Some(item));
            }
            let position = self.position;
            if self.last.wait_for(|last| *last > position).await.is_err() {
                return Err(LogError::Closed);
            }
            if self
                .hub
                .feeds
                .get(self.feed)
                .is_some_and(|feed| feed.has_lost(position))
            {
                return Ok(None);
            }
        }
    }

    /// The next item that is there already.
    pub async fn next_ready(&mut self) -> Result<Option<FeedItem>, LogError> {
        if std::mem::take(&mut self.is_reset) {
            return Ok(Some(FeedItem::Reset {
                position: self.position,
            }));
        }
        if self.ready.is_empty() {
            self.fill().await?;
        }
        let Some(frame) = self.ready.pop_front() else {
            return Ok(None);
        };
        self.position = frame.position;
        Ok(Some(FeedItem::Frame(frame)))
    }

    async fn fill(&mut self) -> Result<(), LogError> {
        let last = *self.last.borrow_and_update();
        if last <= self.position {
            return Ok(());
        }
        let Some(feed) = self.hub.feeds.get(self.feed) else {
            return Ok(());
        };
        let frames = match feed.after(self.position) {
            Some(frames) => frames,
            None => self.hub.read(self.feed, self.position, last).await?,
        };
        if frames.is_empty() {
            // Nothing of this feed up to there.
            self.position = last;
        }
        self.ready.extend(frames);
        Ok(())
    }
}

impl Feed {
    fn clear(&self) {
        self.ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The frames in memory after a position; `None` if some may be missing.
    fn after(&self, position: u64) -> Option<Vec<Arc<SharedFrame>>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let covers = ring.front().is_some_and(|first| first.position <= position);
        covers.then(|| {
            ring.iter()
                .filter(|frame| frame.position > position)
                .cloned()
                .collect()
        })
    }

    /// Whether a live reader at this position has more waiting than memory holds.
    fn has_lost(&self, position: u64) -> bool {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.len() >= RING && ring.front().is_some_and(|first| first.position > position)
    }
}
