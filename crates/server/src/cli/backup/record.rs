//! Backups and restores in the trail.

use std::path::Path;

use anyhow::{Context, bail};
use domain::operations::{Backup, BackupCommand};
use eventlog::{EventLog, SchemaState, Vault};
use kernel::{AggregateId, Clock, SystemClock};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Says in the log that it is about to be copied, so that the copy's last event is its own: a platform
/// on which nothing happens until the copy is restored goes on from there.
pub async fn begin(database: &PgConnectOptions, file: &Path) -> anyhow::Result<()> {
    let pool = connect(database).await?;
    let id = AggregateId::from(kernel::new_id());
    let command = BackupCommand::RecordBegin {
        file: name(file),
        now: SystemClock.now(),
    };
    let appended = append(&pool, &id, command).await;
    pool.close().await;
    appended
}

/// Says in the restored log that it was restored, before anybody reads it.
pub async fn restored(database: &PgConnectOptions, file: &Path) -> anyhow::Result<()> {
    let pool = connect(database).await?;
    let appended = restored_in(&pool, file).await;
    pool.close().await;
    appended
}

async fn restored_in(pool: &PgPool, file: &Path) -> anyhow::Result<()> {
    let (position, begun): (i64, Option<String>) = sqlx::query_as(
        "SELECT coalesce(max(position), 0),
                (SELECT aggregate_id FROM events WHERE event_type = 'operations.backup.begun'
                 ORDER BY position DESC LIMIT 1)
         FROM events",
    )
    .fetch_one(pool)
    .await?;
    // An earlier release made copies without a word.
    let id = match begun {
        Some(id) => AggregateId::new(id)?,
        None => AggregateId::from(kernel::new_id()),
    };
    let command = BackupCommand::RecordRestore {
        file: name(file),
        position: position as u64,
        now: SystemClock.now(),
    };
    append(pool, &id, command).await
}

async fn connect(database: &PgConnectOptions) -> anyhow::Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(2);
    Ok(options.connect_with(database.clone()).await?)
}

async fn append(pool: &PgPool, id: &AggregateId, command: BackupCommand) -> anyhow::Result<()> {
    if eventlog::schema_state(pool).await? != SchemaState::Current {
        bail!("the database is of another release");
    }
    // A copy needs no master key, and nothing of these events is personal: this one seals nothing.
    let vault = Vault::new(pool.clone(), &[0; 32]);
    let log = EventLog::open(pool.clone(), vault).await?;
    log.execute::<Backup>(id, command, &(), &api::operator_context())
        .await
        .context("the log takes no event")?;
    Ok(())
}

/// A folder may be named after a person: it is left out.
fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
