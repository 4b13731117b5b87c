//! Everything at a glance.

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Vault;
use sqlx::{PgConnection, PgPool};

use super::{
    knowledge::brought,
    snapshot, sums,
    sums::{Asked, counted},
};
use crate::{
    ReadError,
    names::table_is_there,
    supervision::{
        activity,
        dashboards::*,
        facts::{self, ComponentRow},
        period::{Period, start_of_day},
        shapes::*,
    },
};

/// What is always shown, in this order, whether anything was heard of it or not.
const COMPONENTS: [&str; 6] = ["glpi", "nats", "postgresql", "observium", "mcp", "models"];
/// Components shown at most.
const MOST_COMPONENTS: i64 = 100;
const LINES: i64 = 30;

/// Everything at a glance; `rejected_facts` is for the caller to add.
pub async fn find_overview(
    pool: &PgPool,
    vault: &Vault,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Overview, ReadError> {
    let mut tx = snapshot(pool).await?;
    let asked = (Asked::of(&period, now), Asked::before(&period, now));
    let tickets = sums::count_tickets(&mut tx, asked.0).await?;
    let tickets_before = sums::count_tickets(&mut tx, asked.1).await?;
    let alerts = sums::count_alerts(&mut tx, asked.0).await?;
    let alerts_before = sums::count_alerts(&mut tx, asked.1).await?;
    let until = now + TimeDelta::milliseconds(1);
    let entries = brought(&mut tx, (DateTime::UNIX_EPOCH, until)).await?;
    let today = brought(&mut tx, (start_of_day(now), until)).await?;
    let health = components(&mut tx, vault).await?;
    let overview = Overview {
        period,
        as_of: now,
        tickets: Count::new(tickets, tickets_before),
        alerts: Count::new(alerts, alerts_before),
        pending_approvals: urgencies(&mut tx, now).await?,
        knowledge: KnowledgeCounts {
            entries: counted(entries.added)?,
            added_today: counted(today.added)?,
        },
        rejected_facts: None,
        health: health.components,
        health_total: health.total,
        activity: activity::list(&mut tx, vault, None, LINES).await?,
    };
    tx.commit().await?;
    Ok(overview)
}

/// How many requests are pending, by the time they have left.
pub async fn count_urgencies(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> Result<PendingCounts, ReadError> {
    let mut conn = pool.acquire().await?;
    urgencies(&mut conn, now).await
}

/// Red up to 15 minutes, yellow up to 45 (`product.md`, SAFEGUARD).
async fn urgencies(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<PendingCounts, ReadError> {
    if !table_is_there(&mut *conn, "approvals").await? {
        return Ok(PendingCounts::default());
    }
    let (value, red, yellow): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE expires_at <= $2),
                count(*) FILTER (WHERE expires_at > $2 AND expires_at <= $3)
         FROM approvals WHERE status = 'pending' AND expires_at > $1",
    )
    .bind(now)
    .bind(now + TimeDelta::minutes(15))
    .bind(now + TimeDelta::minutes(45))
    .fetch_one(conn)
    .await?;
    Ok(PendingCounts {
        value: counted(value)?,
        red: counted(red)?,
        yellow: counted(yellow)?,
        green: counted(value - red - yellow)?,
    })
}

/// How the components are.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// Those that are always shown, then what else was heard of, by name; 100 of both at most. If
    /// there are more, those that are not well stay.
    pub components: Vec<WatchedComponent>,
    /// How many there are, shown or not.
    pub total: u64,
}

/// How the components are, in one state of all tables.
pub async fn find_components(pool: &PgPool, vault: &Vault) -> Result<Components, ReadError> {
    let mut conn = pool.acquire().await?;
    components(&mut conn, vault).await
}

#[derive(sqlx::FromRow)]
struct Heard {
    #[sqlx(flatten)]
    row: ComponentRow,
    /// Of all that are not always shown, the same in every row.
    others: i64,
}

async fn components(conn: &mut PgConnection, vault: &Vault) -> Result<Components, ReadError> {
    let heard: Vec<Heard> = sqlx::query_as(
        "SELECT *, count(*) FILTER (WHERE component <> ALL($1)) OVER () AS others FROM supervision_components
         ORDER BY component = ANY($1) DESC, status <> 'ok' DESC, component COLLATE \"C\" LIMIT $2",
    )
    .bind(COMPONENTS.as_slice())
    .bind(MOST_COMPONENTS)
    .fetch_all(conn)
    .await?;
    let others = counted(heard.first().map_or(0, |any| any.others))?;
    let rows = heard.into_iter().map(|it| it.row).collect();
    let mut heard = facts::components(vault, rows).await?;
    let mut shown = Vec::with_capacity(heard.len() + COMPONENTS.len());
    for name in COMPONENTS {
        let known = heard.iter().position(|it| it.component == name);
        shown.push(match known {
            Some(nth) => heard.remove(nth),
            None => WatchedComponent {
                component: name.to_owned(),
                status: WatchedStatus::Unknown,
                since: None,
                detail: None,
                latency_ms: None,
                is_configured: false,
            },
        });
    }
    heard.truncate(MOST_COMPONENTS as usize - shown.len());
    heard.sort_by(|one, other| one.component.cmp(&other.component));
    shown.append(&mut heard);
    Ok(Components {
        components: shown,
        total: COMPONENTS.len() as u64 + others,
    })
}
