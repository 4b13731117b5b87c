//! Every rule of an alert, given/when/then, and what holds whatever is reported.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink, test::TestFramework};
use domain::{FieldError, Refusal, RefusalKind, sentinel::*};
use events::{
    intake::{AlertFact, AlertState, StepFact},
    sentinel::*,
};
use kernel::{Actor, EventType};
use proptest::prelude::*;

const SUBJECT: &str = "client:42";

fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn service() -> Actor {
    Actor::service("sentinel")
}

fn person(number: u128) -> Actor {
    Actor::user(uuid::Uuid::from_u128(number))
}

fn fact(state: AlertState, at: i64) -> AlertFact {
    AlertFact {
        source: "observium".into(),
        external_id: "4711".into(),
        state,
        device: "SWITCH-CLI-001".into(),
        client_id: Some("42".into()),
        client_name: Some("EHPAD Les Jardins".into()),
        severity: Severity::Critical,
        message: "Port 12 ne répond plus".into(),
        responsibility: Some(Responsibility::Fai),
        confidence: Some(75),
        resolution: None,
        occurred_at: minute(at),
    }
}

fn report(fact: AlertFact) -> AlertCommand {
    let now = minute(1_000);
    let by = service();
    AlertCommand::Report(Box::new(AlertReport { fact, by, now }))
}

fn down(at: i64) -> AlertCommand {
    report(fact(AlertState::Down, at))
}

fn up(at: i64) -> AlertCommand {
    report(fact(AlertState::Up, at))
}

fn raised(episode: u32, at: i64) -> AlertEvent {
    let fact = fact(AlertState::Down, at);
    AlertEvent::Raised(Box::new(AlertRaised {
        episode,
        source: fact.source,
        external_id: fact.external_id,
        device: fact.device,
        client_id: fact.client_id,
        client_name: fact.client_name,
        severity: fact.severity,
        message: fact.message,
        responsibility: Responsibility::Fai,
        confidence: Some(75),
        occurred_at: minute(at),
    }))
}

fn repeated(episode: u32, at: i64) -> AlertEvent {
    AlertEvent::Repeated(AlertRepeated {
        episode,
        severity: Severity::Critical,
        message: "Port 12 ne répond plus".into(),
        occurred_at: minute(at),
        subject: SUBJECT.into(),
    })
}

fn reopened(at: i64) -> AlertEvent {
    AlertEvent::Reopened(AlertReopened {
        episode: 1,
        severity: Severity::Critical,
        message: "Port 12 ne répond plus".into(),
        occurred_at: minute(at),
        subject: SUBJECT.into(),
    })
}

fn resolved(at: i64) -> AlertEvent {
    AlertEvent::Resolved(AlertResolved {
        episode: 1,
        resolution: None,
        by: service().to_string(),
        occurred_at: minute(at),
        subject: SUBJECT.into(),
    })
}

fn reclassified(to: Responsibility, confidence: Option<u8>, by: &Actor, at: i64) -> AlertEvent {
    AlertEvent::Reclassified(AlertReclassified {
        episode: 1,
        responsibility: to,
        confidence,
        by: by.to_string(),
        occurred_at: minute(at),
    })
}

/// What the command comes to after these events.
fn when(given: Vec<AlertEvent>, command: AlertCommand) -> Result<Vec<AlertEvent>, AlertError> {
    TestFramework::<Alert>::with(())
        .given(given)
        .when(command)
        .inspect_result()
}

#[test]
fn a_first_down_raises_the_alert() {
    assert_eq!(when(vec![], down(0)), Ok(vec![raised(1, 0)]));
    let personal = raised(1, 0).personal();
    assert!(personal.iter().all(|field| field.subject == SUBJECT));
}

#[test]
fn texts_of_an_alert_without_a_client_are_its_own() {
    let mut alone = fact(AlertState::Down, 0);
    alone.client_id = None;
    let events = when(vec![], report(alone)).unwrap();
    let id = alert_named("observium ", " 4711");
    assert_eq!(id, alert_id("observium", "4711"));
    assert_eq!(events[0].personal()[0].subject, format!("alert:{id}"));
}

#[test]
fn down_while_it_is_down_is_a_repeat() {
    assert_eq!(when(vec![raised(1, 0)], down(5)), Ok(vec![repeated(1, 5)]));
}

