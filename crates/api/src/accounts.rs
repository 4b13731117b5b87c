//! The directory: people, ended sessions and service accounts, in memory, following the log.
//!
//! Checks cost no SQL. When the follower has not been heard of for a second the log itself is
//! asked, so that a revocation is never missed for longer than that.

mod directory;

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::{EventLog, LogError, LogReader, RecordedEvent};
use kernel::AccreditationLevel;
use serde_json::Value;
use sqlx::Row;
use std::sync::Arc;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A session token's own facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The `jti`: the session's id.
    pub id: Uuid,
    /// Unix seconds.
    pub ends_at: i64,
    pub issued_at: i64,
    pub by_cookie: bool,
}

/// Someone who may sign in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: Uuid,
    pub username: String,
    pub display_name: String,
    pub role: String,
    pub level: AccreditationLevel,
    pub active: bool,
    pub credential_id: Option<Uuid>,
    /// Tokens issued before (Unix seconds) no longer count.
    valid_from: i64,
}

/// A bot's account.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    pub name: String,
    /// The person answerable for it.
    pub owner: Uuid,
    pub scopes: Vec<String>,
    pub active: bool,
    pub credential_id: Uuid,
}

#[derive(Default)]
struct Directory {
    position: u64,
    people: HashMap<Uuid, Person>,
    by_username: HashMap<String, Uuid>,
    services: HashMap<String, ServiceAccount>,
    /// Ended sessions, and when they ended.
    revoked: HashMap<Uuid, DateTime<Utc>>,
}

/// The directory of one process.
pub struct Accounts {
    directory: RwLock<Directory>,
    digests: moka::sync::Cache<Uuid, Option<String>>,
    /// When the directory was last known to be at the log's head.
    confirmed: RwLock<Instant>,
    catching_up: tokio::sync::Mutex<()>,
    changes: watch::Sender<u64>,
}

/// How long the follower may be silent before the log itself is asked.
const STALE: Duration = Duration::from_secs(1);
/// Sessions end after 12 h at most: older revocations no longer matter.
const REMEMBER: TimeDelta = TimeDelta::hours(13);
const USER: &str = "users.user";
const SESSION: &str = "users.session";
const SERVICE_ACCOUNT: &str = "users.service_account";

impl Accounts {
    /// Reads every account from the log.
    pub async fn load(log: &EventLog, now: DateTime<Utc>) -> Result<Self, LogError> {
        let accounts = Self {
            directory: RwLock::default(),
            digests: moka::sync::Cache::new(10_000),
            confirmed: RwLock::new(Instant::now()),
            catching_up: tokio::sync::Mutex::new(()),
            changes: watch::Sender::new(0),
        };
        let head = log.head().await?;
        let kinds = [USER.to_owned(), SERVICE_ACCOUNT.to_owned()];
        let mut events = select(
            log,
            "aggregate_type = ANY($1) AND $2::text IS NOT NULL",
            &kinds,
            "",
            head,
        )
        .await?;
        // Session ids are UUIDv7: the index on ids finds the sessions that may still run.
        let oldest = first_id_at(now - REMEMBER);
        let sessions = [SESSION.to_owned()];
        let running = "aggregate_type = ANY($1) AND aggregate_id >= $2";
        events.extend(select(log, running, &sessions, &oldest.to_string(), head).await?);
        events.sort_by_key(|event| event.position);
        accounts.apply(&events, head);
        Ok(accounts)
    }

    /// Follows the log until the process ends.
    pub async fn follow(
        self: Arc<Self>,
        log: EventLog,
        reader: LogReader,
        stop: CancellationToken,
    ) {
        loop {
            let position = self.read().position;
            let batch = tokio::select! {
                () = stop.cancelled() => return,
                batch = reader.batch_after(position) => batch,
            };
            match batch {
                // Nothing new, or nothing heard: the reader may itself be behind.
                Ok(batch) if batch.is_empty() && reader.behind_for() > STALE => {
                    let _ = self.catch_up(&log).await;
                }
                Ok(batch) => {
                    let reached = batch.last().map_or(position, |event| event.position);
                    self.apply(batch.iter().map(AsRef::as_ref), reached);
                }
                Err(error) => {
                    tracing::warn!(error = %error, "the directory of accounts cannot follow the log");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                    let _ = self.catch_up(&log).await;
                }
            }
        }
    }

    /// Asks the log itself if the follower has been silent for too long.
    pub async fn refresh_if_stale(&self, log: &EventLog) -> Result<(), LogError> {
        if self.is_stale() {
            let _one_at_a_time = self.catching_up.lock().await;
            if self.is_stale() {
                self.catch_up(log).await?;
            }
        }
        Ok(())
    }

    fn is_stale(&self) -> bool {
        self.confirmed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            > STALE
    }

    /// Takes in what the log has by now.
    pub async fn catch_up(&self, log: &EventLog) -> Result<(), LogError> {
        let position = self.read().position;
        let head = log.head().await?;
        if head > position {
            let kinds = [
                USER.to_owned(),
                SERVICE_ACCOUNT.to_owned(),
                SESSION.to_owned(),
            ];
            let later = "aggregate_type = ANY($1) AND position > $2::bigint";
            let events = select(log, later, &kinds, &position.to_string(), head).await?;
            self.apply(&events, head);
        } else {
            self.confirm();
        }
        Ok(())
    }

