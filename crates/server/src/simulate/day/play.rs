//! Plays a day: publishes its facts at a pace of its own, and asks for its approvals.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Paris;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Line, REQUEST};
use crate::simulate::{
    Play, Summary,
    data::Case,
    service::{Published, Service},
};

/// Facts on their way at once.
const IN_FLIGHT: usize = 512;
/// Before a message that was not acknowledged is sent again.
const PAUSE: Duration = Duration::from_millis(250);

/// How fast a day goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// So much of the day …
    pub day: Duration,
    /// … in so much time.
    pub played_in: Duration,
}

/// What became of a day.
#[derive(Debug, Clone, Default)]
pub struct DaySummary {
    /// Facts that JetStream has acknowledged, by subject.
    pub published: BTreeMap<String, u64>,
    /// Of them: the stream had them already.
    pub duplicates: u64,
    /// How often a message had to be sent again.
    pub retries: u64,
    /// Facts that were not sent because the play was interrupted.
    pub left: u64,
    pub requests: Option<Summary>,
    pub took: Duration,
}

/// Plays until everything is acknowledged or `stop` is cancelled. `run` distinguishes the claims and
/// reports of this play from those of another.
pub async fn play(
    service: Service,
    lines: Vec<Line>,
    pace: Pace,
    run: &str,
    stop: CancellationToken,
) -> anyhow::Result<DaySummary> {
    let asks = match lines.iter().any(|line| line.subject == REQUEST) {
        true => Some(Play::start(service.clone(), run).await?),
        false => None,
    };
    let began = Instant::now();
    let stage = Arc::new(Stage {
        service,
        asks: asks.as_ref().map(|(play, _)| play.clone()),
        pace,
        first: lines.first().map(|line| line.at).unwrap_or_default(),
        began,
        in_flight: Semaphore::new(IN_FLIGHT),
        stop,
    });
    let clock = tokio::spawn(stage.clone().tell_the_hours(hours(&lines)));
    let mut playing = JoinSet::new();
    for story in by_subject(lines) {
        playing.spawn(stage.clone().story(story));
    }
    let mut summary = DaySummary::default();
    while let Some(part) = playing.join_next().await {
        summary.add(part?);
    }
    clock.abort();
    if let Some((play, listener)) = &asks {
        summary.requests = Some(play.finish(listener).await);
    }
    summary.took = began.elapsed();
    Ok(summary)
}

/// Lines about the same alert, ticket or component one after the other; the rest by themselves.
fn by_subject(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut stories: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        let key = match (&line.body["external_id"], &line.body["ticket_id"]) {
            (serde_json::Value::String(id), _) => format!("alert {} {id}", line.body["source"]),
            (_, serde_json::Value::Number(number)) => format!("ticket {number}"),
            _ if line.body["component"].is_string() => format!("{}", line.body["component"]),
            _ => line.id.clone(),
        };
        let place = *places.entry(key).or_insert(stories.len());
        match stories.get_mut(place) {
            Some(story) => story.push(line),
            None => stories.push(vec![line]),
        }
    }
    stories
}

/// For every hour of the day, what there is up to it.
fn hours(lines: &[Line]) -> Vec<(DateTime<Utc>, u64)> {
    let mut hours: Vec<(DateTime<Utc>, u64)> = Vec::new();
    for line in lines {
        let seconds = line.at.timestamp();
        let hour = DateTime::from_timestamp(seconds - seconds % 3_600, 0).unwrap_or(line.at);
        match hours.last_mut().filter(|(last, _)| *last == hour) {
            Some((_, count)) => *count += 1,
            None => hours.push((hour, 1)),
        }
    }
    hours
}

struct Stage {
    service: Service,
    asks: Option<Arc<Play>>,
    pace: Pace,
    /// When the first line happens, and when it is played.
    first: DateTime<Utc>,
    began: Instant,
    in_flight: Semaphore,
    stop: CancellationToken,
}

impl Stage {
    /// When something of the day is played.
    fn when(&self, at: DateTime<Utc>) -> Instant {
        let offset = (at - self.first).to_std().unwrap_or_default();
        let ratio = self.pace.played_in.as_secs_f64() / self.pace.day.as_secs_f64();
        self.began + offset.mul_f64(ratio)
    }

    async fn tell_the_hours(self: Arc<Self>, hours: Vec<(DateTime<Utc>, u64)>) {
        for (hour, count) in hours {
            tokio::time::sleep_until(self.when(hour)).await;
            let clock = hour.with_timezone(&Paris).format("%d/%m %H h");
            println!("{clock}  {count} faits et demandes");
        }
    }

    /// One line after the other: what follows waits until what came before is acknowledged.
    async fn story(self: Arc<Self>, lines: Vec<Line>) -> DaySummary {
        let mut summary = DaySummary::default();
        for line in lines {
            tokio::select! {
                () = tokio::time::sleep_until(self.when(line.at)) => {}
                () = self.stop.cancelled() => {}
            }
            let Ok(_permit) = self.in_flight.acquire().await else {
                break;
            };
            match line.subject == REQUEST {
                true => self.ask(line, &mut summary).await,
                false => self.publish(&line, &mut summary).await,
            }
        }
        summary
    }

    /// Until JetStream has it.
    async fn publish(&self, line: &Line, summary: &mut DaySummary) {
        while !self.stop.is_cancelled() {
            match self
                .service
                .publish(&line.subject, &line.body, &line.id)
                .await
            {
                Ok(published) => {
                    summary.duplicates += u64::from(published == Published::Before);
                    *summary.published.entry(line.subject.clone()).or_default() += 1;
                    return;
                }
                Err(error) => {
                    if summary.retries == 0 {
                        println!(
                            "—  {} n'est pas acquitté, nouvel essai : {error:#}",
                            line.id
                        );
                    }
                    summary.retries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        summary.left += 1;
    }

    /// Until the platform answers.
    async fn ask(&self, line: Line, summary: &mut DaySummary) {
        let (Some(play), Some(then)) = (&self.asks, line.then) else {
            summary.left += 1;
            return;
        };
        let case = Case {
            body: line.body,
            then,
        };
        while !self.stop.is_cancelled() {
            if play.request(&line.id, case.clone()).await.is_ok() {
                return;
            }
            summary.retries += 1;
            tokio::time::sleep(PAUSE).await;
        }
        summary.left += 1;
    }
}

impl DaySummary {
    fn add(&mut self, part: Self) {
        for (subject, count) in part.published {
            *self.published.entry(subject).or_default() += count;
        }
        self.duplicates += part.duplicates;
        self.retries += part.retries;
        self.left += part.left;
    }

    /// How many facts JetStream has acknowledged.
    pub fn facts(&self) -> u64 {
        self.published.values().sum()
    }
}

impl fmt::Display for DaySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        writeln!(f, "published {} facts in {seconds:.1} s", self.facts())?;
        for (subject, count) in &self.published {
            writeln!(f, "  {subject} {count}")?;
        }
        writeln!(f, "of them in the stream before {}", self.duplicates)?;
        write!(f, "sent again {}, not sent {}", self.retries, self.left)?;
        match &self.requests {
            Some(requests) => write!(f, "\n\n{requests}"),
            None => Ok(()),
        }
    }
}
