//! The one task of a process that appends: it drains its queue and sends each batch as one call.
//!
//! No caller can cancel it. After a lost connection it sends the same batch again: the database
//! knows the events by their ids and answers what happened.

use std::{collections::VecDeque, time::Duration};

use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};

use crate::{
    Append, AppendError, Appended, LogError,
    batch::{CALL, MAX_BATCH, arguments, next_batch, outcome},
    history::{History, PARTED},
};

/// How often the writer lets others run before it takes what has queued: no time passes if none can.
const LET_OTHERS_RUN: u32 = 2;
/// How long a batch is tried again while PostgreSQL cannot be reached.
const RETRY_FOR: Duration = Duration::from_secs(5);
/// A server that does not answer for so long is gone; longer than its own `statement_timeout`.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// SQLSTATE `disk_full`.
const DISK_FULL: &str = "53100";
/// `RAISE … ERRCODE` of `append_batch` when the log has forked.
const FORKED: &str = "GF001";

/// The writer's session: plans that stay flat while the tables grow, and no endless waits.
/// And nothing of what makes appends right is left to the server's or the role's defaults.
const SESSION: &str = "SET lock_timeout = '2s'; SET statement_timeout = '10s';
    SET default_transaction_isolation = 'read committed'; SET synchronous_commit = on;
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;
    SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan;
    SET application_name = 'greffe writer'";

pub(crate) type Reply = oneshot::Sender<Result<Appended, AppendError>>;

pub(crate) struct Request {
    pub append: Append,
    pub reply: Reply,
}

pub(crate) struct Writer {
    pub options: PgConnectOptions,
    pub queue: mpsc::Receiver<Request>,
    /// Highest position this process has appended.
    pub head: watch::Sender<u64>,
    pub history: History,
}

impl Writer {
    /// Runs until every handle of the log is gone and the queue is drained.
    pub async fn run(mut self) {
        let mut connection = None;
        let mut waiting: VecDeque<Request> = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match self.queue.recv().await {
                    Some(request) => waiting.push_back(request),
                    None => return,
                }
            }
            // Callers that the last batch has just answered may be about to ask again: those that can
            // run go first, so that they share a batch instead of each waiting for the other half.
            for _ in 0..LET_OTHERS_RUN {
                tokio::task::yield_now().await;
            }
            while waiting.len() < 4 * MAX_BATCH {
                match self.queue.try_recv() {
                    Ok(request) => waiting.push_back(request),
                    Err(_) => break,
                }
            }
            let batch = next_batch(&mut waiting);
            self.append(&mut connection, batch).await;
        }
    }

    async fn append(&self, connection: &mut Option<PgConnection>, batch: Vec<Request>) {
        let started = Instant::now();
        metrics::histogram!("greffe_append_batch_size").record(batch.len() as f64);
        let (appends, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|request| (request.append, request.reply))
            .unzip();
        let outcomes = self.send(connection, &appends).await;
        for (append, outcome) in appends.iter().zip(&outcomes) {
            if let (Some(last), Ok(appended)) = (append.events.last(), outcome)
                && appended.repeated.is_none()
            {
                self.history.saw(appended.position, last.event_id);
            }
        }
        metrics::histogram!("greffe_append_seconds").record(started.elapsed().as_secs_f64());
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            if let Ok(appended) = &outcome
                && appended.repeated.is_none()
            {
                self.head.send_if_modified(|head| {
                    let grows = appended.position > *head;
                    *head = appended.position.max(*head);
                    grows
                });
            }
            // A caller that went away has its events all the same.
            drop(reply.send(outcome));
        }
    }

    /// One outcome per request, in order.
    async fn send(
        &self,
        connection: &mut Option<PgConnection>,
        appends: &[Append],
    ) -> Vec<Result<Appended, AppendError>> {
        match self.call_with_retries(connection, appends).await {
            Ok(outcomes) => outcomes,
            Err(error) if appends.len() > 1 && is_about_data(&error) => {
                // One request upset the whole batch: each on its own, so that it fails alone.
                let mut outcomes = Vec::with_capacity(appends.len());
                for append in appends {
                    match self
                        .call_with_retries(connection, std::slice::from_ref(append))
                        .await
                    {
                        Ok(one) => outcomes.extend(one),
                        Err(error) => outcomes.push(Err(refusal(error))),
                    }
                }
                outcomes
            }
            Err(error) => appends.iter().map(|_| Err(refusal_of(&error))).collect(),
        }
    }

    /// Tries again while the connection is lost or the lock is not to be had.
    async fn call_with_retries(
        &self,
        connection: &mut Option<PgConnection>,
        appends: &[Append],
    ) -> Result<Vec<Result<Appended, AppendError>>, sqlx::Error> {
        let give_up = Instant::now() + RETRY_FOR;
        let mut is_told = false;
        loop {
            let error = match timeout(ANSWER_WITHIN, self.call(connection, appends)).await {
                Ok(Ok(outcomes)) => return Ok(outcomes),
                Ok(Err(error)) => error,
                // The call has dropped its connection with itself.
                Err(_) => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
            };
            // Each try on a full disk would take some of what is left to PostgreSQL's own log.
            if !is_passing(&error) || is_disk_full(&error) || Instant::now() >= give_up {
                return Err(error);
            }
            metrics::counter!("greffe_append_retries_total").increment(1);
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(error = %error, "append failed, trying again");
            }
            if error.as_database_error().is_none() {
                *connection = None;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn call(
        &self,
        slot: &mut Option<PgConnection>,
        appends: &[Append],
    ) -> Result<Vec<Result<Appended, AppendError>>, sqlx::Error> {
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => {
                let mut connection = PgConnection::connect_with(&self.options).await?;
                connection.execute(SESSION).await?;
                self.history.check(&mut connection).await?;
                connection
            }
        };
        let arguments = arguments(appends).map_err(sqlx::Error::Encode)?;
        let rows = sqlx::query_with(CALL, arguments)
            .fetch_all(&mut connection)
            .await;
        // Kept only if the conversation is known to be in step, with a server that can write.
        if rows.as_ref().err().is_none_or(is_about_the_request) {
            *slot = Some(connection);
        }
        let rows = rows?;
        if rows.len() != appends.len() {
            return Err(sqlx::Error::Protocol("append_batch lost a request".into()));
        }
        rows.iter().map(outcome).collect()
    }
}

