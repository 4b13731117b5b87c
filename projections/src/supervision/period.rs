//! Periods, and the steps of their charts. Days and hours are those of Europe/Paris: a day has 23 hours
//! when summer time begins and 25 when it ends.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{Europe::Paris, Tz};
use events::millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest a period may be, in days.
pub const LONGEST_DAYS: i64 = 400;
/// A period up to this long is shown by the hour.
const BY_THE_HOUR: TimeDelta = TimeDelta::hours(48);

/// Which period is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Range {
    /// From midnight in Paris until now.
    #[serde(rename = "today")]
    Today,
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
    /// `from` and `to` were given.
    #[serde(rename = "custom")]
    Custom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Hour,
    Day,
}

/// A period with the one it is compared with; both without their ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Period {
    pub range: Range,
    #[serde(serialize_with = "millis")]
    pub from: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub to: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub previous_from: DateTime<Utc>,
    #[serde(serialize_with = "millis")]
    pub previous_to: DateTime<Utc>,
    /// Of the chart: hours up to 48 h, else days.
    pub step: Step,
}

impl Period {
    /// A named period that ends now. Today is compared with yesterday until the same time of day.
    pub fn named(range: Range, now: DateTime<Utc>) -> Self {
        // The end is not included: what happens right now is.
        let to = now + TimeDelta::milliseconds(1);
        let length = match range {
            Range::Today => return Self::today(now, to),
            Range::Day | Range::Custom => TimeDelta::hours(24),
            Range::Week => TimeDelta::days(7),
            Range::Month => TimeDelta::days(30),
        };
        Self::between(range, to - length, to)
    }

    /// From a time until before another.
    pub fn custom(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self::between(Range::Custom, from, to)
    }

    fn today(now: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let here = now.with_timezone(&Paris);
        let today = here.date_naive();
        let yesterday = today - Days::new(1);
        let previous_from = midnight(yesterday);
        let same_time = local(yesterday.and_time(to.with_timezone(&Paris).time()));
        let from = midnight(today);
        Self {
            range: Range::Today,
            from,
            to,
            previous_from,
            // The last millisecond of a day ends at midnight.
            previous_to: match to.with_timezone(&Paris).date_naive() == today {
                true => same_time,
                false => from,
            },
            step: Step::Hour,
        }
    }

    fn between(range: Range, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let length = to - from;
        Self {
            range,
            from,
            to,
            previous_from: from - length,
            previous_to: from,
            step: if length <= BY_THE_HOUR {
                Step::Hour
            } else {
                Step::Day
            },
        }
    }

    /// When each step of the chart begins; the first may have begun before the period.
    pub fn steps(&self) -> Vec<DateTime<Utc>> {
        let mut steps = Vec::new();
        let mut at = self.step.start_of(self.from);
        while at < self.to {
            steps.push(at);
            at = self.step.after(at);
        }
        steps
    }
}

impl Step {
    /// When the step that a time is in begins. Paris is whole hours from UTC.
    pub fn start_of(self, at: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Hour => start_of_hour(at),
            Self::Day => start_of_day(at),
        }
    }

    fn after(self, start: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Hour => start + TimeDelta::hours(1),
            Self::Day => midnight(start.with_timezone(&Paris).date_naive() + Days::new(1)),
        }
    }
}

/// The hour that a time is in.
pub(super) fn start_of_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    whole(at, 3_600)
}

/// The minute that a time is in.
pub(super) fn start_of_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    whole(at, 60)
}

fn whole(at: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    let start = at.timestamp().div_euclid(seconds) * seconds;
    DateTime::from_timestamp(start, 0).unwrap_or(at)
}

/// The last midnight in Paris.
pub(super) fn start_of_day(at: DateTime<Utc>) -> DateTime<Utc> {
    midnight(at.with_timezone(&Paris).date_naive())
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    local(day.and_time(NaiveTime::MIN))
}

/// A time that the clocks of Paris show: the first of two; if they leave it out, an hour later.
fn local(time: chrono::NaiveDateTime) -> DateTime<Utc> {
    let found: Option<DateTime<Tz>> = Paris.from_local_datetime(&time).earliest();
    let found = found.or_else(|| {
        let later = time + TimeDelta::hours(1);
        Paris.from_local_datetime(&later).earliest()
    });
    found.map_or_else(|| time.and_utc(), |it| it.to_utc())
}

/// A stretch of time, cut so that most of it is read from sums: whole days of Paris, whole hours, and
/// what is left at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces {
    pub days: Span,
    pub hours: [Span; 2],
    pub edges: [Span; 2],
}

pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

