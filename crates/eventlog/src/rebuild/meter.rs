//! How far a rebuild is: told to who asked for it, and written for the others, once a second.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::RebuildError;
use crate::EventLog;

const TELL_EVERY: Duration = Duration::from_secs(1);

/// How far a rebuild is.
#[derive(Debug, Clone, PartialEq)]
pub struct RebuildProgress {
    /// `filling`, `indexing`, `swapping`, `swapped`, `failed`.
    pub state: &'static str,
    pub position: u64,
    /// How far it has to go at least.
    pub target: u64,
    /// Events applied; others are passed over.
    pub events: u64,
    /// Positions of the log a second, since the beginning.
    pub rate: f64,
}

impl RebuildProgress {
    /// How long the rest takes at this rate.
    pub fn remaining(&self) -> Option<Duration> {
        let rest = self.target.saturating_sub(self.position) as f64;
        Duration::try_from_secs_f64(rest / self.rate).ok()
    }
}

pub(super) struct Meter<R> {
    row: Option<Row>,
    progress: RebuildProgress,
    began: Instant,
    told: Instant,
    report: R,
}

struct Row {
    log: EventLog,
    name: String,
    version: i32,
    started_at: DateTime<Utc>,
}

impl<R: FnMut(&RebuildProgress) + Send> Meter<R> {
    /// Of a rebuild that others can watch.
    pub async fn start(
        log: &EventLog,
        name: &str,
        version: i32,
        report: R,
    ) -> Result<Self, RebuildError> {
        // What was under way and has left no word is over: only one rebuilds at a time.
        sqlx::query(
            "UPDATE projection_rebuilds SET state = 'failed'
             WHERE name = $1 AND version = $2 AND state IN ('filling', 'indexing', 'swapping')",
        )
        .bind(name)
        .bind(version)
        .execute(log.pool())
        .await?;
        let started_at = sqlx::query_scalar(
            "INSERT INTO projection_rebuilds (name, version, started_at, state)
             VALUES ($1, $2, clock_timestamp(), 'filling') RETURNING started_at",
        )
        .bind(name)
        .bind(version)
        .fetch_one(log.pool())
        .await?;
        let row = Row {
            log: log.clone(),
            name: name.to_owned(),
            version,
            started_at,
        };
        Ok(Self {
            row: Some(row),
            ..Self::unseen(report)
        })
    }

    /// Of rows that are filled for a comparison.
    pub fn unseen(report: R) -> Self {
        Self {
            row: None,
            progress: RebuildProgress {
                state: "filling",
                position: 0,
                target: 0,
                events: 0,
                rate: 0.0,
            },
            began: Instant::now(),
            told: Instant::now(),
            report,
        }
    }

    pub fn target(&mut self, target: u64) {
        self.progress.target = target;
    }

    pub async fn applied(&mut self, position: u64, events: u64) -> Result<(), RebuildError> {
        self.progress.position = position;
        self.progress.events += events;
        self.progress.rate = position as f64 / self.began.elapsed().as_secs_f64();
        self.tick().await
    }

    /// Tells how far it is, if that was not told just now.
    pub async fn tick(&mut self) -> Result<(), RebuildError> {
        match self.told.elapsed() >= TELL_EVERY {
            true => self.tell().await,
            false => Ok(()),
        }
    }

    pub async fn state(&mut self, state: &'static str) -> Result<(), RebuildError> {
        self.progress.state = state;
        self.tell().await
    }

    /// It was written with the swap itself: this tells who waits.
    pub fn swapped(&mut self, position: u64) {
        self.progress.position = position;
        self.progress.target = position;
        self.progress.state = "swapped";
        (self.report)(&self.progress);
    }

    async fn tell(&mut self) -> Result<(), RebuildError> {
        self.told = Instant::now();
        (self.report)(&self.progress);
        let Some(row) = &self.row else {
            return Ok(());
        };
        sqlx::query(
            "UPDATE projection_rebuilds SET state = $4, position = $5, target = $6, events = $7,
                 updated_at = clock_timestamp()
             WHERE name = $1 AND version = $2 AND started_at = $3",
        )
        .bind(&row.name)
        .bind(row.version)
        .bind(row.started_at)
        .bind(self.progress.state)
        .bind(self.progress.position as i64)
        .bind(self.progress.target as i64)
        .bind(self.progress.events as i64)
        .execute(row.log.pool())
        .await?;
        Ok(())
    }
}
