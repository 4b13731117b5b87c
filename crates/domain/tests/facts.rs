//! Tickets, runs, errors, components, maintenance windows and refused facts, given/when/then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use cqrs_es::test::TestFramework;
use domain::{
    FieldError, Refusal, knowledge::*, operations::*, sentinel::*, support::*, workflow::*,
};
use events::{
    intake::*, knowledge::*, operations::RejectedFactEvent, sentinel::MaintenanceEvent, support::*,
    workflow::*,
};
use kernel::{Actor, EventType};
use uuid::Uuid;

fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn person() -> Actor {
    Actor::user(Uuid::from_u128(1))
}

fn fields(faults: &[FieldError]) -> Vec<(&str, &str)> {
    faults
        .iter()
        .map(|fault| (&*fault.field, &*fault.code))
        .collect()
}

fn ticket(at: i64, outcome: TicketOutcome) -> TicketFact {
    TicketFact {
        ticket_id: 1234,
        title: Some("Reset MDP - Jean Dupont".into()),
        category: TicketCategory::ResetMdp,
        outcome,
        automatic: true,
        client_id: Some("42".into()),
        client_name: None,
        duration_ms: Some(8_400),
        occurred_at: minute(at),
    }
}

fn report(given: Vec<TicketEvent>, fact: TicketFact) -> Result<Vec<TicketEvent>, TicketError> {
    let now = minute(60);
    let fact = Box::new(fact);
    TestFramework::<Ticket>::with(())
        .given(given)
        .when(TicketCommand::Report { fact, now })
        .inspect_result()
}

#[test]
fn a_ticket_is_reported_as_often_as_something_changes() {
    let first = report(vec![], ticket(0, TicketOutcome::InProgress)).unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].personal()[0].subject, "client:42");
    let same = report(first.clone(), ticket(0, TicketOutcome::InProgress));
    assert_eq!(same, Ok(vec![]), "an identical repeat");
    let second = report(first.clone(), ticket(5, TicketOutcome::Resolved)).unwrap();
    assert_eq!(second.len(), 1);
    // A late report is kept, and is not the latest.
    let given = [first, second].concat();
    let late = report(given.clone(), ticket(3, TicketOutcome::Escalated)).unwrap();
    assert_eq!(late.len(), 1);
    let again = report([given, late].concat(), ticket(5, TicketOutcome::Resolved));
    assert_eq!(again, Ok(vec![]));
}

#[test]
fn a_ticket_is_checked() {
    let mut bad = ticket(66, TicketOutcome::Failed);
    bad.ticket_id = 0;
    bad.title = Some("t".repeat(256));
    bad.duration_ms = Some(u64::MAX);
    let Err(TicketError::Invalid(faults)) = report(vec![], bad) else {
        panic!("it was accepted");
    };
    let expected = [
        ("ticket_id", "out_of_range"),
        ("duration_ms", "out_of_range"),
        ("title", "too_long"),
        ("occurred_at", "in_future"),
    ];
    assert_eq!(fields(&faults), expected);
}

fn run() -> EnrichmentRunFact {
    EnrichmentRunFact {
        run_id: "2026-01-15".into(),
        started_at: minute(0),
        finished_at: minute(10),
        next_run_at: Some(minute(1_440)),
        added: 48,
        updated: 3,
        failed: 0,
        by_source: [("tickets".into(), 40), ("procedures".into(), 8)].into(),
    }
}

fn finish(
    given: Vec<EnrichmentEvent>,
    fact: EnrichmentRunFact,
) -> Result<Vec<EnrichmentEvent>, EnrichmentError> {
    let (fact, now) = (Box::new(fact), minute(60));
    TestFramework::<Enrichment>::with(())
        .given(given)
        .when(EnrichmentCommand::Finish { fact, now })
        .inspect_result()
}

#[test]
fn a_run_is_told_once_or_corrected() {
    let first = finish(vec![], run()).unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(finish(first.clone(), run()), Ok(vec![]));
    let corrected = EnrichmentRunFact { failed: 1, ..run() };
    assert_eq!(finish(first, corrected).unwrap().len(), 1);
}

#[test]
fn a_run_is_checked() {
    let bad = EnrichmentRunFact {
        run_id: String::new(),
        finished_at: minute(-1),
        next_run_at: Some(minute(-2)),
        added: u32::MAX,
        by_source: [("tickets".into(), 1), (" tickets".into(), 1)].into(),
        ..run()
    };
    let Err(EnrichmentError::Invalid(faults)) = finish(vec![], bad) else {
        panic!("it was accepted");
    };
    let expected = [
        ("added", "out_of_range"),
        ("by_source", "duplicate"),
        ("finished_at", "before_start"),
        ("next_run_at", "out_of_range"),
        ("run_id", "required"),
    ];
    assert_eq!(fields(&faults), expected);
}

