//! SENTINEL: alerts of the networks watched, and the maintenance windows that mute them.
//!
//! Invariants: an alert has one episode at a time, and it is active or resolved; what counts is when
//! a thing happened, not when it was told; nothing here knows whether an alert is muted now.

mod alert;
mod alert_command;
mod alert_error;
mod episode;
mod maintenance;

pub use alert::{Alert, alert_named};
pub use alert_command::{AlertCommand, AlertReport};
pub use alert_error::AlertError;
pub use episode::{FLAPPING_DOWNS, FLAPPING_WITHIN, MOST_STEPS, REOPENED_WITHIN};
pub use maintenance::{
    LONGEST_MAINTENANCE, Maintenance, MaintenanceCommand, MaintenanceError, PlanMaintenance,
};
