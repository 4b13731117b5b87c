//! A request ends when its time is over, also if nobody was there to see it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, SystemClock};
use sqlx::PgPool;
use uuid::Uuid;

use crate::place::{
    Place,
    caller::Caller,
    cluster::{MASTER_KEY, create_user, open_log, settings},
    eventually,
    overdue::expires_in,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_became_due_while_the_platform_was_down_is_done_when_it_is_ready() {
    let place = Place::new();
    create_user(&place, "admin", &settings());
    let up = place.up_with(&settings());
    let admin = Caller::sign_in(&place.address, "admin").await;
    let database = place.endpoints()["database"].as_str().unwrap().to_owned();
    let log = open_log(&database, &MASTER_KEY).await;
    let live = expires_in(&log, Duration::from_millis(1_500)).await;
    let later = expires_in(&log, Duration::from_secs(3_600)).await;

    // Live: not before its time. How late it was is said; a busy machine proves nothing by it.
    let late = expired_after(log.pool(), live.0, live.1).await;
    assert!(late >= TimeDelta::zero(), "{late}");
    println!("expired {late} late");

    // Far enough away that the platform is gone before.
    let missed = expires_in(&log, Duration::from_secs(20)).await;
    up.kill();
    until(missed.1 + TimeDelta::milliseconds(200)).await;
    let up = place.up_with(&settings());
    // Once it says that it is ready.
    let log = open_log(&database, &MASTER_KEY).await;
    let missed_at = expired_at(log.pool(), missed.0).await;
    assert!(missed_at.is_some_and(|at| at > missed.1), "{missed_at:?}");
    let shown = admin.read(&format!("/api/safeguard/{}", missed.0)).await;
    assert_eq!(shown["status"], "expired");
    let shown = admin.read(&format!("/api/safeguard/{}", later.0)).await;
    assert_eq!(shown["status"], "pending", "only what is due");
    up.stop();
}

/// How long after `due` the request was expired.
pub async fn expired_after(database: &PgPool, id: Uuid, due: DateTime<Utc>) -> TimeDelta {
    let at = eventually("the request expires", || expired_at(database, id)).await;
    at - due
}

async fn expired_at(database: &PgPool, id: Uuid) -> Option<DateTime<Utc>> {
    sqlx::query_scalar(
        "SELECT recorded_at FROM events
         WHERE aggregate_id = $1 AND event_type = 'safeguard.approval.expired'",
    )
    .bind(id.to_string())
    .fetch_optional(database)
    .await
    .unwrap()
}

async fn until(time: DateTime<Utc>) {
    let left = time - SystemClock.now();
    tokio::time::sleep(left.to_std().unwrap_or_default()).await;
}
