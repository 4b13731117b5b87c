//! Reading the dashboards and the lists behind their numbers. What one answer shows is read in one
//! snapshot, so that its numbers agree with each other.

mod clients;
mod impacted;
mod knowledge;
mod lists;
mod maintenance;
mod overview;
mod sentinel;
mod sums;
mod support;

use sqlx::{PgPool, Postgres, Transaction};

use crate::ReadError;

pub use clients::ClientFilter;
pub use knowledge::find_enrichisseur;
pub use lists::{
    AlertFilter, ErrorFilter, RunFilter, TicketFilter, find_alert, list_activity, list_alerts,
    list_errors, list_health_changes, list_runs, list_tickets,
};
pub use maintenance::list_maintenance;
pub use overview::{Components, count_urgencies, find_components, find_overview};
pub use sentinel::find_sentinel;
pub use support::find_support;

/// One state of all tables. Nothing here is large enough for workers or compiled plans: to start them
/// costs more than the query.
///
/// It begins in a task of its own, which comes to its end whoever goes away meanwhile: sqlx 0.8 does not
/// end a transaction whose beginning was given up, and its connection would go back to the pool within it.
#[expect(clippy::disallowed_methods, reason = "nobody gives this one up")]
async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, ReadError> {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
        SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off";
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(begin).await });
    // It does not end only if it panics, or if the process ends.
    Ok(begun.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
}
