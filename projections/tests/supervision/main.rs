//! The numbers are right: random histories, and each dashboard compared with what a naive reading of the
//! log says; live in batches of any size, rebuilt, and redelivered.
//!
//! `GREFFE_PROPERTY_CASES` says how many histories (6 if absent).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod active;
mod given_up;
mod history;
mod lanes;
mod lists;
mod naive;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::{
    Append, EventLog, Leases, LogReader, Progress, Projection, Projector, Rebuilder, Vault,
};
use events::{clients::*, support::TicketEvent, workflow::*};
use history::{Fact, at, client_id, histories, tell, times};
use kernel::{Actor, AggregateId, EventType, Metadata, new_id};
use projections::supervision::*;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::TestDatabase;
use tokio_util::sync::CancellationToken;

fn read_models() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(Supervision),
        Arc::new(projections::clients::Clients),
    ]
}

struct World {
    _database: TestDatabase,
    log: EventLog,
}

impl World {
    async fn new() -> Self {
        let database = testkit::fresh_database().await;
        eventlog::migrate(&database.pool).await.unwrap();
        let options = eventlog::search_path(database.url.parse().unwrap(), &projections::all());
        let pool = PgPool::connect_with(options).await.unwrap();
        let log = EventLog::open(pool.clone(), Vault::new(pool, &[7; 32]))
            .await
            .unwrap();
        Self {
            _database: database,
            log,
        }
    }

    async fn append<E: EventType>(&self, of: (&'static str, &AggregateId), event: E) {
        let sequence: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(sequence), 0) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2",
        ).bind(of.0).bind(of.1.as_str()).fetch_one(self.log.pool()).await.unwrap();
        let metadata = Metadata::new(Actor::service("support"), new_id());
        let events = [event];
        let append = Append::new(
            self.log.vault(),
            of,
            sequence as u64,
            &events,
            &metadata,
            None,
            &Value::Null,
        );
        self.log.append(append.await.unwrap()).await.unwrap();
    }

    async fn tell(&self, fact: &Fact) {
        let (kind, id) = fact.aggregate();
        let of = (kind, &id);
        match fact {
            Fact::Ticket(event) => self.append(of, TicketEvent::Processed(event.clone())).await,
            Fact::Alert(_, event) => self.append(of, event.clone()).await,
            Fact::Maintenance(_, event) => self.append(of, event.clone()).await,
            Fact::Error(_, event) => {
                self.append(of, WorkflowErrorEvent::Reported(event.clone()))
                    .await
            }
            Fact::Health(event) => {
                self.append(of, ComponentEvent::HealthChanged(event.clone()))
                    .await
            }
            Fact::Run(event) => self.append(of, Fact::run_event(event)).await,
        }
    }

    /// The register knows two clients of four.
    async fn register(&self) {
        for number in 0..2 {
            let client_id = client_id(number);
            let id = AggregateId::derived("client", &client_id);
            let event = ClientEvent::Registered(ClientRegistered {
                client_id,
                name: "EHPAD Les Jardins".into(),
                critical: number == 0,
                registered_at: at("2026-01-01T00:00:00Z"),
            });
            self.append(("clients.client", &id), event).await;
        }
    }

    /// Runs the projections until they have everything, then stops them.
    async fn catch_up(&self) {
        let stop = CancellationToken::new();
        let leases = Leases::start(self.log.pool());
        let reader = LogReader::start(self.log.clone(), None, stop.clone())
            .await
            .unwrap();
        let progress = Progress::new(self.log.pool().clone());
        let projector = Projector {
            log: self.log.clone(),
            reader,
            progress: progress.clone(),
            orders: |_| None,
        };
        projector.start(read_models(), &leases, &stop);
        let head = self.log.head().await.unwrap();
        let within = Duration::from_secs(60);
        let settled = progress
            .wait_for(&["supervision", "clients"], head, within)
            .await
            .unwrap();
        assert!(settled, "{:?}", progress.here());
        stop.cancel();
    }

    /// As if the checkpoint had been lost: everything after a position comes again.
    async fn redeliver(&self, after: u64) {
        let query = "UPDATE projection_checkpoints SET position = $1 WHERE name = 'supervision'";
        sqlx::query(query)
            .bind(after as i64)
            .execute(self.log.pool())
            .await
            .unwrap();
        self.catch_up().await;
    }

    async fn rebuild(&self) {
        let rebuilder = Rebuilder {
            log: self.log.clone(),
            orders: |_| None,
        };
        let check = rebuilder
            .check(Arc::new(Supervision), |_| {})
            .await
            .unwrap();
        assert_eq!(check.difference, None, "live rows");
        rebuilder
            .rebuild(Arc::new(Supervision), |_| {})
            .await
            .unwrap();
    }

    /// What the dashboards say of a period, in the shape of [`naive`].
    async fn dashboards(&self, period: Period, now: DateTime<Utc>) -> [Value; 5] {
        let (pool, vault) = (self.log.pool(), self.log.vault());
        let support = find_support(pool, vault, period, now).await.unwrap();
        let sentinel = find_sentinel(pool, vault, period, now).await.unwrap();
        let enrichisseur = find_enrichisseur(pool, period, now).await.unwrap();
        let overview = find_overview(pool, vault, period, now).await.unwrap();
        let heard = overview.health.iter().filter(|it| it.is_configured);
        let mut heard: Vec<_> = heard
            .map(|it| json!([it.component, it.status, it.since]))
            .collect();
        heard.sort_by_key(Value::to_string);
        let totals = (overview.tickets, overview.alerts) == (support.total, sentinel.total);
        assert!(totals, "the overview counts otherwise");
        let lines = overview
            .activity
            .iter()
            .map(|it| json!([it.position, it.kind]));
        [
            support_of(support),
            sentinel_of(sentinel),
            enrichisseur_of(enrichisseur),
            json!(heard),
            lines.collect(),
        ]
    }
}

