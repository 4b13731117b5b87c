//! Many open WebSockets while a little happens: how late the last of them sees it, and that none
//! misses anything.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::{SinkExt, StreamExt, TryStreamExt, stream};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::{sync::watch, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

use crate::platform::{Platform, Socket};

/// Sockets that are being opened at once.
const OPENING: usize = 32;
/// Events per second.
const EVENTS: u64 = 20;
const LAST_WITHIN: Duration = Duration::from_secs(30);

/// What a frame is of; the rest of it is not read, or this program would be what is measured.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    position: u64,
    data: Option<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: Option<String>,
}

/// From sending a command to seeing its frame on each socket: the 99th percentile (ms).
pub async fn p99_ms(platform: &Platform, count: usize, time: Duration) -> anyhow::Result<f64> {
    let sockets: Vec<Socket> = stream::iter((0..count).map(|_| platform.socket()))
        .buffer_unordered(OPENING)
        .try_collect()
        .await
        .context("open the sockets")?;
    let (all_in, all) = watch::channel(None);
    let mut watchers = JoinSet::new();
    for socket in sockets {
        watchers.spawn(see(socket, all.clone()));
    }
    let mut sent = HashMap::new();
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / EVENTS));
    let started = Instant::now();
    while started.elapsed() < time {
        tick.tick().await;
        let now = Instant::now();
        sent.insert(platform.request().await?, now);
    }
    all_in.send_replace(Some(Arc::new(sent.keys().cloned().collect())));
    let mut late = Histogram::<u64>::new(3)?;
    while let Some(seen) = watchers.join_next().await {
        let seen = seen??;
        for (id, began) in &sent {
            let at = seen.get(id).context("a frame was lost")?;
            late.record(at.duration_since(*began).as_micros() as u64)?;
        }
    }
    Ok(late.value_at_quantile(0.99) as f64 / 1_000.0)
}

/// Reads until everything that was sent has been seen; when each was.
async fn see(
    mut socket: Socket,
    mut all: watch::Receiver<Option<Arc<Vec<String>>>>,
) -> anyhow::Result<HashMap<String, Instant>> {
    let mut seen = HashMap::new();
    let mut last = 0;
    loop {
        let expected = all.borrow_and_update().clone();
        if let Some(expected) = &expected
            && expected.iter().all(|id| seen.contains_key(id))
        {
            return Ok(seen);
        }
        let message = tokio::select! {
            message = socket.next() => message.context("a socket was closed")??,
            changed = all.changed(), if expected.is_none() => {
                changed?;
                continue;
            }
            () = tokio::time::sleep(LAST_WITHIN), if expected.is_some() => {
                anyhow::bail!("a frame never came");
            }
        };
        match message {
            Message::Text(text) => {
                let now = Instant::now();
                let frame: Frame = serde_json::from_str(&text)?;
                if frame.kind == "safeguard:new_request" {
                    ensure!(frame.position > last, "a frame came twice, or out of order");
                    last = frame.position;
                    if let Some(id) = frame.data.and_then(|item| item.id) {
                        seen.insert(id, now);
                    }
                }
            }
            Message::Ping(bytes) => socket.send(Message::Pong(bytes)).await?,
            Message::Close(why) => anyhow::bail!("a socket was closed: {why:?}"),
            _ => {}
        }
    }
}
