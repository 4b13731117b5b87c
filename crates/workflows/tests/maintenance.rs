//! Maintenance windows begin and end in time, also after the server was down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use chrono::TimeDelta;
use common::{SOON, World, within};
use domain::sentinel::{Maintenance, MaintenanceCommand, PlanMaintenance};
use eventlog::CommandContext;
use kernel::{Actor, AggregateId, Metadata, new_id};
use workflows::MaintenanceDuty;

impl World {
    /// A window that begins and ends so many minutes from now.
    async fn plan(&self, starts: i64, ends: i64) -> AggregateId {
        let maintenance_id = new_id();
        let by = Actor::user(new_id());
        let plan = PlanMaintenance {
            maintenance_id,
            client_id: Some("42".into()),
            device: None,
            reason: "Remplacement du cœur de réseau".into(),
            starts_at: self.now() + TimeDelta::minutes(starts),
            ends_at: self.now() + TimeDelta::minutes(ends),
            by: by.clone(),
            now: self.now(),
        };
        let id = AggregateId::from(maintenance_id);
        let command = MaintenanceCommand::Plan(Box::new(plan));
        self.command(&id, command, by).await;
        id
    }

    async fn command(&self, id: &AggregateId, command: MaintenanceCommand, by: Actor) {
        let context = CommandContext {
            metadata: Metadata::new(by, new_id()),
            key: None,
        };
        let done = self.log.execute::<Maintenance>(id, command, &(), &context);
        done.await.unwrap();
    }

    /// What has happened to a window.
    async fn said(&self, id: &AggregateId) -> Vec<String> {
        let events = self.log.read_after(0, 1_000).await.unwrap();
        let own = events
            .iter()
            .filter(|event| event.aggregate_id == id.as_str());
        let types = own.map(|event| {
            let name = event.event_type.rsplit('.').next();
            name.unwrap().to_owned()
        });
        types.collect()
    }

    async fn comes_to(&self, id: &AggregateId, expected: &[&str]) -> bool {
        within(SOON, || async { self.said(id).await == expected }).await
    }
}

#[tokio::test]
async fn a_window_begins_and_ends_at_its_times() {
    let world = World::new().await;
    let reader = world.reader(None).await;
    world.project_deadlines(&reader);
    let clerk = world.clerk(vec![Arc::new(MaintenanceDuty)]).await;
    clerk.caught_up().await;
    let window = world.plan(10, 20).await;
    let cancelled = world.plan(10, 20).await;
    let by = Actor::user(new_id());
    let now = world.now();
    let cancel = MaintenanceCommand::Cancel {
        by: by.clone(),
        now,
    };
    world.command(&cancelled, cancel, by).await;
    world.settle().await;
    world.clock.set(now + TimeDelta::minutes(10));
    assert!(world.comes_to(&window, &["planned", "started"]).await);
    world.clock.set(now + TimeDelta::minutes(20));
    assert!(
        world
            .comes_to(&window, &["planned", "started", "ended"])
            .await
    );
    assert_eq!(world.said(&cancelled).await, ["planned", "cancelled"]);
}

#[tokio::test]
async fn a_window_that_passed_while_the_server_was_down_is_ended() {
    let world = World::new().await;
    let window = world.plan(10, 20).await;
    world.clock.set(world.now() + TimeDelta::hours(1));
    let reader = world.reader(None).await;
    world.project_deadlines(&reader);
    world
        .clerk(vec![Arc::new(MaintenanceDuty)])
        .await
        .caught_up()
        .await;
    let said = world.said(&window).await;
    assert_eq!(said.last().map(String::as_str), Some("ended"));
    assert_eq!(said.iter().filter(|what| *what == "ended").count(), 1);
}
