//! Components are asked by one process, and only what has changed for good is in the log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, http::Uri};
use chrono::{DateTime, TimeDelta, Utc};
use common::{SOON, World, within};
use domain::workflow::{Component, ComponentCommand};
use eventlog::{CommandContext, EventLog, RecordedEvent};
use events::{
    intake::HealthFact,
    workflow::{ComponentEvent, HealthChanged, HealthStatus, component_id},
};
use kernel::{Actor, Metadata};
use tokio_util::sync::CancellationToken;
use workflows::health::{HealthWatch, HttpProbe, NATS, POSTGRESQL, Probe, Way};

const EVERY: Duration = Duration::from_millis(30);

/// A server that answers as it is told, and counts how often each path was asked.
#[derive(Clone)]
struct Server {
    url: String,
    code: Arc<AtomicU16>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
    /// Answers so many questions with 500, whatever else it is told.
    blip: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Server {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener)
    }

    fn on(listener: tokio::net::TcpListener) -> Self {
        let server = Self {
            url: format!("http://user:hunter2@{}", listener.local_addr().unwrap()),
            code: Arc::new(AtomicU16::new(200)),
            asked: Arc::default(),
            blip: Arc::default(),
            stop: CancellationToken::new(),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        let stop = server.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(listener, router) => {}
                () = stop.cancelled() => {}
            }
        });
        server
    }

    fn probe(&self, component: &'static str, path: &str) -> Probe {
        let probe = HttpProbe::new(&self.url, path).unwrap();
        Probe {
            component,
            way: Way::Http(Box::new(probe)),
        }
    }

    fn asked(&self, path: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .get(path)
            .copied()
            .unwrap_or_default()
    }

    /// Returns once it was asked that often more.
    async fn asked_again(&self, path: &str, times: usize) {
        let until = self.asked(path) + times;
        assert!(
            within(SOON, || async { self.asked(path) >= until }).await,
            "{path} is not asked"
        );
    }
}

async fn answer(State(server): State<Server>, uri: Uri) -> StatusCode {
    let mut asked = server.asked.lock().unwrap();
    *asked.entry(uri.path().to_owned()).or_default() += 1;
    let left = |it: usize| it.checked_sub(1);
    let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
    if server.blip.fetch_update(set, fetch, left).is_ok() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::from_u16(server.code.load(Ordering::SeqCst)).unwrap()
}

fn watch(world: &World, probes: Vec<Probe>) -> CancellationToken {
    let stop = world.stop.child_token();
    let watch = HealthWatch {
        log: world.log.clone(),
        clock: Arc::new(world.clock.clone()),
        every: EVERY,
        probes,
    };
    watch.start(&world.leases, stop.clone());
    stop
}

async fn changes(log: &EventLog) -> Vec<(Arc<RecordedEvent>, HealthChanged)> {
    let events = log.read_after(0, 1_000).await.unwrap();
    let changed = |event: Arc<RecordedEvent>| {
        let ComponentEvent::HealthChanged(change) = event.decode().unwrap();
        (event, change)
    };
    events.into_iter().map(changed).collect()
}

/// Component and status of every change.
async fn history(log: &EventLog) -> Vec<(String, HealthStatus)> {
    let changes = changes(log).await;
    changes
        .into_iter()
        .map(|(_, it)| (it.component, it.status))
        .collect()
}

async fn becomes(log: &EventLog, expected: &[(&str, HealthStatus)]) {
    let expected: Vec<(String, HealthStatus)> = expected
        .iter()
        .map(|(name, status)| ((*name).to_owned(), *status))
        .collect();
    let reached = within(SOON, || async { history(log).await == expected }).await;
    assert!(reached, "{:?} instead of {expected:?}", history(log).await);
}

use HealthStatus::{Degraded, Down, Ok as Well};

