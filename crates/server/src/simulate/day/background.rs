//! What goes on beside tickets and alerts: the night's enrichment, how components are, and the facts
//! that are not as they should be, as real life has them.

use chrono::TimeDelta;
use serde_json::json;

use super::{Line, Maker, Story};

pub fn stories(maker: &mut Maker) -> Vec<Story> {
    vec![
        enrichment(maker),
        component(maker, "mcp", 40),
        component(maker, "observium", 65),
        glpi(maker),
        vec![unlike_any_severity(maker)],
        vec![without_a_number(maker)],
    ]
}

/// ENRICHISSEUR reads the tickets of the day before at 02:00.
fn enrichment(maker: &mut Maker) -> Story {
    let started = maker.clock(2, 0);
    let finished = maker.after(started, 9, 21);
    let next = started + TimeDelta::hours(24);
    let (tickets, procedures) = (maker.random.between(28, 60), maker.random.between(2, 9));
    let notes = maker.random.between(0, 4);
    let body = json!({
        "run_id": format!("enrichissement-{}-{}", maker.date, maker.recipe.seed),
        "started_at": started, "finished_at": finished, "next_run_at": next,
        "added": tickets + procedures + notes, "updated": maker.random.between(1, 6),
        "failed": maker.random.below(3),
        "by_source": {"tickets": tickets, "procedures": procedures, "notes": notes},
    });
    vec![maker.line(finished, "knowledge.enrichment_run", body)]
}

/// It is well all day.
fn component(maker: &mut Maker, name: &str, latency_ms: u64) -> Story {
    let at = maker.clock(0, 5);
    let latency_ms = latency_ms + maker.random.below(30);
    let body = json!({
        "component": name, "status": "ok", "detail": null, "latency_ms": latency_ms,
        "occurred_at": at,
    });
    vec![maker.line(at, "workflow.health", body)]
}

/// Slow for ten minutes in the morning, while the workflows try again.
fn glpi(maker: &mut Maker) -> Story {
    let mut story = component(maker, "glpi", 150);
    let slow = maker.clock(11, 20);
    let body = json!({
        "component": "glpi", "status": "degraded", "occurred_at": slow,
        "detail": "Réponses de plus de 4 s.", "latency_ms": maker.random.between(4_000, 6_000),
    });
    story.push(maker.line(slow, "workflow.health", body));
    for minutes in [2, 5, 8] {
        let at = maker.after(slow, minutes, minutes + 1);
        let body = json!({
            "workflow": "SUPPORT", "message": "GLPI ne répond pas (délai dépassé).",
            "tool": "glpi_search_ticket", "attempts": maker.random.between(2, 4),
            "recovered": minutes != 5, "occurred_at": at,
        });
        story.push(maker.line(at, "workflow.error", body));
    }
    let well = slow + TimeDelta::minutes(10);
    let body = json!({
        "component": "glpi", "status": "ok", "occurred_at": well, "detail": "De nouveau rapide.",
        "latency_ms": maker.random.between(140, 220),
    });
    story.push(maker.line(well, "workflow.health", body));
    story
}

/// A script that was not told which severities there are.
fn unlike_any_severity(maker: &mut Maker) -> Line {
    let at = maker.clock(9, 41);
    let body = json!({
        "source": "script-sauvegarde", "external_id": maker.alert(), "state": "down",
        "device": "NAS-PARC-001", "client_id": "48", "severity": "urgent",
        "message": "Sauvegarde de la nuit incomplète", "occurred_at": at,
    });
    maker.line(at, "sentinel.alert", body)
}

/// A report whose author forgot which ticket it is about.
fn without_a_number(maker: &mut Maker) -> Line {
    let at = maker.clock(15, 12);
    let body = json!({
        "title": "Imprimante hors ligne", "category": "AUTRE", "outcome": "resolved",
        "automatic": false, "client_id": "52", "occurred_at": at,
    });
    maker.line(at, "support.ticket_processed", body)
}
