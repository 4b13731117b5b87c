//! How approvals went over a time.

use chrono::{DateTime, Utc};
use eventlog::Vault;
use events::millis;
use serde::Serialize;
use sqlx::{PgPool, Row};

use crate::{
    ReadError,
    names::{open_names, table_is_there},
};

/// How many of the most asked actions, clients and workflows are told.
const MOST: i64 = 10;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolCount {
    pub tool_name: String,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientCount {
    pub client_id: Option<String>,
    /// By the register; `None` for a client to identify.
    pub client_name: Option<String>,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkflowCount {
    pub workflow: Option<String>,
    pub count: u64,
}

/// Statistics of the requests made from a time until before another (`contracts.md`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApprovalStats {
    #[serde(serialize_with = "millis")]
    pub from: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub to: DateTime<Utc>,
    pub total: u64,
    /// Whatever became of them afterwards.
    pub approved: u64,
    pub rejected: u64,
    pub expired: u64,
    pub cancelled: u64,
    /// From the request to the decision of people, over those that were decided.
    pub mean_response_seconds: Option<f64>,
    pub p90_response_seconds: Option<f64>,
    pub top_actions: Vec<ToolCount>,
    pub by_client: Vec<ClientCount>,
    pub by_workflow: Vec<WorkflowCount>,
}

/// Statistics of the requests made in `[from, to)`.
pub async fn find_stats(
    pool: &PgPool,
    vault: &Vault,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<ApprovalStats, ReadError> {
    let totals = sqlx::query(
        "SELECT count(*) AS total,
                count(*) FILTER (WHERE status IN ('approved', 'executing', 'executed',
                                                  'execution_failed', 'lapsed')) AS approved,
                count(*) FILTER (WHERE status = 'rejected') AS rejected,
                count(*) FILTER (WHERE status = 'expired') AS expired,
                count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
                avg(r.seconds)::float8 AS mean,
                percentile_cont(0.9) WITHIN GROUP (ORDER BY r.seconds) AS p90
         FROM approvals a
         CROSS JOIN LATERAL (SELECT extract(epoch FROM a.decided_at - a.requested_at)::float8 AS seconds) r
         WHERE requested_at >= $1 AND requested_at < $2",
    )
    .bind(from)
    .bind(to)
    .fetch_one(pool)
    .await?;
    let count = |name: &str| totals.try_get::<i64, _>(name).map(|count| count as u64);
    let top = |column: &str| {
        format!(
            "SELECT {column} AS key, count(*) AS count FROM approvals
             WHERE requested_at >= $1 AND requested_at < $2
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $3"
        )
    };
    let counted = async |column: &str| -> Result<Vec<(Option<String>, u64)>, ReadError> {
        let query = top(column);
        let rows: Vec<(Option<String>, i64)> = sqlx::query_as(&query)
            .bind(from)
            .bind(to)
            .bind(MOST)
            .fetch_all(pool)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(key, count)| (key, count as u64))
            .collect())
    };
    let clients = counted("client_id").await?;
    let names = client_names(pool, vault, &clients).await?;
    Ok(ApprovalStats {
        from,
        to,
        total: count("total")?,
        approved: count("approved")?,
        rejected: count("rejected")?,
        expired: count("expired")?,
        cancelled: count("cancelled")?,
        mean_response_seconds: totals.try_get("mean")?,
        p90_response_seconds: totals.try_get("p90")?,
        top_actions: counted("tool_name")
            .await?
            .into_iter()
            .filter_map(|(tool_name, count)| {
                Some(ToolCount {
                    tool_name: tool_name?,
                    count,
                })
            })
            .collect(),
        by_client: clients
            .into_iter()
            .map(|(client_id, count)| {
                let client_name = client_id.as_ref().and_then(|id| names.get(id).cloned());
                ClientCount {
                    client_id,
                    client_name,
                    count,
                }
            })
            .collect(),
        by_workflow: counted("workflow")
            .await?
            .into_iter()
            .map(|(workflow, count)| WorkflowCount { workflow, count })
            .collect(),
    })
}

/// How many requests were made in `[from, to)`.
pub async fn count_requests(
    pool: &PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<u64, ReadError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM approvals WHERE requested_at >= $1 AND requested_at < $2",
    )
    .bind(from)
    .bind(to)
    .fetch_one(pool)
    .await?;
    Ok(count.unsigned_abs())
}

async fn client_names(
    pool: &PgPool,
    vault: &Vault,
    clients: &[(Option<String>, u64)],
) -> Result<std::collections::HashMap<String, String>, ReadError> {
    let ids: Vec<&str> = clients.iter().filter_map(|(id, _)| id.as_deref()).collect();
    if ids.is_empty() || !table_is_there(pool, "clients").await? {
        return Ok(Default::default());
    }
    let rows = sqlx::query_as("SELECT client_id, sealed FROM clients WHERE client_id = ANY($1)")
        .bind(&ids)
        .fetch_all(pool)
        .await?;
    Ok(open_names(vault, rows, "name").await?)
}
