//! Every event the platform records: one module per context, one enum per aggregate.
//!
//! Persisted names are literals and contracts: they are never derived from an identifier, never
//! renamed, never reused. An event never holds a password, a key or a TOTP secret.

mod aggregates;
mod catalogue;
mod event_enum;
mod names;
mod schema;

pub mod audit;
pub mod clients;
pub mod intake;
pub mod knowledge;
pub mod operations;
pub mod safeguard;
pub mod sentinel;
pub mod support;
pub mod users;
pub mod workflow;

pub use aggregates::{AGGREGATES, AggregateEvents, upcast};
pub use catalogue::{EventDescription, FieldDescription, catalogue, golden};
pub use kernel::{millis, optional_millis};
pub use names::{fold_tool_name, fold_user_name};

/// What a personal value reads as once its subject's key is destroyed.
pub const ERASED: &str = "effacé";