#[tokio::test]
async fn a_server_that_goes_and_comes_back_is_two_changes_and_a_blip_is_none() {
    let world = World::new().await;
    let server = Server::start().await;
    let stop = watch(&world, vec![server.probe("glpi", "/")]);
    becomes(&world.log, &[("glpi", Well)]).await;

    server.blip.store(2, Ordering::SeqCst);
    server.asked_again("/", 8).await;
    assert_eq!(server.blip.load(Ordering::SeqCst), 0);
    becomes(&world.log, &[("glpi", Well)]).await;

    server.code.store(403, Ordering::SeqCst);
    becomes(&world.log, &[("glpi", Well), ("glpi", Degraded)]).await;
    let address = server.url.rsplit('@').next().unwrap().to_owned();
    server.stop.cancel();
    let mut so_far = vec![("glpi", Well), ("glpi", Degraded), ("glpi", Down)];
    becomes(&world.log, &so_far).await;
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    let _back = Server::on(listener);
    so_far.push(("glpi", Well));
    becomes(&world.log, &so_far).await;
    stop.cancel();

    let changes = changes(&world.log).await;
    assert_eq!(changes[0].1.previous, None);
    assert_eq!(changes[2].1.previous, Some(Degraded));
    let detail = changes[2].1.detail.as_deref();
    assert_eq!(detail, Some("it refuses connections"));
    assert_eq!(
        (changes[3].1.detail.as_deref(), changes[2].1.latency_ms),
        (None, None)
    );
    assert!(changes[3].1.latency_ms.is_some());
    for (event, change) in changes {
        assert_eq!(event.metadata.actor.to_string(), "system:health");
        assert!(!format!("{change:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_restart_writes_nothing_if_nothing_has_changed() {
    let world = World::new().await;
    let server = Server::start().await;
    server.code.store(503, Ordering::SeqCst);
    let first = watch(&world, vec![server.probe("mcp", "/health")]);
    becomes(&world.log, &[("mcp", Down)]).await;
    first.cancel();
    let again = World::on(world.database.clone()).await;
    drop(world);
    watch(&again, vec![server.probe("mcp", "/health")]);
    server.asked_again("/health", 8).await;
    becomes(&again.log, &[("mcp", Down)]).await;
    server.code.store(404, Ordering::SeqCst);
    becomes(&again.log, &[("mcp", Down), ("mcp", Well)]).await;
}

/// Says of a component how it is, as a workflow does or another process of the platform.
async fn say(world: &World, component: &str, status: HealthStatus, occurred_at: DateTime<Utc>) {
    let fact = Box::new(HealthFact {
        component: component.to_owned(),
        status,
        detail: None,
        latency_ms: None,
        occurred_at,
    });
    let now = world.now();
    let command = ComponentCommand::ReportHealth { fact, now };
    let context = CommandContext {
        metadata: Metadata::new(Actor::service("support"), kernel::new_id()),
        key: None,
    };
    let id = component_id(component);
    let executed = world.log.execute::<Component>(&id, command, &(), &context);
    executed.await.unwrap();
}

#[tokio::test]
async fn what_a_workflow_says_is_put_right_by_the_next_answer() {
    let world = World::new().await;
    let server = Server::start().await;
    watch(&world, vec![server.probe(NATS, "/")]);
    becomes(&world.log, &[(NATS, Well)]).await;
    say(&world, NATS, Down, world.now()).await;
    let mut so_far = vec![(NATS, Well), (NATS, Down), (NATS, Well)];
    becomes(&world.log, &so_far).await;
    // Its clock may be ahead.
    let ahead = world.now() + TimeDelta::minutes(4);
    say(&world, NATS, Degraded, ahead).await;
    so_far.extend([(NATS, Degraded), (NATS, Well)]);
    becomes(&world.log, &so_far).await;
    let last = changes(&world.log).await.pop().unwrap();
    assert_eq!(last.0.metadata.actor.to_string(), "system:health");
    assert_eq!(
        (last.1.previous, last.1.occurred_at),
        (Some(Degraded), ahead)
    );
}

#[tokio::test]
async fn who_has_the_lease_again_does_not_tell_what_it_believed_before() {
    let first = World::new().await;
    let server = Server::start().await;
    watch(&first, vec![server.probe("glpi", "/")]);
    becomes(&first.log, &[("glpi", Well)]).await;
    let mut canary = first.leases.want("canary");
    canary.acquired().await;

    let second = World::on(first.database.clone()).await;
    let mut taken = second.leases.want(HealthWatch::lease());
    let try_for = Duration::from_secs(2);
    while tokio::time::timeout(try_for, taken.acquired())
        .await
        .is_err()
    {
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .execute(second.log.pool())
        .await
        .unwrap();
    }
    canary.lost().await;
    server.code.store(503, Ordering::SeqCst);
    say(&second, "glpi", Down, second.now()).await;
    drop(taken);
    drop(second);
    server.asked_again("/", 8).await;
    becomes(&first.log, &[("glpi", Well), ("glpi", Down)]).await;
}

#[tokio::test]
async fn one_process_asks_and_another_takes_over() {
    let first = World::new().await;
    let second = World::on(first.database.clone()).await;
    let server = Server::start().await;
    watch(&first, vec![server.probe("glpi", "/first")]);
    server.asked_again("/first", 1).await;
    watch(&second, vec![server.probe("glpi", "/second")]);
    server.asked_again("/first", 20).await;
    assert_eq!(server.asked("/second"), 0);
    // As when the first process ends.
    first.stop.cancel();
    drop(first);
    server.asked_again("/second", 2).await;
    becomes(&second.log, &[("glpi", Well)]).await;
}

#[tokio::test]
async fn what_happened_while_postgresql_was_away_is_written_with_its_time() {
    let postgres = testkit::postgres_server().await;
    let world = World::on(postgres.fresh_database().await).await;
    let server = Server::start().await;
    let options = world.log.pool().connect_options();
    let database = Probe {
        component: POSTGRESQL,
        way: Way::PostgreSql(Box::new((*options).clone())),
    };
    watch(&world, vec![database, server.probe("glpi", "/")]);
    let both = || async { history(&world.log).await.len() == 2 };
    assert!(within(SOON, both).await);

    postgres.kill().await;
    world.clock.advance(TimeDelta::minutes(1));
    let away = world.now();
    server.asked_again("/", 8).await;
    world.clock.advance(TimeDelta::minutes(1));
    let gone = world.now();
    server.code.store(500, Ordering::SeqCst);
    server.asked_again("/", 8).await;
    world.clock.advance(TimeDelta::minutes(1));
    postgres.restart().await;
    let after_all = || async {
        let events = world.log.read_after(0, 1_000).await;
        events.is_ok_and(|events| events.len() == 5)
    };
    assert!(within(SOON, after_all).await);

    let changes: Vec<_> = changes(&world.log)
        .await
        .into_iter()
        .map(|(_, it)| (it.component, it.status, it.occurred_at))
        .collect();
    assert_eq!(changes[2], (POSTGRESQL.to_owned(), Down, away));
    assert_eq!(changes[3], ("glpi".to_owned(), Down, gone));
    let back = (POSTGRESQL.to_owned(), Well, gone + TimeDelta::minutes(1));
    assert_eq!(changes[4], back);
}

#[tokio::test]
async fn nats_is_asked_for_its_jetstream() {
    let world = World::new().await;
    let nats = testkit::nats().await;
    let probe = Probe {
        component: NATS,
        way: Way::Nats(nats.client().await),
    };
    watch(&world, vec![probe]);
    becomes(&world.log, &[(NATS, Well)]).await;
    nats.kill().await;
    becomes(&world.log, &[(NATS, Well), (NATS, Down)]).await;
    nats.restart().await;
    becomes(&world.log, &[(NATS, Well), (NATS, Down), (NATS, Well)]).await;
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_down_and_slow_is_not_for_ever() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let probe = |base: &str| Probe {
        component: "glpi",
        way: Way::Http(Box::new(HttpProbe::new(base, "/").unwrap())),
    };
    let answer = probe(&url).ask().await;
    assert_eq!(
        (answer.status, answer.detail.as_deref()),
        (Down, Some("it did not answer within 3 s"))
    );
    let no_tls = Server::start().await;
    let https = no_tls.url.replace("http://", "https://");
    let answer = probe(&https).ask().await;
    assert_eq!(answer.status, Down);
    let detail = answer.detail.unwrap();
    assert!(!detail.contains("127.0.0.1"), "{detail}");
}
