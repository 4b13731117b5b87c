//! Checks that every fact from outside goes through, whatever its context.

use chrono::{DateTime, TimeDelta, Utc};

use crate::text::Faults;

/// Longest name of a system, a device, a client (characters).
pub const LONGEST_NAME: usize = 200;
/// Longest id of something outside (characters).
pub const LONGEST_ID: usize = 128;
/// Longest number of a client, as its register has it (characters).
pub const LONGEST_CLIENT_ID: usize = 64;
/// Most that a fact may count; sums of many still fit everywhere.
pub const LARGEST_COUNT: u32 = 1_000_000_000;
/// Longest time that a fact may measure: a year (milliseconds).
pub const LONGEST_MS: u64 = 366 * 86_400_000;

/// How far clocks outside may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// 2000-01-01 (Unix seconds). Whatever says that it happened before has no clock.
const EARLIEST: i64 = 946_684_800;

/// Times as they are stored: what is decided now is decided the same when it is read back. A leap
/// second (`23:59:60Z`) is the second after it, as PostgreSQL has it.
pub fn to_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    // `None` is beyond every calendar.
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

impl Faults {
    /// When something happened: not in the future, and since there are such facts.
    pub fn happened(
        &mut self,
        field: &str,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        if at > now + AHEAD {
            self.add(field, "in_future");
        }
        if at.timestamp() < EARLIEST {
            self.add(field, "too_old");
        }
        to_millis(at)
    }

    /// A number that must lie within bounds.
    pub fn within<T: PartialOrd>(&mut self, field: &str, number: T, least: T, most: T) {
        if number < least || number > most {
            self.add(field, "out_of_range");
        }
    }

    /// The number of a ticket, if there is one.
    pub fn ticket(&mut self, number: Option<i64>) {
        if let Some(number) = number {
            self.within("ticket_id", number, 1, i64::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn times_are_whole_milliseconds_and_a_leap_second_is_the_next() {
        for (told, stored) in [
            ("2016-12-31T23:59:59.9999Z", "2016-12-31T23:59:59.999Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.250Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            let told: DateTime<Utc> = told.parse().unwrap();
            assert_eq!(to_millis(told), stored.parse::<DateTime<Utc>>().unwrap());
        }
    }
}
