//! The clerk: in time, once, also after the server was down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use common::{Ringer, World, within};

/// How long something is watched that must not happen.
const A_SECOND: Duration = Duration::from_secs(1);
/// How long something is waited for that must happen; on an idle machine it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn acts_at_the_time_and_not_before() {
    let world = World::new().await;
    let reader = world.reader(None).await;
    world.project_deadlines(&reader);
    let clerk = world.clerk(vec![Arc::new(Ringer::default())]).await;
    clerk.caught_up().await;
    let due = world.now() + TimeDelta::minutes(5);
    world.set_timer("egg", due).await;
    world.settle().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(world.rung("egg").await.is_empty(), "too early");

    world.clock.set(due - TimeDelta::milliseconds(1));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(
        world.rung("egg").await.is_empty(),
        "a millisecond too early"
    );

    world.clock.set(due);
    let rung = within(PATIENCE, || async { world.rung("egg").await == [due] }).await;
    assert!(rung, "not at its time");
}

#[tokio::test]
async fn a_deadline_that_is_set_sooner_than_the_next_wakes_it() {
    let world = World::new().await;
    let reader = world.reader(None).await;
    world.project_deadlines(&reader);
    world
        .set_timer("later", world.now() + TimeDelta::hours(1))
        .await;
    world
        .clerk(vec![Arc::new(Ringer::default())])
        .await
        .caught_up()
        .await;
    world.set_timer("now", world.now()).await;
    assert!(within(PATIENCE, || async { world.rung("now").await.len() == 1 }).await);
    assert!(world.rung("later").await.is_empty());
}

#[tokio::test]
async fn what_was_due_while_the_server_was_down_is_done_before_it_is_ready() {
    let database = testkit::fresh_database().await;
    let before = World::on(database.clone()).await;
    let due = before.now() + TimeDelta::minutes(1);
    // More than the clerk does at once.
    for number in 0..60 {
        before.set_timer(&format!("t{number}"), due).await;
    }
    before.stop.cancel();
    drop(before);

    let world = World::on(database).await;
    world.clock.set(due + TimeDelta::days(1));
    let reader = world.reader(None).await;
    let ringer = Ringer::default();
    let clerk = world.clerk(vec![Arc::new(ringer.clone())]).await;
    let early = tokio::time::timeout(Duration::from_millis(500), clerk.caught_up()).await;
    assert!(early.is_err(), "it has not even read the deadlines");
    world.project_deadlines(&reader);
    tokio::time::timeout(PATIENCE, clerk.caught_up())
        .await
        .unwrap();
    for number in 0..60 {
        assert_eq!(
            world.rung(&format!("t{number}")).await.len(),
            1,
            "t{number}"
        );
    }
    assert_eq!(ringer.asked.load(Ordering::SeqCst), 60);
}

#[tokio::test]
async fn what_is_settled_is_not_tried_again_while_its_row_stays() {
    let world = World::new().await;
    let reader = world.reader(None).await;
    world.project_deadlines(&reader);
    let ringer = Ringer {
        is_lazy: true,
        ..Ringer::default()
    };
    world.set_timer("stays", world.now()).await;
    world
        .clerk(vec![Arc::new(ringer.clone())])
        .await
        .caught_up()
        .await;
    world.set_timer("other", world.now()).await;
    assert!(
        within(PATIENCE, || async {
            ringer.asked.load(Ordering::SeqCst) == 2
        })
        .await
    );
    tokio::time::sleep(A_SECOND).await;
    assert_eq!(ringer.asked.load(Ordering::SeqCst), 2);
    // A new deadline of the same timer is another one.
    world.set_timer("stays", world.now()).await;
    assert!(
        within(PATIENCE, || async {
            ringer.asked.load(Ordering::SeqCst) == 3
        })
        .await
    );
}

#[tokio::test]
async fn a_kind_nobody_knows_holds_nobody_up() {
    let database = testkit::fresh_database().await;
    let (idle, world) = (World::on(database.clone()).await, World::on(database).await);
    let mut held = idle.leases.want("clerk");
    held.acquired().await;
    let reader = world.reader(None).await;
    world.project_deadlines(&reader);
    world.settle().await;
    sqlx::query(
        "INSERT INTO deadlines SELECT 'future.thing', 'x' || n, 'melt', $1, gen_random_uuid()
         FROM generate_series(1, 700) n",
    )
    .bind(world.now() - TimeDelta::days(1))
    .execute(&world.database.pool)
    .await
    .unwrap();
    world.set_timer("known", world.now()).await;
    let clerk = world.clerk(vec![Arc::new(Ringer::default())]).await;
    let early = tokio::time::timeout(A_SECOND, clerk.caught_up()).await;
    assert!(early.is_err(), "what nobody knows hides what is left to do");
    drop((held, idle));
    tokio::time::timeout(PATIENCE, clerk.caught_up())
        .await
        .unwrap();
    assert_eq!(world.rung("known").await.len(), 1);
}

#[tokio::test]
async fn two_clerks_act_once_and_the_second_takes_over() {
    let database = testkit::fresh_database().await;
    let (first, second) = (World::on(database.clone()).await, World::on(database).await);
    let reader = first.reader(None).await;
    first.project_deadlines(&reader);
    let (one, two) = (Ringer::default(), Ringer::default());
    first
        .clerk(vec![Arc::new(one.clone())])
        .await
        .caught_up()
        .await;
    second
        .clerk(vec![Arc::new(two.clone())])
        .await
        .caught_up()
        .await;
    first.set_timer("a", first.now()).await;
    assert!(within(PATIENCE, || async { first.rung("a").await.len() == 1 }).await);
    assert_eq!(two.asked.load(Ordering::SeqCst), 0);

    first.stop.cancel();
    let World { log, leases, .. } = first;
    drop((leases, log));
    let reader = second.reader(None).await;
    second.project_deadlines(&reader);
    second.set_timer("b", second.now()).await;
    let taken_over = within(PATIENCE, || async { second.rung("b").await.len() == 1 });
    assert!(taken_over.await);
    assert_eq!(one.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_only_just_became_due_is_waited_for_while_another_holds_the_lease() {
    let database = testkit::fresh_database().await;
    let (idle, world) = (World::on(database.clone()).await, World::on(database).await);
    let mut held = idle.leases.want("clerk");
    held.acquired().await;
    let due = world.now();
    world.set_timer("just", due).await;
    world.clock.set(due + TimeDelta::milliseconds(200));
    let reader = world.reader(None).await;
    world.project_deadlines(&reader);
    let clerk = world.clerk(vec![Arc::new(Ringer::default())]).await;
    let early = tokio::time::timeout(A_SECOND, clerk.caught_up()).await;
    assert!(early.is_err(), "nobody has done it");
    drop((held, idle));
    tokio::time::timeout(PATIENCE, clerk.caught_up())
        .await
        .unwrap();
    assert_eq!(world.rung("just").await.len(), 1);
}
