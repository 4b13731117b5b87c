//! Real servers for tests, a clock that is set by hand, and the check that the stream is the log.
//!
//! ```no_run
//! # async fn example() {
//! let database = testkit::fresh_database().await; // a database of its own on a shared server
//! let nats = testkit::nats().await; // a nats-server of its own
//! let client = nats.client().await; // connected as `platform`
//! # }
//! ```
//!
//! Everything is gone when the test process is, however it ends. Only what every crate may know is
//! here: no event log, no API.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod clock;
mod nats;
mod postgres;
mod stream;
mod temporary;

pub use clock::ManualClock;
pub use embedded::{NatsCredentials, NatsUser, UserKind};
pub use nats::{TestNats, nats};
pub use postgres::{
    DATABASE_URL_VARIABLE, TestDatabase, TestPostgres, fresh_database, postgres, postgres_server,
    postgres_server_durable,
};
pub use stream::assert_stream_is_log;
