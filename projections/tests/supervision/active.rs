//! However many alerts are active, what is shown of them is read from few rows.

use std::sync::Arc;

use chrono::TimeDelta;
use eventlog::Rebuilder;
use events::sentinel::{Responsibility, Severity};
use projections::supervision::*;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    World,
    history::{Fact, Happening, at, tell},
};

/// How often the first four alerts are repeated under other ids.
const COPIES: i64 = 12_499;
const ACTIVE: u64 = 4 * (COPIES as u64 + 1);
/// The copies are of so many clients.
const CLIENTS: i64 = 100;
/// They were raised within so many seconds before the first.
const SECONDS: i64 = 1_790;
/// Rows and entries of indexes that the dashboard may read.
const MOST_READ: i64 = 5_000;

/// The events of the first alerts: each was raised, and one of them goes up and down.
fn first() -> Vec<Happening> {
    let down = |alert| Happening::Down {
        alert,
        is_new: true,
        severity: Severity::Critical,
        responsibility: Responsibility::Fai,
    };
    let mut happenings: Vec<_> = (0..4).map(down).collect();
    happenings.push(Happening::Flapping(0));
    happenings
}

/// What was read of the tables of SUPERVISION so far. One connection: what it counted before is there.
async fn read(one: &PgPool) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(one)
        .await
        .unwrap();
    let query = "SELECT ((SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))
                          FROM pg_stat_user_tables WHERE relname LIKE 'supervision%')
                       + (SELECT sum(idx_tup_read)
                          FROM pg_stat_user_indexes WHERE relname LIKE 'supervision%'))::bigint";
    sqlx::query_scalar(query).fetch_one(one).await.unwrap()
}

#[tokio::test]
async fn many_active_alerts_are_counted_from_few_rows() {
    let world = World::new().await;
    let begin = at("2026-03-28T10:40:00Z");
    let plan = |client, device| Happening::Plan {
        client,
        device,
        minutes: 60,
    };
    let windows = tell(&[(plan(Some(0), None), begin), (plan(None, Some(0)), begin)]);
    let alerts = first().into_iter().map(|it| (it, begin));
    let alerts = tell(&alerts.collect::<Vec<_>>());
    let facts: Vec<Fact> = alerts.into_iter().chain(windows).collect();
    for fact in &facts {
        world.tell(fact).await;
    }
    world.catch_up().await;
    let pool = world.log.pool();
    // A window of a client, and one of a device of that client, mute what they muted.
    sqlx::query(
        "INSERT INTO events
         SELECT $1 + 5 * (n - 1) + e.position, gen_random_uuid(), e.aggregate_type,
                md5(e.aggregate_id || n)::uuid::text, e.sequence, e.event_type, e.event_version,
                e.payload || jsonb_strip_nulls(jsonb_build_object(
                    'client_id', CASE WHEN e.payload ? 'client_id' THEN (n % $3 + 100)::text END,
                    'device', CASE WHEN e.payload ? 'device' THEN 'SWITCH-CLI-' || n END,
                    'occurred_at', to_char((e.payload ->> 'occurred_at')::timestamptz AT TIME ZONE 'UTC'
                        - make_interval(secs => n % $4), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))),
                e.metadata, e.recorded_at
         FROM generate_series(1, $2) n, events e WHERE e.position <= 5 ORDER BY 1",
    )
    .bind(facts.len() as i64)
    .bind(COPIES)
    .bind(CLIENTS)
    .bind(SECONDS)
    .execute(pool)
    .await
    .unwrap();
    // The live rows are not asked for the rest: it is for the rebuild to find.
    let query = "UPDATE projection_checkpoints SET position = (SELECT max(position) FROM events)";
    sqlx::query(query).execute(pool).await.unwrap();
    let rebuilder = Rebuilder {
        log: world.log.clone(),
        orders: |_| None,
    };
    rebuilder
        .rebuild(Arc::new(Supervision), |_| {})
        .await
        .unwrap();
    sqlx::query("VACUUM ANALYZE").execute(pool).await.unwrap();

    let one = PgPoolOptions::new()
        .max_connections(1)
        .connect_with((*pool.connect_options()).clone())
        .await
        .unwrap();
    // Part of the oldest minute is over.
    let now = begin + TimeDelta::seconds(25);
    let flapping = (0..=COPIES).filter(|n| n % SECONDS < 1_800 - 25).count() as u64;
    let before = read(&one).await;
    let period = Period::named(Range::Today, now);
    let found = find_sentinel(&one, world.log.vault(), period, now)
        .await
        .unwrap();
    let read = read(&one).await - before;
    assert_eq!((found.active_now, found.total.value), (ACTIVE, ACTIVE));
    assert_eq!(found.flapping_now, flapping);
    assert_eq!(found.muted_now, 1);
    // Those of the copies, and the four of the first alerts.
    assert_eq!(found.impacted_total, CLIENTS as u64 + 4);
    assert_eq!(found.impacted_clients.len() as u64, found.impacted_total);
    assert_eq!(found.clients_to_identify, found.impacted_total);
    let shown: u64 = found.impacted_clients.iter().map(|it| it.active).sum();
    assert_eq!(shown, ACTIVE);
    assert!(read < MOST_READ, "{read} rows and entries were read");
    println!("{read} rows and entries were read");
}