/// Whether the server refused what was asked (or was only slow, or has no room): its connection is fine.
fn is_about_the_request(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, FORKED | "55P03" | "57014" | DISK_FULL))
        || is_about_data(error)
}

/// Whether what one of the requests holds can never be stored: class 22 (data), 23 (constraints).
fn is_about_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// Whether the same may go through a moment later.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    match error.as_database_error().and_then(|error| error.code()) {
        // Lock not available, read-only (a standby), shutting down, starting up, serialisation;
        // the database is being replaced; class 53: no room on the disk, in memory, for connections.
        Some(code) => {
            code.starts_with("53")
                || matches!(
                    &*code,
                    "55P03"
                        | "25006"
                        | "57P01"
                        | "57P02"
                        | "57P03"
                        | "57P05"
                        | "40001"
                        | "40P01"
                        | "3D000"
                        | "55000"
                )
        }
        None => matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)
        ),
    }
}

pub(crate) fn is_disk_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == DISK_FULL)
}

fn refusal(error: sqlx::Error) -> AppendError {
    refusal_of(&error)
}

fn refusal_of(error: &sqlx::Error) -> AppendError {
    if is_disk_full(error) {
        return LogError::NoRoom.into();
    }
    if is_passing(error) {
        return LogError::Unavailable(error.to_string()).into();
    }
    let Some(database) = error.as_database_error() else {
        return LogError::Database(sqlx::Error::Protocol(error.to_string())).into();
    };
    let message = database.message().to_owned();
    match database.code().as_deref() {
        Some(FORKED) => LogError::Forked(message).into(),
        Some(PARTED) => LogError::Parted(message).into(),
        // This request can never be stored.
        _ if is_about_data(error) => AppendError::Invalid(message),
        _ => LogError::Database(sqlx::Error::Protocol(message)).into(),
    }
}
