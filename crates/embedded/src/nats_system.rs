//! What nats-server does only for its user `system`: read its files again, remove what nobody else
//! may remove, tell whether its streams can be written.

use std::fmt::Display;
use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectOptions, HeaderMap};
use serde::Deserialize;

use crate::error::EmbeddedError;
use crate::nats_users::SYSTEM;

/// Asks the server at `url` to read its configuration again, and waits until it has.
pub async fn request_reload(url: &str, system_password: &str) -> Result<(), EmbeddedError> {
    let failed = |error: &dyn Display| EmbeddedError::Reload(error.to_string());
    let client = connect_system(url, system_password)
        .await
        .map_err(|error| failed(&error))?;
    let subject = format!("$SYS.REQ.SERVER.{}.RELOAD", client.server_info().server_id);
    let reply = client
        .request(subject, "".into())
        .await
        .map_err(|error| failed(&error))?;
    let text = String::from_utf8_lossy(&reply.payload);
    if text.contains("\"error\"") {
        return Err(EmbeddedError::Reload(text.into_owned()));
    }
    Ok(())
}

/// Removes a stream of the platform, and returns once it is gone. Only `system` can (`nats.conf`).
pub async fn delete_stream(
    url: &str,
    system_password: &str,
    stream: &str,
) -> Result<(), EmbeddedError> {
    let subject = format!("greffe.stream.delete.{stream}");
    delete(url, system_password, subject)
        .await
        .map_err(EmbeddedError::DeleteStream)
}

/// Removes a consumer of a stream, e.g. one that a reader left behind. Only `system` can.
pub async fn delete_consumer(
    url: &str,
    system_password: &str,
    stream: &str,
    consumer: &str,
) -> Result<(), EmbeddedError> {
    let subject = format!("greffe.consumer.delete.{stream}.{consumer}");
    delete(url, system_password, subject)
        .await
        .map_err(EmbeddedError::DeleteConsumer)
}

/// Asks as `system`, for the account `$G`: the server otherwise puts in that of who asks.
async fn delete(url: &str, system_password: &str, subject: String) -> Result<(), String> {
    let client = connect_system(url, system_password)
        .await
        .map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Request-Info", r#"{"acc":"$G"}"#);
    let reply = client
        .request_with_headers(subject, headers, "".into())
        .await
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&reply.payload);
    match text.contains("\"success\":true") {
        true => Ok(()),
        false => Err(text.into_owned()),
    }
}

/// `urls`: one server, or several of a cluster separated by commas.
pub(crate) async fn connect_system(urls: &str, password: &str) -> Result<Client, ConnectError> {
    ConnectOptions::with_user_and_password(SYSTEM.to_owned(), password.to_owned())
        .connection_timeout(Duration::from_secs(2))
        .request_timeout(Some(Duration::from_secs(5)))
        .connect(&*urls.split(',').collect::<Vec<_>>())
        .await
}

/// How the operating system says it (`ENOSPC`), and nats-server after it.
const NO_ROOM: &str = "no space left";

/// The answer to `HEALTHZ` as far as it is read: `{"data": {"errors": [{"error": "…"}]}}`.
#[derive(Deserialize)]
struct Health {
    data: HealthData,
}

#[derive(Deserialize)]
struct HealthData {
    #[serde(default)]
    errors: Vec<HealthError>,
}

#[derive(Deserialize)]
struct HealthError {
    error: String,
}

/// Which stream found no room on the disk, in the server's words. It refuses every message from then on,
/// also when there is room again, until the server is started again.
pub(crate) async fn stream_without_room(client: &Client) -> Result<Option<String>, String> {
    let subject = format!("$SYS.REQ.SERVER.{}.HEALTHZ", client.server_info().server_id);
    let reply = client
        .request(subject, r#"{"details":true}"#.into())
        .await
        .map_err(|error| error.to_string())?;
    let health: Health =
        serde_json::from_slice(&reply.payload).map_err(|error| error.to_string())?;
    let mut errors = health.data.errors.into_iter().map(|it| it.error);
    Ok(errors.find(|error| error.contains("write error") && error.contains(NO_ROOM)))
}
