//! The live feed over connections that are cut at random: every event once, in order.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::place::{
    caller::{Caller, request},
    cluster::Cluster,
    random::Random,
};

const READERS: usize = 24;
const REQUESTS: u64 = 152;
const LANES: u64 = 4;
const FRAME_WITHIN: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_seen_once_and_in_order_over_any_connections() {
    let mut random = Random::seeded();
    let cluster = Cluster::new().await;
    let mut processes = [
        cluster.spawn("api,relay,projector,workflows"),
        cluster.spawn("api"),
    ];
    processes.iter_mut().for_each(|it| it.until_ready());
    let admin = cluster.sign_in(&processes[0], "admin").await;
    let chief = cluster.sign_in(&processes[0], "chef.support").await;
    let pages = processes.each_ref().map(|it| chief.at(&it.address));
    let page = chief.read("/api/safeguard/feed").await;
    let start = page["position"].as_u64().unwrap();

    let (end_in, end) = watch::channel(None);
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let reader = Reader {
            pages: pages.clone(),
            epoch: page["epoch"].as_str().unwrap().to_owned(),
            random: random.branch(),
            end: end.clone(),
            seen: vec![start],
            cuts: 0,
        };
        readers.spawn(reader.read());
    }
    make_events(&admin, &chief).await;
    let shown: Vec<i64> = sqlx::query_scalar(
        "SELECT position FROM events WHERE aggregate_type = 'safeguard.approval' ORDER BY position",
    )
    .fetch_all(&cluster.database.pool)
    .await
    .unwrap();
    let shown: Vec<u64> = shown.into_iter().map(|position| position as u64).collect();
    assert_eq!(shown.len() as u64, 2 * REQUESTS);
    end_in.send_replace(shown.last().copied());

    let mut cuts = 0;
    for reader in readers.join_all().await {
        assert_eq!(reader.seen[1..], shown, "what was seen, what happened");
        cuts += reader.cuts;
    }
    println!("{} events, {READERS} readers, {cuts} cuts", shown.len());
    assert!(cuts > 5 * READERS as u64, "the connections were hardly cut");
    processes.into_iter().for_each(|it| it.stop());
}

/// Requests, and decisions on them, in a few lanes at once.
async fn make_events(admin: &Caller, chief: &Caller) {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (admin, chief) = (admin.clone(), chief.clone());
        lanes.spawn(async move {
            for nth in 0..REQUESTS / LANES {
                let path = "/api/safeguard/requests";
                let asked = admin.done(path, &request(lane * 1_000 + nth)).await;
                let path = format!("/api/safeguard/{}", asked["id"].as_str().unwrap());
                let version = &asked["version"];
                let (caller, decision, body) = match nth % 3 {
                    0 => (
                        &chief,
                        "reject",
                        json!({ "version": version, "reason": "non" }),
                    ),
                    1 => (
                        &chief,
                        "approve",
                        json!({ "version": version, "comment": "oui" }),
                    ),
                    _ => (&admin, "cancel", json!({ "reason": "plus nécessaire" })),
                };
                caller.done(&format!("{path}/{decision}"), &body).await;
            }
        });
    }
    lanes.join_all().await;
}

/// Someone whose connection breaks all the time, and who goes on from the last position seen.
struct Reader {
    /// The same person, at each process.
    pages: [Caller; 2],
    epoch: String,
    random: Random,
    /// The last position there will be, once it is known.
    end: watch::Receiver<Option<u64>>,
    seen: Vec<u64>,
    cuts: u64,
}

impl Reader {
    async fn read(mut self) -> Self {
        while *self.end.borrow() != self.seen.last().copied() {
            self.read_until_cut().await;
            self.cuts += 1;
        }
        self
    }

    /// One connection, to either process, ended in one of many ways.
    async fn read_until_cut(&mut self) {
        let page = &self.pages[self.random.within(0..2) as usize];
        let bytes = self.random.within(100..30_000) as usize;
        let mut frames = self.random.within(1..60);
        let says_goodbye = self.random.within(0..2) == 0;
        let after = *self.seen.last().unwrap();
        let query = format!("after={after}&epoch={}", self.epoch);
        let Some(mut socket) = connect(page, &query, bytes).await else {
            return;
        };
        while frames > 0 {
            let next = tokio::select! {
                next = tokio::time::timeout(FRAME_WITHIN, socket.next()) => next,
                _ = self.end.changed() => continue,
            };
            let late = format!("nothing after {:?}", self.seen.last());
            match next.expect(&late) {
                Some(Ok(Message::Text(text))) => {
                    frames -= 1;
                    self.note(&serde_json::from_str(&text).unwrap(), after);
                }
                Some(Ok(_)) => {}
                // Cut, maybe in the middle of a frame.
                Some(Err(_)) | None => return,
            }
            if *self.end.borrow() == self.seen.last().copied() {
                return;
            }
        }
        if says_goodbye {
            // Nobody waits for the answer: the connection goes before it can come.
            let _ = socket.close(None).await;
        }
    }

    fn note(&mut self, frame: &Value, after: u64) {
        let kind = frame["type"].as_str().unwrap();
        let position = frame["position"].as_u64().unwrap();
        match kind {
            "feed:ready" => assert_eq!(position, after, "ready where the cursor is"),
            "feed:reset" => panic!("a cursor of a moment ago is refused: {after}, {frame}"),
            _ => self.seen.push(position),
        }
    }
}

/// A socket whose connection breaks after so many bytes; none if it broke before there was one.
async fn connect(page: &Caller, query: &str, bytes: usize) -> Option<WebSocketStream<Cut>> {
    let url = format!("ws://{}/api/safeguard/ws?{query}", page.address);
    let mut request = url.into_client_request().unwrap();
    let protocols = format!("greffe.v1, bearer.{}", page.token);
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", protocols.parse().unwrap());
    let stream = TcpStream::connect(&page.address).await.unwrap();
    // Closing it resets the connection: what is under way is lost, in both directions.
    stream.set_zero_linger().unwrap();
    let cut = Cut {
        stream,
        left: bytes,
    };
    let opened = tokio_tungstenite::client_async(request, cut).await;
    opened.ok().map(|(socket, _)| socket)
}

/// A connection of which only the first bytes arrive.
struct Cut {
    stream: TcpStream,
    left: usize,
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
        }
        let mut buffer = vec![0; self.left.min(into.remaining())];
        let mut part = ReadBuf::new(&mut buffer);
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        into.put_slice(part.filled());
        let count = part.filled().len();
        self.left -= count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
