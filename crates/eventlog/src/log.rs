//! The log's handle: open, append, load, read.

use std::{any::Any, cmp::Ordering, sync::Arc, time::Duration};

use cqrs_es::{
    Aggregate,
    persist::{PersistedEventRepository, PersistenceError, SerializedEvent},
};
use kernel::{AggregateId, EventType, LogAggregate};
use postgres_es::PostgresEventRepository;
use serde_json::Value;
use sqlx::{PgPool, postgres::PgRow};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::{
    Append, AppendError, Appended, CommandKey, Guard, LogError, RecordedEvent, Vault,
    history::History,
    recorded::{COLUMNS, StoredEvent, corrupt},
    writer::{Request, Writer},
};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// Requests that may wait for the writer before callers are held back.
const QUEUE: usize = 4_096;
/// Aggregates kept in memory per process.
const CACHED_AGGREGATES: u64 = 50_000;

/// Brings the log's own tables up to date.
pub async fn migrate(pool: &PgPool) -> Result<(), LogError> {
    Ok(MIGRATIONS.run(pool).await?)
}

/// How the database's own tables relate to this build's migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// `greffe migrate` has something to do.
    Behind,
    /// A newer release has been here.
    Newer,
}

/// Compares the migrations that ran with those of this build.
pub async fn schema_state(pool: &PgPool) -> Result<SchemaState, LogError> {
    let ours = MIGRATIONS.iter().map(|migration| migration.version).max();
    let made: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !made {
        return Ok(SchemaState::Behind);
    }
    let theirs: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(pool)
            .await?;
    Ok(match theirs.cmp(&ours) {
        Ordering::Less => SchemaState::Behind,
        Ordering::Equal => SchemaState::Current,
        Ordering::Greater => SchemaState::Newer,
    })
}

/// The log of one process. Cheap to clone; the last clone's end lets the writer drain and stop.
#[derive(Clone)]
pub struct EventLog {
    pub(crate) pool: PgPool,
    pub(crate) vault: Vault,
    queue: mpsc::Sender<Request>,
    head: watch::Receiver<u64>,
    pub(crate) history: History,
    cache: moka::sync::Cache<(&'static str, AggregateId), CachedState>,
    repository: Arc<PostgresEventRepository>,
}

#[derive(Clone)]
pub(crate) struct CachedState {
    pub state: Arc<dyn Any + Send + Sync>,
    pub sequence: u64,
}

/// An aggregate as the log has it.
#[derive(Debug)]
pub struct Loaded<A> {
    pub state: Arc<A>,
    /// How many events it has; 0 if there is no such aggregate.
    pub sequence: u64,
}

impl<A: Aggregate> Loaded<A> {
    /// An aggregate that nothing has happened to.
    pub(crate) fn nothing() -> Self {
        Self {
            state: Arc::new(A::default()),
            sequence: 0,
        }
    }

