//! The workers of a rebuild change the same sums at once: they neither wait for each other in a circle
//! nor lose a count.

use std::{sync::Arc, time::Instant};

use chrono::TimeDelta;
use eventlog::Rebuilder;
use events::sentinel::AlertEvent;
use projections::supervision::*;

use crate::{
    World,
    history::{Fact, Happening, at, tell},
};

/// How often the first events are repeated under other ids.
const COPIES: i64 = 1_500;

#[tokio::test]
async fn workers_share_their_sums() {
    let world = World::new().await;
    let begin = at("2026-03-29T00:10:00Z");
    let down = Happening::Down {
        alert: 0,
        is_new: true,
        severity: events::sentinel::Severity::Critical,
        responsibility: events::sentinel::Responsibility::Fai,
    };
    let ticket = Happening::Ticket {
        number: 1,
        category: events::support::TicketCategory::Diag,
        outcome: events::support::TicketOutcome::Resolved,
        automatic: false,
        client: Some(0),
        duration_ms: Some(1_000),
    };
    // A report that moves to the next hour, and an alert that changes its sum.
    let later = begin + TimeDelta::hours(1);
    let facts = tell(&[
        (ticket.clone(), begin),
        (ticket, later),
        (down, begin),
        (Happening::Up(0), later),
    ]);
    assert!(matches!(facts[3], Fact::Alert(_, AlertEvent::Resolved(_))));
    for fact in &facts {
        world.tell(fact).await;
    }
    world.catch_up().await;
    let pool = world.log.pool();
    sqlx::query(
        "INSERT INTO events
         SELECT e.position + 4 * n, gen_random_uuid(), e.aggregate_type,
                md5(e.aggregate_id || n)::uuid::text, e.sequence, e.event_type, e.event_version,
                CASE WHEN e.payload ? 'duration_ms'
                     THEN jsonb_set(e.payload, '{ticket_id}', to_jsonb(n + 1)) ELSE e.payload END,
                e.metadata, e.recorded_at
         FROM generate_series(1, $1) n, events e WHERE e.position <= 4 ORDER BY 1",
    )
    .bind(COPIES)
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
    let began = Instant::now();
    let supervision = Arc::new(Supervision);
    let position = rebuilder
        .rebuild(supervision.clone(), |_| {})
        .await
        .unwrap();
    let rate = position as f64 / began.elapsed().as_secs_f64();
    println!("filled {rate:.0} events/s");
    let check = rebuilder.check(supervision, |_| {}).await.unwrap();
    assert_eq!(check.difference, None);
    let (pool, vault) = (world.log.pool(), world.log.vault());
    let all = COPIES as u64 + 1;
    let second = Period::custom(
        later - TimeDelta::minutes(10),
        later + TimeDelta::minutes(50),
    );
    let found = find_support(pool, vault, second, later).await.unwrap();
    assert_eq!((found.total.value, found.total.previous), (all, 0));
    assert_eq!(found.mean_duration_ms, Some(1_000.0));
    let whole = Period::custom(begin - TimeDelta::hours(72), later + TimeDelta::hours(72));
    let found = find_sentinel(pool, vault, whole, later).await.unwrap();
    assert_eq!((found.total.value, found.resolved), (all, all));
    assert_eq!(found.mean_resolution_seconds, Some(3_600.0));
}
