//! Maintenance windows.

use chrono::{DateTime, Utc};
use eventlog::Vault;
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::snapshot;
use crate::{
    Page, ReadError,
    page::{page, parse_time_cursor, time_cursor},
    supervision::{
        maintenance::{self, WindowRow},
        shapes::Maintenance,
    },
};

/// Maintenance windows, the last to begin first.
pub async fn list_maintenance(
    pool: &PgPool,
    vault: &Vault,
    limit: u32,
    cursor: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Page<Maintenance>, ReadError> {
    let mut tx = snapshot(pool).await?;
    let mut query =
        QueryBuilder::<Postgres>::new("SELECT * FROM supervision_maintenance WHERE true");
    if let Some((at, id)) = parse_time_cursor::<Uuid>(cursor)? {
        query.push(" AND (starts_at, id) < (").push_bind(at);
        query.push(", ").push_bind(id).push(")");
    }
    query
        .push(" ORDER BY starts_at DESC, id DESC LIMIT ")
        .push_bind(i64::from(limit) + 1);
    let rows = query.build_query_as().fetch_all(&mut *tx).await?;
    let shown = windows(&mut tx, vault, rows, now).await?;
    tx.commit().await?;
    Ok(page(shown, limit, |it| time_cursor(it.starts_at, it.id)))
}

/// The windows that run and those to come, the next first.
pub(super) async fn maintenance_from(
    conn: &mut PgConnection,
    vault: &Vault,
    now: DateTime<Utc>,
) -> Result<Vec<Maintenance>, ReadError> {
    let rows = sqlx::query_as(
        "SELECT * FROM supervision_maintenance WHERE cancelled_at IS NULL AND ends_at > $1
         ORDER BY starts_at, id LIMIT 50",
    )
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    windows(conn, vault, rows, now).await
}

async fn windows(
    conn: &mut PgConnection,
    vault: &Vault,
    mut rows: Vec<WindowRow>,
    now: DateTime<Utc>,
) -> Result<Vec<Maintenance>, ReadError> {
    vault
        .open_all(rows.iter_mut().map(|row| &mut row.sealed).collect())
        .await?;
    let rows: Vec<_> = rows.into_iter().map(|row| (row, now)).collect();
    Ok(maintenance::complete(conn, vault, &rows).await?)
}
