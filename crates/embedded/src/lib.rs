//! Greffe's own PostgreSQL and nats-server, as child processes on loopback ports.
//!
//! Everything they keep is below one data folder, locked by the process that runs them:
//! `postgres/` and `nats/` (the servers' own), `secrets/` (generated passwords), `logs/`, `lock`,
//! `*.pid` and `*.port`. Whatever an earlier process left running after a kill -9 is stopped before
//! a new server starts; data of another major version is refused, never converted.

mod error;
mod lock;
mod memory;
mod nats;
pub mod nats_system;
pub mod nats_users;
mod ports;
mod postgres;
mod privilege;
mod process;
mod secrets;
mod servers;
mod supervisor;
mod tools;

pub use error::EmbeddedError;
pub use nats_users::{InvalidNatsUser, NatsUser, UserKind};
pub use servers::{EmbeddedConfig, NatsCredentials, Servers};
pub use supervisor::Health;
pub use tools::find_tools_dir;
