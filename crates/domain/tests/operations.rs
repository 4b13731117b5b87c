//! What operators do to the read models is put on record, with who and why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeZone, Utc};
use cqrs_es::test::TestFramework;
use domain::{FieldError, operations::*};
use events::operations::*;
use kernel::{Actor, EventType};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, 0, 0).unwrap()
}

fn operator() -> Actor {
    Actor::user("0198c1d2-aaaa-7bbb-8ccc-000000000001")
}

fn discarded(reason: &str) -> ProjectionEvent {
    ProjectionEvent::EventDiscarded(EventDiscarded {
        position: 42,
        reason: reason.into(),
        by: operator().to_string(),
        discarded_at: now(),
    })
}

fn discard(reason: &str) -> ProjectionCommand {
    ProjectionCommand::Discard {
        position: 42,
        reason: reason.into(),
        by: operator(),
        now: now(),
    }
}

#[test]
fn a_retry_names_the_event_and_the_operator() {
    let retry = ProjectionCommand::Retry {
        position: 42,
        by: operator(),
        now: now(),
    };
    TestFramework::<Projection>::with(())
        .given_no_previous_events()
        .when(retry)
        .then_expect_events(vec![ProjectionEvent::RetryOrdered(RetryOrdered {
            position: 42,
            by: operator().to_string(),
            ordered_at: now(),
        })]);
}

#[test]
fn a_discard_needs_a_reason() {
    TestFramework::<Projection>::with(())
        .given_no_previous_events()
        .when(discard("  Client saisi deux fois\r\n"))
        .then_expect_events(vec![discarded("Client saisi deux fois")]);
    let long = "x".repeat(2_001);
    for (reason, code) in [
        (" \n", "required"),
        (long.as_str(), "too_long"),
        ("a\u{202E}b", "control_character"),
    ] {
        let refused = TestFramework::<Projection>::with(())
            .given_no_previous_events()
            .when(discard(reason))
            .inspect_result();
        let fault = FieldError::new("reason", code);
        assert_eq!(refused, Err(ProjectionError::Invalid(vec![fault])));
    }
}

#[test]
fn the_reason_is_the_operator_s() {
    let personal = discarded("Client saisi deux fois").personal();
    assert_eq!(personal[0].pointer, "/reason");
    assert_eq!(personal[0].subject, operator().to_string());
}

#[test]
fn an_order_that_came_too_early_can_be_given_again() {
    TestFramework::<Projection>::with(())
        .given(vec![discarded("trop tôt")])
        .when(discard("encore"))
        .then_expect_events(vec![discarded("encore")]);
}

#[test]
fn rebuilds_and_roll_backs_are_recorded() {
    let rebuild = ProjectionCommand::RecordRebuild {
        version: 3,
        position: 1_042,
        events: 900,
        now: now(),
    };
    let rebuilt = ProjectionEvent::Rebuilt(ProjectionRebuilt {
        version: 3,
        position: 1_042,
        events: 900,
        rebuilt_at: now(),
    });
    TestFramework::<Projection>::with(())
        .given_no_previous_events()
        .when(rebuild)
        .then_expect_events(vec![rebuilt.clone()]);
    let roll_back = ProjectionCommand::RecordRollBack {
        version: 3,
        position: 800,
        now: now(),
    };
    TestFramework::<Projection>::with(())
        .given(vec![rebuilt])
        .when(roll_back)
        .then_expect_events(vec![ProjectionEvent::RolledBack(ProjectionRolledBack {
            version: 3,
            position: 800,
            rolled_back_at: now(),
        })]);
}
