//! What the platform promises, shown on real processes that are killed, cut off and restored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../place/mod.rs"]
mod place;

mod feed;
mod load;
mod processes;
mod stream;
