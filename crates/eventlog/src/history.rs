//! Whether the database still holds the history that this process knows.
//!
//! After a restored backup, or a failover that lost its tail, what a process remembers (aggregates,
//! subject keys, recent events) is of another history: it must neither write on nor apply that. It
//! says so once and for all, and whoever runs the process starts its parts again.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::PgConnection;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{EventLog, LogError};

/// `RAISE … ERRCODE` of `assert_history`.
pub(crate) const PARTED: &str = "GF002";

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct History {
    inner: Arc<Inner>,
}

struct Inner {
    epoch: Uuid,
    /// The latest event this process has appended or read.
    known: Mutex<(u64, Uuid)>,
    parted: watch::Sender<Option<String>>,
}

impl History {
    pub fn new(epoch: Uuid) -> Self {
        Self {
            inner: Arc::new(Inner {
                epoch,
                known: Mutex::new((0, Uuid::nil())),
                parted: watch::Sender::new(None),
            }),
        }
    }

    pub fn epoch(&self) -> Uuid {
        self.inner.epoch
    }

    /// Remembers an event that this process has appended or read.
    pub fn saw(&self, position: u64, event_id: Uuid) {
        let mut known = self.known_mut();
        if position > known.0 {
            *known = (position, event_id);
        }
    }

    /// The latest event this process has appended or read; position 0 if there is none.
    pub fn known(&self) -> (u64, Uuid) {
        *self.known_mut()
    }

    /// Asks on a new connection, before anything is written with it.
    pub async fn check(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let (position, event_id) = self.known();
        let asked = sqlx::query("SELECT assert_history($1, $2, $3)")
            .bind(self.inner.epoch)
            .bind(position as i64)
            .bind(event_id)
            .execute(connection)
            .await;
        match asked {
            Ok(_) => Ok(()),
            Err(error) => {
                if let Some(database) = error.as_database_error()
                    && database.code().as_deref() == Some(PARTED)
                {
                    self.part(database.message());
                }
                Err(error)
            }
        }
    }

    /// Fails once the database was found to hold another history.
    pub fn assert_known(&self) -> Result<(), LogError> {
        match &*self.inner.parted.borrow() {
            None => Ok(()),
            Some(reason) => Err(LogError::Parted(reason.clone())),
        }
    }

    /// Notes that the database holds another history. The first reason stays.
    pub fn part(&self, reason: &str) {
        self.inner.parted.send_if_modified(|parted| {
            let is_first = parted.is_none();
            if is_first {
                tracing::error!(
                    reason,
                    "the database holds another history than this process"
                );
                *parted = Some(reason.to_owned());
            }
            is_first
        });
    }

    fn known_mut(&self) -> std::sync::MutexGuard<'_, (u64, Uuid)> {
        self.inner
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLog {
    /// Returns once the database was found to hold another history than this process knows, and why:
    /// everything that was opened on this log is out of date, and is to be opened again.
    pub async fn parted(&self) -> String {
        let mut parted = self.history.inner.parted.subscribe();
        match parted.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The sender lives in the history that is borrowed here.
            Err(_) => std::future::pending().await,
        }
    }
}
