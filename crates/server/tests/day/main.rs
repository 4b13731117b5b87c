//! A whole day of facts on real processes: what the dashboards say of it depends on the facts alone,
//! not on when, how often and past which outages they arrive.
//!
//! `GREFFE_TEST_FULL_DAY=1` (`make soak`) takes five minutes for the day of the outage, and half a
//! minute for the outage; otherwise both are short.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../place/mod.rs"]
mod place;

mod answers;
mod outage;
mod recorded;
mod stage;
mod twice;
