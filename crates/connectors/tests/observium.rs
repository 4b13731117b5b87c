//! What Observium sends, and what is made of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, Utc};
use connectors::observium::{ClientPattern, InvalidPattern, Unreadable, read};
use events::{intake::AlertState, sentinel::Severity};

fn now() -> DateTime<Utc> {
    "2026-01-15T09:30:00Z".parse().unwrap()
}

#[test]
fn real_looking_bodies_become_these_facts() {
    let clients: ClientPattern = "(?i)^switch-(?<client>[0-9]+)-".parse().unwrap();
    insta::glob!("observium/*.json", |path| {
        let body = std::fs::read(path).unwrap();
        let read = read(&body, Some(&clients), now()).unwrap();
        insta::assert_json_snapshot!((read.fact, read.is_dated));
    });
}

fn of(body: &str) -> Result<connectors::observium::Notification, Unreadable> {
    read(body.as_bytes(), None, now())
}

#[test]
fn what_lacks_the_least_is_refused_by_name() {
    for body in ["", "null", "[1]", "\"ALERT\"", "{", "%json%"] {
        assert_eq!(of(body), Err(Unreadable::NotAnObject), "{body}");
    }
    let state = of(r#"{"ALERT_ID":"1","DEVICE_HOSTNAME":"sw"}"#);
    assert_eq!(state, Err(Unreadable::Missing("ALERT_STATE")));
    let id = of(r#"{"ALERT_STATE":"ALERT","ALERT_ID":"%ALERT_ID%","DEVICE_HOSTNAME":"sw"}"#);
    assert_eq!(id, Err(Unreadable::Missing("ALERT_ID")));
    let device = of(r#"{"ALERT_STATE":"ALERT","ALERT_ID":"1","DEVICE_HOSTNAME":" <b></b> "}"#);
    assert_eq!(device, Err(Unreadable::Missing("DEVICE_HOSTNAME")));
    let state = of(r#"{"ALERT_STATE":"MAYBE","ALERT_ID":"1","DEVICE_HOSTNAME":"sw"}"#);
    assert_eq!(state, Err(Unreadable::UnknownState));
    assert_eq!(state.unwrap_err().field(), Some("ALERT_STATE"));
}

#[test]
fn the_least_is_enough_and_dates_itself_by_arrival() {
    let read = of(r#"{"ALERT_STATE":"RECOVER","ALERT_ID":"1","DEVICE_SYSNAME":"sw"}"#).unwrap();
    assert!(!read.is_dated);
    assert_eq!(read.fact.occurred_at, now());
    assert_eq!(read.fact.state, AlertState::Up);
    assert_eq!(
        (read.fact.device.as_str(), read.fact.message.as_str()),
        ("sw", "sw")
    );
    assert_eq!(read.fact.client_id, None, "no client is guessed");
    assert_eq!(read.fact.severity, Severity::Warning);
}

#[test]
fn lines_of_logs_are_told_apart_and_checkers_are_not() {
    let id = |state: &str, device: &str, time: u32| {
        let body = serde_json::json!({ "ALERT_STATE": state, "ALERT_ID": "3",
            "DEVICE_HOSTNAME": device, "ALERT_UNIXTIME": time.to_string() });
        of(&body.to_string()).unwrap().fact.external_id
    };
    let alert = id("ALERT", "a", 1_768_467_667);
    assert_eq!(alert, id("RECOVER", "a", 1_768_467_999));
    assert_eq!(alert, id("ALERT REMINDER", "a", 1_768_468_000));
    let syslog = id("SYSLOG", "a", 1_768_467_667);
    assert_ne!(syslog, alert);
    assert_eq!(syslog, id("SYSLOG", "a", 1_768_467_667));
    assert_ne!(syslog, id("SYSLOG", "b", 1_768_467_667));
    assert_ne!(syslog, id("SYSLOG", "a", 1_768_467_668));
}

#[test]
fn only_a_line_of_a_log_is_of_a_moment() {
    for state in ["ALERT", "ALERT REMINDER", "RECOVER", "SYSLOG"] {
        let body =
            serde_json::json!({ "ALERT_STATE": state, "ALERT_ID": "3", "DEVICE_HOSTNAME": "a" });
        let read = of(&body.to_string()).unwrap();
        assert_eq!(read.is_moment, state == "SYSLOG", "{state}");
    }
}

#[test]
fn a_pattern_names_its_group() {
    assert_eq!(
        "^SW-([0-9]+)".parse::<ClientPattern>().unwrap_err(),
        InvalidPattern::NoGroup
    );
    assert!(matches!(
        "(".parse::<ClientPattern>().unwrap_err(),
        InvalidPattern::Syntax(_)
    ));
}

proptest::proptest! {
    #[test]
    fn no_body_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = read(&bytes, None, now());
    }
}
