//! Alerts that SENTINEL hears of: an outage of a provider, a flapping switch, and what else breaks.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Line, Maker, Story};
use crate::simulate::clients::{self, CLIENTS, Client, UNREGISTERED};

/// Alerts by themselves on a day at scale 1; the outage and the special ones come on top.
const ALERTS: u64 = 20;
/// Clients that the provider's outage hits.
const HIT: (u64, u64) = (6, 8);
/// How often the flapping switch goes down.
const FLAPS: u64 = 6;

struct Kind {
    /// The device's name is this, the site and a number.
    device: &'static str,
    message: &'static str,
    severity: &'static str,
    responsibility: &'static str,
    confidence: (u64, u64),
    /// What ends it.
    resolution: &'static str,
    /// How long it lasts, in minutes.
    lasts: (u64, u64),
    weight: u64,
}

const KINDS: &[Kind] = &[
    Kind {
        device: "RTR",
        message: "Lien Internet coupé : passerelle injoignable",
        severity: "critical",
        responsibility: "fai",
        confidence: (70, 92),
        resolution: "Rétabli par l'opérateur",
        lasts: (20, 110),
        weight: 4,
    },
    Kind {
        device: "SWITCH",
        message: "Équipement injoignable (SNMP et ping)",
        severity: "critical",
        responsibility: "local",
        confidence: (55, 80),
        resolution: "Alimentation rebranchée sur site",
        lasts: (25, 160),
        weight: 6,
    },
    Kind {
        device: "AP",
        message: "Borne Wi-Fi injoignable",
        severity: "warning",
        responsibility: "local",
        confidence: (50, 75),
        resolution: "Borne redémarrée",
        lasts: (10, 70),
        weight: 4,
    },
    Kind {
        device: "SRV",
        message: "Espace disque inférieur à 5 %",
        severity: "warning",
        responsibility: "widip",
        confidence: (80, 97),
        resolution: "Journaux purgés, volume agrandi",
        lasts: (15, 90),
        weight: 4,
    },
    Kind {
        device: "ONDULEUR",
        message: "Sur batterie depuis 2 minutes",
        severity: "warning",
        responsibility: "local",
        confidence: (60, 85),
        resolution: "Retour du secteur",
        lasts: (5, 40),
        weight: 2,
    },
    Kind {
        device: "FW",
        message: "Tunnel VPN tombé",
        severity: "critical",
        responsibility: "indetermine",
        confidence: (20, 45),
        resolution: "Tunnel renégocié",
        lasts: (8, 60),
        weight: 4,
    },
    Kind {
        device: "NAS",
        message: "Température élevée : 58 °C",
        severity: "info",
        responsibility: "local",
        confidence: (50, 70),
        resolution: "Climatisation remise en marche",
        lasts: (30, 180),
        weight: 2,
    },
];

/// An alert as it is drawn.
struct Alert {
    external_id: String,
    device: String,
    client: Option<&'static Client>,
    kind: &'static Kind,
    confidence: u64,
}

pub fn stories(maker: &mut Maker) -> Vec<Story> {
    let mut stories = Vec::new();
    for _ in 0..ALERTS * maker.recipe.scale {
        let client = clients::draw(&mut maker.random);
        if let Some(alert) = drawn(maker, Some(client)) {
            stories.push(alone(maker, &alert));
        }
    }
    for _ in 0..maker.recipe.scale {
        stories.extend(outage(maker));
        stories.extend(flapping(maker));
        stories.extend(returning(maker));
        stories.extend(unregistered(maker));
    }
    stories
}

fn drawn(maker: &mut Maker, client: Option<&'static Client>) -> Option<Alert> {
    let kind = maker.random.pick_weighted(KINDS, |it| it.weight)?;
    Some(maker.alert_of(kind, client))
}

impl Maker {
    fn alert_of(&mut self, kind: &'static Kind, client: Option<&'static Client>) -> Alert {
        let site = client.map_or("SIEGE", |it| it.site);
        Alert {
            external_id: self.alert(),
            device: format!("{}-{site}-{:03}", kind.device, self.random.between(1, 4)),
            client,
            kind,
            confidence: self.random.between(kind.confidence.0, kind.confidence.1),
        }
    }

    fn down(&mut self, alert: &Alert, at: DateTime<Utc>) -> Line {
        let body = alert.state("down", None, at);
        self.line(at, "sentinel.alert", body)
    }

    fn up(&mut self, alert: &Alert, at: DateTime<Utc>) -> Line {
        let body = alert.state("up", Some(alert.kind.resolution), at);
        self.line(at, "sentinel.alert", body)
    }

    fn step(
        &mut self,
        alert: &Alert,
        kind: &str,
        (ticket, detail): (Option<i64>, Option<&str>),
        at: DateTime<Utc>,
    ) -> Line {
        let body = json!({
            "source": SOURCE, "external_id": alert.external_id, "kind": kind,
            "ticket_id": ticket, "detail": detail, "occurred_at": at,
        });
        self.line(at, "sentinel.step", body)
    }
}

const SOURCE: &str = "observium";

impl Alert {
    fn state(&self, state: &str, resolution: Option<&str>, at: DateTime<Utc>) -> Value {
        json!({
            "source": SOURCE, "external_id": self.external_id, "state": state,
            "device": self.device, "client_id": self.client.map(|it| it.id),
            "client_name": self.client.map(|it| it.name), "severity": self.kind.severity,
            "message": self.kind.message, "responsibility": self.kind.responsibility,
            "confidence": self.confidence, "resolution": resolution, "occurred_at": at,
        })
    }
}

