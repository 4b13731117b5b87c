//! A read model that shows every event applied twice, left out or out of order.

use std::sync::Arc;

use async_trait::async_trait;
use eventlog::{ApplyError, ApplyTx, Projection, RecordedEvent};
use sqlx::PgPool;

/// The positions of each card's events, in the order in which they were applied.
pub struct Fold;

#[async_trait]
impl Projection for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }
    fn version(&self) -> i32 {
        1
    }
    fn schema(&self) -> &'static str {
        "CREATE TABLE IF NOT EXISTS fold (card text PRIMARY KEY, positions bigint[] NOT NULL)"
    }
    fn tables(&self) -> &'static [&'static str] {
        &["fold"]
    }
    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("test.card.")
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        for event in events {
            sqlx::query(
                "INSERT INTO fold VALUES ($1, ARRAY[$2]) ON CONFLICT (card)
                 DO UPDATE SET positions = fold.positions || excluded.positions",
            )
            .bind(&event.aggregate_id)
            .bind(event.position as i64)
            .execute(tx.conn())
            .await?;
        }
        Ok(())
    }
}

type Positions = Vec<(String, Vec<i64>)>;

/// Waits until the read model is at the end of the log, then panics unless it is the fold of it.
pub async fn assert_is_fold_of_log(pool: &PgPool) {
    crate::common::eventually("the projection is at the end of the log", || async {
        let at: i64 =
            sqlx::query_scalar("SELECT position FROM projection_checkpoints WHERE name = 'fold'")
                .fetch_one(pool)
                .await
                .unwrap();
        let head: i64 = sqlx::query_scalar("SELECT max(position) FROM events")
            .fetch_one(pool)
            .await
            .unwrap();
        at == head
    })
    .await;
    let applied: Positions =
        sqlx::query_as("SELECT card, positions FROM fold_v1.fold ORDER BY card")
            .fetch_all(pool)
            .await
            .unwrap();
    let logged: Positions = sqlx::query_as(
        "SELECT aggregate_id, array_agg(position ORDER BY position) FROM events
         GROUP BY aggregate_id ORDER BY aggregate_id",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(applied, logged, "the read model and the log");
}
