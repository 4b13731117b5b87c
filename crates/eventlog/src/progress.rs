//! How far the projections are, for answers that say how fresh they are and for callers that wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::PgPool;
use tokio::{sync::watch, time::Instant};

use crate::LogError;

/// How often a process that does not run a projection asks PostgreSQL how far it is.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How far the projections are. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    pool: PgPool,
    here: Arc<Mutex<HashMap<&'static str, ProjectionProgress>>>,
    /// The versions this release reads.
    versions: Arc<Mutex<HashMap<&'static str, i32>>>,
    changed: watch::Sender<()>,
}

/// A projection that this process runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectionProgress {
    pub position: u64,
    /// Why it does not go on.
    pub problem: Option<String>,
}

impl Progress {
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            here: Arc::default(),
            versions: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// The projections that this process runs.
    pub fn here(&self) -> HashMap<&'static str, ProjectionProgress> {
        self.here
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Rings whenever a projection of this process moves.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The position up to which all the named projections have applied the log. Read it before the
    /// rows, so that it never claims too much.
    pub async fn position(&self, names: &[&str]) -> Result<u64, LogError> {
        let here = self.here();
        let known: Option<Vec<u64>> = names
            .iter()
            .map(|name| here.get(name).map(|found| found.position))
            .collect();
        if let Some(least) = known.and_then(|known| known.into_iter().min()) {
            return Ok(least);
        }
        let stored: Vec<(String, i32, i64)> = sqlx::query_as(
            "SELECT name, version, position FROM projection_checkpoints WHERE name = ANY($1)
             ORDER BY version DESC",
        )
        .bind(names)
        .fetch_all(&self.pool)
        .await?;
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        // Rows of another version are another release's.
        let position_of = |name: &str| {
            let is_ours = |version: &i32| versions.get(name).is_none_or(|ours| ours == version);
            let mut rows = stored.iter().filter(|(stored, ..)| stored == name);
            let (.., position) = rows.find(|(_, version, _)| is_ours(version))?;
            Some(*position as u64)
        };
        // A projection that never ran has applied nothing.
        let least = names
            .iter()
            .map(|name| position_of(name).unwrap_or(0))
            .min();
        Ok(least.unwrap_or(0))
    }

    /// Waits until all the named projections have applied a position; says whether they have.
    pub async fn wait_for(
        &self,
        names: &[&str],
        position: u64,
        timeout: Duration,
    ) -> Result<bool, LogError> {
        let deadline = Instant::now() + timeout;
        let mut changed = self.changed.subscribe();
        loop {
            if self.position(names).await? >= position {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            let next = (Instant::now() + ASK_EVERY).min(deadline);
            // Either reason is one to look again.
            drop(tokio::time::timeout_at(next, changed.changed()).await);
        }
    }

    /// Says which version of a projection's rows this process reads.
    pub fn expect_version(&self, name: &'static str, version: i32) {
        self.versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, version);
    }

    /// This process no longer runs the projection.
    pub(crate) fn forget(&self, name: &'static str) {
        self.here
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    pub(crate) fn set(&self, name: &'static str, position: u64) {
        self.update(
            name,
            ProjectionProgress {
                position,
                problem: None,
            },
        );
    }

    pub(crate) fn set_problem(&self, name: &'static str, problem: Option<String>) {
        let position = self.here().get(name).map_or(0, |found| found.position);
        self.update(name, ProjectionProgress { position, problem });
    }

    fn update(&self, name: &'static str, progress: ProjectionProgress) {
        metrics::gauge!("greffe_projection_position", "projection" => name)
            .set(progress.position as f64);
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.insert(name, progress.clone()).as_ref() != Some(&progress) {
            self.changed.send_replace(());
        }
    }
}
