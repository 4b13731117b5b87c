//! What operators do to the read models and to what was not accepted, for the record. Whether an
//! event is parked, or a fact still waits, is not known here: that is a fact of the rows and of the
//! stream, which the caller has looked at.

mod backup;
mod projection;
mod rejected_fact;

pub use backup::{Backup, BackupCommand};
pub use projection::{Projection, ProjectionCommand, ProjectionError};
pub use rejected_fact::{RejectedFact, RejectedFactCommand, RejectedFactError};
