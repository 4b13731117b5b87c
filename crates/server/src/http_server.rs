//! The HTTP server beneath the router: what a connection may cost before anybody is known.
//!
//! A head that does not arrive and more connections than there is room for
//! are ended here. Bodies and answers have their limits in the router (`api::router`).

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How many connections there may be, and how long one may keep its head to itself.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    pub connections: usize,
    /// Of these, the most of one address.
    pub connections_per_address: usize,
    /// Proxies of ours, who connect for many: they have no share of their own.
    pub proxies: Vec<api::Network>,
    /// From the beginning, or the last answer, to the end of the next request's head.
    pub head_within: Duration,
}

/// How often at most it is logged that connections are turned away.
const SAY_EVERY: Duration = Duration::from_secs(60);
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Serves until it is stopped, and then until the requests under way are answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: HttpLimits,
    stop: CancellationToken,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within);
    let door = Arc::new(Door::new(limits));
    let tasks = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Of one connection, or of too many open files: then waiting helps.
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            },
        };
        // Without a place the stream is closed: saying why would take one.
        let Some(place) = door.enter(peer.ip().to_canonical()) else {
            continue;
        };
        let held = match Held::new(stream, place) {
            Ok(held) => held,
            Err(error) => {
                tracing::debug!(%error, "a connection was gone at once");
                continue;
            }
        };
        let serving = one(builder.clone(), held, peer, router.clone(), stop.clone());
        tasks.spawn(serving);
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn one(
    builder: http1::Builder,
    held: Held,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let service = TowerToHyperService::new(service);
    let connection = builder.serve_connection(TokioIo::new(held), service);
    let mut connection = pin!(connection.with_upgrades());
    let mut ending = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = stop.cancelled(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Counts who is inside.
struct Door {
    limits: HttpLimits,
    places: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    said: Mutex<Option<Instant>>,
}

impl Door {
    fn new(limits: HttpLimits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections)),
            limits,
            by_address: Mutex::default(),
            said: Mutex::default(),
        }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let Ok(permit) = self.places.clone().try_acquire_owned() else {
            self.say("there are too many connections");
            return None;
        };
        let is_proxy = self.limits.proxies.iter().any(|it| it.contains(address));
        if !is_proxy {
            let mut counts = lock(&self.by_address);
            let count = counts.entry(address).or_default();
            if *count >= self.limits.connections_per_address {
                drop(counts);
                self.say("an address has too many connections");
                return None;
            }
            *count += 1;
        }
        Some(Place {
            door: self.clone(),
            address: (!is_proxy).then_some(address),
            _permit: permit,
        })
    }

    fn say(&self, what: &str) {
        let mut said = lock(&self.said);
        if said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            *said = Some(Instant::now());
            tracing::warn!("{what}; new ones are closed");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of one connection, also once it is a socket; free again when it is dropped.
struct Place {
    door: Arc<Door>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = lock(&self.door.by_address);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// A connection that keeps its place for as long as anyone reads or writes it.
struct Held {
    stream: TcpStream,
    _place: Place,
}

impl Held {
    /// A frame goes out at once: TCP would else keep a small one until the reader has acknowledged what
    /// went before, which it may do 40 ms later.
    fn new(stream: TcpStream, place: Place) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            _place: place,
        })
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    async fn start(limits: HttpLimits) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route(
            "/",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        );
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, router, limits, stop.clone()));
        (address, stop)
    }

    fn limits() -> HttpLimits {
        HttpLimits {
            connections: 3,
            connections_per_address: 2,
            proxies: Vec::new(),
            head_within: Duration::from_millis(300),
        }
    }

    /// What comes until the server closes.
    async fn read(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        let ended = tokio::time::timeout(SOON, stream.read_to_string(&mut text)).await;
        let _reset_or_end = ended.expect("the server closes the connection");
        text
    }

    /// A connection that has been answered, and so stands.
    async fn answered(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        stream
    }

    async fn drip(mut stream: TcpStream) -> io::Result<std::convert::Infallible> {
        stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").await?;
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.write_all(b"a").await?;
        }
    }

    #[tokio::test]
    async fn a_head_that_does_not_arrive_is_not_waited_for() {
        let (address, _stop) = start(limits()).await;
        for beginning in ["", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
            let mut slow = TcpStream::connect(address).await.unwrap();
            slow.write_all(beginning.as_bytes()).await.unwrap();
            let said = read(&mut slow).await;
            assert!(!said.contains("200 OK"), "{said}");
        }
        // A byte now and then does not help.
        let slow = TcpStream::connect(address).await.unwrap();
        let ended = tokio::time::timeout(SOON, drip(slow)).await;
        assert!(ended.expect("the server closes it").is_err());
    }

    #[tokio::test]
    async fn only_http_1_is_spoken() {
        let (address, _stop) = start(limits()).await;
        let mut other = TcpStream::connect(address).await.unwrap();
        let preface_and_settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        other.write_all(preface_and_settings).await.unwrap();
        let said = read(&mut other).await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 4"),
            "its time-outs and limits are those of HTTP/1: {said}"
        );
    }

    #[tokio::test]
    async fn who_says_nothing_does_not_hold_up_the_end() {
        let (address, stop) = start(HttpLimits {
            head_within: SOON * 6,
            ..limits()
        })
        .await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        // Once it is answered the one before it has been accepted too.
        let mut later = answered(address).await;
        stop.cancel();
        assert_eq!(read(&mut silent).await, "");
        read(&mut later).await;
    }

    #[tokio::test]
    async fn an_address_has_its_share_of_connections() {
        let (address, _stop) = start(HttpLimits {
            head_within: SOON * 6,
            ..limits()
        })
        .await;
        let mut kept = vec![answered(address).await, answered(address).await];
        let mut third = TcpStream::connect(address).await.unwrap();
        assert_eq!(read(&mut third).await, "");
        kept.pop();
        let end = Instant::now() + SOON;
        loop {
            let mut again = TcpStream::connect(address).await.unwrap();
            let closing = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let sent = again.write_all(closing).await;
            if sent.is_ok() && read(&mut again).await.contains("200 OK") {
                break;
            }
            assert!(Instant::now() < end, "a place that was left is free again");
        }
    }

    #[tokio::test]
    async fn nothing_waits_for_an_acknowledgement_of_what_went_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, connected) = tokio::join!(listener.accept(), connecting);
        let (_client, (stream, peer)) = (connected.unwrap(), accepted.unwrap());
        assert!(!stream.nodelay().unwrap());
        let place = Arc::new(Door::new(limits())).enter(peer.ip()).unwrap();
        assert!(Held::new(stream, place).unwrap().stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_proxy_connects_for_many() {
        let door = Arc::new(Door::new(HttpLimits {
            proxies: vec!["192.0.2.1".parse().unwrap()],
            ..limits()
        }));
        let enter = |address: &str| door.enter(address.parse().unwrap());
        let _proxied: Vec<_> = (0..3).map(|_| enter("192.0.2.1").unwrap()).collect();
        assert!(enter("192.0.2.1").is_none(), "the process is full");
    }
}