/// Raised, looked after, told again every half hour, and well again; some stay.
fn alone(maker: &mut Maker, alert: &Alert) -> Story {
    let down = maker.any_time();
    let up = maker.after(down, alert.kind.lasts.0, alert.kind.lasts.1);
    let mut story = vec![maker.down(alert, down)];
    story.extend(steps(maker, alert, down, up));
    if maker.random.chance(9) {
        // Nobody has mended it by the end of the day.
        let until = down + TimeDelta::minutes(90);
        story.extend(reminders(maker, alert, down, until));
    } else {
        story.extend(reminders(maker, alert, down, up));
        story.push(maker.up(alert, up));
    }
    story.sort_by_key(|line| line.at);
    story
}

/// What the workflow does about it, as long as it lasts.
fn steps(maker: &mut Maker, alert: &Alert, down: DateTime<Utc>, up: DateTime<Utc>) -> Story {
    let mut story = Story::new();
    if alert.kind.severity == "info" {
        return story;
    }
    let ticket = maker.ticket();
    let at = maker.after(down, 1, 3);
    story.push(maker.step(alert, "ticket_created", (Some(ticket), None), at));
    if matches!(alert.kind.responsibility, "local" | "indetermine") {
        let mailed = maker.after(at, 1, 2);
        let awaiting = maker.after(mailed, 1, 2);
        let received = maker.after(awaiting, 10, 60);
        let detail = Some("Demande de vérification envoyée au site");
        story.push(maker.step(
            alert,
            "diagnostic_mail_sent",
            (Some(ticket), detail),
            mailed,
        ));
        story.push(maker.step(alert, "awaiting_diag", (Some(ticket), None), awaiting));
        let detail = Some("Voyants éteints, prise contrôlée");
        story.push(maker.step(alert, "diag_received", (Some(ticket), detail), received));
    }
    // What is well again needs nothing more.
    story.retain(|line| line.at < up);
    story
}

fn reminders(maker: &mut Maker, alert: &Alert, down: DateTime<Utc>, up: DateTime<Utc>) -> Story {
    let mut story = Story::new();
    let mut at = maker.after(down, 30, 31);
    while at < up {
        story.push(maker.down(alert, at));
        at = maker.after(at, 30, 31);
    }
    story
}

/// At about half past two a provider's network fails: several clients at once, for an hour and a half.
fn outage(maker: &mut Maker) -> Vec<Story> {
    let minute = maker.random.between(22, 38);
    let begin = maker.clock(14, minute);
    let end = maker.after(begin, 75, 100);
    let confirmed = maker.after(begin, 12, 18);
    let count = maker.random.between(HIT.0, HIT.1) as usize;
    let first = maker.random.below(CLIENTS.len() as u64) as usize;
    let ticket = maker.ticket();
    let mut stories = Vec::new();
    for client in CLIENTS.iter().cycle().skip(first).step_by(3).take(count) {
        let mut alert = maker.alert_of(&KINDS[0], Some(client));
        alert.confidence = maker.random.between(75, 90);
        let down = maker.after(begin, 0, 2);
        let up = maker.after(end, 0, 12);
        let mut story = vec![maker.down(&alert, down)];
        let at = maker.after(down, 2, 4);
        story.push(maker.step(&alert, "ticket_created", (Some(ticket), None), at));
        let detail = Some("Incident confirmé par l'opérateur");
        story.push(maker.step(&alert, "note", (Some(ticket), detail), confirmed));
        story.extend(reminders(maker, &alert, down, up));
        story.push(maker.up(&alert, up));
        story.sort_by_key(|line| line.at);
        stories.push(story);
    }
    stories
}

/// A switch with a bad power supply goes down and up until somebody replaces it.
fn flapping(maker: &mut Maker) -> Option<Story> {
    let client = CLIENTS.iter().find(|it| it.site == "MUSIC")?;
    let mut alert = maker.alert_of(&KINDS[1], Some(client));
    alert.device = "SWITCH-MUSIC-001".into();
    let mut at = maker.clock(10, 40);
    let mut story = Story::new();
    for _ in 0..FLAPS {
        story.push(maker.down(&alert, at));
        at = maker.after(at, 1, 2);
        story.push(maker.up(&alert, at));
        at = maker.after(at, 2, 3);
    }
    let detail = Some("Bloc d'alimentation remplacé");
    story.push(maker.step(&alert, "note", (None, detail), at));
    Some(story)
}

/// The same alert in the morning and in the afternoon: two episodes.
fn returning(maker: &mut Maker) -> Option<Story> {
    let client = clients::draw(&mut maker.random);
    let alert = drawn(maker, Some(client))?;
    let mut story = Story::new();
    for hour in [9, 16] {
        let down = maker.clock(hour, 5);
        let up = maker.after(down, 12, 25);
        story.push(maker.down(&alert, down));
        story.push(maker.up(&alert, up));
    }
    Some(story)
}

/// A site that nobody has entered, a device of no client, and a recovery of what nobody told.
fn unregistered(maker: &mut Maker) -> Vec<Story> {
    let mut stories = Vec::new();
    for client in [Some(&UNREGISTERED), None] {
        if let Some(alert) = drawn(maker, client) {
            stories.push(alone(maker, &alert));
        }
    }
    let client = clients::draw(&mut maker.random);
    if let Some(alert) = drawn(maker, Some(client)) {
        let at = maker.any_time();
        stories.push(vec![maker.up(&alert, at)]);
    }
    stories
}
