//! A day of a managed-service provider: facts and requests with their times, made from a seed alone.
//!
//! A day is written (`record`) before it is played (`play`), so that the same day can be played
//! again. Invariant: nothing here knows what time it is, or in which order the platform takes it.

mod alerts;
mod background;
mod clock;
mod play;
mod record;
mod tickets;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    clock::bounds,
    play::{Pace, play},
    record::{read, write},
};
use super::{
    data::{self, Case, Then},
    random::Random,
};

/// The subject of a line that asks for an approval; all others go below `intake.<service>.`.
pub const REQUEST: &str = "safeguard.request_approval";

/// Approvals asked on a day, in office hours. People decide on them: they do not grow with the scale.
const REQUESTS: u64 = 24;

/// The first of January 2025, where the numbers of tickets begin, in days of the common era.
const BEGIN: i32 = 739_252;
/// More tickets, with those that alerts open, than a day has at scale 1; the same of alerts.
const PER_DAY: u64 = 200;

/// One fact or request. As JSON, a line of a recorded day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// When it happens; for a fact, its `occurred_at` unless the fact is wrong.
    pub at: DateTime<Utc>,
    /// After `intake.<service>.`, or [`REQUEST`].
    pub subject: String,
    /// The message id: the same line played again changes nothing.
    pub id: String,
    pub body: Value,
    /// What the workflow does once its request is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
}

/// Which day is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    pub seed: u64,
    /// How many times the volume of a provider with thirty clients.
    pub scale: u64,
}

/// What belongs together: an alert from its beginning to its end, a ticket with its reports.
type Story = Vec<Line>;

/// A day in Paris, from midnight to midnight: 23 or 25 hours when the clocks change.
pub fn of_date(date: NaiveDate, recipe: Recipe) -> Vec<Line> {
    let (from, to) = bounds(date);
    within(stories(date, recipe), from, to)
}

/// The 24 hours that end at `end`: the evening of one day and the following day so far.
pub fn until(end: DateTime<Utc>, recipe: Recipe) -> Vec<Line> {
    let from = end - chrono::TimeDelta::hours(24);
    let dates = [clock::date_of(from), clock::date_of(end)];
    let days = dates.into_iter().flat_map(|date| stories(date, recipe));
    within(days.collect(), from, end)
}

/// The stories that begin in the time, up to its end.
fn within(stories: Vec<Story>, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Line> {
    let begun = stories
        .into_iter()
        .filter(|story| story.first().is_some_and(|line| line.at >= from));
    let mut lines: Vec<Line> = begun.flatten().filter(|line| line.at < to).collect();
    lines.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    lines
}

fn stories(date: NaiveDate, recipe: Recipe) -> Vec<Story> {
    let mut maker = Maker::new(date, recipe);
    let mut stories = tickets::stories(&mut maker);
    stories.extend(alerts::stories(&mut maker));
    stories.extend(background::stories(&mut maker));
    stories.extend(requests(&mut maker));
    stories
}

fn requests(maker: &mut Maker) -> Vec<Story> {
    let mut stories = Vec::new();
    for _ in 0..REQUESTS {
        let at = maker.in_office_hours();
        if let Some(Case { body, then }) = data::draw(&mut maker.random) {
            let mut line = maker.line(at, REQUEST, body);
            line.then = Some(then);
            stories.push(vec![line]);
        }
    }
    stories
}

/// Draws times and numbers of one day.
struct Maker {
    date: NaiveDate,
    recipe: Recipe,
    random: Random,
    lines: u64,
    tickets: i64,
    alerts: u64,
}

impl Maker {
    fn new(date: NaiveDate, recipe: Recipe) -> Self {
        let day = u64::from(date.to_epoch_days().unsigned_abs());
        Self {
            date,
            recipe,
            random: Random::new(recipe.seed.wrapping_mul(1_000_003).wrapping_add(day)),
            lines: 0,
            tickets: 0,
            alerts: 0,
        }
    }

    /// A line with an id that another day, seed or scale does not have.
    fn line(&mut self, at: DateTime<Utc>, subject: &str, body: Value) -> Line {
        self.lines += 1;
        let Recipe { seed, scale } = self.recipe;
        Line {
            at,
            subject: subject.to_owned(),
            id: format!("day-{}-{seed}-{scale}-{}", self.date, self.lines),
            body,
            then: None,
        }
    }

    /// A ticket number of this day alone.
    fn ticket(&mut self) -> i64 {
        self.tickets += 1;
        self.number() + self.tickets
    }

    /// What names an alert in its source: of this day alone.
    fn alert(&mut self) -> String {
        self.alerts += 1;
        (self.number() as u64 + self.alerts).to_string()
    }

    /// Each day has room for its tickets and alerts, each seed for fifteen years of days. Days of another
    /// scale on the same platform share numbers with these.
    fn number(&self) -> i64 {
        let days = u64::from((self.date.num_days_from_ce() - BEGIN).unsigned_abs());
        let Recipe { seed, scale } = self.recipe;
        let of_seed = seed.saturating_sub(1) % 1_000_000 * 1_000_000;
        (10_000 + (of_seed + days * PER_DAY) * scale) as i64
    }
}

#[cfg(test)]
mod tests;
