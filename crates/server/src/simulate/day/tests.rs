use std::collections::{BTreeMap, BTreeSet};

use events::intake::{
    AlertFact, EnrichmentRunFact, HealthFact, StepFact, TicketFact, WorkflowErrorFact,
};
use serde::de::DeserializeOwned;

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn day(text: &str, seed: u64) -> Vec<Line> {
    of_date(date(text), Recipe { seed, scale: 1 })
}

fn reads<T: DeserializeOwned>(line: &Line) -> bool {
    serde_json::from_value::<T>(line.body.clone()).is_ok()
}

fn is_valid(line: &Line) -> bool {
    match &*line.subject {
        "sentinel.alert" => reads::<AlertFact>(line),
        "sentinel.step" => reads::<StepFact>(line),
        "support.ticket_processed" => reads::<TicketFact>(line),
        "workflow.error" => reads::<WorkflowErrorFact>(line),
        "workflow.health" => reads::<HealthFact>(line),
        "knowledge.enrichment_run" => reads::<EnrichmentRunFact>(line),
        REQUEST => line.then.is_some(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_seed_makes_one_day() {
    assert_eq!(day("2026-03-10", 7), day("2026-03-10", 7));
    assert_ne!(day("2026-03-10", 7), day("2026-03-10", 8));
    assert_ne!(day("2026-03-10", 7), day("2026-03-11", 7));
}

#[test]
fn ids_are_of_one_day_and_seed() {
    let mut seen = BTreeSet::new();
    for (text, seed) in [("2026-03-10", 7), ("2026-03-11", 7), ("2026-03-10", 8)] {
        let lines = day(text, seed);
        let numbers = ["ticket_id", "external_id"]
            .into_iter()
            .flat_map(|field| lines.iter().map(move |line| (field, &line.body[field])))
            .filter(|(_, number)| !number.is_null())
            .map(|(field, number)| format!("{field} {number}"))
            .collect::<BTreeSet<String>>();
        for id in lines.iter().map(|line| line.id.clone()).chain(numbers) {
            assert!(seen.insert(id.clone()), "{id}");
        }
    }
}

#[test]
fn a_day_is_believable() {
    for seed in 1..40 {
        let lines = day("2026-03-10", seed);
        let ids = |subject: &str, field: &str| -> BTreeSet<String> {
            lines
                .iter()
                .filter(|line| line.subject == subject)
                .map(|line| line.body[field].to_string())
                .collect()
        };
        let tickets = ids("support.ticket_processed", "ticket_id").len();
        assert!((120..=135).contains(&tickets), "{tickets} tickets");
        let alerts = ids("sentinel.alert", "external_id").len();
        assert!((25..=40).contains(&alerts), "{alerts} alerts");
        let wrong: Vec<&Line> = lines.iter().filter(|line| !is_valid(line)).collect();
        assert_eq!(wrong.len(), 2, "{wrong:#?}");
        let steps = ids("sentinel.step", "kind");
        assert_eq!(steps.len(), 5, "{steps:?}");
        let peak = lines.iter().filter(|line| {
            let minute = line.at.format("%H%M").to_string();
            line.subject == "support.ticket_processed" && ("0730".."0930").contains(&&*minute)
        });
        // In March Paris is an hour ahead. These two hours hold a quarter of the day or more.
        assert!(peak.count() * 4 > tickets, "no morning peak");
    }
}

#[test]
fn an_outage_hits_several_clients_at_once() {
    let lines = day("2026-03-10", 3);
    let (from, to) = ("2026-03-10T13:20:00Z", "2026-03-10T13:45:00Z");
    let times: [DateTime<Utc>; 2] = [from.parse().unwrap(), to.parse().unwrap()];
    let hit: BTreeSet<String> = lines
        .iter()
        .filter(|line| line.subject == "sentinel.alert" && line.body["responsibility"] == "fai")
        .filter(|line| line.body["state"] == "down" && times[0] < line.at && line.at < times[1])
        .map(|line| line.body["client_id"].to_string())
        .collect();
    assert!(hit.len() >= 6, "{hit:?}");
}

#[test]
fn a_switch_flaps() {
    let lines = day("2026-03-10", 3);
    let mut downs: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines
        .iter()
        .filter(|line| line.body["device"] == "SWITCH-MUSIC-001" && line.body["state"] == "down")
    {
        *downs
            .entry(line.body["external_id"].to_string())
            .or_default() += 1;
    }
    assert!(downs.values().any(|count| *count > 3), "{downs:?}");
}

#[test]
fn days_are_those_of_paris() {
    for (text, hours) in [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)] {
        let (from, to) = bounds(date(text));
        assert_eq!((to - from).num_hours(), hours, "{text}");
        let lines = day(text, 5);
        assert!(lines.iter().all(|line| from <= line.at && line.at < to));
        let run = lines
            .iter()
            .find(|line| line.subject == "knowledge.enrichment_run");
        assert!(run.is_some(), "{text}: the night's run is in the day");
    }
}

#[test]
fn a_day_may_end_now() {
    let end: DateTime<Utc> = "2026-03-10T17:30:00Z".parse().unwrap();
    let recipe = Recipe { seed: 1, scale: 1 };
    let lines = until(end, recipe);
    assert!(lines.iter().all(|line| line.at < end));
    assert!(
        lines
            .iter()
            .all(|line| end - line.at <= chrono::TimeDelta::hours(24))
    );
    // An hour later it is the same day, moved on: what was told keeps its id.
    let ids: BTreeSet<String> = lines.into_iter().map(|line| line.id).collect();
    let later = until(end + chrono::TimeDelta::hours(1), recipe);
    let again = later.iter().filter(|line| ids.contains(&line.id)).count();
    assert!(again * 2 > ids.len(), "{again} of {}", ids.len());
}

#[test]
fn a_recorded_day_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.jsonl");
    let lines = day("2026-03-29", 2);
    write(&path, &lines).unwrap();
    assert_eq!(read(&path).unwrap(), lines);
    std::fs::write(&path, "{\"at\":\"nope\"}\n").unwrap();
    let complaint = format!("{:#}", read(&path).unwrap_err());
    assert!(complaint.contains("line 1"), "{complaint}");
}

#[test]
fn a_larger_provider_has_more_of_everything() {
    let lines = of_date(date("2026-03-10"), Recipe { seed: 1, scale: 5 });
    assert!(lines.len() > 3 * day("2026-03-10", 1).len());
}