#[test]
fn up_resolves_and_says_what_ended_it() {
    assert_eq!(when(vec![raised(1, 0)], up(5)), Ok(vec![resolved(5)]));
    let mut said = fact(AlertState::Up, 5);
    said.resolution = Some(" Câble rebranché\r\n".into());
    said.message = String::new();
    let events = when(vec![raised(1, 0)], report(said)).unwrap();
    let AlertEvent::Resolved(event) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(event.resolution.as_deref(), Some("Câble rebranché"));
}

fn noted(at: i64) -> AlertEvent {
    AlertEvent::RecoveryNoted(RecoveryNoted {
        source: "observium".into(),
        external_id: "4711".into(),
        device: "SWITCH-CLI-001".into(),
        client_id: Some("42".into()),
        occurred_at: minute(at),
    })
}

#[test]
fn up_of_what_is_well_is_noted_if_it_is_news() {
    assert_eq!(when(vec![], up(6)), Ok(vec![noted(6)]));
    for given in [vec![noted(6)], vec![raised(1, 0), resolved(6)]] {
        assert_eq!(when(given.clone(), up(7)), Ok(vec![noted(7)]));
        for known in [5, 6] {
            assert_eq!(when(given.clone(), up(known)), Ok(vec![]));
        }
    }
}

#[test]
fn a_recovery_that_was_noted_is_remembered() {
    for at in [6, 7] {
        assert_eq!(when(vec![noted(6)], down(at)), Ok(vec![raised(1, at)]));
    }
    let over = vec![raised(1, 5), resolved(6)];
    assert_eq!(when(vec![noted(6)], down(5)), Ok(over.clone()));
    let given = [vec![noted(6)], over].concat();
    assert_eq!(when(given.clone(), down(4)), Ok(vec![repeated(1, 4)]));
    assert_eq!(when(given, down(7)), Ok(vec![reopened(7)]));
    let given = vec![raised(1, 0), resolved(5), noted(20)];
    assert_eq!(when(given.clone(), down(19)), Ok(vec![repeated(1, 19)]));
    assert_eq!(when(given, down(20)), Ok(vec![reopened(20)]));
}

#[test]
fn the_report_that_happened_last_counts_and_not_the_last_change() {
    let given = vec![raised(1, 0), repeated(1, 50)];
    for late in [10, 49] {
        assert_eq!(when(given.clone(), up(late)), Ok(vec![]));
    }
    for at in [50, 51] {
        assert_eq!(when(given.clone(), up(at)), Ok(vec![resolved(at)]));
    }
    // What was known at the time says nothing about the cause now.
    let mut late = fact(AlertState::Down, 49);
    late.responsibility = Some(Responsibility::Local);
    assert_eq!(when(given, report(late)), Ok(vec![repeated(1, 49)]));
}

#[test]
fn a_report_older_than_what_a_person_said_is_late() {
    let mut given = vec![raised(1, 0)];
    given.extend(when(given.clone(), resolve(1, "Redémarré")).unwrap());
    assert_eq!(when(given.clone(), down(6)), Ok(vec![repeated(1, 6)]));
    assert_eq!(when(given.clone(), down(7)), Ok(vec![reopened(7)]));
    assert_eq!(when(given, up(6)), Ok(vec![noted(6)]));
}

#[test]
fn down_within_half_an_hour_goes_on_and_later_begins_anew() {
    let given = vec![raised(1, 0), resolved(5)];
    assert_eq!(when(given.clone(), down(35)), Ok(vec![reopened(35)]));
    assert_eq!(when(given, down(36)), Ok(vec![raised(2, 36)]));
}

#[test]
fn the_fourth_down_in_half_an_hour_is_flapping_once() {
    let mut given = vec![raised(1, 0), resolved(1), reopened(10), resolved(11)];
    assert_eq!(when(given.clone(), down(20)), Ok(vec![reopened(20)]));
    given.extend([reopened(20), resolved(21)]);
    let flapping = AlertEvent::FlappingStarted(AlertFlapping {
        episode: 1,
        downs: 4,
        occurred_at: minute(29),
    });
    let expected = vec![reopened(29), flapping];
    assert_eq!(when(given.clone(), down(29)), Ok(expected.clone()));
    // The first is half an hour ago.
    assert_eq!(when(given.clone(), down(30)), Ok(vec![reopened(30)]));
    given.extend(expected);
    given.push(resolved(30));
    assert_eq!(when(given, down(31)), Ok(vec![reopened(31)]));
}

