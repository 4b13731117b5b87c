//! The day that is played, and what a plain reading of it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::place::Place;

/// The day on which clocks in Paris go forward: it has 23 hours.
pub const DATE: &str = "2026-03-29";
pub const PERIOD: &str = "from=2026-03-28T23:00:00Z&to=2026-03-29T22:00:00Z";
/// Facts of the day that are not as they should be.
pub const REJECTED: u64 = 2;

/// Writes the day into the place's folder.
pub fn record(place: &Place) -> PathBuf {
    let file = place.folder.path().join("day.jsonl");
    let name = file.to_str().unwrap();
    place.done(&["simulate", "--day", DATE, "--seed", "7", "--record", name]);
    file
}

/// What counts on a day.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub tickets: u64,
    pub episodes: u64,
    pub errors: u64,
    pub added: u64,
}

/// Counts on the recorded lines, in the order of their times.
pub fn counts(file: &Path) -> Counts {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |subject: &'static str| {
        let lines = lines.iter().filter(move |line| line["subject"] == subject);
        lines.map(|line| &line["body"])
    };
    let tickets: BTreeSet<i64> = of("support.ticket_processed")
        .filter_map(|body| body["ticket_id"].as_i64())
        .collect();
    let added = of("knowledge.enrichment_run").map(|body| body["added"].as_u64().unwrap());
    Counts {
        tickets: tickets.len() as u64,
        episodes: episodes(of("sentinel.alert")),
        errors: of("workflow.error").count() as u64,
        added: added.sum(),
    }
}

/// How often something went wrong that was well, or had been well for more than half an hour.
fn episodes<'a>(alerts: impl Iterator<Item = &'a Value>) -> u64 {
    let mut active = BTreeSet::new();
    let mut well: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
    let mut episodes = 0;
    for body in alerts.filter(|body| body["severity"] != "urgent") {
        let id = body["external_id"].as_str().unwrap();
        let at: DateTime<Utc> = body["occurred_at"].as_str().unwrap().parse().unwrap();
        if body["state"] == "up" {
            if active.remove(id) {
                well.insert(id, at);
            }
        } else if active.insert(id) {
            let goes_on = well
                .get(id)
                .is_some_and(|well| at - *well <= TimeDelta::minutes(30));
            episodes += u64::from(!goes_on);
        }
    }
    episodes
}
