//! The only place that reads the wall clock. Everything else is handed a time.

use chrono::{DateTime, SubsecRound, Utc};

/// Tells the time. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// Now, to the millisecond (the precision of the API).
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }
}
