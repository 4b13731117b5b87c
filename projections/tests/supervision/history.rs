//! Random histories: what could be in the log, in any order of the times it happened.

use chrono::{DateTime, TimeDelta, Utc};
use events::{
    knowledge::{EnrichmentEvent, EnrichmentFinished, run_id},
    sentinel::*,
    support::*,
    workflow::*,
};
use kernel::AggregateId;
use proptest::{prelude::*, sample::select};
use uuid::Uuid;

/// One thing that happens, before it is known what it means.
#[derive(Debug, Clone)]
pub enum Happening {
    Ticket {
        number: i64,
        category: TicketCategory,
        outcome: TicketOutcome,
        automatic: bool,
        client: Option<u8>,
        duration_ms: Option<u64>,
    },
    Down {
        alert: u8,
        is_new: bool,
        severity: Severity,
        responsibility: Responsibility,
    },
    Up(u8),
    Flapping(u8),
    Step(u8, StepKind),
    Acknowledge(u8),
    Reclassify(u8, Responsibility),
    Plan {
        client: Option<u8>,
        device: Option<u8>,
        minutes: i64,
    },
    Cancel(usize),
    Error {
        recovered: bool,
    },
    Health(u8, HealthStatus),
    Run {
        run: u8,
        added: u32,
        failed: u32,
    },
}