#[test]
fn it_flaps_again_after_half_an_hour_of_quiet() {
    let flapping = |at| {
        AlertEvent::FlappingStarted(AlertFlapping {
            episode: 1,
            downs: 4,
            occurred_at: minute(at),
        })
    };
    let mut given = vec![raised(1, 0)];
    for (up, down) in [(1, 10), (11, 20), (21, 29)] {
        given.extend([resolved(up), reopened(down)]);
    }
    given.push(flapping(29));
    // It stays down for a while, and then goes up and down as before.
    for (up, down) in [(59, 60), (61, 70), (71, 80)] {
        given.extend([resolved(up), reopened(down)]);
    }
    given.push(resolved(81));
    let expected = vec![reopened(85), flapping(85)];
    assert_eq!(when(given.clone(), down(85)), Ok(expected));
    // It was quiet for less than half an hour: that is the first time still.
    given[8] = resolved(58);
    assert_eq!(when(given, down(85)), Ok(vec![reopened(85)]));
}

#[test]
fn what_comes_late_changes_no_state() {
    let given = vec![raised(1, 0), resolved(10)];
    assert_eq!(when(given, down(9)), Ok(vec![repeated(1, 9)]));
    assert_eq!(when(vec![raised(1, 10)], up(9)), Ok(vec![]));
    let mut other = fact(AlertState::Down, 9);
    other.responsibility = Some(Responsibility::Local);
    let late = when(vec![raised(1, 10)], report(other));
    assert_eq!(late, Ok(vec![repeated(1, 9)]));
}

#[test]
fn a_source_that_says_something_new_reclassifies() {
    let says = |responsibility, confidence| {
        let mut fact = fact(AlertState::Down, 5);
        (fact.responsibility, fact.confidence) = (responsibility, confidence);
        report(fact)
    };
    let local = Responsibility::Local;
    let by = service();
    let given = vec![raised(1, 0)];
    assert_eq!(
        when(given.clone(), says(Some(local), None)),
        Ok(vec![repeated(1, 5), reclassified(local, None, &by, 5)])
    );
    assert_eq!(
        when(given.clone(), says(Some(Responsibility::Fai), Some(90))),
        Ok(vec![
            repeated(1, 5),
            reclassified(Responsibility::Fai, Some(90), &by, 5)
        ])
    );
    for unchanged in [
        says(None, None),
        says(None, Some(90)),
        says(Some(Responsibility::Fai), None),
    ] {
        assert_eq!(when(given.clone(), unchanged), Ok(vec![repeated(1, 5)]));
    }
    // A person's word stands while the source only says again what it said.
    let mut given = given;
    given.push(reclassified(local, None, &person(1), 3));
    assert_eq!(when(given.clone(), down(5)), Ok(vec![repeated(1, 5)]));
    let widip = Responsibility::Widip;
    assert_eq!(
        when(given, says(Some(widip), Some(60))),
        Ok(vec![repeated(1, 5), reclassified(widip, Some(60), &by, 5)])
    );
}

#[test]
fn every_field_is_checked_and_all_faults_are_named() {
    let mut bad = fact(AlertState::Down, 1_006);
    bad.source = " ".into();
    bad.external_id = "x".repeat(129);
    bad.device = "a\u{202E}b".into();
    bad.client_id = Some("1".repeat(65));
    bad.client_name = Some("n".repeat(201));
    bad.message = "m".repeat(2_001);
    bad.confidence = Some(101);
    bad.resolution = Some("rien".into());
    let mut found = match when(vec![], report(bad)) {
        Err(AlertError::Invalid(faults)) => faults,
        other => panic!("{other:?}"),
    };
    found.sort_by(|a, b| a.field.cmp(&b.field));
    let expected = [
        ("client_id", "too_long"),
        ("client_name", "too_long"),
        ("confidence", "out_of_range"),
        ("device", "control_character"),
        ("external_id", "too_long"),
        ("message", "too_long"),
        ("occurred_at", "in_future"),
        ("resolution", "not_with_down"),
        ("source", "required"),
    ];
    assert_eq!(
        found,
        expected.map(|(field, code)| FieldError::new(field, code))
    );
    assert!(
        when(vec![], down(1_005)).is_ok(),
        "clocks may be 5 min ahead"
    );
    let mut old = fact(AlertState::Down, 0);
    old.occurred_at = DateTime::UNIX_EPOCH;
    let fault = FieldError::new("occurred_at", "too_old");
    assert_eq!(
        when(vec![], report(old)),
        Err(AlertError::Invalid(vec![fault]))
    );
}

fn step(detail: Option<&str>) -> AlertCommand {
    let fact = StepFact {
        source: "observium".into(),
        external_id: "4711".into(),
        kind: StepKind::TicketCreated,
        ticket_id: Some(4567),
        detail: detail.map(Into::into),
        occurred_at: minute(6),
    };
    AlertCommand::RecordStep {
        fact: Box::new(fact),
        by: service(),
        now: minute(1_000),
    }
}

