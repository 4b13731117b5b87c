//! A release: every process is ended and started again, one after the other. Nobody who tries again
//! sees a failure, nobody who watches misses anything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::StreamExt;
use serde_json::{Value, json};
use testkit::assert_stream_is_log;
use tokio::{sync::watch, task::JoinSet};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::place::{
    Up,
    caller::{Caller, request},
    cluster::Cluster,
};

const ALL: &str = "api,relay,projector,workflows";
const ROUNDS: usize = 2;
const LANES: u64 = 4;
/// A client gives up after so long; a process is away for much less.
const TRIES_FOR: Duration = Duration::from_secs(180);
const AGAIN_AFTER: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request_and_loses_no_frame() {
    let cluster = Cluster::new().await;
    let mut processes = [cluster.spawn(ALL), cluster.spawn(ALL)];
    processes.iter_mut().for_each(Up::until_ready);
    let admin = cluster.sign_in(&processes[0], "admin").await;
    let at = processes.each_ref().map(|it| admin.at(&it.address));
    let page = at[0].read("/api/safeguard/feed").await;
    let (end_in, end) = watch::channel(None);
    let watchers: JoinSet<(Vec<u64>, u64)> = (0..4)
        .map(|nth| {
            watch_on(
                [at[nth % 2].clone(), at[(nth + 1) % 2].clone()],
                page["position"].as_u64().unwrap(),
                page["epoch"].as_str().unwrap().to_owned(),
                end.clone(),
            )
        })
        .collect();
    let (stop_in, stop) = watch::channel(false);
    let tries = Arc::<AtomicU64>::default();
    let lanes: JoinSet<Vec<Value>> = (0..LANES)
        .map(|lane| ask_on(lane, at.clone(), stop.clone(), tries.clone()))
        .collect();

    let mut away = Vec::new();
    for _ in 0..ROUNDS {
        for process in &mut processes {
            // Some load on the process as it is.
            let before = tries.load(Ordering::Relaxed);
            while tries.load(Ordering::Relaxed) < before + 50 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let address = process.address.clone();
            let began = Instant::now();
            end_in_order(process).await;
            *process = cluster.spawn_at(ALL, &address);
            until_ready(process).await;
            away.push(began.elapsed());
        }
    }
    stop_in.send_replace(true);
    let answers = lanes.join_all().await.concat();
    let accepted: Vec<u64> = {
        let mut positions: Vec<u64> = answers
            .iter()
            .map(|answer| answer["position"].as_u64().unwrap())
            .collect();
        positions.sort_unstable();
        positions
    };
    let recorded: Vec<i64> = sqlx::query_scalar(
        "SELECT position FROM events WHERE event_type = 'safeguard.approval.requested'
         ORDER BY position",
    )
    .fetch_all(&cluster.database.pool)
    .await
    .unwrap();
    let recorded: Vec<u64> = recorded.into_iter().map(|it| it as u64).collect();
    assert_eq!(recorded, accepted, "in the log, and accepted");
    end_in.send_replace(accepted.last().copied());
    for (seen, restarts) in watchers.join_all().await {
        assert_eq!(seen, accepted, "seen, and accepted");
        assert!(restarts > 0, "the watcher was never told to come back");
    }
    assert_stream_is_log(&cluster.database.pool, &cluster.nats.client().await).await;
    println!(
        "{} requests in {} tries; each process was away for {away:?}",
        accepted.len(),
        tries.load(Ordering::Relaxed)
    );
    processes.into_iter().for_each(Up::stop);
}

/// As an operator does; the others run on meanwhile.
async fn end_in_order(process: &mut Up) {
    tokio::task::block_in_place(|| {
        process.signal(nix::sys::signal::Signal::SIGTERM);
        assert_eq!(process.wait(), Some(0));
    });
}

async fn until_ready(process: &mut Up) {
    tokio::task::block_in_place(|| process.until_ready());
}

/// Sends requests, each with its key, to one process or the other until it is accepted.
async fn ask_on(
    lane: u64,
    at: [Caller; 2],
    stop: watch::Receiver<bool>,
    tries: Arc<AtomicU64>,
) -> Vec<Value> {
    let mut answers = Vec::new();
    for nth in 0.. {
        if *stop.borrow() {
            break;
        }
        let (key, body) = (format!("{lane}-{nth}"), request(lane * 1_000_000 + nth));
        let give_up = Instant::now() + TRIES_FOR;
        for caller in at.iter().cycle().skip((lane + nth) as usize % 2) {
            tries.fetch_add(1, Ordering::Relaxed);
            let sent = caller.keyed("/api/safeguard/requests", &key, &body).await;
            match sent {
                Ok((status, answer)) if status.is_success() => {
                    answers.push(answer);
                    break;
                }
                // What a client that tries again is told to try again.
                Ok((status, answer)) => assert_eq!(status, 503, "{answer}"),
                Err(error) => assert!(Instant::now() < give_up, "{error}"),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
    answers
}

/// Watches one process or the other, and goes on from the last position; what was seen, and how
/// often a process said that it restarts.
async fn watch_on(
    at: [Caller; 2],
    mut after: u64,
    epoch: String,
    mut end: watch::Receiver<Option<u64>>,
) -> (Vec<u64>, u64) {
    let (mut seen, mut restarts) = (Vec::new(), 0);
    for page in at.iter().cycle() {
        let url = format!(
            "ws://{}/api/safeguard/ws?after={after}&epoch={epoch}",
            page.address
        );
        let mut request = url.into_client_request().unwrap();
        let protocols = format!("greffe.v1, bearer.{}", page.token);
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", protocols.parse().unwrap());
        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(request).await else {
            tokio::time::sleep(AGAIN_AFTER).await;
            continue;
        };
        loop {
            let is_over = |end: Option<u64>| end.is_some_and(|end| after >= end);
            if is_over(*end.borrow_and_update()) {
                return (seen, restarts);
            }
            let message = tokio::select! {
                message = socket.next() => message,
                _ = end.changed() => continue,
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    assert_ne!(frame["type"], json!("feed:reset"));
                    if frame["type"] == "safeguard:new_request" {
                        after = frame["position"].as_u64().unwrap();
                        seen.push(after);
                    }
                }
                Some(Ok(Message::Close(Some(close)))) => {
                    assert_eq!(u16::from(close.code), 1012, "{close:?}");
                    restarts += 1;
                    break;
                }
                Some(Ok(_)) => {}
                ended => panic!("a socket ended without a word: {ended:?}"),
            }
        }
    }
    unreachable!("the processes are tried in turn, for ever")
}
