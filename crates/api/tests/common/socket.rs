//! A client of live feeds.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::TestApp;

pub type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

pub async fn connect(
    app: &TestApp,
    query: &str,
    headers: &[(&'static str, String)],
) -> Result<(Socket, String), Error> {
    connect_to(app, &format!("/api/safeguard/ws{query}"), headers).await
}

pub async fn connect_to(
    app: &TestApp,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<(Socket, String), Error> {
    let url = format!("{}{path}", app.url.replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (socket, response) = connect_async(request).await?;
    let protocol = response
        .headers()
        .get("sec-websocket-protocol")
        .map(|value| value.to_str().unwrap().to_owned());
    Ok((socket, protocol.unwrap_or_default()))
}

pub fn bearer(token: &str) -> [(&'static str, String); 1] {
    [(
        "sec-websocket-protocol",
        format!("greffe.v1, bearer.{token}"),
    )]
}

/// The next frame, or how the socket was closed. Pings do not count: silence ends in time.
pub async fn frame(socket: &mut Socket) -> Value {
    tokio::time::timeout(Duration::from_secs(60), next_frame(socket))
        .await
        .unwrap()
}

async fn next_frame(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(close) => {
                return json!({ "closed": close.map(|close| u16::from(close.code)) });
            }
            _ => {}
        }
    }
}