impl Pieces {
    /// `by_day`: whether days may be taken as a whole, as a chart by the hour does not.
    pub fn of(from: DateTime<Utc>, to: DateTime<Utc>, by_day: bool) -> Self {
        let first_hour = next(from, start_of_hour(from), TimeDelta::hours(1));
        let last_hour = start_of_hour(to);
        let nothing = (from, from);
        if first_hour > last_hour {
            return Self {
                days: nothing,
                hours: [nothing; 2],
                edges: [(from, to), nothing],
            };
        }
        let edges = [(from, first_hour), (last_hour, to)];
        let day = start_of_day(from);
        let first_day = match day == from {
            true => day,
            false => Step::Day.after(day),
        };
        let last_day = start_of_day(to);
        if !by_day || first_day >= last_day {
            return Self {
                days: nothing,
                hours: [(first_hour, last_hour), nothing],
                edges,
            };
        }
        Self {
            days: (first_day, last_day),
            hours: [(first_hour, first_day), (last_day, last_hour)],
            edges,
        }
    }
}

fn next(at: DateTime<Utc>, start: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    if start == at { at } else { start + length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_has_23_24_or_25_hours() {
        for (day, hours, first, last) in [
            (
                "2026-03-28",
                24,
                "2026-03-27T23:00:00Z",
                "2026-03-28T22:00:00Z",
            ),
            (
                "2026-03-29",
                23,
                "2026-03-28T23:00:00Z",
                "2026-03-29T21:00:00Z",
            ),
            (
                "2026-10-25",
                25,
                "2026-10-24T22:00:00Z",
                "2026-10-25T22:00:00Z",
            ),
        ] {
            let now = local(
                day.parse::<NaiveDate>()
                    .unwrap()
                    .and_hms_milli_opt(23, 59, 59, 998)
                    .unwrap(),
            );
            let period = Period::named(Range::Today, now);
            let steps = period.steps();
            assert_eq!(steps.len(), hours, "{day}");
            assert_eq!((steps[0], steps[hours - 1]), (at(first), at(last)), "{day}");
            assert_eq!(period.from, at(first));
        }
    }

    #[test]
    fn today_is_compared_with_yesterday_at_the_same_time_of_day() {
        // 03:30 in summer time; yesterday 03:30 was winter time.
        let period = Period::named(Range::Today, at("2026-03-29T01:29:59.999Z"));
        assert_eq!(period.from, at("2026-03-28T23:00:00Z"));
        assert_eq!(period.previous_from, at("2026-03-27T23:00:00Z"));
        assert_eq!(period.previous_to, at("2026-03-28T02:30:00Z"));
        // The day after, at a time that yesterday left out.
        let period = Period::named(Range::Today, at("2026-03-30T00:29:59.999Z"));
        assert_eq!(period.previous_from, at("2026-03-28T23:00:00Z"));
        assert_eq!(period.previous_to, at("2026-03-29T01:30:00Z"));
        // The second 02:30 of that night is compared with yesterday's only one.
        let period = Period::named(Range::Today, at("2026-10-25T01:29:59.999Z"));
        assert_eq!(period.from, at("2026-10-24T22:00:00Z"));
        assert_eq!(period.previous_to, at("2026-10-24T00:30:00Z"));
        // The last millisecond.
        let period = Period::named(Range::Today, at("2026-01-15T22:59:59.999Z"));
        assert_eq!(
            (period.to, period.previous_to),
            (at("2026-01-15T23:00:00Z"), at("2026-01-14T23:00:00Z"))
        );
    }

    #[test]
    fn a_week_has_seven_days_and_a_beginning() {
        let period = Period::named(Range::Week, at("2026-03-31T10:00:00Z"));
        let steps = period.steps();
        assert_eq!(steps.len(), 8);
        assert_eq!(
            steps[4..6],
            [at("2026-03-27T23:00:00Z"), at("2026-03-28T23:00:00Z")]
        );
        assert_eq!(steps[6], at("2026-03-29T22:00:00Z"), "after 23 hours");
        assert_eq!(period.previous_to, period.from);
        assert_eq!(
            Period::custom(at("2026-01-01T00:00:00Z"), at("2026-01-03T00:00:00Z")).step,
            Step::Hour
        );
    }

    #[test]
    fn pieces_cover_a_stretch_once() {
        let times = [
            ("2026-03-28T10:17:00Z", "2026-03-28T10:20:00Z"),
            ("2026-03-28T10:17:00Z", "2026-03-28T11:20:00Z"),
            ("2026-03-28T22:17:00Z", "2026-03-29T00:20:00Z"),
            ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-10-20T08:30:00Z", "2026-10-28T09:45:00Z"),
            ("2026-10-20T08:00:00Z", "2026-10-20T08:00:00Z"),
        ];
        for (from, to) in times {
            for by_day in [true, false] {
                let (from, to) = (at(from), at(to));
                let pieces = Pieces::of(from, to, by_day);
                let mut spans = vec![pieces.days];
                spans.extend(pieces.hours);
                spans.extend(pieces.edges);
                spans.retain(|span| span.0 < span.1);
                spans.sort();
                let mut reached = from;
                for (start, end) in &spans {
                    assert_eq!(*start, reached, "{from} {to}");
                    reached = *end;
                }
                assert_eq!(reached, to, "{from} {to}");
            }
        }
    }
}