    fn confirm(&self) {
        *self
            .confirmed
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Directory> {
        self.directory
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn apply<'a>(&self, events: impl IntoIterator<Item = &'a RecordedEvent>, reached: u64) {
        let mut changed = false;
        {
            let mut directory = self
                .directory
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            for event in events {
                if event.position > directory.position {
                    changed |= directory.apply(event);
                }
            }
            directory.position = directory.position.max(reached);
        }
        self.confirm();
        if changed {
            self.changes.send_modify(|changes| *changes += 1);
        }
    }

    /// Wakes when any account changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How far the directory has read.
    pub fn position(&self) -> u64 {
        self.read().position
    }

    pub fn person(&self, id: Uuid) -> Option<Person> {
        self.read().people.get(&id).cloned()
    }

    pub fn person_named(&self, username: &str) -> Option<Person> {
        let directory = self.read();
        let id = directory
            .by_username
            .get(&events::fold_user_name(username))?;
        directory.people.get(id).cloned()
    }

    pub fn service(&self, name: &str) -> Option<ServiceAccount> {
        self.read().services.get(name).cloned()
    }

    /// Whether a service account is active and has a scope.
    pub fn has_scope(&self, name: &str, scope: &str) -> bool {
        let directory = self.read();
        let account = directory.services.get(name);
        account.is_some_and(|account| {
            account.active && account.scopes.iter().any(|granted| granted == scope)
        })
    }

    /// Every active service account.
    pub fn services(&self) -> Vec<ServiceAccount> {
        self.read()
            .services
            .values()
            .filter(|account| account.active)
            .cloned()
            .collect()
    }

    /// Names of the service accounts a person answers for; ended ones may still have requests open.
    pub fn services_of(&self, person: Uuid) -> Vec<String> {
        let directory = self.read();
        let owned = directory
            .services
            .values()
            .filter(|account| account.owner == person);
        let mut names: Vec<String> = owned.map(|account| account.name.clone()).collect();
        names.sort();
        names
    }

    /// What to call a party when it is shown.
    pub fn display_name(&self, actor: &kernel::Actor) -> Option<String> {
        match actor.kind {
            kernel::ActorKind::User => Some(self.person(actor.id.parse().ok()?)?.display_name),
            kernel::ActorKind::Service => Some(actor.id.clone()),
            _ => None,
        }
    }

    /// Whether a session has ended: signed out, or its person's sessions were all ended.
    pub fn is_revoked(&self, session: Uuid, person: Uuid, issued_at: i64) -> bool {
        let directory = self.read();
        directory.revoked.contains_key(&session)
            || directory
                .people
                .get(&person)
                .is_none_or(|person| issued_at < person.valid_from)
    }

    /// SHA-256 of a service account's secret. A credential never changes, so it is read once.
    pub async fn key_digest(
        &self,
        log: &EventLog,
        credential: Uuid,
    ) -> Result<Option<String>, LogError> {
        if let Some(known) = self.digests.get(&credential) {
            return Ok(known);
        }
        let digest = hash_of(log, credential, "key_sha256").await?;
        if digest.is_some() {
            self.digests.insert(credential, digest.clone());
        }
        Ok(digest)
    }
}

/// The hash behind a credential id.
pub async fn hash_of(
    log: &EventLog,
    credential: Uuid,
    kind: &str,
) -> Result<Option<String>, LogError> {
    Ok(
        sqlx::query_scalar("SELECT hash FROM credentials WHERE id = $1 AND kind = $2")
            .bind(credential)
            .bind(kind)
            .fetch_optional(log.pool())
            .await?,
    )
}

/// The smallest UUIDv7 of a time.
fn first_id_at(time: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(time.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// Events of some aggregates up to a position, opened. `condition` is one of ours, never a caller's.
async fn select(
    log: &EventLog,
    condition: &'static str,
    kinds: &[String],
    argument: &str,
    head: u64,
) -> Result<Vec<RecordedEvent>, LogError> {
    let rows = sqlx::query(&format!(
        "SELECT position, event_id, event_type, event_version, aggregate_type, aggregate_id, sequence,
                recorded_at, payload, metadata
         FROM events WHERE {condition} AND position <= $3 ORDER BY position"
    ))
    .bind(kinds)
    .bind(argument)
    .bind(head as i64)
    .fetch_all(log.pool())
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let mut metadata: Value = row.try_get("metadata")?;
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.remove("origin");
        }
        let version: String = row.try_get("event_version")?;
        events.push(RecordedEvent {
            position: row.try_get::<i64, _>("position")? as u64,
            event_id: row.try_get("event_id")?,
            event_type: row.try_get("event_type")?,
            schema_version: version
                .parse()
                .map_err(|e: std::num::ParseIntError| LogError::Corrupt(e.to_string()))?,
            aggregate_type: row.try_get("aggregate_type")?,
            aggregate_id: row.try_get("aggregate_id")?,
            sequence: row.try_get::<i64, _>("sequence")? as u64,
            recorded_at: row.try_get("recorded_at")?,
            metadata: serde_json::from_value(metadata)
                .map_err(|e| LogError::Corrupt(e.to_string()))?,
            data: row.try_get("payload")?,
        });
    }
    let parts: Vec<&mut Value> = events.iter_mut().map(|event| &mut event.data).collect();
    log.vault().open_all(parts).await?;
    Ok(events)
}
