//! SUPERVISION: what happens on the networks watched, in the workflows and to what they lean on.

mod dashboards;
mod period;
mod shapes;

pub mod names;

pub use dashboards::*;
pub use period::{LONGEST_DAYS, Period, Range, Step};
pub use shapes::*;
