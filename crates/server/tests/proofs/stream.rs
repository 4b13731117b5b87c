//! Sequence N of `EVENTS` is position N of the log, whatever is killed or lost.

use async_nats::{Client, jetstream};
use testkit::assert_stream_is_log;

use crate::{
    load::Load,
    place::{cluster::Cluster, eventually, random::Random},
};

const RELAY_KILLS: u64 = 6;
const NATS_KILLS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_the_log_though_relay_stream_and_server_are_lost() {
    let mut random = Random::seeded();
    let cluster = Cluster::new().await;
    let platform = cluster.serve("api,projector,workflows");
    let admin = cluster.sign_in(&platform, "admin").await;
    let nats = cluster.nats.client().await;
    let load = Load::start(&admin, 4);

    let mut behind = 0;
    for _ in 0..RELAY_KILLS {
        // The more is waiting, the longer the relay publishes.
        more_of(&load, 50).await;
        let relay = cluster.spawn("relay");
        let from = last_sequence(&nats).await;
        let moves = random.within(1..60);
        eventually("the relay publishes", || async {
            (last_sequence(&nats).await >= from + moves).then_some(())
        })
        .await;
        relay.kill();
        println!("killed after {from} + {moves}");
        behind += u64::from(last_sequence(&nats).await < head(&cluster).await);
    }
    assert!(
        behind > 0,
        "no relay was killed before it had published all"
    );

    let relay = cluster.serve("relay");
    for _ in 0..NATS_KILLS {
        more_of(&load, random.within(1..60)).await;
        cluster.nats.restart().await;
    }
    let from = last_sequence(&nats).await;
    eventually("the relay goes on", || async {
        (last_sequence(&nats).await > from).then_some(())
    })
    .await;

    cluster.nats.delete_stream("EVENTS").await;
    assert_eq!(last_sequence(&nats).await, 0, "it is gone");
    more_of(&load, 50).await;

    let accepted = load.stop_and_check(&cluster.database.pool).await;
    let events = assert_stream_is_log(&cluster.database.pool, &nats).await;
    println!("{accepted} requests, {events} events, {behind} kills in the middle");
    relay.stop();
    platform.stop();
}

async fn more_of(load: &Load, count: u64) {
    let from = load.accepted();
    eventually("commands are accepted", || async {
        (load.accepted() >= from + count).then_some(())
    })
    .await;
}

/// 0 while there is no stream, or no server.
async fn last_sequence(nats: &Client) -> u64 {
    let stream = jetstream::new(nats.clone()).get_stream("EVENTS").await;
    stream.map_or(0, |stream| stream.cached_info().state.last_sequence)
}

async fn head(cluster: &Cluster) -> u64 {
    let head: i64 = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM events")
        .fetch_one(&cluster.database.pool)
        .await
        .unwrap();
    head as u64
}
