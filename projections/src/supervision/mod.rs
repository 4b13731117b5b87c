//! SUPERVISION: what happens on the networks watched, in the workflows and to what they lean on.
//!
//! Invariants: a fact counts at the time it happened, whenever it came; sums are of the rows, so that
//! a rebuild, in whatever batches, comes to the same numbers.

mod activity;
mod alert_rows;
mod alerts;
mod dashboards;
mod facts;
mod frames;
mod maintenance;
mod period;
mod queries;
mod refs;
mod shapes;
mod sum_rows;
mod sums;
mod support;
mod writer;

pub mod names;

pub use dashboards::*;
pub use period::{LONGEST_DAYS, Period, Range, Step};
pub use queries::*;
pub use shapes::*;
pub use writer::Supervision;
