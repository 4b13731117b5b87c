//! The users of NATS follow the service accounts; old rows go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use common::{SOON, World, within};
use eventlog::{Append, LogError};
use events::users::{Scope, ServiceAccountCreated, ServiceAccountDisabled, ServiceAccountEvent};
use kernel::{Actor, AggregateId, Metadata, new_id};
use serde_json::Value;
use workflows::{NatsUsers, Pruned, prune};

impl World {
    async fn account(&self, name: &str, sequence: u64, event: ServiceAccountEvent) -> u64 {
        let id = AggregateId::new(name).unwrap();
        let about = Metadata::new(Actor::system("test"), new_id());
        let kind = ("users.service_account", &id);
        let nothing = Value::Null;
        let events = [event];
        let append = Append::new(
            self.log.vault(),
            kind,
            sequence,
            &events,
            &about,
            None,
            &nothing,
        );
        self.log
            .append(append.await.unwrap())
            .await
            .unwrap()
            .position
    }

    async fn create(&self, name: &str) -> u64 {
        let created = ServiceAccountCreated {
            name: name.into(),
            owner_id: new_id(),
            scopes: vec![Scope::Intake],
            credential_id: new_id(),
            created_at: self.now(),
        };
        self.account(name, 0, ServiceAccountEvent::Created(created))
            .await
    }
}

#[tokio::test]
async fn users_are_written_at_the_start_and_at_every_change() {
    let world = World::new().await;
    world.create("support").await;
    let reader = world.reader(None).await;
    let written: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let (log, target) = (world.log.clone(), written.clone());
    let failures = Arc::new(Mutex::new(1));
    let users = NatsUsers::start(
        reader,
        move || {
            let log = log.clone();
            async move {
                let events = log.read_after(0, 100).await?;
                Ok::<_, LogError>(events.iter().map(|it| it.event_type.clone()).collect())
            }
        },
        move |users: Vec<String>| {
            let mut failures = failures.lock().unwrap();
            let fails = *failures > 0;
            *failures -= i32::from(fails);
            if !fails {
                target.lock().unwrap().push(users);
            }
            async move {
                match fails {
                    true => Err(LogError::Nats("the file cannot be written".into())),
                    false => Ok(()),
                }
            }
        },
        world.stop.clone(),
    );
    // The first try fails and is repeated.
    tokio::time::timeout(SOON, users.written()).await.unwrap();
    assert_eq!(written.lock().unwrap().len(), 1);
    assert_eq!(users.state().problem, None);
    world.set_timer("unrelated", world.now()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(written.lock().unwrap().len(), 1, "only accounts matter");
    world.create("sentinel").await;
    let disabled = ServiceAccountDisabled {
        disabled_at: world.now(),
    };
    let position = world
        .account("support", 1, ServiceAccountEvent::Disabled(disabled))
        .await;
    let seen = within(SOON, || async {
        users.state().position >= Some(position)
            && written
                .lock()
                .unwrap()
                .last()
                .is_some_and(|all| all.len() == 4)
    });
    assert!(seen.await, "{:?}", users.state());
}

#[tokio::test]
async fn commands_go_after_thirty_days_and_frames_after_one() {
    let world = World::new().await;
    let now = world.now();
    let days = [0, 29, 30, 31, 400];
    for (number, age) in days.into_iter().enumerate() {
        let at = now - TimeDelta::days(age);
        sqlx::query(
            "INSERT INTO commands SELECT gen_random_uuid(), decode(repeat('00', 32), 'hex'), 'a',
             1, '{}', $1 FROM generate_series(1, $2)",
        )
        .bind(at)
        .bind(if age == 400 { 12_000 } else { 1 })
        .execute(&world.database.pool)
        .await
        .unwrap();
        sqlx::query("INSERT INTO feed_frames VALUES ('safeguard', $1, 'x', 'level:N1', '{}', $2)")
            .bind(number as i64)
            .bind(at)
            .execute(&world.database.pool)
            .await
            .unwrap();
    }
    let pruned = prune(&world.database.pool, now).await.unwrap();
    assert_eq!(
        pruned,
        Pruned {
            frames: 4,
            commands: 12_001
        }
    );
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM commands")
        .fetch_one(&world.database.pool)
        .await
        .unwrap();
    assert_eq!(
        kept, 3,
        "today's, of 29 days ago, and of the day 30 days ago"
    );
    assert_eq!(
        prune(&world.database.pool, now).await.unwrap(),
        Pruned::default()
    );
}
