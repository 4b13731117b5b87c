//! The promise "nothing lost", shown on real processes that are killed at any moment: everything
//! acknowledged is in PostgreSQL, in JetStream once, and in every read model once.
//!
//! `GREFFE_TEST_KILLS` says how often (`make soak`: 200), `GREFFE_TEST_SEED` plays the same choices
//! again; when they meet what is left to the machine. After a failure the data is kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../place/mod.rs"]
mod place;

mod clients;
mod facts;
mod fleet;
mod read_models;
mod takeover;
mod verify;
mod witness;

use std::{
    collections::BTreeSet, panic::AssertUnwindSafe, path::Path, process::Command, time::Duration,
};

use futures::FutureExt;
use sqlx::PgPool;
use testkit::{UserKind, assert_stream_is_log};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    clients::{Load, Parties, by_operation},
    facts::Facts,
    fleet::{Addresses, Fleet},
    place::{
        caller::Caller,
        cluster::{Cluster, succeeded},
        eventually, output,
        random::Random,
    },
    takeover::Takeovers,
    verify::Wrong,
    witness::{Told, Watcher},
};

const KILLS: u64 = 12;
const LANES: usize = 12;
const WATCHERS: usize = 3;
/// The contract. Judged by `make soak` only, on a machine that does nothing else.
const TAKEOVER_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_nothing_acknowledged_is_lost() {
    let mut random = Random::seeded();
    let seed = random.state();
    let kills = std::env::var("GREFFE_TEST_KILLS").ok();
    let kills = kills.map_or(KILLS, |text| text.parse().unwrap());
    let postgres = testkit::postgres_server_durable().await;
    let nats = testkit::nats().await;
    let cluster = Cluster::on(postgres.fresh_database().await, nats);
    let mut fleet = Fleet::start(cluster, postgres, random.branch()).await;
    let run = AssertUnwindSafe(run(&mut fleet, random, kills, seed));
    if let Err(failure) = run.catch_unwind().await {
        keep(&fleet, seed, kills).await;
        std::panic::resume_unwind(failure);
    }
}

async fn run(fleet: &mut Fleet, mut random: Random, kills: u64, seed: u64) {
    let pool = fleet.cluster.database.pool.clone();
    let parties = parties(fleet).await;
    let watching = Watching::start(&parties).await;
    let (told, telling) = Told::start(parties.nats.clone());
    let platform = fleet.cluster.nats.client().await;
    let mut takeovers = Takeovers::new(&fleet.cluster.database.url, platform.clone()).await;
    let mut load = Load::start(&parties, LANES, &mut random);
    let facts = Facts::start(parties.nats.clone());

    tokio::select! {
        () = fleet.kill(kills, &mut takeovers) => {}
        () = load.failed() => {}
    }
    fleet.all_ready().await;
    let acknowledged = load.stop().await;
    facts::assert_once(&pool, &platform, &facts.stop().await).await;
    until_expired(&pool, &takeovers.requests).await;

    let wrong = verify::compare(&pool, &acknowledged, &takeovers.requests).await;
    println!("{:?}", by_operation(&acknowledged));
    verify::assert_dense(&pool).await;
    let events = assert_stream_is_log(&pool, &platform).await;
    watching.assert_saw_all(&pool).await;
    let again = told.assert_of(&verify::decided(&pool).await).await;
    telling.abort();
    println!("{events} events, {again} decisions told again");
    read_models::caught_up(&pool).await;
    fleet.stop();
    let diverged = read_models::diverged(&fleet.cluster).await;

    println!("{}", takeovers.summary());
    println!(
        "crash test: seed {seed}, {kills} kills ({}), {} commands acknowledged, lost {}, duplicated {}, diverged rows {}",
        fleet.killed(),
        acknowledged.len(),
        wrong.lost.len(),
        wrong.duplicated.len(),
        diverged.len(),
    );
    assert_eq!(wrong, Wrong::default());
    let first = &diverged[..diverged.len().min(10)];
    assert!(diverged.is_empty(), "read models: {first:#?}");
    let worst = takeovers.worst();
    assert!(!is_soak() || worst < TAKEOVER_WITHIN, "{worst:?}");
}

