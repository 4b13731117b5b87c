//! Times of a day as clocks in Paris show them.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::Paris;

use super::Maker;

/// How much happens in each half hour of the day: a quiet night, a peak from 8:30 to 10:30, a smaller
/// one at 14:00.
const RHYTHM: [u64; 48] = [
    1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 6, 10, 18, 44, 52, 48, 40, 24, 18, 15, 9, 6, 8, 14,
    30, 26, 18, 16, 15, 14, 12, 9, 6, 4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1,
];
/// Alerts come at any time, somewhat more when people work.
const ALERTS: [u64; 24] = [
    3, 3, 3, 3, 3, 3, 4, 6, 8, 8, 8, 7, 6, 6, 8, 8, 7, 6, 5, 5, 4, 4, 3, 3,
];

/// Midnight to midnight.
pub fn bounds(date: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    (local(date, 0), local(next, 0))
}

/// The day that it is in Paris.
pub fn date_of(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Paris).date_naive()
}

/// So many milliseconds after midnight on the clock. A time that the change of clocks leaves out is an
/// hour later; one that comes twice is the first.
fn local(date: NaiveDate, ms: u64) -> DateTime<Utc> {
    let naive = date.and_time(chrono::NaiveTime::MIN) + TimeDelta::milliseconds(ms as i64);
    let later = naive + TimeDelta::hours(1);
    [naive, later]
        .iter()
        .find_map(|time| Paris.from_local_datetime(time).earliest())
        .map_or_else(|| naive.and_utc(), |time| time.with_timezone(&Utc))
}

impl Maker {
    /// A time on the clock, with seconds and milliseconds of its own.
    pub fn clock(&mut self, hour: u64, minute: u64) -> DateTime<Utc> {
        let within = self.random.below(60_000);
        local(self.date, (hour * 60 + minute) * 60_000 + within)
    }

    /// When a ticket is dealt with.
    pub fn in_rhythm(&mut self) -> DateTime<Utc> {
        let halves: Vec<usize> = (0..RHYTHM.len()).collect();
        let half = self.random.pick_weighted(&halves, |it| RHYTHM[*it]);
        let begin = half.map_or(0, |half| *half as u64) * 30;
        let minute = begin + self.random.below(30);
        self.clock(0, minute)
    }

    /// When an alert is raised.
    pub fn any_time(&mut self) -> DateTime<Utc> {
        let hours: Vec<usize> = (0..ALERTS.len()).collect();
        let hour = self.random.pick_weighted(&hours, |it| ALERTS[*it]);
        let minute = self.random.below(60);
        self.clock(hour.map_or(0, |hour| *hour as u64), minute)
    }

    pub fn in_office_hours(&mut self) -> DateTime<Utc> {
        let minute = self.random.between(8 * 60 + 30, 17 * 60 + 45);
        self.clock(0, minute)
    }

    /// Later by some minutes, and by seconds and milliseconds as life has them.
    pub fn after(&mut self, at: DateTime<Utc>, least: u64, most: u64) -> DateTime<Utc> {
        let ms = self.random.between(least * 60_000, most * 60_000);
        at + TimeDelta::milliseconds(ms as i64)
    }
}
