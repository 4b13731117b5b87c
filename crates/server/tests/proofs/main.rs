//! What the platform promises, shown on real processes that are killed, cut off and restored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../place/mod.rs"]
mod place;

mod deadlines;
mod feed;
mod fork;
mod full_disk;
mod load;
mod outage;
mod parked;
mod processes;
mod restore;
mod rolling;
mod sealing;
mod stream;
mod three_nats;
