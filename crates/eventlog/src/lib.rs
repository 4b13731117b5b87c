//! The log and everything that reads it. It names no context: adding one never edits this crate.
//!
//! Invariant: `position` is dense and in commit order, and the stream `EVENTS` holds the event of
//! position N at sequence N. Nothing personal is written in clear.

mod append;
mod command;
mod error;
mod execute;
mod log;
mod recorded;
mod terms;
mod vault;
mod writer;

pub use append::{Append, Appended, MAX_EVENT_BYTES};
pub use command::{CommandContext, CommandKey};
pub use error::{AppendError, ExecuteError, LogError};
pub use execute::Executed;
pub use log::{EventLog, Loaded, RecordedOutcome, migrate};
pub use recorded::RecordedEvent;
pub use terms::fold;
pub use vault::{ERASED, Vault};