#[test]
fn steps_are_recorded_of_known_alerts() {
    let recorded = AlertEvent::StepRecorded(AlertStep {
        episode: 1,
        kind: StepKind::TicketCreated,
        ticket_id: Some(4567),
        detail: None,
        by: service().to_string(),
        occurred_at: minute(6),
        subject: SUBJECT.into(),
    });
    for given in [vec![raised(1, 0)], vec![raised(1, 0), resolved(5)]] {
        assert_eq!(when(given, step(None)), Ok(vec![recorded.clone()]));
    }
    assert_eq!(when(vec![], step(None)), Err(AlertError::Unknown));
    assert_eq!(AlertError::Unknown.code(), "alert_unknown");
}

#[test]
fn an_episode_has_a_hundred_steps_at_most() {
    let recorded = when(vec![raised(1, 0)], step(None)).unwrap();
    let note = AlertCommand::Note {
        detail: "Vu avec le client".into(),
        by: person(1),
        now: minute(7),
    };
    let most = MOST_STEPS as usize;
    let mut given = vec![raised(1, 0)];
    given.extend(std::iter::repeat_n(recorded[0].clone(), most - 1));
    for last in [step(None), note.clone()] {
        assert_eq!(when(given.clone(), last).unwrap().len(), 1);
    }
    given.extend(recorded);
    for more in [step(None), note] {
        assert_eq!(when(given.clone(), more), Err(AlertError::TooManySteps));
    }
    assert_eq!(AlertError::TooManySteps.code(), "too_many_steps");
    assert_eq!(AlertError::TooManySteps.kind(), RefusalKind::Conflict);
    // The next episode has its own.
    given.extend([resolved(5), raised(2, 50)]);
    assert_eq!(when(given, step(None)).unwrap().len(), 1);
}

fn acknowledge(version: u64, by: Actor) -> AlertCommand {
    AlertCommand::Acknowledge {
        version,
        comment: None,
        by,
        now: minute(7),
    }
}

fn reclassify(version: u64, responsibility: Responsibility) -> AlertCommand {
    AlertCommand::Reclassify {
        version,
        responsibility,
        confidence: None,
        by: person(1),
        now: minute(7),
    }
}

fn resolve(version: u64, resolution: &str) -> AlertCommand {
    AlertCommand::Resolve {
        version,
        resolution: resolution.into(),
        by: person(1),
        now: minute(7),
    }
}

#[test]
fn an_acknowledgement_is_not_refused_for_a_repeat() {
    let given = vec![raised(1, 0), repeated(1, 5)];
    let events = when(given.clone(), acknowledge(1, person(1))).unwrap();
    assert!(matches!(events[..], [AlertEvent::Acknowledged(_)]));
    let given = [given, events].concat();
    assert_eq!(when(given.clone(), acknowledge(1, person(1))), Ok(vec![]));
    let other = when(given.clone(), acknowledge(1, person(2)));
    assert_eq!(other, Err(AlertError::StaleVersion { current: 2 }));
    assert_eq!(when(given, acknowledge(2, person(2))).unwrap().len(), 1);
}

#[test]
fn people_act_on_what_they_saw_and_while_it_lasts() {
    let acts = |version| {
        [
            acknowledge(version, person(1)),
            reclassify(version, Responsibility::Local),
            resolve(version, "Redémarré"),
        ]
    };
    for act in acts(1) {
        assert_eq!(when(vec![], act.clone()), Err(AlertError::Unknown));
        let over = when(vec![raised(1, 0), resolved(5)], act.clone());
        assert_eq!(over, Err(AlertError::Resolved));
        assert_eq!(when(vec![raised(1, 0)], act).unwrap().len(), 1);
    }
    for act in acts(0) {
        let stale = when(vec![raised(1, 0)], act);
        assert_eq!(stale, Err(AlertError::StaleVersion { current: 1 }));
    }
    let same = AlertCommand::Reclassify {
        version: 1,
        responsibility: Responsibility::Fai,
        confidence: Some(75),
        by: person(1),
        now: minute(7),
    };
    assert_eq!(when(vec![raised(1, 0)], same), Ok(vec![]));
    let fault = FieldError::new("resolution", "required");
    let blank = when(vec![raised(1, 0)], resolve(1, " "));
    assert_eq!(blank, Err(AlertError::Invalid(vec![fault])));
    let codes = [
        AlertError::Resolved,
        AlertError::StaleVersion { current: 1 },
    ];
    let codes = codes.map(|error| error.code());
    assert_eq!(codes, ["alert_resolved", "stale_version"]);
}

