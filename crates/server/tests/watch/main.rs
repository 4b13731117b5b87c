//! What operators see of the real binary: metrics, traces, logs, readiness, `greffe doctor`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod collector;
mod doctor;
mod logs;
mod metrics;
mod pooler;
mod readiness;
mod stage;
mod traces;

#[path = "../place/mod.rs"]
mod place;
