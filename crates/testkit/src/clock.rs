use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use kernel::Clock;

/// A clock that moves only when told. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    pub fn set(&self, at: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

/// A Thursday at nine: 2026-01-15T09:00:00Z.
impl Default for ManualClock {
    fn default() -> Self {
        Self::new(DateTime::from_timestamp(1_768_467_600, 0).unwrap_or_default())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .trunc_subsecs(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_told() {
        let clock = ManualClock::default();
        let same = clock.clone();
        assert_eq!(clock.now().to_rfc3339(), "2026-01-15T09:00:00+00:00");
        same.advance(TimeDelta::minutes(15));
        assert_eq!(clock.now().to_rfc3339(), "2026-01-15T09:15:00+00:00");
        let back = clock.now() - TimeDelta::days(1);
        clock.set(back);
        assert_eq!(same.now(), back);
    }
}
