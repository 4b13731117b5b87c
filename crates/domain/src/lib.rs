//! Every rule of the platform: aggregates that decide, as pure functions of their events.
//!
//! No I/O, no clock, no randomness: `now`, ids and looked-up facts travel in the commands. No
//! context imports another. A refusal names its rule by a stable code.

pub mod audit;
pub mod clients;
pub mod knowledge;
pub mod operations;
pub mod safeguard;
pub mod sentinel;
pub mod support;
pub mod users;
pub mod workflow;

mod fact;
mod refusal;
mod text;

pub use refusal::{FieldError, Refusal, RefusalKind};
