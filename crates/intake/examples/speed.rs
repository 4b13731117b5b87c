//! How many facts a second are taken in, from a full stream to an empty one:
//!
//!     with-postgres cargo run --release -p intake --example speed
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use async_nats::jetstream;
use common::{World, alert};

/// Facts, and devices that they are of.
const FACTS: i64 = 20_000;
const DEVICES: i64 = 2_000;

#[tokio::main]
async fn main() {
    let world = World::new().await;
    drop({
        let process = world.start().await;
        world.settle().await;
        process
    });
    let context = jetstream::new(world.service.clone());
    let mut acks = Vec::new();
    for number in 0..FACTS {
        let state = if (number / DEVICES) % 2 == 0 {
            "down"
        } else {
            "up"
        };
        let body = alert((number % DEVICES) as u32, number, state).to_string();
        let sent = context.publish("intake.sentinel.sentinel.alert", body.into());
        acks.push(sent.await.unwrap());
        if acks.len() == 500 {
            for ack in acks.drain(..) {
                ack.await.unwrap();
            }
        }
    }
    let began = Instant::now();
    let process = world.start().await;
    world.settle().await;
    let took = began.elapsed().as_secs_f64();
    println!(
        "{:.0} facts/s ({FACTS} in {took:.2} s)",
        FACTS as f64 / took
    );
    drop(process);
}