/// Whether the kills were asked for, as `make soak` does.
fn is_soak() -> bool {
    std::env::var_os("GREFFE_TEST_KILLS").is_some()
}

/// People who watch the live feed all the time.
struct Watching {
    start: u64,
    end: watch::Sender<Option<u64>>,
    watchers: JoinSet<(Vec<u64>, usize)>,
}

impl Watching {
    async fn start(parties: &Parties) -> Self {
        let page = parties.chief.read("/api/safeguard/feed").await;
        let start = page["position"].as_u64().unwrap();
        let (end_in, end) = watch::channel(None);
        let mut watchers = JoinSet::new();
        for _ in 0..WATCHERS {
            let watcher = Watcher {
                parties: parties.clone(),
                epoch: page["epoch"].as_str().unwrap().to_owned(),
                after: start,
                end: end.clone(),
            };
            watchers.spawn(watcher.watch());
        }
        Self {
            start,
            end: end_in,
            watchers,
        }
    }

    /// Panics unless each saw everything that happened to approvals, once and in order.
    async fn assert_saw_all(self, pool: &PgPool) {
        let shown = verify::shown(pool, self.start).await;
        self.end.send_replace(shown.last().copied());
        let mut connections = 0;
        for (seen, count) in self.watchers.join_all().await {
            assert_eq!(seen, shown, "what was seen live, what happened");
            connections += count;
        }
        println!("{} frames over {connections} connections", shown.len());
    }
}

/// The bot `support` of `admin`, and the person who decides.
async fn parties(fleet: &Fleet) -> Parties {
    let cluster = &fleet.cluster;
    let words = [
        "service-account",
        "create",
        "--name",
        "support",
        "--owner",
        "admin",
    ];
    let command = cluster.command(
        &[
            &words[..],
            &["--scope", "safeguard.request", "--scope", "intake"],
        ]
        .concat(),
    );
    let key = succeeded(&output(command, ""));
    let password = cluster.nats.add_user("support", UserKind::Service).await;
    let address = first(&fleet.addresses);
    Parties {
        addresses: fleet.addresses.clone(),
        nats: cluster.nats.client_as("support", &password).await,
        support: Caller::with_key(&address, key.trim()),
        chief: Caller::sign_in(&address, "chef.support").await,
    }
}

fn first(addresses: &Addresses) -> String {
    clients::address(addresses, 0).unwrap()
}

/// Waits until what the takeovers were measured by is over. No request of the load ends by itself
/// while the test lasts.
async fn until_expired(pool: &PgPool, requests: &BTreeSet<Uuid>) {
    let ids: Vec<String> = requests.iter().map(Uuid::to_string).collect();
    eventually("the measured requests have expired", || async {
        let expired: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM events
             WHERE event_type = 'safeguard.approval.expired' AND aggregate_id = ANY ($1)",
        )
        .bind(&ids)
        .fetch_one(pool)
        .await
        .unwrap();
        (expired as usize == ids.len()).then_some(())
    })
    .await;
}

/// Puts what a failure leaves behind where it stays, and says how to play it again.
async fn keep(fleet: &Fleet, seed: u64, kills: u64) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{seed}"));
    std::fs::create_dir_all(&folder).unwrap();
    fleet.postgres.kill().await;
    fleet.cluster.nats.kill().await;
    let kept = [
        fleet.postgres.data_dir(),
        fleet.cluster.nats.store_dir(),
        fleet.cluster.place.log(),
    ];
    let copied = Command::new("cp")
        .arg("-a")
        .args(kept)
        .arg(&folder)
        .status();
    println!("kept in {}: {copied:?}", folder.display());
    println!(
        "again: GREFFE_TEST_SEED={seed} GREFFE_TEST_KILLS={kills} cargo test -p greffe --test crash -- --nocapture"
    );
}