#[test]
fn a_note_may_follow_when_it_is_over() {
    let note = |detail: &str| AlertCommand::Note {
        detail: detail.into(),
        by: person(1),
        now: minute(7),
    };
    let events = when(vec![raised(1, 0), resolved(5)], note("Vu avec le client")).unwrap();
    let AlertEvent::StepRecorded(event) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (event.kind, event.subject.as_str()),
        (StepKind::Note, SUBJECT)
    );
    assert_eq!(when(vec![], note("x")), Err(AlertError::Unknown));
    assert!(matches!(
        when(vec![raised(1, 0)], note("")),
        Err(AlertError::Invalid(_))
    ));
}

async fn handle(alert: &mut Alert, command: AlertCommand) -> Vec<AlertEvent> {
    let sink = EventSink::default();
    alert.handle(command, &(), &sink).await.unwrap();
    sink.collect().await
}

proptest! {
    /// Whatever is reported in whatever order: what was decided holds together, and the state is that
    /// of the report that happened last; of two at one time, of the one that came last.
    #[test]
    fn what_is_reported_holds_together(reports in prop::collection::vec((any::<bool>(), 0_i64..600), 1..60)) {
        let runtime = tokio_free::block_on(async move {
            let mut alert = Alert::default();
            let (mut episode, mut is_active, mut moved_at) = (0, false, None);
            // When it last went down or up since it flaps.
            let mut flapping_at: Option<DateTime<Utc>> = None;
            let flaps = |last: Option<DateTime<Utc>>, at| last.is_some_and(|last| at - last < FLAPPING_WITHIN);
            for (nth, (is_down, at)) in reports.iter().copied().enumerate() {
                let is_late = reports[..nth].iter().any(|earlier| at < earlier.1);
                let before = (episode, is_active);
                for event in handle(&mut alert, if is_down { down(at) } else { up(at) }).await {
                    match event {
                        AlertEvent::Raised(event) => {
                            prop_assert!(is_down && !is_active && (!is_late || episode == 0));
                            prop_assert_eq!(event.episode, episode + 1);
                            (episode, is_active, moved_at) = (event.episode, true, Some(minute(at)));
                            flapping_at = None;
                        }
                        AlertEvent::Reopened(event) => {
                            prop_assert!(is_down && !is_active && !is_late);
                            prop_assert!(minute(at) - moved_at.unwrap() <= REOPENED_WITHIN);
                            prop_assert_eq!(event.episode, episode);
                            (is_active, moved_at) = (true, Some(minute(at)));
                            if flaps(flapping_at, minute(at)) {
                                flapping_at = moved_at;
                            }
                        }
                        AlertEvent::Resolved(event) => {
                            let is_over_at_once = is_down && is_late && before.0 == 0;
                            prop_assert!(is_active && (is_over_at_once || !is_down && !is_late));
                            prop_assert_eq!(event.episode, episode);
                            prop_assert!(Some(event.occurred_at) >= moved_at);
                            (is_active, moved_at) = (false, Some(event.occurred_at));
                            if flaps(flapping_at, event.occurred_at) {
                                flapping_at = moved_at;
                            }
                        }
                        AlertEvent::Repeated(event) => {
                            prop_assert!(is_down && (before.1 || is_late));
                            prop_assert_eq!(event.episode, episode);
                        }
                        AlertEvent::FlappingStarted(event) => {
                            prop_assert!(is_active && event.downs >= 4);
                            prop_assert!(!flaps(flapping_at, event.occurred_at));
                            flapping_at = Some(event.occurred_at);
                        }
                        AlertEvent::RecoveryNoted(_) => {
                            prop_assert!(!is_down && !before.1 && !is_late);
                        }
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
                prop_assert_eq!(alert.episode().unwrap_or(0), episode);
                prop_assert_eq!(alert.is_active(), is_active);
                // Of the greatest, `max_by_key` takes the last.
                let latest = reports[..=nth].iter().max_by_key(|report| report.1);
                prop_assert_eq!(Some(is_active), latest.map(|report| report.0));
                prop_assert_eq!(episode > 0, reports[..=nth].iter().any(|report| report.0));
            }
            Ok(())
        });
        runtime?;
    }
}

/// Aggregates await nothing: one poll is enough, without a runtime.
mod tokio_free {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("an aggregate waited"),
        }
    }
}
