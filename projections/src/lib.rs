//! The read models: rows that only the log writes, and the queries that read them.
//!
//! Invariants: applying an event again changes nothing; a rebuild makes the same rows; nothing
//! personal is in a column in clear (one sealed value per row, and a blind index to search it).

use std::sync::Arc;

mod apply;
mod names;
mod page;

pub mod audit;
pub mod clients;
pub mod safeguard;
pub mod supervision;
pub mod users;

pub use page::{Page, ReadError};

/// Every projection of the platform.
pub fn all() -> Vec<Arc<dyn eventlog::Projection>> {
    vec![
        Arc::new(safeguard::Approvals::default()),
        Arc::new(safeguard::Tools),
        Arc::new(clients::Clients),
        Arc::new(users::Users),
        Arc::new(supervision::Supervision),
        Arc::new(audit::Audit),
    ]
}
