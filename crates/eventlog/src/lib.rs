//! The log and everything that reads it. It names no context: adding one never edits this crate.
//!
//! Invariant: `position` is dense and in commit order, and the stream `EVENTS` holds the event of
//! position N at sequence N. Nothing personal is written in clear.

mod append;
mod applier;
mod batch;
mod command;
mod deadlines;
mod error;
mod execute;
mod feed_hub;
mod flood;
mod fork;
mod frames;
mod history;
mod lease;
mod log;
mod parking;
mod progress;
mod projection;
mod projector;
mod reaction;
mod reader;
mod rebuild;
mod recorded;
mod relay;
mod schemas;
mod store;
mod stream;
mod terms;
pub mod trace;
mod unreadable;
mod vault;
mod writer;

pub use append::{Append, Appended, Guard, MAX_EVENT_BYTES, Repeated};
pub use command::{CommandContext, CommandKey};
pub use deadlines::{
    Deadline, Deadlines, DeadlinesOf, due_deadlines, is_anything_due, next_due_after,
};
pub use error::{AppendError, ExecuteError, LogError};
pub use execute::Executed;
pub use feed_hub::{FeedHub, FeedSubscription};
pub use frames::{Audience, FeedItem, Frame, SharedFrame, prune_frames};
pub use lease::{Lease, Leases, unheld_leases};
pub use log::{EventLog, Loaded, RecordedOutcome, SchemaState, migrate, schema_state};
pub use parking::{ParkedEvent, ParkedOrder, ParkedOrdersOf, is_parked, parked_events};
pub use progress::{Progress, ProjectionProgress};
pub use projection::{ApplyError, ApplyTx, Projection};
pub use projector::{Projector, lease_of};
pub use reaction::{Reaction, run_reaction};
pub use reader::LogReader;
pub use rebuild::{Check, Difference, RebuildError, RebuildProgress, Rebuilder};
pub use recorded::RecordedEvent;
pub use relay::{Relay, RelayStatus, ring_doorbell};
pub use schemas::{Checkpoint, checkpoints, search_path};
pub use store::LogContext;
pub use stream::{EVENTS, stored_bytes, stream_position};
pub use terms::{TermColumn, fold};
pub use unreadable::{UNREADABLE, Unreadable};
pub use vault::{ERASED, Vault};