#[test]
fn an_error_is_recorded_once() {
    let fact = WorkflowErrorFact {
        workflow: "SUPPORT".into(),
        message: "MCP ne répond pas".into(),
        tool: Some("ad_reset_password".into()),
        ticket_id: Some(1230),
        attempts: Some(3),
        recovered: true,
        occurred_at: minute(0),
    };
    let command = |fact: WorkflowErrorFact| WorkflowErrorCommand::Report {
        fact: Box::new(fact),
        now: minute(1),
    };
    let when = |given, fact| {
        TestFramework::<WorkflowError>::with(())
            .given(given)
            .when(command(fact))
            .inspect_result()
    };
    let first = when(vec![], fact.clone()).unwrap();
    assert_eq!(first[0].personal()[0].subject, "ticket:1230");
    assert_eq!(when(first, fact.clone()), Ok(vec![]));
    let bad = WorkflowErrorFact {
        message: " ".into(),
        ticket_id: Some(-1),
        attempts: Some(u32::MAX),
        ..fact
    };
    let Err(ReportError::Invalid(faults)) = when(vec![], bad) else {
        panic!("it was accepted");
    };
    let expected = [
        ("ticket_id", "out_of_range"),
        ("attempts", "out_of_range"),
        ("message", "required"),
    ];
    assert_eq!(fields(&faults), expected);
}

#[test]
fn health_is_recorded_when_it_changes() {
    let health = |at, status| HealthFact {
        component: "glpi".into(),
        status,
        detail: Some("502".into()),
        latency_ms: Some(12),
        occurred_at: minute(at),
    };
    let when = |given: &[ComponentEvent], fact: HealthFact| {
        let (fact, now) = (Box::new(fact), minute(60));
        TestFramework::<Component>::with(())
            .given(given.to_vec())
            .when(ComponentCommand::ReportHealth { fact, now })
            .inspect_result()
    };
    let first = when(&[], health(5, HealthStatus::Ok)).unwrap();
    let ComponentEvent::HealthChanged(event) = &first[0];
    assert_eq!(event.previous, None);
    assert_eq!(when(&first, health(6, HealthStatus::Ok)), Ok(vec![]));
    let late = when(&first, health(4, HealthStatus::Down));
    assert_eq!(late, Ok(vec![]), "older than the last change");
    let worse = when(&first, health(7, HealthStatus::Down)).unwrap();
    let ComponentEvent::HealthChanged(event) = &worse[0];
    assert_eq!(event.previous, Some(HealthStatus::Ok));
    let unnamed = HealthFact {
        component: String::new(),
        latency_ms: Some(u64::MAX),
        ..health(5, HealthStatus::Ok)
    };
    assert!(matches!(when(&[], unnamed), Err(ReportError::Invalid(faults)) if faults.len() == 2));
}

fn window(starts: i64, ends: i64) -> PlanMaintenance {
    PlanMaintenance {
        maintenance_id: Uuid::from_u128(7),
        client_id: Some("42".into()),
        device: None,
        reason: "Remplacement du cœur de réseau".into(),
        starts_at: minute(starts),
        ends_at: minute(ends),
        by: person(),
        now: minute(0),
    }
}

fn maintain(
    given: &[MaintenanceEvent],
    command: MaintenanceCommand,
) -> Result<Vec<MaintenanceEvent>, MaintenanceError> {
    TestFramework::<Maintenance>::with(())
        .given(given.to_vec())
        .when(command)
        .inspect_result()
}

fn plan(window: PlanMaintenance) -> MaintenanceCommand {
    MaintenanceCommand::Plan(Box::new(window))
}