fn points(series: &[SeriesPoint]) -> Value {
    series.iter().map(|it| json!([it.at, it.counts])).collect()
}

fn support_of(it: Support) -> Value {
    json!({
        "total": it.total, "by_category": it.by_category, "by_outcome": it.by_outcome,
        "mean_duration_ms": it.mean_duration_ms, "series": points(&it.series),
        "by_client": it.by_client.iter().map(|of| json!([of.client.as_ref().map(|it| &it.id), of.count]))
            .collect::<Vec<_>>(),
        "latest": it.latest.iter().map(|it| json!([it.ticket_id, it.outcome, it.reports, it.position]))
            .collect::<Vec<_>>(),
        "errors": it.errors.iter().map(|it| it.id).collect::<Vec<_>>(), "errors_24h": it.errors_24h,
    })
}

fn sentinel_of(it: Sentinel) -> Value {
    for client in &it.impacted_clients {
        let is_known = client.client.id == client_id(0) || client.client.id == client_id(1);
        assert_eq!(client.client.is_known, is_known);
        let critical = is_known.then(|| client.client.id == client_id(0));
        assert_eq!(
            client.client.critical, critical,
            "nobody knows of a client to identify"
        );
    }
    json!({
        "total": it.total, "active": it.active, "resolved": it.resolved, "active_now": it.active_now,
        "acknowledged_now": it.acknowledged_now, "flapping_now": it.flapping_now, "muted_now": it.muted_now,
        "by_responsibility": it.by_responsibility, "by_severity": it.by_severity,
        "series": points(&it.series), "mean_resolution_seconds": it.mean_resolution_seconds,
        "timeline": it.timeline.iter().map(|it| json!([
            it.id, it.episode, it.status == AlertStatus::Active, it.is_flapping, it.is_muted,
            it.is_awaiting_diag, it.severity, it.version, it.repeats, it.reopenings, it.steps.len(), it.position,
        ])).collect::<Vec<_>>(),
        "maintenance": it.maintenance.iter().map(|it| json!([it.id, it.status])).collect::<Vec<_>>(),
        "clients_to_identify": it.clients_to_identify, "impacted_total": it.impacted_total,
        "impacted_clients": it.impacted_clients.iter().map(|it| json!([
            it.client.id, it.state, it.active, it.awaiting_diag, it.since, it.responsibility, it.resolved_at,
        ])).collect::<Vec<_>>(),
    })
}

fn enrichisseur_of(it: Enrichisseur) -> Value {
    json!({
        "entries": it.entries, "added": it.added, "updated": it.updated, "failed": it.failed,
        "runs_total": it.runs_total, "failed_runs": it.failed_runs,
        "series": it.series.iter().map(|it| json!([it.at, it.added, it.entries])).collect::<Vec<_>>(),
        "by_source": it.by_source, "last_run_at": it.last_run_at,
    })
}

fn periods() -> impl Strategy<Value = (Period, DateTime<Utc>)> {
    let ranges = prop::sample::select(vec![
        Range::Today,
        Range::Day,
        Range::Week,
        Range::Month,
        Range::Custom,
    ]);
    (ranges, times(), times(), 1..20_000_i64).prop_map(|(range, now, from, minutes)| {
        let period = match range {
            Range::Custom => Period::custom(from, from + TimeDelta::minutes(minutes)),
            named => Period::named(named, now),
        };
        (period, now)
    })
}

async fn compare(
    world: &World,
    facts: &[Fact],
    before: u64,
    asked: &[(Period, DateTime<Utc>)],
    when: &str,
) {
    for (period, now) in asked {
        let log = naive::Log {
            facts,
            before,
            now: *now,
        };
        let expected = [
            log.support(period),
            log.sentinel(period),
            log.enrichisseur(period),
            json!(log.components()),
            json!(log.activity()),
        ];
        let found = world.dashboards(*period, *now).await;
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(
                pretty(found),
                pretty(expected),
                "{when}: {period:?} at {now}\n{facts:#?}"
            );
        }
    }
}

/// Times and numbers as JSON writes them, whatever they were made of.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn every_dashboard_says_what_the_log_says() {
    let cases = std::env::var("GREFFE_PROPERTY_CASES").map_or(6, |cases| cases.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases,
        max_shrink_iters: 64,
        failure_persistence: None,
        ..Config::default()
    };
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let asked = prop::collection::vec(periods(), 3..8);
    let outcome = TestRunner::new(config).run(
        &(histories(), asked, cuts, any::<prop::sample::Index>()),
        |(happenings, asked, cuts, again)| {
            runtime.block_on(async {
                let world = World::new().await;
                world.register().await;
                let before = world.log.head().await.unwrap();
                let facts = tell(&happenings);
                let mut cuts: Vec<usize> =
                    cuts.iter().map(|cut| cut.index(facts.len() + 1)).collect();
                cuts.sort_unstable();
                for (nth, fact) in facts.iter().enumerate() {
                    if cuts.contains(&nth) {
                        world.catch_up().await;
                    }
                    world.tell(fact).await;
                }
                world.catch_up().await;
                compare(&world, &facts, before, &asked, "live").await;
                let after = again.index(before as usize + facts.len() + 1);
                world.redeliver(after as u64).await;
                compare(&world, &facts, before, &asked, "redelivered").await;
                world.rebuild().await;
                compare(&world, &facts, before, &asked, "rebuilt").await;
            });
            Ok(())
        },
    );
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
