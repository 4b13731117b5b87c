//! Tickets that the workflow SUPPORT deals with, and the errors it meets.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Line, Maker, Story};
use crate::simulate::{
    clients::{self, Client, UNREGISTERED},
    data::ACCOUNTS,
};

/// Tickets of a day at scale 1.
const TICKETS: u64 = 130;

/// A kind of ticket. Shares are in percent.
struct Kind {
    category: &'static str,
    weight: u64,
    titles: &'static [&'static str],
    tool: &'static str,
    /// Resolved without anybody.
    automatic: u64,
    /// Of the others: a person resolves it; the rest is escalated or stays open.
    resolved: u64,
    /// How long the workflow takes (ms).
    takes: (u64, u64),
}

/// `{compte}` is filled in.
const KINDS: &[Kind] = &[
    Kind {
        category: "RESET_MDP",
        weight: 36,
        titles: &[
            "Reset MDP - {compte}",
            "Mot de passe oublié - {compte}",
            "Mot de passe expiré - {compte}",
        ],
        tool: "ad_reset_password",
        automatic: 86,
        resolved: 60,
        takes: (4_000, 16_000),
    },
    Kind {
        category: "DEBLOCAGE",
        weight: 24,
        titles: &[
            "Compte verrouillé - {compte}",
            "Déblocage de session - {compte}",
        ],
        tool: "ad_unlock_account",
        automatic: 92,
        resolved: 70,
        takes: (2_500, 9_000),
    },
    Kind {
        category: "DIAG",
        weight: 12,
        titles: &[
            "#DIAG retour du site",
            "#DIAG voyants du routeur éteints",
            "#DIAG coupure électrique confirmée sur place",
        ],
        tool: "glpi_add_followup",
        automatic: 0,
        resolved: 55,
        takes: (1_500, 6_000),
    },
    Kind {
        category: "AUTRE",
        weight: 28,
        titles: &[
            "Imprimante hors ligne",
            "Lenteur du logiciel de soins",
            "Partage réseau inaccessible",
            "Écran noir au démarrage",
            "Demande d'accès au dossier commun",
            "Téléphone sans tonalité",
            "Mise à jour bloquée",
        ],
        tool: "glpi_search_solution",
        automatic: 28,
        resolved: 55,
        takes: (8_000, 60_000),
    },
];

pub fn stories(maker: &mut Maker) -> Vec<Story> {
    let mut stories = Vec::new();
    for nth in 0..TICKETS * maker.recipe.scale {
        // Two or three a day come from a client that nobody has entered, and some name none.
        let client = match nth % 50 {
            0 => Some(&UNREGISTERED),
            1 => None,
            _ => Some(clients::draw(&mut maker.random)),
        };
        if let Some(kind) = maker.random.pick_weighted(KINDS, |it| it.weight) {
            stories.push(one(maker, kind, client));
        }
    }
    stories
}

/// A ticket as it is drawn.
struct Ticket {
    number: i64,
    title: String,
    kind: &'static Kind,
    client: Option<&'static Client>,
}

impl Ticket {
    fn report(&self, outcome: &str, automatic: bool, took: u64, at: DateTime<Utc>) -> Value {
        json!({
            "ticket_id": self.number, "title": self.title, "category": self.kind.category,
            "outcome": outcome, "automatic": automatic, "duration_ms": took, "occurred_at": at,
            "client_id": self.client.map(|it| it.id), "client_name": self.client.map(|it| it.name),
        })
    }

    fn error(&self, message: &str, attempts: u64, recovered: bool, at: DateTime<Utc>) -> Value {
        json!({
            "workflow": "SUPPORT", "message": message, "tool": self.kind.tool,
            "ticket_id": self.number, "attempts": attempts, "recovered": recovered,
            "occurred_at": at,
        })
    }
}

fn one(maker: &mut Maker, kind: &'static Kind, client: Option<&'static Client>) -> Story {
    let account = maker.random.pick(ACCOUNTS).copied().unwrap_or_default();
    let title = maker.random.pick(kind.titles).copied().unwrap_or_default();
    let ticket = Ticket {
        number: maker.ticket(),
        title: title.replace("{compte}", account),
        kind,
        client,
    };
    let at = maker.in_rhythm();
    let took = maker.random.between(kind.takes.0, kind.takes.1);
    let mut story = Story::new();
    if maker.random.chance(kind.automatic) {
        // At times it works at the second or third try.
        if maker.random.chance(5) {
            let attempts = maker.random.between(2, 3);
            let body = ticket.error("GLPI ne répond pas (délai dépassé).", attempts, true, at);
            story.push(maker.line(at, "workflow.error", body));
        }
        story.push(report(maker, &ticket, ("resolved", true), took, at));
        return story;
    }
    if maker.random.chance(12) {
        let body = ticket.error(
            "L'outil a refusé l'action : droits insuffisants.",
            3,
            false,
            at,
        );
        story.push(maker.line(at, "workflow.error", body));
        story.push(report(maker, &ticket, ("failed", false), took, at));
        let later = maker.after(at, 4, 25);
        story.push(report(maker, &ticket, ("escalated", false), took, later));
        return story;
    }
    story.push(report(maker, &ticket, ("in_progress", false), took, at));
    let later = maker.after(at, 10, 150);
    if maker.random.chance(kind.resolved) {
        let longer = took * maker.random.between(2, 6);
        story.push(report(maker, &ticket, ("resolved", false), longer, later));
    } else if maker.random.chance(40) {
        story.push(report(maker, &ticket, ("escalated", false), took, later));
    }
    story
}

fn report(
    maker: &mut Maker,
    ticket: &Ticket,
    (outcome, automatic): (&str, bool),
    took: u64,
    at: DateTime<Utc>,
) -> Line {
    let body = ticket.report(outcome, automatic, took, at);
    maker.line(at, "support.ticket_processed", body)
}
