//! A reader may go away at any moment: a browser that moves on gives its request up, wherever it is.

use std::{future::poll_fn, task::Poll};

use chrono::TimeDelta;
use events::support::{TicketCategory, TicketOutcome};
use projections::supervision::*;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    World,
    history::{Happening, at, tell},
};

/// More than a reading takes.
const MOST_STEPS: usize = 60;

#[tokio::test]
async fn a_reader_who_goes_away_leaves_no_transaction_behind() {
    let world = World::new().await;
    let (pool, vault) = (world.log.pool(), world.log.vault());
    let now = at("2026-03-29T12:00:00Z");
    let period = Period::custom(now - TimeDelta::hours(1), now);
    let ticket = Happening::Ticket {
        number: 1,
        category: TicketCategory::Diag,
        outcome: TicketOutcome::Resolved,
        automatic: false,
        client: None,
        duration_ms: None,
    };
    for fact in tell(&[(ticket, now)]) {
        world.tell(&fact).await;
    }
    world.catch_up().await;
    // One connection: what was left on it the next one finds.
    let options = PgPool::connect_options(pool);
    let one = PgPoolOptions::new().max_connections(1);
    let one = one.connect_with((*options).clone()).await.unwrap();
    let mut ended = 0;
    for steps in 0..MOST_STEPS {
        let mut reading = Box::pin(find_overview(&one, vault, period, now));
        let mut step = 0;
        // Given up when the answer to this step is there and nobody has read it.
        poll_fn(|context| {
            step += 1;
            if step > steps {
                return Poll::Ready(());
            }
            reading.as_mut().poll(context).map(|overview| {
                overview.unwrap();
                ended += 1;
            })
        })
        .await;
        drop(reading);
        let is_read_only: String = sqlx::query_scalar("SHOW transaction_read_only")
            .fetch_one(&one)
            .await
            .unwrap();
        assert_eq!(is_read_only, "off", "given up after {steps} steps");
    }
    assert!(
        (1..MOST_STEPS).contains(&ended),
        "{ended} came to their end"
    );
}
