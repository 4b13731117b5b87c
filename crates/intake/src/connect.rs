//! Connections to NATS beside the platform's own one.
//!
//! What a service wrote can end the connection that reads it, and what is large can have it cut: nothing
//! else goes through that one.

use std::{sync::Arc, time::Duration};

use async_nats::Client;
use eventlog::LogError;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::stream::connected;

/// How to make a connection to NATS as the platform. It fails at once if there is no server.
pub type Connect =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Client, LogError>> + Send + Sync + 'static>;

/// How long a connection may take to be made.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// One connection, made when it is first needed and again when it was lost.
pub(crate) struct OwnConnection {
    connect: Connect,
    client: Mutex<Option<Client>>,
}

impl OwnConnection {
    pub fn new(connect: Connect) -> Self {
        Self {
            connect,
            client: Mutex::default(),
        }
    }

    pub async fn client(&self) -> Result<Client, LogError> {
        let mut known = self.client.lock().await;
        if let Some(client) = &*known
            && connected(client).is_ok()
        {
            return Ok(client.clone());
        }
        let made = tokio::time::timeout(CONNECTED_WITHIN, (self.connect)()).await;
        let made = made.map_err(|_| LogError::Nats("no connection in time".into()))??;
        Ok(known.insert(made).clone())
    }

    /// The next who asks gets another: this one does not answer.
    pub async fn forget(&self) {
        *self.client.lock().await = None;
    }
}
