//! Facts that could not be accepted: people read, correct and resubmit, or discard them.

mod bulk;
mod commands;
mod queries;
mod routes;
mod shapes;

pub use routes::routes;
