//! A pooler that hands one session of PostgreSQL from transaction to transaction: all clients share
//! it, as behind a pooler in transaction mode whose pool is one.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

const SSL_REQUEST: u32 = 80_877_103;
/// AuthenticationOk, then ReadyForQuery.
const WELCOME: &[u8] = b"R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I";

/// Starts it before a server; returns its port.
pub async fn start(server: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let session = Arc::new(Mutex::new(None));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, session) = (server.clone(), session.clone());
            // A client that goes away ends its own task only.
            tokio::spawn(async move { drop(serve(client, &server, &session).await) });
        }
    });
    port
}

async fn serve(
    mut client: TcpStream,
    server: &str,
    session: &Mutex<Option<TcpStream>>,
) -> std::io::Result<()> {
    let mut hello = startup(&mut client).await?;
    while hello[4..8] == SSL_REQUEST.to_be_bytes() {
        client.write_all(b"N").await?;
        hello = startup(&mut client).await?;
    }
    let mut first = session.lock().await;
    match &*first {
        // The first client signs in for all.
        None => {
            let mut real = TcpStream::connect(server).await?;
            real.write_all(&hello).await?;
            loop {
                let answer = message(&mut real).await?;
                client.write_all(&answer).await?;
                let needs_more = answer[0] == b'R' && !matches!(answer[8], 0 | 12);
                match answer[0] {
                    b'Z' => break,
                    _ if needs_more => real.write_all(&message(&mut client).await?).await?,
                    _ => {}
                }
            }
            *first = Some(real);
        }
        Some(_) => client.write_all(WELCOME).await?,
    }
    drop(first);
    loop {
        let mut asked = Vec::new();
        loop {
            let next = message(&mut client).await?;
            if next[0] == b'X' {
                return Ok(());
            }
            let is_last = matches!(next[0], b'S' | b'Q');
            asked.extend(next);
            if is_last {
                break;
            }
        }
        let mut session = session.lock().await;
        let Some(real) = &mut *session else {
            return Ok(());
        };
        real.write_all(&asked).await?;
        loop {
            let answer = message(real).await?;
            client.write_all(&answer).await?;
            if answer[0] == b'Z' {
                break;
            }
        }
    }
}

/// A first message: its length, then what it says.
async fn startup(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    rest(from, length.to_be_bytes().to_vec(), length).await
}

/// Any other message: its kind, its length, and what it says.
async fn message(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await?;
    rest(from, [&[kind][..], &length.to_be_bytes()].concat(), length).await
}

async fn rest(from: &mut TcpStream, mut read: Vec<u8>, length: u32) -> std::io::Result<Vec<u8>> {
    let begun = read.len();
    read.resize(begun + length as usize - 4, 0);
    from.read_exact(&mut read[begun..]).await?;
    Ok(read)
}
