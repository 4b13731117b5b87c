//! Facts that workflows publish (`contracts.md`, "Intake"): from the stream `INTAKE` into the log, or,
//! if they cannot be accepted, into the stream `REJECTED`, where people deal with them.
//!
//! Invariants: a fact leaves `INTAKE` only once it is in the log or in `REJECTED`; the facts of one
//! aggregate are taken in in the order of the stream; an outage never rejects.

mod codes;
mod connect;
mod consumer;
mod counts;
mod fact;
mod head;
mod headers;
mod lanes;
mod look;
pub mod rejected;
mod stream;
mod subject;
mod unreadable;
mod walk;

pub use codes::CODES;
pub use connect::Connect;
pub use consumer::{Accounts, IntakeParts, LEASE, start};
pub use counts::Counts;
pub use fact::{Accepted, Fact, NotAccepted, ReadFact, accept};
pub use headers::{ERROR_CODE, ERROR_DETAIL, ERROR_FIELDS, MESSAGE_ID, ORIGINAL_ID};
pub use look::{Waiting, look};
pub use rejected::{Rejected, RejectedMessage, Rejection};
pub use stream::{INTAKE, MAX_FACT_BYTES, REJECTED};
pub use walk::Walk;
