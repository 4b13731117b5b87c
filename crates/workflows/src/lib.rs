//! Long-running reactions: what the platform does by itself because of an event or of the time.
//! These are the platform's own: the workflows that ask for approvals are other programs, the bots
//! (`docs/workflows-over-nats.md`).
//!
//! Invariants: everything here may run twice and has one effect, because the commands it sends are
//! named after the event that caused them; one process at a time does each thing (a lease); nothing
//! here decides a rule of a context.

mod approvals;
mod clerk;
mod decisions;
mod decisions_stream;
mod housekeeping;
mod maintenance;
mod nats_users;

pub use approvals::{ApprovalDuty, deadlines_of};
pub use clerk::{Clerk, ClerkParts, Duty, NotDone, Settled};
pub use decisions::Decisions;
pub use decisions_stream::DECISIONS;
pub use housekeeping::{Housekeeping, Pruned, prune};
pub use maintenance::MaintenanceDuty;
pub use nats_users::{NatsUsers, SyncState};