#[test]
fn a_window_is_planned_started_and_ended() {
    let start = |at| MaintenanceCommand::Start { now: minute(at) };
    let end = |at| MaintenanceCommand::End { now: minute(at) };
    let planned = maintain(&[], plan(window(10, 20))).unwrap();
    assert_eq!(planned[0].deadlines().len(), 2);
    assert_eq!(
        maintain(&planned, plan(window(10, 20))),
        Err(MaintenanceError::AlreadyPlanned)
    );
    assert_eq!(maintain(&planned, start(9)), Ok(vec![]), "not yet");
    assert_eq!(maintain(&planned, end(19)), Ok(vec![]), "not yet");
    let started = maintain(&planned, start(10)).unwrap();
    assert!(matches!(started[..], [MaintenanceEvent::Started(_)]));
    let running = [planned.clone(), started].concat();
    assert_eq!(maintain(&running, start(11)), Ok(vec![]), "once");
    let ended = maintain(&running, end(20)).unwrap();
    assert!(matches!(ended[..], [MaintenanceEvent::Ended(_)]));
    // The platform was down for all of it.
    assert_eq!(maintain(&planned, end(30)).unwrap().len(), 1);
    let over = [running, ended].concat();
    assert_eq!(maintain(&over, end(31)), Ok(vec![]));
    assert_eq!(maintain(&over, start(31)), Ok(vec![]));
    let cancel = MaintenanceCommand::Cancel {
        by: person(),
        now: minute(31),
    };
    assert_eq!(maintain(&over, cancel), Err(MaintenanceError::Over));
    assert_eq!(MaintenanceError::Over.code(), "maintenance_over");
}

#[test]
fn a_window_is_cancelled_once_and_then_never_starts() {
    let cancel = |now| MaintenanceCommand::Cancel { by: person(), now };
    let planned = maintain(&[], plan(window(10, 20))).unwrap();
    let cancelled = maintain(&planned, cancel(minute(5))).unwrap();
    let given = [planned, cancelled].concat();
    assert_eq!(maintain(&given, cancel(minute(6))), Ok(vec![]));
    let start = MaintenanceCommand::Start { now: minute(10) };
    assert_eq!(maintain(&given, start), Ok(vec![]));
    let end = MaintenanceCommand::End { now: minute(20) };
    assert_eq!(maintain(&given, end), Ok(vec![]));
    for command in [
        cancel(minute(0)),
        MaintenanceCommand::Start { now: minute(0) },
        MaintenanceCommand::End { now: minute(0) },
    ] {
        assert_eq!(maintain(&[], command), Err(MaintenanceError::NotFound));
    }
}

#[test]
fn a_window_is_checked() {
    let days = |days: i64| days * 1_440;
    for (window, expected) in [
        (window(20, 20), ("ends_at", "before_start")),
        (window(0, days(30) + 1), ("ends_at", "too_long")),
        (window(-20, 0), ("ends_at", "in_past")),
        (
            window(days(1_000), days(1_001)),
            ("starts_at", "out_of_range"),
        ),
        (
            PlanMaintenance {
                client_id: Some(" ".into()),
                ..window(10, 20)
            },
            ("client_id", "required"),
        ),
        (
            PlanMaintenance {
                reason: String::new(),
                ..window(10, 20)
            },
            ("reason", "required"),
        ),
    ] {
        match maintain(&[], plan(window)) {
            Err(MaintenanceError::Invalid(faults)) => assert_eq!(fields(&faults), [expected]),
            other => panic!("{other:?}"),
        }
    }
    assert!(maintain(&[], plan(window(0, days(30)))).is_ok());
}

#[test]
fn a_refused_fact_is_dealt_with_in_one_way() {
    let resubmit = || RejectedFactCommand::Resubmit {
        subject: "intake.support.sentinel.alert".into(),
        code: "invalid".into(),
        is_corrected: true,
        by: person(),
        now: minute(0),
    };
    let discard = |reason: &str| RejectedFactCommand::Discard {
        subject: "intake.support.sentinel.alert".into(),
        code: "invalid".into(),
        reason: reason.into(),
        by: person(),
        now: minute(0),
    };
    let when = |given: &[RejectedFactEvent], command| {
        TestFramework::<RejectedFact>::with(())
            .given(given.to_vec())
            .when(command)
            .inspect_result()
    };
    let resubmitted = when(&[], resubmit()).unwrap();
    let discarded = when(&[], discard("Essai du fournisseur")).unwrap();
    assert_eq!(when(&resubmitted, resubmit()), Ok(vec![]));
    assert_eq!(when(&discarded, discard("encore")), Ok(vec![]));
    assert_eq!(
        when(&resubmitted, discard("x")),
        Err(RejectedFactError::Resubmitted)
    );
    assert_eq!(
        when(&discarded, resubmit()),
        Err(RejectedFactError::Discarded)
    );
    let blank = when(&[], discard(" "));
    assert!(matches!(blank, Err(RejectedFactError::Invalid(_))));
    assert_eq!(discarded[0].personal()[0].subject, person().to_string());
}
