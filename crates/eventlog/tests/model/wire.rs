//! The connections between a process and PostgreSQL, which can be cut, also just before an answer
//! arrives: what was asked has happened then, and the one who asked does not know.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub struct Wire {
    /// The database, through this wire.
    pub url: String,
    state: Arc<State>,
    cut: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    loses_answer: AtomicBool,
    lost_answers: AtomicU64,
}

impl Wire {
    pub async fn to(database_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap().to_string();
        let (before, after) = database_url.rsplit_once('@').unwrap();
        let (server, path) = after.split_once('/').unwrap();
        let (server, state) = (server.to_owned(), Arc::<State>::default());
        let (cut, cuts) = watch::channel(0);
        let of_connections = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, state, mut cuts) =
                    (server.clone(), of_connections.clone(), cuts.clone());
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(&server).await else {
                        return;
                    };
                    tokio::select! {
                        () = carry(client, server, &state) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        let url = format!("{before}@{here}/{path}");
        Self { url, state, cut }
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        self.cut.send_modify(|times| *times += 1);
    }

    /// The next answer of the server to a call of `append_batch` is lost with its connection.
    pub fn lose_next_answer(&self) {
        self.state.loses_answer.store(true, Ordering::SeqCst);
    }

    pub fn lost_answers(&self) -> u64 {
        self.state.lost_answers.load(Ordering::SeqCst)
    }
}

/// Carries bytes both ways until either end is gone, or an answer is to be lost.
async fn carry(client: TcpStream, server: TcpStream, state: &State) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_writer = AtomicBool::new(false);
    let asks = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            // A prepared statement is named once: from then on it is known whose session this is.
            if memchr::memmem::find(&bytes[..count], b"append_batch").is_some() {
                is_writer.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    let answers = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
            // `C`: a command is complete, and committed.
            let is_answer = memchr::memmem::find(&bytes[..count], b"SELECT ").is_some();
            if is_answer
                && is_writer.load(Ordering::SeqCst)
                && state.loses_answer.swap(false, Ordering::SeqCst)
            {
                state.lost_answers.fetch_add(1, Ordering::SeqCst);
                return;
            }
            if to_client.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = asks => {}
        () = answers => {}
    }
}
