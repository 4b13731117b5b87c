//! Whether the log holds what was acknowledged, once, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgPool;
use uuid::Uuid;

use crate::clients::Acknowledged;

/// What was found wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// Acknowledged commands that the log does not hold where the answer said.
    pub lost: Vec<String>,
    /// Events that the log holds twice, or that nobody was answered.
    pub duplicated: Vec<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    position: i64,
    aggregate_id: String,
    event_type: String,
}

/// Compares what was acknowledged with the log. `apart` are approvals of nobody's load.
pub async fn compare(
    pool: &PgPool,
    acknowledged: &[Acknowledged],
    apart: &BTreeSet<Uuid>,
) -> Wrong {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT position, aggregate_id, event_type FROM events
         WHERE aggregate_type = 'safeguard.approval' ORDER BY position",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let by_position: BTreeMap<i64, &Row> = rows.iter().map(|row| (row.position, row)).collect();
    let mut wrong = Wrong::default();
    let mut explained = BTreeSet::new();
    for one in acknowledged {
        let event = format!("safeguard.approval.{}", event_of(one.operation));
        let found = by_position.get(&one.position);
        match found.is_some_and(|row| row.aggregate_id == one.id && row.event_type == event) {
            true => drop(explained.insert(one.position)),
            false => wrong.lost.push(format!("{one:?}")),
        }
    }
    // What nobody asks for happens by itself, once.
    let by_itself = ["safeguard.approval.expired", "safeguard.approval.lapsed"];
    let mut seen = BTreeSet::new();
    for row in &rows {
        let is_apart = row.aggregate_id.parse().is_ok_and(|id| apart.contains(&id));
        let is_explained =
            is_apart || explained.contains(&row.position) || by_itself.contains(&&*row.event_type);
        if !is_explained || !seen.insert((&row.aggregate_id, &row.event_type)) {
            wrong.duplicated.push(format!("{row:?}"));
        }
    }
    let mut grants: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in acknowledged {
        if let Some(grant) = &one.grant {
            grants.entry(&one.id).or_default().insert(grant);
        }
    }
    let twice = grants.into_iter().filter(|(_, grants)| grants.len() > 1);
    wrong.duplicated.extend(twice.map(|it| format!("{it:?}")));
    wrong
}

fn event_of(operation: &str) -> &str {
    match operation {
        "request_approval" => "requested",
        "approve" => "approved",
        "reject" => "rejected",
        "postpone" => "postponed",
        "cancel_approval" => "cancelled",
        "claim_execution" => "execution_claimed",
        "record_execution" => "executed",
        other => panic!("{other}"),
    }
}

/// Positions are 1, 2, 3 … and so are the sequences of each aggregate.
pub async fn assert_dense(pool: &PgPool) {
    let (count, least, most): (i64, i64, i64) =
        sqlx::query_as("SELECT count(*), min(position), max(position) FROM events")
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!((least, most), (1, count), "positions are dense");
    let broken: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT sequence, row_number() OVER (PARTITION BY aggregate_type,
             aggregate_id ORDER BY position) AS nth FROM events) s WHERE sequence <> nth",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(broken, 0, "sequences follow positions");
}

/// Id and status of every decision on what the bot `support` asked.
pub async fn decided(pool: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT d.aggregate_id, split_part(d.event_type, '.', 3) FROM events d
         JOIN events r ON r.aggregate_type = d.aggregate_type AND r.aggregate_id = d.aggregate_id
          AND r.sequence = 1
         WHERE d.aggregate_type = 'safeguard.approval' AND r.payload ->> 'requested_by' = 'service:support'
           AND split_part(d.event_type, '.', 3) IN ('approved', 'rejected', 'expired', 'cancelled', 'lapsed')",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// What the feed shows to the one who decides: everything that happens to approvals.
pub async fn shown(pool: &PgPool, after: u64) -> Vec<u64> {
    let shown: Vec<i64> = sqlx::query_scalar(
        "SELECT position FROM events WHERE aggregate_type = 'safeguard.approval' AND position > $1
         ORDER BY position",
    )
    .bind(after as i64)
    .fetch_all(pool)
    .await
    .unwrap();
    shown.into_iter().map(|position| position as u64).collect()
}