    /// Holds a decision to this state of the aggregate.
    pub fn guard(&self, id: &AggregateId) -> Guard {
        Guard {
            aggregate_type: A::TYPE,
            aggregate_id: id.clone(),
            sequence: self.sequence,
        }
    }
}

/// What a command did when it was first sent.
#[derive(Debug, Clone)]
pub struct RecordedOutcome {
    pub aggregate_id: AggregateId,
    pub position: u64,
    pub outcome: Value,
}

impl EventLog {
    /// Opens the log; [`migrate`] must have run. Makes the first epoch on an empty database.
    pub async fn open(pool: PgPool, vault: Vault) -> Result<Self, LogError> {
        sqlx::query("INSERT INTO log_meta (epoch) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(Uuid::new_v4())
            .execute(&pool)
            .await?;
        let epoch = sqlx::query_scalar("SELECT epoch FROM log_meta")
            .fetch_one(&pool)
            .await?;
        let history = History::new(epoch);
        let last: Option<(i64, Uuid)> =
            sqlx::query_as("SELECT position, event_id FROM events ORDER BY position DESC LIMIT 1")
                .fetch_optional(&pool)
                .await?;
        if let Some((position, event_id)) = last {
            history.saw(position as u64, event_id);
        }
        let (queue, requests) = mpsc::channel(QUEUE);
        let (head_sender, head) = watch::channel(0);
        let writer = Writer {
            options: (*pool.connect_options()).clone(),
            queue: requests,
            head: head_sender,
            history: history.clone(),
        };
        tokio::spawn(writer.run());
        Ok(Self {
            repository: Arc::new(PostgresEventRepository::new(pool.clone())),
            pool,
            vault,
            queue,
            head,
            history,
            cache: moka::sync::Cache::builder()
                .max_capacity(CACHED_AGGREGATES)
                .time_to_idle(Duration::from_secs(3_600))
                .build(),
        })
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Rings when this process has appended: the highest position it has written.
    pub fn appended(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }

    /// Position of the last event; 0 if there is none.
    pub async fn head(&self) -> Result<u64, LogError> {
        let head: Option<i64> = sqlx::query_scalar("SELECT max(position) FROM events")
            .fetch_one(&self.pool)
            .await?;
        Ok(head.unwrap_or(0) as u64)
    }

    /// Position of the last event. Notes it if the database holds another history than this process
    /// knows: another epoch, or another event where it has seen one.
    pub(crate) async fn head_of_known_history(&self) -> Result<u64, LogError> {
        let (known, event_id) = self.history.known();
        let (epoch, head, found): (Uuid, i64, Option<Uuid>) = sqlx::query_as(
            "SELECT epoch, (SELECT coalesce(max(position), 0) FROM events),
                    (SELECT event_id FROM events WHERE position = $1)
             FROM log_meta",
        )
        .bind(known as i64)
        .fetch_one(&self.pool)
        .await?;
        let reason = if epoch != self.history.epoch() {
            "the log has begun another epoch".to_owned()
        } else if known > 0 && found != Some(event_id) {
            format!("the event at position {known} is not the one that was known")
        } else {
            return Ok(head as u64);
        };
        self.history.part(&reason);
        Err(LogError::Parted(reason))
    }

    /// Queues a request and waits for what became of it. Dropping the future cancels nothing.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .send(Request { append, reply })
            .await
            .map_err(|_| LogError::Closed)?;
        answer.await.map_err(|_| LogError::Closed)?
    }

    /// The aggregate as of now, whoever changed it last.
    pub async fn load<A: LogAggregate>(&self, id: &AggregateId) -> Result<Loaded<A>, LogError> {
        if let Some(cached) = self.cached::<A>(id)
            && self.sequence_of::<A>(id).await? == cached.sequence
        {
            return Ok(cached);
        }
        self.load_fresh(id).await
    }

    /// The aggregate as this process remembers it, which may be out of date: a decision that rests on
    /// it names it as a [`Guard`].
    pub async fn recall<A: LogAggregate>(&self, id: &AggregateId) -> Result<Loaded<A>, LogError> {
        match self.cached::<A>(id) {
            Some(cached) => Ok(cached),
            None => self.load_fresh(id).await,
        }
    }

    /// The aggregate if this process has it in memory; it may be out of date.
    pub fn remembered<A: LogAggregate>(&self, id: &AggregateId) -> Option<Arc<A>> {
        self.cached::<A>(id).map(|cached| cached.state)
    }

    /// The aggregate rebuilt from its events.
    pub(crate) async fn load_fresh<A: LogAggregate>(
        &self,
        id: &AggregateId,
    ) -> Result<Loaded<A>, LogError> {
        let events = self.events_of::<A>(id).await?;
        let sequence = events.last().map_or(0, |(sequence, _)| *sequence);
        let mut state = A::default();
        events.into_iter().for_each(|(_, event)| state.apply(event));
        let state = Arc::new(state);
        if sequence > 0 {
            self.remember::<A>(id, state.clone(), sequence);
        }
        Ok(Loaded { state, sequence })
    }

    /// The aggregate's events, opened, with their sequences.
    pub(crate) async fn events_of<A: Aggregate<Event: EventType>>(
        &self,
        id: &AggregateId,
    ) -> Result<Vec<(u64, A::Event)>, LogError> {
        let mut stored: Vec<SerializedEvent> = self
            .repository
            .get_events::<A>(id.as_str())
            .await
            .map_err(not_loaded)?;
        self.vault
            .open_all(stored.iter_mut().map(|event| &mut event.payload).collect())
            .await?;
        stored
            .into_iter()
            .map(|event| {
                let version = event.event_version.parse().map_err(corrupt)?;
                let decoded = A::Event::decode(&event.event_type, version, &event.payload)?;
                Ok((event.sequence as u64, decoded))
            })
            .collect()
    }

    pub(crate) fn cached<A: LogAggregate>(&self, id: &AggregateId) -> Option<Loaded<A>> {
        let cached = self.cache.get(&(A::TYPE, id.clone()))?;
        let state = cached.state.downcast::<A>().ok()?;
        Some(Loaded {
            state,
            sequence: cached.sequence,
        })
    }

    pub(crate) fn remember<A: LogAggregate>(&self, id: &AggregateId, state: Arc<A>, sequence: u64) {
        self.cache
            .insert((A::TYPE, id.clone()), CachedState { state, sequence });
    }

    async fn sequence_of<A: Aggregate>(&self, id: &AggregateId) -> Result<u64, LogError> {
        let sequence: Option<i64> = sqlx::query_scalar(
            "SELECT max(sequence) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2",
        )
        .bind(A::TYPE)
        .bind(id.as_str())
        .fetch_one(&self.pool)
        .await?;
        Ok(sequence.unwrap_or(0) as u64)
    }

    /// What a command did, if it was sent before: `Err(KeyReused)` if it asked something else.
    pub async fn find_outcome(
        &self,
        key: &CommandKey,
    ) -> Result<Option<RecordedOutcome>, AppendError> {
        let row: Option<(Vec<u8>, String, i64, Value)> = sqlx::query_as(
            "SELECT request_hash, aggregate_id, position, outcome FROM commands WHERE command_id = $1",
        )
        .bind(key.id)
        .fetch_optional(&self.pool)
        .await
        .map_err(LogError::from)?;
        match row {
            None => Ok(None),
            Some((hash, ..)) if hash != key.request_hash => Err(AppendError::KeyReused),
            Some((_, aggregate_id, position, outcome)) => Ok(Some(RecordedOutcome {
                aggregate_id: AggregateId::new(aggregate_id).map_err(corrupt)?,
                position: position as u64,
                outcome,
            })),
        }
    }

    /// Up to `limit` events after a position, in order, opened.
    pub async fn read_after(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogError> {
        let stored = self.stored_after(position, limit).await?;
        open_recorded(&self.vault, recorded(stored)).await
    }

    /// Events after a position and up to another, in order; only those that are wanted are opened.
    pub(crate) async fn read_wanted(
        &self,
        after: u64,
        upto: u64,
        wants: impl Fn(&RecordedEvent) -> bool,
    ) -> Result<Vec<Arc<RecordedEvent>>, LogError> {
        let stored = self.stored_after(after, (upto - after) as usize).await?;
        let wanted = recorded(stored).filter(|event| event.as_ref().map_or(true, &wants));
        open_recorded(&self.vault, wanted).await
    }

    /// The events at these positions, in order, opened.
    pub(crate) async fn read_at(
        &self,
        positions: &[u64],
    ) -> Result<Vec<Arc<RecordedEvent>>, LogError> {
        let rows = sqlx::query(&format!(
            "SELECT {COLUMNS} FROM events WHERE position = ANY($1) ORDER BY position"
        ))
        .bind(positions.iter().map(|it| *it as i64).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        open_recorded(&self.vault, recorded(stored(rows)?)).await
    }

    /// The first event of an aggregate, opened.
    pub async fn first_event(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
    ) -> Result<Option<Arc<RecordedEvent>>, LogError> {
        let rows = sqlx::query(&format!(
            "SELECT {COLUMNS} FROM events
             WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence = 1"
        ))
        .bind(aggregate_type)
        .bind(aggregate_id)
        .fetch_all(&self.pool)
        .await?;
        Ok(open_recorded(&self.vault, recorded(stored(rows)?))
            .await?
            .pop())
    }

    /// Up to `limit` events after a position, as they lie in the table.
    pub(crate) async fn stored_after(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let rows = sqlx::query(&format!(
            "SELECT {COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2"
        ))
        .bind(position as i64)
        .bind(limit as i64)
        .fetch_all(&self.pool)
        .await?;
        stored(rows)
    }

    /// The id of the event at a position.
    pub(crate) async fn event_id_at(&self, position: u64) -> Result<Option<Uuid>, LogError> {
        Ok(
            sqlx::query_scalar("SELECT event_id FROM events WHERE position = $1")
                .bind(position as i64)
                .fetch_optional(&self.pool)
                .await?,
        )
    }
}

/// What PostgreSQL said, which postgres-es puts into a box.
fn not_loaded(error: PersistenceError) -> LogError {
    let boxed = match error {
        PersistenceError::ConnectionError(error) | PersistenceError::UnknownError(error) => error,
        other => other.into(),
    };
    LogError::Database(match boxed.downcast::<sqlx::Error>() {
        Ok(error) => *error,
        Err(other) => sqlx::Error::Protocol(other.to_string()),
    })
}

fn stored(rows: Vec<PgRow>) -> Result<Vec<StoredEvent>, LogError> {
    rows.iter().map(StoredEvent::from_row).collect()
}

fn recorded(
    stored: Vec<StoredEvent>,
) -> impl Iterator<Item = Result<RecordedEvent, LogError>> + Send {
    stored.into_iter().map(StoredEvent::into_recorded)
}

/// Opens the personal parts of many events at once. One that does not open has no data: it holds up those
/// who need it, not every reader of the log.
pub(crate) async fn open_recorded(
    vault: &Vault,
    events: impl IntoIterator<Item = Result<RecordedEvent, LogError>>,
) -> Result<Vec<Arc<RecordedEvent>>, LogError> {
    let mut events = events.into_iter().collect::<Result<Vec<_>, _>>()?;
    let parts = events.iter_mut().map(|event| vec![&mut event.data]);
    let parts = parts.collect();
    for broken in vault.open_groups(parts).await? {
        let event = &mut events[broken];
        tracing::error!(event.position, event.event_type, "an event does not open");
        event.data = Value::Null;
    }
    Ok(events.into_iter().map(Arc::new).collect())
}
