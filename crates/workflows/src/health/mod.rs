//! The platform asks what it leans on how it is, and tells the log when that changes.
//!
//! Invariants: one process at a time asks (a lease), save that the one that asked goes on while
//! PostgreSQL, and with it every lease, is away; a change that cannot be written yet is kept and
//! written later, with the time it was found; no address and no word of an answer is ever recorded.

mod http;
mod hysteresis;
mod probe;
mod watch;

pub use http::{HttpProbe, InvalidAddress};
pub use hysteresis::Hysteresis;
pub use probe::{ANSWER_WITHIN, Answer, Failure, Probe, SLOW_FROM, Way};
pub use watch::HealthWatch;

/// The database of the log.
pub const POSTGRESQL: &str = "postgresql";
/// nats-server and its JetStream.
pub const NATS: &str = "nats";
/// The ticket system.
pub const GLPI: &str = "glpi";
/// The supervision of networks.
pub const OBSERVIUM: &str = "observium";
/// The server of tools.
pub const MCP: &str = "mcp";
/// The server of language models.
pub const MODELS: &str = "models";
