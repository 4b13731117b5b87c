//! Facts from a service until the dashboards show them: everything between is the platform's own
//! way, from JetStream over the log and the read models to HTTP.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::ensure;
use async_nats::jetstream::{
    self,
    context::{PublishAckFuture, traits::Publisher},
    message::PublishMessage,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::platform::Platform;

const SERVICE: &str = "mesure";
/// Messages on their way at once.
const IN_FLIGHT: usize = 2_000;
/// Of four messages two are about a ticket each; the others are an alert's down and its up, so many
/// messages later.
const UP_LATER: u64 = 400;
/// How often the dashboards are looked at: each look is work too.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const GIVE_UP: Duration = Duration::from_secs(300);

/// What became of the messages.
pub struct Taken {
    /// Messages per second until the dashboards show all of them.
    pub rate: f64,
    /// Messages per second until JetStream had them.
    pub published: f64,
}

/// Publishes so many messages as fast as JetStream takes them.
pub async fn until_visible(platform: &Platform, messages: u64) -> anyhow::Result<Taken> {
    let context = jetstream::new(platform.service(SERVICE).await?);
    let now = SystemClock.now();
    let began = Instant::now();
    let (published, shown) = tokio::join!(
        publish(&context, messages, now),
        shown(platform, messages, now)
    );
    let (published, shown) = (published?, shown?);
    Ok(Taken {
        rate: messages as f64 / (shown - began).as_secs_f64(),
        published: messages as f64 / (published - began).as_secs_f64(),
    })
}

async fn publish(
    context: &jetstream::Context,
    messages: u64,
    now: DateTime<Utc>,
) -> anyhow::Result<Instant> {
    let mut in_flight: VecDeque<PublishAckFuture> = VecDeque::new();
    for nth in 0..messages {
        if in_flight.len() >= IN_FLIGHT
            && let Some(oldest) = in_flight.pop_front()
        {
            oldest.await?;
        }
        let (subject, body) = fact(nth, now);
        let message = PublishMessage::build()
            .message_id(format!("mesure-{nth}"))
            .payload(body.to_string().into())
            .outbound_message(format!("intake.{SERVICE}.{subject}"));
        in_flight.push_back(context.publish_message(message).await?);
    }
    for acknowledged in in_flight {
        acknowledged.await?;
    }
    Ok(Instant::now())
}

/// All are about something new: nothing is known of it beforehand.
fn fact(nth: u64, now: DateTime<Utc>) -> (&'static str, Value) {
    let at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let client = 30 + nth % 30;
    if nth.is_multiple_of(2) {
        let body = json!({
            "ticket_id": nth + 1, "title": "Reset MDP - jean.dupont", "category": "RESET_MDP",
            "outcome": "resolved", "automatic": true, "client_id": client.to_string(),
            "duration_ms": 8_400, "occurred_at": at,
        });
        return ("support.ticket_processed", body);
    }
    let is_down = is_down(nth);
    let alert = if is_down { nth } else { nth - 2 * UP_LATER };
    let body = json!({
        "source": "observium", "external_id": alert.to_string(),
        "state": if is_down { "down" } else { "up" }, "device": "SWITCH-CLI-001",
        "client_id": client.to_string(), "severity": "critical",
        "message": "Équipement injoignable (SNMP et ping)", "responsibility": "local",
        "confidence": 75, "resolution": if is_down { None } else { Some("rétabli") },
        "occurred_at": at,
    });
    ("sentinel.alert", body)
}

fn is_down(nth: u64) -> bool {
    (nth / 2 / UP_LATER).is_multiple_of(2)
}

/// Alerts among so many messages.
fn alerts(messages: u64) -> u64 {
    (0..messages)
        .filter(|nth| !nth.is_multiple_of(2) && is_down(*nth))
        .count() as u64
}

/// When the dashboards show all tickets, and every alert resolved that is.
async fn shown(platform: &Platform, messages: u64, now: DateTime<Utc>) -> anyhow::Result<Instant> {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let period = format!(
        "from={}&to={}",
        text(now - TimeDelta::hours(1)),
        text(now + TimeDelta::hours(1))
    );
    let (tickets, alerts) = (messages.div_ceil(2), alerts(messages));
    let resolved = messages / 2 - alerts;
    let end = Instant::now() + GIVE_UP;
    loop {
        let (_, support) = platform
            .get(&format!("/api/supervision/support?{period}"))
            .await?;
        let seen = support["total"]["value"].as_u64();
        if seen == Some(tickets) {
            let (_, sentinel) = platform
                .get(&format!("/api/supervision/sentinel?{period}"))
                .await?;
            let seen = (&sentinel["total"]["value"], &sentinel["resolved"]);
            if seen == (&json!(alerts), &json!(resolved)) {
                return Ok(Instant::now());
            }
        }
        ensure!(
            Instant::now() < end,
            "{seen:?} of {tickets} tickets are shown"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_up_follows_a_down() {
        let now = DateTime::UNIX_EPOCH;
        let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for nth in 0..10_000 {
            let (subject, body) = fact(nth, now);
            if subject == "sentinel.alert" {
                let states = states.entry(body["external_id"].to_string()).or_default();
                states.push(body["state"].to_string());
            }
        }
        assert_eq!(states.len() as u64, alerts(10_000));
        for states in states.values() {
            assert!(
                states == &["\"down\"", "\"up\""] || states == &["\"down\""],
                "{states:?}"
            );
        }
    }
}
