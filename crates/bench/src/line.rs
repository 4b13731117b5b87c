//! One HTTP connection that one caller keeps: what it costs is not taken from what is measured.

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    address: String,
    bearer: String,
}

impl Line {
    pub async fn open(address: &str, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            address: address.to_owned(),
            bearer: format!("Bearer {token}"),
        })
    }

    /// Sends a command; the answer's body. Anything but success is an error.
    pub async fn post(&mut self, path: &str, key: &str, body: &Value) -> anyhow::Result<Bytes> {
        let request = Request::post(path)
            .header(HOST, &self.address)
            .header(AUTHORIZATION, &self.bearer)
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key)
            .body(Full::from(serde_json::to_vec(body)?))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{status} for {path}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }
}