/// An event as it is appended, with the aggregate it is of.
#[derive(Debug, Clone)]
pub enum Fact {
    Ticket(TicketProcessed),
    Alert(AggregateId, AlertEvent),
    Maintenance(AggregateId, MaintenanceEvent),
    Error(AggregateId, WorkflowErrorReported),
    Health(HealthChanged),
    Run(EnrichmentFinished),
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Times around both nights in which the clocks of Paris change, and around midnight there.
pub fn times() -> impl Strategy<Value = DateTime<Utc>> {
    let nights = select(vec![
        "2026-03-28T21:00:00Z",
        "2026-03-29T20:00:00Z",
        "2026-10-24T21:00:00Z",
    ]);
    (nights, -2_000_i64..3_000, select(vec![0, 0, 1, 59_999])).prop_map(|(night, minutes, ms)| {
        at(night) + TimeDelta::minutes(minutes) + TimeDelta::milliseconds(ms)
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let client = || prop::option::of(0..4_u8);
    let categories = select(vec![
        TicketCategory::ResetMdp,
        TicketCategory::Deblocage,
        TicketCategory::Diag,
        TicketCategory::Autre,
    ]);
    let outcomes = select(vec![
        TicketOutcome::Resolved,
        TicketOutcome::InProgress,
        TicketOutcome::Escalated,
        TicketOutcome::Failed,
    ]);
    let responsibility = || {
        select(vec![
            Responsibility::Fai,
            Responsibility::Local,
            Responsibility::Widip,
            Responsibility::Indetermine,
        ])
    };
    let severities = select(vec![Severity::Info, Severity::Warning, Severity::Critical]);
    let steps = select(vec![
        StepKind::AwaitingDiag,
        StepKind::DiagReceived,
        StepKind::TicketCreated,
    ]);
    let health = select(vec![
        HealthStatus::Ok,
        HealthStatus::Degraded,
        HealthStatus::Down,
    ]);
    let duration = prop::option::of(0..900_000_u64);
    prop_oneof![
        8 => (0..12_i64, categories, outcomes, any::<bool>(), client(), duration).prop_map(
            |(number, category, outcome, automatic, client, duration_ms)| Ticket {
                number, category, outcome, automatic, client, duration_ms }),
        6 => (0..5_u8, any::<bool>(), severities, responsibility()).prop_map(
            |(alert, is_new, severity, responsibility)| Down { alert, is_new, severity, responsibility }),
        5 => (0..5_u8).prop_map(Up),
        1 => (0..5_u8).prop_map(Flapping),
        3 => (0..5_u8, steps).prop_map(|(alert, kind)| Step(alert, kind)),
        1 => (0..5_u8).prop_map(Acknowledge),
        1 => (0..5_u8, responsibility()).prop_map(|(alert, to)| Reclassify(alert, to)),
        1 => (client(), prop::option::of(0..5_u8), 1..4_000_i64).prop_map(
            |(client, device, minutes)| Plan { client, device, minutes }),
        1 => any::<usize>().prop_map(Cancel),
        1 => any::<bool>().prop_map(|recovered| Error { recovered }),
        1 => (0..3_u8, health).prop_map(|(component, status)| Health(component, status)),
        1 => (0..4_u8, 0..50_u32, 0..2_u32).prop_map(|(run, added, failed)| Run { run, added, failed }),
    ]
}

pub fn histories() -> impl Strategy<Value = Vec<(Happening, DateTime<Utc>)>> {
    prop::collection::vec((happening(), times()), 1..90)
}

/// What an alert is while the history is told.
#[derive(Default, Clone, Copy)]
struct State {
    episode: u32,
    is_active: bool,
}

/// The events that these happenings are recorded as.
pub fn tell(happenings: &[(Happening, DateTime<Utc>)]) -> Vec<Fact> {
    let mut alerts = [State::default(); 5];
    let mut windows: Vec<AggregateId> = Vec::new();
    let mut facts = Vec::new();
    for (nth, (happening, at)) in happenings.iter().enumerate() {
        let at = *at;
        match happening.clone() {
            Happening::Ticket {
                number,
                category,
                outcome,
                automatic,
                client,
                duration_ms,
            } => {
                facts.push(Fact::Ticket(TicketProcessed {
                    ticket_id: number,
                    title: Some("Reset MDP - Jean Dupont".into()),
                    category,
                    outcome,
                    automatic,
                    client_id: client.map(client_id),
                    client_name: None,
                    duration_ms,
                    occurred_at: at,
                }));
            }
            Happening::Plan {
                client,
                device,
                minutes,
            } => {
                let id = Uuid::from_u128(nth as u128 + 1);
                windows.push(id.into());
                facts.push(Fact::Maintenance(
                    id.into(),
                    MaintenanceEvent::Planned(MaintenancePlanned {
                        maintenance_id: id,
                        client_id: client.map(client_id),
                        device: device.map(|it| format!("SWITCH-{it}")),
                        reason: "pare-feu".into(),
                        starts_at: at,
                        ends_at: at + TimeDelta::minutes(minutes),
                        by: format!("user:{}", Uuid::nil()),
                        planned_at: at,
                    }),
                ));
            }
            Happening::Cancel(which) => {
                if !windows.is_empty() {
                    let id = windows.remove(which % windows.len());
                    let by = format!("user:{}", Uuid::nil());
                    let event = MaintenanceEvent::Cancelled(MaintenanceCancelled {
                        by,
                        cancelled_at: at,
                    });
                    facts.push(Fact::Maintenance(id, event));
                }
            }
            Happening::Error { recovered } => {
                facts.push(Fact::Error(
                    Uuid::from_u128(1_000 + nth as u128).into(),
                    WorkflowErrorReported {
                        workflow: "SUPPORT".into(),
                        message: "AD ne répond pas".into(),
                        tool: None,
                        ticket_id: None,
                        attempts: Some(3),
                        recovered,
                        occurred_at: at,
                    },
                ));
            }
            Happening::Health(component, status) => facts.push(Fact::Health(HealthChanged {
                component: ["glpi", "mcp", "wazo"][usize::from(component)].into(),
                status,
                previous: None,
                detail: None,
                latency_ms: None,
                occurred_at: at,
            })),
            Happening::Run { run, added, failed } => facts.push(Fact::Run(EnrichmentFinished {
                run_id: format!("run-{run}"),
                started_at: at - TimeDelta::minutes(5),
                finished_at: at,
                next_run_at: None,
                added,
                updated: added / 2,
                failed,
                by_source: [("tickets".to_owned(), added)].into(),
            })),
            other => facts.extend(told_of_alert(&mut alerts, other, at)),
        }
    }
    facts
}

fn told_of_alert(alerts: &mut [State; 5], happening: Happening, at: DateTime<Utc>) -> Option<Fact> {
    let number = match &happening {
        Happening::Down { alert, .. } => *alert,
        Happening::Up(alert)
        | Happening::Flapping(alert)
        | Happening::Step(alert, _)
        | Happening::Acknowledge(alert)
        | Happening::Reclassify(alert, _) => *alert,
        _ => return None,
    };
    let state = &mut alerts[usize::from(number)];
    let external_id = format!("port-{number}");
    let id = alert_id("observium", &external_id);
    // The last alert names no client, the one before it one that nobody knows.
    let client_id = (number < 4).then(|| client_id(number));
    let subject = alert_subject(&id, client_id.as_deref());
    let (by, message) = ("service:sentinel".to_owned(), "lien coupé".to_owned());
    let event = match happening {
        Happening::Down {
            is_new,
            severity,
            responsibility,
            ..
        } => match (state.episode, state.is_active) {
            (0, _) | (_, false) if is_new || state.episode == 0 => {
                *state = State {
                    episode: state.episode + 1,
                    is_active: true,
                };
                AlertEvent::Raised(Box::new(AlertRaised {
                    episode: state.episode,
                    source: "observium".into(),
                    external_id,
                    device: format!("SWITCH-{number}"),
                    client_id,
                    client_name: None,
                    severity,
                    message,
                    responsibility,
                    confidence: None,
                    occurred_at: at,
                }))
            }
            (episode, false) => {
                state.is_active = true;
                AlertEvent::Reopened(AlertReopened {
                    episode,
                    severity,
                    message,
                    occurred_at: at,
                    subject,
                })
            }
            (episode, true) => AlertEvent::Repeated(AlertRepeated {
                episode,
                severity,
                message,
                occurred_at: at,
                subject,
            }),
        },
        _ if state.episode == 0 => return None,
        Happening::Up(_) if !state.is_active => return None,
        Happening::Up(_) => {
            state.is_active = false;
            let (episode, resolution) = (state.episode, Some("revenu".into()));
            AlertEvent::Resolved(AlertResolved {
                episode,
                resolution,
                by,
                occurred_at: at,
                subject,
            })
        }
        Happening::Flapping(_) => AlertEvent::FlappingStarted(AlertFlapping {
            episode: state.episode,
            downs: 4,
            occurred_at: at,
        }),
        Happening::Step(_, kind) => AlertEvent::StepRecorded(AlertStep {
            episode: state.episode,
            kind,
            ticket_id: Some(4567),
            detail: None,
            by,
            occurred_at: at,
            subject,
        }),
        Happening::Acknowledge(_) => AlertEvent::Acknowledged(AlertAcknowledged {
            episode: state.episode,
            by,
            comment: None,
            acknowledged_at: at,
            subject,
        }),
        Happening::Reclassify(_, responsibility) => AlertEvent::Reclassified(AlertReclassified {
            episode: state.episode,
            responsibility,
            confidence: Some(80),
            by,
            occurred_at: at,
        }),
        _ => return None,
    };
    Some(Fact::Alert(id, event))
}

/// The register knows the first two.
pub fn client_id(number: u8) -> String {
    (41 + u32::from(number)).to_string()
}

impl Fact {
    pub fn aggregate(&self) -> (&'static str, AggregateId) {
        match self {
            Self::Ticket(event) => ("support.ticket", ticket_id(event.ticket_id)),
            Self::Alert(id, _) => ("sentinel.alert", id.clone()),
            Self::Maintenance(id, _) => ("sentinel.maintenance", id.clone()),
            Self::Error(id, _) => ("workflow.error", id.clone()),
            Self::Health(event) => ("workflow.component", component_id(&event.component)),
            Self::Run(event) => ("knowledge.enrichment", run_id(&event.run_id)),
        }
    }

    pub fn run_event(event: &EnrichmentFinished) -> EnrichmentEvent {
        EnrichmentEvent::Finished(event.clone())
    }
}
