//! Every rule of an approval, given/when/then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use cqrs_es::{Aggregate, test::TestFramework};
use domain::{FieldError, Refusal, RefusalKind, safeguard::*};
use events::{ERASED, safeguard::*};
use kernel::{AccreditationLevel::*, ActionLevel, Actor, EventType, LogAggregate};
use serde_json::{Value, json};
use uuid::Uuid;

type Given = Vec<ApprovalEvent>;

fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn person(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn user(number: u128) -> String {
    format!("user:{}", person(number))
}

const OWNER: u128 = 1;
const MARTIN: u128 = 2;
const DURAND: u128 = 3;
const DUPONT: u128 = 4;
const SUBJECT: &str = "person:jean.dupont";

fn decider(number: u128, username: &str, level: kernel::AccreditationLevel) -> Decider {
    Decider {
        user_id: person(number),
        username: username.into(),
        level,
    }
}

fn martin() -> Decider {
    decider(MARTIN, "marie.martin", N2)
}

fn durand() -> Decider {
    decider(DURAND, "paul.durand", N2)
}

fn admin() -> Decider {
    decider(9, "admin", N4)
}

fn service() -> Actor {
    Actor::service("support")
}

fn registered(critical: bool) -> Option<RegisteredClient> {
    Some(RegisteredClient {
        name: "EHPAD Les Jardins".into(),
        critical,
    })
}

fn request() -> RequestApproval {
    RequestApproval {
        approval_id: Uuid::from_u128(77),
        requester: Requester {
            actor: service(),
            owner_id: Some(person(OWNER)),
        },
        tool_name: "ad_reset_password".into(),
        arguments: json!({"username": "jean.dupont"}),
        asked_level: Some(ActionLevel::L3),
        registry_level: Some(ActionLevel::L3),
        is_misspelt: false,
        context: RequestContext {
            ticket_id: Some(1234),
            ticket_title: Some("Reset MDP - Jean Dupont".into()),
            ticket_description: Some("Mot de passe oublié".into()),
            client_id: Some("42".into()),
            client_name: Some("EHPAD Les Jardins".into()),
            client_critical: false,
            workflow: Some("SUPPORT".into()),
            confidence: Some(95),
        },
        client: registered(false),
        on_behalf_of: Some("jean.dupont".into()),
        expires_in_seconds: Some(3_600),
        now: minute(0),
    }
}

/// What a changed request comes to.
fn ask(change: impl FnOnce(&mut RequestApproval)) -> Result<ApprovalRequested, ApprovalError> {
    let mut request = request();
    change(&mut request);
    let events = when(vec![], ApprovalCommand::Request(Box::new(request)))?;
    match <[_; 1]>::try_from(events).unwrap() {
        [ApprovalEvent::Requested(event)] => Ok(*event),
        other => panic!("{other:?}"),
    }
}

fn requested(change: impl FnOnce(&mut RequestApproval)) -> ApprovalEvent {
    ApprovalEvent::Requested(Box::new(ask(change).unwrap()))
}

fn pending() -> Given {
    vec![requested(|_| {})]
}

fn pending_l4() -> Given {
    vec![requested(|request| {
        request.registry_level = Some(ActionLevel::L4)
    })]
}

fn vote(by: u128) -> ApprovalEvent {
    ApprovalEvent::VoteRecorded(VoteRecorded {
        by: user(by),
        comment: None,
        voted_at: minute(1),
        version: 2,
        subject: SUBJECT.into(),
    })
}

fn granted(by: u128, version: u64) -> ApprovalEvent {
    ApprovalEvent::Approved(ApprovalGranted {
        by: user(by),
        comment: None,
        approved_at: minute(1),
        claim_before: minute(16),
        version,
        subject: SUBJECT.into(),
    })
}

fn claimed() -> ApprovalEvent {
    ApprovalEvent::ExecutionClaimed(ExecutionClaimed {
        by: "service:support".into(),
        grant_id: grant(),
        claimed_at: minute(2),
        execute_before: minute(17),
    })
}

fn executed() -> ApprovalEvent {
    ApprovalEvent::Executed(ActionExecuted {
        grant_id: grant(),
        detail: None,
        executed_at: minute(3),
        subject: SUBJECT.into(),
    })
}

fn failed() -> ApprovalEvent {
    ApprovalEvent::ExecutionFailed(ExecutionFailed {
        grant_id: grant(),
        detail: None,
        failed_at: minute(3),
        subject: SUBJECT.into(),
    })
}

fn grant() -> Uuid {
    Uuid::from_u128(0x6_7261_6e74)
}

fn hash() -> String {
    arguments_hash("ad_reset_password", &json!({"username": "jean.dupont"})).unwrap()
}

/// A history that ends in the status.
fn given(status: Status) -> Given {
    let mut events = pending();
    let version = 2;
    match status {
        Status::Pending => {}
        Status::Approved => events.push(granted(MARTIN, 2)),
        Status::Rejected => events.push(ApprovalEvent::Rejected(ApprovalRejected {
            by: user(MARTIN),
            reason: "non".into(),
            rejected_at: minute(1),
            version,
            subject: SUBJECT.into(),
        })),
        Status::Expired => events.push(ApprovalEvent::Expired(ApprovalExpired {
            expired_at: minute(60),
            version,
        })),
        Status::Cancelled => events.push(ApprovalEvent::Cancelled(ApprovalCancelled {
            by: "service:support".into(),
            reason: None,
            cancelled_at: minute(1),
            version,
            subject: SUBJECT.into(),
        })),
        Status::Executing => events.extend([granted(MARTIN, 2), claimed()]),
        Status::Executed => events.extend([granted(MARTIN, 2), claimed(), executed()]),
        Status::ExecutionFailed => events.extend([granted(MARTIN, 2), claimed(), failed()]),
        Status::Lapsed => events.extend([
            granted(MARTIN, 2),
            ApprovalEvent::Lapsed(ApprovalLapsed {
                lapsed_at: minute(16),
                version: 3,
            }),
        ]),
    }
    events
}

fn when(given: Given, command: ApprovalCommand) -> Result<Vec<ApprovalEvent>, ApprovalError> {
    TestFramework::<Approval>::with(())
        .given(given)
        .when(command)
        .inspect_result()
}

fn after(events: &[ApprovalEvent]) -> Approval {
    let mut approval = Approval::default();
    for event in events {
        approval.apply(event.clone());
    }
    approval
}

fn approve(by: Decider, version: u64, now: DateTime<Utc>) -> ApprovalCommand {
    ApprovalCommand::Approve(Approve {
        by,
        version,
        comment: None,
        claim_window: CLAIM_WINDOW,
        now,
    })
}

fn reject(by: Decider, version: u64, reason: &str) -> ApprovalCommand {
    ApprovalCommand::Reject(Reject {
        by,
        version,
        reason: reason.into(),
        now: minute(1),
    })
}

fn postpone(minutes: u32, now: DateTime<Utc>) -> ApprovalCommand {
    ApprovalCommand::Postpone(Postpone {
        by: martin(),
        version: 1,
        minutes,
        reason: None,
        now,
    })
}

fn cancel(by: Actor, level: Option<kernel::AccreditationLevel>) -> ApprovalCommand {
    ApprovalCommand::Cancel(Cancel {
        by,
        level,
        reason: None,
        now: minute(1),
    })
}

fn claim(by: Actor, arguments_hash: String, now: DateTime<Utc>) -> ApprovalCommand {
    ApprovalCommand::Claim(Claim {
        by,
        arguments_hash,
        grant_id: grant(),
        execution_window: EXECUTION_WINDOW,
        now,
    })
}

fn record(by: Actor, grant_id: Uuid, outcome: ExecutionOutcome) -> ApprovalCommand {
    ApprovalCommand::RecordExecution(RecordExecution {
        by,
        grant_id,
        outcome,
        detail: None,
        now: minute(3),
    })
}

fn break_glass(by: Decider, version: u64, reason: &str) -> ApprovalCommand {
    ApprovalCommand::BreakGlass(BreakGlass {
        by,
        version,
        reason: reason.into(),
        claim_window: CLAIM_WINDOW,
        now: minute(1),
    })
}

const LONG_REASON: &str = "Panne générale, astreinte injoignable";

fn invalid(field: &str, code: &str) -> ApprovalError {
    ApprovalError::Invalid(vec![FieldError::new(field, code)])
}

// ---- request ------------------------------------------------------------------------------------

#[test]
fn a_request_freezes_what_will_be_decided() {
    let event = ask(|_| {}).unwrap();
    assert_eq!(event.arguments_hash, hash());
    assert_eq!(event.security_level, ActionLevel::L3);
    assert_eq!(event.required_approvals, 1);
    assert_eq!(event.requested_by, "service:support");
    assert_eq!(event.requester_owner, Some(user(OWNER)));
    assert_eq!(event.expires_at, minute(60));
    assert_eq!(after(&pending()).status(), Some(Status::Pending));
    assert_eq!(after(&pending()).version(), 1);
}

#[test]
fn the_same_request_cannot_be_made_twice() {
    let again = ApprovalCommand::Request(Box::new(request()));
    assert_eq!(when(pending(), again), Err(ApprovalError::AlreadyRequested));
}

#[test]
fn the_expiry_is_an_hour_unless_asked() {
    assert_eq!(
        ask(|r| r.expires_in_seconds = None).unwrap().expires_at,
        minute(60)
    );
    assert_eq!(
        ask(|r| r.expires_in_seconds = Some(60)).unwrap().expires_at,
        minute(1)
    );
    assert_eq!(
        ask(|r| r.expires_in_seconds = Some(86_400))
            .unwrap()
            .expires_at,
        minute(1_440)
    );
}

#[test]
fn an_expiry_out_of_range_is_an_error_not_a_truncation() {
    for seconds in [0, 59, 86_401, u64::MAX] {
        let refused = ask(|r| r.expires_in_seconds = Some(seconds));
        assert_eq!(
            refused,
            Err(invalid("expires_in_seconds", "out_of_range")),
            "{seconds}"
        );
    }
}

#[test]
fn the_level_is_the_higher_of_the_one_asked_and_the_registrys() {
    use ActionLevel::*;
    for (asked, registry, expected) in [
        (Some(L3), Some(L3), L3),
        (Some(L0), Some(L3), L3),
        (None, Some(L3), L3),
        (Some(L4), Some(L3), L4),
        (Some(L3), Some(L4), L4),
        (Some(L3), Some(L1), L3),
        (Some(L0), None, L3),
        (None, None, L3),
        (Some(L4), None, L4),
    ] {
        let event = ask(|r| (r.asked_level, r.registry_level) = (asked, registry)).unwrap();
        assert_eq!(event.security_level, expected, "{asked:?} {registry:?}");
        assert_eq!(event.required_approvals, if expected == L4 { 2 } else { 1 });
    }
}

#[test]
fn below_l3_no_approval_is_needed() {
    use ActionLevel::*;
    for (asked, registry) in [(Some(L2), L2), (None, L1), (Some(L0), L0)] {
        let refused = ask(|r| (r.asked_level, r.registry_level) = (asked, Some(registry)));
        let error = refused.unwrap_err();
        assert_eq!(
            (error.code(), error.kind()),
            ("approval_not_needed", RefusalKind::Invalid)
        );
    }
}

#[test]
fn whether_the_client_is_critical_can_only_be_raised() {
    for (asked, client, critical) in [
        (false, registered(false), false),
        (false, registered(true), true),
        (false, None, true),
        (true, registered(false), true),
    ] {
        let event = ask(|r| {
            r.context.client_critical = asked;
            r.client = client.clone();
        })
        .unwrap();
        assert_eq!(
            event.context.client_critical, critical,
            "{asked} {client:?}"
        );
        assert_eq!(event.required_approvals, if critical { 2 } else { 1 });
    }
}

#[test]
fn leaving_out_the_client_lowers_nothing() {
    let nothing = || RequestContext {
        workflow: Some("SUPPORT".into()),
        confidence: Some(95),
        ..RequestContext::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let mut cases: Vec<(RequestContext, bool)> = vec![(nothing(), false)];
    let about: [fn(&mut RequestContext, Option<String>); 4] = [
        |context, text| context.client_id = text,
        |context, text| context.client_name = text,
        |context, text| context.ticket_title = text,
        |context, text| context.ticket_description = text,
    ];
    for set in about {
        for (value, critical) in [(" \r\n\t ", false), ("EHPAD Les Jardins", true)] {
            let mut context = nothing();
            set(&mut context, text(value));
            cases.push((context, critical));
        }
    }
    let ticket_id = Some(0);
    cases.push((
        RequestContext {
            ticket_id,
            ..nothing()
        },
        true,
    ));
    for (context, critical) in cases {
        let event = ask(|r| {
            r.context = context.clone();
            r.client = None;
        })
        .unwrap();
        assert_eq!(event.context.client_critical, critical, "{context:?}");
        assert_eq!(event.required_approvals, if critical { 2 } else { 1 });
    }
}

#[test]
fn a_registered_client_has_the_register_s_name() {
    for said in [None, Some("Librairie".to_owned())] {
        let event = ask(|r| r.context.client_name = said.clone()).unwrap();
        assert_eq!(
            event.context.client_name.as_deref(),
            Some("EHPAD Les Jardins")
        );
    }
    let unknown = ask(|r| {
        r.context.client_name = Some("Librairie".into());
        r.client = None;
    });
    assert_eq!(
        unknown.unwrap().context.client_name.as_deref(),
        Some("Librairie")
    );
    // What the caller says is checked all the same.
    let refused = ask(|r| r.context.client_name = Some("a\u{202E}b".into()));
    assert_eq!(refused.unwrap_err().code(), "invalid");
}

#[test]
fn every_fault_of_a_request_is_named() {
    let error = ask(|r| {
        r.tool_name = "ad reset".into();
        r.arguments = json!("x");
        r.context.confidence = Some(101);
        r.context.ticket_id = Some(-1);
        r.context.ticket_title = Some("a\u{1b}b".into());
        r.context.workflow = Some("W".repeat(65));
        r.on_behalf_of = Some(ERASED.into());
        r.expires_in_seconds = Some(1);
    })
    .unwrap_err();
    let expected = [
        ("tool_name", "malformed"),
        ("arguments", "not_an_object"),
        ("context.ticket_id", "out_of_range"),
        ("context.confidence", "out_of_range"),
        ("context.ticket_title", "control_character"),
        ("context.workflow", "too_long"),
        ("on_behalf_of", "reserved"),
        ("expires_in_seconds", "out_of_range"),
    ];
    assert_eq!(
        error.fields(),
        expected.map(|(field, code)| FieldError::new(field, code))
    );
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[test]
fn arguments_are_bounded() {
    assert!(ask(|r| r.arguments = nested(MAX_ARGUMENTS_DEPTH)).is_ok());
    let fits = "x".repeat(MAX_ARGUMENTS_BYTES - r#"{"a":""}"#.len());
    assert!(ask(|r| r.arguments = json!({ "a": fits })).is_ok());
    assert!(ask(|r| r.arguments = json!({"a": 9_007_199_254_740_991_i64, "b": -1.5})).is_ok());
    for (arguments, code) in [
        (nested(MAX_ARGUMENTS_DEPTH + 1), "too_deep"),
        (json!({"a": format!("{fits}x")}), "too_large"),
        (json!({"a": ["b\0"]}), "control_character"),
        (json!({"a\0": 1}), "control_character"),
        (json!({"a": 9_007_199_254_740_992_i64}), "number_not_exact"),
        (
            json!({"a": [-9_007_199_254_740_993_i64]}),
            "number_not_exact",
        ),
        (json!({"a": u64::MAX}), "number_not_exact"),
        (json!({"a": 9_007_199_254_740_992.0}), "number_not_exact"),
        (json!({"a": -1e20}), "number_not_exact"),
        (json!([1]), "not_an_object"),
        (Value::Null, "not_an_object"),
    ] {
        let refused = ask(|r| r.arguments = arguments.clone());
        assert_eq!(refused, Err(invalid("arguments", code)), "{arguments}");
    }
}

#[test]
fn tickets_keep_their_lines() {
    let event = ask(|r| r.context.ticket_description = Some("a\r\nb\rc\n".into())).unwrap();
    assert_eq!(event.context.ticket_description.unwrap(), "a\nb\nc");
}

#[test]
fn only_people_and_services_ask() {
    for actor in [Actor::anonymous(), Actor::system("clerk")] {
        assert_eq!(
            ask(|r| r.requester.actor = actor),
            Err(ApprovalError::NotAParty)
        );
    }
}

// ---- approve and reject ---------------------------------------------------------------------------

#[test]
fn one_vote_approves_an_ordinary_request() {
    let command = ApprovalCommand::Approve(Approve {
        by: martin(),
        version: 1,
        comment: Some("  vu avec l'utilisateur ".into()),
        claim_window: CLAIM_WINDOW,
        now: minute(1),
    });
    let expected = ApprovalEvent::Approved(ApprovalGranted {
        by: user(MARTIN),
        comment: Some("vu avec l'utilisateur".into()),
        approved_at: minute(1),
        claim_before: minute(16),
        version: 2,
        subject: SUBJECT.into(),
    });
    assert_eq!(when(pending(), command), Ok(vec![expected]));
}

#[test]
fn the_claim_window_is_a_setting() {
    let command = ApprovalCommand::Approve(Approve {
        by: martin(),
        version: 1,
        comment: None,
        claim_window: TimeDelta::minutes(5),
        now: minute(1),
    });
    let Ok([ApprovalEvent::Approved(event)]) = when(pending(), command)
        .as_deref()
        .map(|e| <&[_; 1]>::try_from(e).unwrap().clone())
    else {
        panic!("not approved")
    };
    assert_eq!(event.claim_before, minute(6));
}

#[test]
fn a_critical_client_needs_two_votes() {
    let given = || {
        vec![requested(|r| {
            r.client = registered(true);
        })]
    };
    assert_eq!(
        when(given(), approve(martin(), 1, minute(1))),
        Ok(vec![vote(MARTIN)])
    );
    let second = [given(), vec![vote(MARTIN)]].concat();
    assert_eq!(after(&second).status(), Some(Status::Pending));
    assert_eq!(after(&second).version(), 2);
    assert_eq!(
        when(second, approve(durand(), 2, minute(1))),
        Ok(vec![granted(DURAND, 3)])
    );
}

#[test]
fn l4_needs_two_votes_of_n3() {
    let refused = when(pending_l4(), approve(martin(), 1, minute(1)));
    assert_eq!(refused, Err(ApprovalError::LevelTooLow { needed: N3 }));
    let first = decider(MARTIN, "marie.martin", N3);
    assert_eq!(
        when(pending_l4(), approve(first, 1, minute(1))),
        Ok(vec![vote(MARTIN)])
    );
    let second = [pending_l4(), vec![vote(MARTIN)]].concat();
    let n4 = decider(DURAND, "paul.durand", N4);
    assert_eq!(
        when(second, approve(n4, 2, minute(1))),
        Ok(vec![granted(DURAND, 3)])
    );
}

#[test]
fn below_n2_nobody_decides() {
    for level in [N0, N1] {
        let by = || decider(MARTIN, "marie.martin", level);
        for command in [
            approve(by(), 1, minute(1)),
            reject(by(), 1, "non"),
            ApprovalCommand::Postpone(Postpone {
                by: by(),
                version: 1,
                minutes: 5,
                reason: None,
                now: minute(1),
            }),
        ] {
            let refused = when(pending(), command).unwrap_err();
            assert_eq!(refused, ApprovalError::LevelTooLow { needed: N2 });
        }
    }
}

#[test]
fn one_decision_per_person() {
    let given = || [pending_l4(), vec![vote(MARTIN)]].concat();
    let by = || decider(MARTIN, "marie.martin", N3);
    assert_eq!(
        when(given(), approve(by(), 2, minute(2))),
        Err(ApprovalError::AlreadyVoted)
    );
    // Also when the second tap still names the version of the first.
    assert_eq!(
        when(given(), approve(by(), 1, minute(2))),
        Err(ApprovalError::AlreadyVoted)
    );
    assert_eq!(
        when(given(), reject(by(), 2, "non")),
        Err(ApprovalError::AlreadyVoted)
    );
}

#[test]
fn a_decision_names_the_version_that_was_read() {
    let stale = [pending_l4(), vec![vote(MARTIN)]].concat();
    let by = || decider(DURAND, "paul.durand", N3);
    for version in [0, 1, 3] {
        let expected = Err(ApprovalError::StaleVersion { current: 2 });
        assert_eq!(
            when(stale.clone(), approve(by(), version, minute(2))),
            expected
        );
        assert_eq!(when(stale.clone(), reject(by(), version, "non")), expected);
        assert_eq!(
            when(stale.clone(), break_glass(admin(), version, LONG_REASON)),
            expected
        );
    }
    assert_eq!(
        when(stale, postpone(5, minute(2))),
        Err(ApprovalError::StaleVersion { current: 2 })
    );
}

#[test]
fn one_rejection_ends_it_even_after_a_vote() {
    let given = [pending_l4(), vec![vote(MARTIN)]].concat();
    let events = when(given.clone(), reject(durand(), 2, " pas le bon compte ")).unwrap();
    assert_eq!(
        events,
        [ApprovalEvent::Rejected(ApprovalRejected {
            by: user(DURAND),
            reason: "pas le bon compte".into(),
            rejected_at: minute(1),
            version: 3,
            subject: SUBJECT.into(),
        })]
    );
    let rejected = [given, events].concat();
    assert_eq!(
        when(rejected, approve(admin(), 3, minute(2))),
        Err(ApprovalError::AlreadyDecided {
            status: Status::Rejected
        })
    );
}

#[test]
fn a_rejection_needs_a_reason() {
    for reason in ["", "  ", "\n"] {
        assert_eq!(
            when(pending(), reject(martin(), 1, reason)),
            Err(invalid("reason", "required"))
        );
    }
    let long = "x".repeat(2_001);
    assert_eq!(
        when(pending(), reject(martin(), 1, &long)),
        Err(invalid("reason", "too_long"))
    );
    assert_eq!(
        when(pending(), reject(martin(), 1, "a\u{0}")),
        Err(invalid("reason", "control_character"))
    );
}

#[test]
fn every_free_text_is_bounded() {
    let long = || Some("é".repeat(2_001));
    let too_long = |field| Err(invalid(field, "too_long"));
    let (by, version, now) = (martin(), 1, minute(1));
    let claim_window = CLAIM_WINDOW;
    let approve = Approve {
        by: by.clone(),
        version,
        comment: long(),
        claim_window,
        now,
    };
    assert_eq!(
        when(pending(), ApprovalCommand::Approve(approve)),
        too_long("comment")
    );
    let postpone = Postpone {
        by,
        version,
        minutes: 5,
        reason: long(),
        now,
    };
    assert_eq!(
        when(pending(), ApprovalCommand::Postpone(postpone)),
        too_long("reason")
    );
    let cancel = Cancel {
        by: service(),
        level: None,
        reason: long(),
        now,
    };
    assert_eq!(
        when(pending(), ApprovalCommand::Cancel(cancel)),
        too_long("reason")
    );
    let record = RecordExecution {
        by: service(),
        grant_id: grant(),
        outcome: ExecutionOutcome::Failed,
        detail: long(),
        now,
    };
    let command = ApprovalCommand::RecordExecution(record);
    assert_eq!(when(given(Status::Executing), command), too_long("detail"));
}

// ---- four eyes --------------------------------------------------------------------------------------

/// Each way to decide, by this person, with every level and a fresh version.
fn decisions(by: Decider) -> [ApprovalCommand; 3] {
    [
        approve(by.clone(), 1, minute(1)),
        reject(by.clone(), 1, "non"),
        break_glass(by, 1, LONG_REASON),
    ]
}

#[test]
fn the_owner_of_the_requesting_account_cannot_decide() {
    for command in decisions(decider(OWNER, "chef", N4)) {
        assert_eq!(when(pending(), command), Err(ApprovalError::OwnRequest));
    }
}

#[test]
fn the_requester_cannot_decide() {
    let given = || {
        vec![requested(|r| {
            r.requester = Requester {
                actor: Actor::user(person(MARTIN)),
                owner_id: None,
            };
            r.on_behalf_of = None;
        })]
    };
    for command in decisions(decider(MARTIN, "marie.martin", N4)) {
        assert_eq!(when(given(), command), Err(ApprovalError::OwnRequest));
    }
    assert!(when(given(), approve(durand(), 1, minute(1))).is_ok());
}

#[test]
fn the_person_on_whose_behalf_it_is_cannot_decide_however_the_name_is_spelt() {
    for asked_for in [
        "jean.dupont",
        " Jean.Dupont ",
        "WIDIP\\jean.dupont",
        "JEAN.DUPONT@widip.fr",
    ] {
        for spelt in ["jean.dupont", "Jean.Dupont"] {
            let given = || vec![requested(|r| r.on_behalf_of = Some(asked_for.into()))];
            for command in decisions(decider(DUPONT, spelt, N4)) {
                let refused = when(given(), command);
                assert_eq!(
                    refused,
                    Err(ApprovalError::OnBehalfOfDecider),
                    "{asked_for} {spelt}"
                );
            }
        }
    }
}

#[test]
fn no_spelling_of_whom_it_is_for_hides_from_the_four_eyes() {
    for name in [
        "jean.dupont",
        "WIDIP\\Jean.Dupont",
        "jean_d@widip.fr",
        "widip\\jean.dupont@widip.fr",
    ] {
        assert!(
            ask(|r| r.on_behalf_of = Some(name.into())).is_ok(),
            "{name}"
        );
    }
    for name in [
        "jean\u{200b}.dupont",
        "jean.dupont\u{200b}@widip.fr",
        "\u{ff4a}ean.dupont",
        "je\u{301}ro\u{302}me.petit",
        "jérôme.petit",
        "Jean Dupont",
        "jean.dupont@widip@fr",
        "jean.dupont@x\\marie",
        "a\\widip\\jean.dupont",
        "jean.dupont@",
        "\\jean.dupont",
        "@widip.fr",
    ] {
        let refused = ask(|r| r.on_behalf_of = Some(name.into()));
        assert_eq!(
            refused,
            Err(invalid("on_behalf_of", "malformed")),
            "{name:?}"
        );
    }
}

#[test]
fn another_spelling_of_a_registered_tool_is_refused() {
    let refused = ask(|r| (r.registry_level, r.is_misspelt) = (None, true));
    assert_eq!(refused, Err(invalid("tool_name", "misspelt")));
}

#[test]
fn a_workflow_is_a_name_and_no_text() {
    for name in ["SUPPORT", "Sentinel v2.1", "a_b-c", "  "] {
        assert!(
            ask(|r| r.context.workflow = Some(name.into())).is_ok(),
            "{name}"
        );
    }
    for name in ["é", "a\nb", "Mme. Martin <script>", "\u{200b}", "a/b"] {
        let refused = ask(|r| r.context.workflow = Some(name.into()));
        assert_eq!(
            refused,
            Err(invalid("context.workflow", "malformed")),
            "{name:?}"
        );
    }
}

#[test]
fn whom_the_arguments_name_may_decide() {
    let given = vec![requested(|r| r.on_behalf_of = Some("marie.curie".into()))];
    assert!(
        when(
            given,
            approve(decider(DUPONT, "jean.dupont", N2), 1, minute(1))
        )
        .is_ok()
    );
}

// ---- time -------------------------------------------------------------------------------------------

#[test]
fn after_its_time_a_request_is_decided_whatever_the_clerk_did() {
    let expired = Err(ApprovalError::AlreadyDecided {
        status: Status::Expired,
    });
    assert_eq!(when(pending(), approve(martin(), 1, minute(60))), expired);
    assert_eq!(when(pending(), postpone(1, minute(60))), expired);
    let late = minute(60);
    let reject = Reject {
        by: martin(),
        version: 1,
        reason: "non".into(),
        now: late,
    };
    assert_eq!(when(pending(), ApprovalCommand::Reject(reject)), expired);
    let cancel = Cancel {
        by: service(),
        level: None,
        reason: None,
        now: late,
    };
    assert_eq!(when(pending(), ApprovalCommand::Cancel(cancel)), expired);
    let glass = BreakGlass {
        by: admin(),
        version: 1,
        reason: LONG_REASON.into(),
        claim_window: CLAIM_WINDOW,
        now: late,
    };
    assert_eq!(when(pending(), ApprovalCommand::BreakGlass(glass)), expired);
    let last_moment = minute(60) - TimeDelta::milliseconds(1);
    assert!(when(pending(), approve(martin(), 1, last_moment)).is_ok());
}

#[test]
fn the_clerk_expires_what_is_due_and_nothing_else() {
    let expire = |now| ApprovalCommand::Expire { now };
    assert_eq!(
        when(pending(), expire(minute(60) - TimeDelta::milliseconds(1))),
        Ok(vec![])
    );
    assert_eq!(
        when(pending(), expire(minute(60))),
        Ok(vec![ApprovalEvent::Expired(ApprovalExpired {
            expired_at: minute(60),
            version: 2
        })])
    );
    // Also hours later, when the server was down; a vote does not save it.
    let voted = [pending_l4(), vec![vote(MARTIN)]].concat();
    assert_eq!(
        when(voted, expire(minute(600))),
        Ok(vec![ApprovalEvent::Expired(ApprovalExpired {
            expired_at: minute(600),
            version: 3
        })])
    );
    assert_eq!(when(vec![], expire(minute(60))), Ok(vec![]));
}

#[test]
fn the_clerk_lapses_what_nobody_claimed() {
    let lapse = |now| ApprovalCommand::Lapse { now };
    let lapsed = ApprovalEvent::Lapsed(ApprovalLapsed {
        lapsed_at: minute(16),
        version: 3,
    });
    assert_eq!(when(given(Status::Approved), lapse(minute(15))), Ok(vec![]));
    assert_eq!(
        when(given(Status::Approved), lapse(minute(16))),
        Ok(vec![lapsed])
    );
    assert_eq!(
        when(given(Status::Executing), lapse(minute(99))),
        Ok(vec![])
    );
    assert_eq!(when(pending(), lapse(minute(99))), Ok(vec![]));
    assert_eq!(when(vec![], lapse(minute(99))), Ok(vec![]));
}

// ---- postpone and cancel ------------------------------------------------------------------------------

#[test]
fn postponing_is_personal_and_moves_nothing() {
    let events = when(pending(), postpone(15, minute(5))).unwrap();
    assert_eq!(
        events,
        [ApprovalEvent::Postponed(ApprovalPostponed {
            by: user(MARTIN),
            until: minute(20),
            reason: None,
            postponed_at: minute(5),
            subject: SUBJECT.into(),
        })]
    );
    let postponed = [pending(), events].concat();
    assert_eq!(after(&postponed).version(), 1);
    assert!(when(postponed.clone(), approve(martin(), 1, minute(6))).is_ok());
    let expired = when(postponed, ApprovalCommand::Expire { now: minute(60) }).unwrap();
    assert_eq!(expired.len(), 1);
}

#[test]
fn one_wakes_before_the_expiry() {
    assert!(when(pending(), postpone(54, minute(5))).is_ok());
    for minutes in [55, 56, u32::MAX] {
        let refused = when(pending(), postpone(minutes, minute(5)));
        assert_eq!(
            refused,
            Err(invalid("minutes", "not_before_expiry")),
            "{minutes}"
        );
    }
    assert_eq!(
        when(pending(), postpone(0, minute(5))),
        Err(invalid("minutes", "out_of_range"))
    );
}

#[test]
fn the_requester_its_owner_and_admins_cancel() {
    for (by, level) in [
        (service(), None),
        (Actor::user(person(OWNER)), Some(N1)),
        (Actor::user(person(MARTIN)), Some(N3)),
        (Actor::user(person(MARTIN)), Some(N4)),
    ] {
        let events = when(pending(), cancel(by.clone(), level)).unwrap();
        assert_eq!(
            events,
            [ApprovalEvent::Cancelled(ApprovalCancelled {
                by: by.to_string(),
                reason: None,
                cancelled_at: minute(1),
                version: 2,
                subject: SUBJECT.into(),
            })]
        );
    }
    for (by, level) in [
        (Actor::service("sentinel"), None),
        (Actor::user(person(MARTIN)), Some(N2)),
        (Actor::user(person(MARTIN)), None),
    ] {
        assert_eq!(
            when(pending(), cancel(by, level)),
            Err(ApprovalError::NotRequester)
        );
    }
}

// ---- claim and execution --------------------------------------------------------------------------------

#[test]
fn the_requester_claims_the_grant_once() {
    let events = when(given(Status::Approved), claim(service(), hash(), minute(2))).unwrap();
    assert_eq!(events, [claimed()]);
    let executing = after(&given(Status::Executing));
    assert_eq!(executing.outcome()["grant_id"], json!(grant()));
    assert_eq!(
        executing.outcome()["execute_before"],
        "2026-01-15T09:17:00.000Z"
    );
    for status in [Status::Executing, Status::Executed, Status::ExecutionFailed] {
        let refused = when(given(status), claim(service(), hash(), minute(2)));
        assert_eq!(refused, Err(ApprovalError::GrantUsed), "{status}");
    }
}

#[test]
fn changed_arguments_get_no_grant() {
    let other = arguments_hash("ad_reset_password", &json!({"username": "marie.martin"})).unwrap();
    for hash in [other, hash().to_uppercase(), String::new()] {
        let refused = when(given(Status::Approved), claim(service(), hash, minute(2)));
        assert_eq!(refused, Err(ApprovalError::ArgumentsChanged));
    }
}

#[test]
fn a_grant_lapses_whatever_the_clerk_did() {
    let last_moment = minute(16) - TimeDelta::milliseconds(1);
    assert!(
        when(
            given(Status::Approved),
            claim(service(), hash(), last_moment)
        )
        .is_ok()
    );
    for status in [Status::Approved, Status::Lapsed] {
        let refused = when(given(status), claim(service(), hash(), minute(16)));
        assert_eq!(refused, Err(ApprovalError::GrantLapsed));
    }
}

#[test]
fn nobody_else_claims_or_reports() {
    for by in [
        Actor::service("sentinel"),
        Actor::user(person(OWNER)),
        Actor::user("support"),
    ] {
        let refused = when(
            given(Status::Approved),
            claim(by.clone(), hash(), minute(2)),
        );
        assert_eq!(refused, Err(ApprovalError::NotRequester));
        let report = record(by, grant(), ExecutionOutcome::Succeeded);
        assert_eq!(
            when(given(Status::Executing), report),
            Err(ApprovalError::NotRequester)
        );
    }
}

#[test]
fn the_outcome_comes_back() {
    let report = |outcome| record(service(), grant(), outcome);
    use ExecutionOutcome::*;
    assert_eq!(
        when(given(Status::Executing), report(Succeeded)),
        Ok(vec![executed()])
    );
    assert_eq!(
        when(given(Status::Executing), report(Failed)),
        Ok(vec![failed()])
    );
    // Saying the same again changes nothing; saying the contrary is refused.
    assert_eq!(when(given(Status::Executed), report(Succeeded)), Ok(vec![]));
    assert_eq!(
        when(given(Status::ExecutionFailed), report(Failed)),
        Ok(vec![])
    );
    let contradiction = Err(ApprovalError::OutcomeAlreadyRecorded);
    assert_eq!(when(given(Status::Executed), report(Failed)), contradiction);
    assert_eq!(
        when(given(Status::ExecutionFailed), report(Succeeded)),
        contradiction
    );
}

#[test]
fn another_grant_reports_nothing() {
    for status in [Status::Approved, Status::Executing, Status::Executed] {
        let report = record(service(), Uuid::from_u128(5), ExecutionOutcome::Succeeded);
        assert_eq!(
            when(given(status), report),
            Err(ApprovalError::WrongGrant),
            "{status}"
        );
    }
}

#[test]
fn what_ran_too_late_is_still_on_record() {
    let report = RecordExecution {
        by: service(),
        grant_id: grant(),
        outcome: ExecutionOutcome::Succeeded,
        detail: Some("fait".into()),
        now: minute(300),
    };
    let events = when(
        given(Status::Executing),
        ApprovalCommand::RecordExecution(report),
    )
    .unwrap();
    assert_eq!(events.len(), 1);
}

// ---- break-glass ------------------------------------------------------------------------------------------

#[test]
fn breaking_the_glass_approves_alone_and_says_so_first() {
    let events = when(pending_l4(), break_glass(admin(), 1, LONG_REASON)).unwrap();
    let [
        ApprovalEvent::GlassBroken(broken),
        ApprovalEvent::Approved(approved),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (broken.by.as_str(), broken.reason.as_str()),
        (user(9).as_str(), LONG_REASON)
    );
    assert_eq!((approved.version, approved.claim_before), (2, minute(16)));
    assert_eq!(
        after(&[pending_l4(), events].concat()).status(),
        Some(Status::Approved)
    );
}

#[test]
fn breaking_the_glass_needs_n4_and_a_reason_that_says_something() {
    for level in [N0, N1, N2, N3] {
        let refused = when(
            pending(),
            break_glass(decider(9, "admin", level), 1, LONG_REASON),
        );
        assert_eq!(refused, Err(ApprovalError::LevelTooLow { needed: N4 }));
    }
    for (reason, code) in [
        ("", "required"),
        ("  ", "required"),
        ("urgent", "too_short"),
    ] {
        let refused = when(pending(), break_glass(admin(), 1, reason));
        assert_eq!(refused, Err(invalid("reason", code)));
    }
}

// ---- personal data ------------------------------------------------------------------------------------------

#[test]
fn whatever_is_written_later_is_sealed_for_the_same_person() {
    let commands = [
        approve(martin(), 1, minute(1)),
        reject(martin(), 1, "non"),
        postpone(5, minute(1)),
        cancel(service(), None),
        break_glass(admin(), 1, LONG_REASON),
    ];
    let later = commands
        .into_iter()
        .flat_map(|command| when(pending(), command).unwrap());
    for event in pending().into_iter().chain(later) {
        for field in event.personal() {
            assert_eq!(field.subject, SUBJECT, "{}", event.type_name());
        }
    }
}

#[test]
fn nothing_is_written_any_more_about_an_erased_person() {
    let mut erased = ask(|_| {}).unwrap();
    erased.on_behalf_of = Some(ERASED.into());
    erased.arguments = json!(ERASED);
    let given = vec![ApprovalEvent::Requested(Box::new(erased))];
    let events = when(given, reject(martin(), 1, "jean.dupont est parti")).unwrap();
    let [ApprovalEvent::Rejected(rejected)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(rejected.reason, ERASED);
}

#[test]
fn an_answer_holds_nothing_personal() {
    for status in Status::ALL {
        let mut events = given(*status);
        // As the log does.
        events[0].set_number("APR-2026-0001".into());
        let outcome = after(&events).outcome();
        assert_eq!(outcome["reference"], "APR-2026-0001");
        assert_eq!(outcome["status"], status.as_str());
        assert_eq!(outcome["expires_at"], "2026-01-15T10:00:00.000Z");
        assert!(!outcome.to_string().contains("dupont"));
        assert_eq!(
            outcome.get("grant_id").is_some(),
            *status == Status::Executing
        );
    }
}

// ---- the whole table ----------------------------------------------------------------------------------------

#[test]
fn every_command_in_every_state() {
    use Status::*;
    let names = [
        "approve", "reject", "postpone", "cancel", "claim", "record", "glass", "expire", "lapse",
        "request",
    ];
    let commands = |version| {
        [
            approve(durand(), version, minute(2)),
            reject(durand(), version, "non"),
            ApprovalCommand::Postpone(Postpone {
                by: durand(),
                version,
                minutes: 5,
                reason: None,
                now: minute(2),
            }),
            cancel(service(), None),
            claim(service(), hash(), minute(2)),
            record(service(), grant(), ExecutionOutcome::Succeeded),
            break_glass(admin(), version, LONG_REASON),
            ApprovalCommand::Expire { now: minute(600) },
            ApprovalCommand::Lapse { now: minute(600) },
            ApprovalCommand::Request(Box::new(request())),
        ]
    };
    const D: &str = "approval_already_decided";
    const N: &str = "not_approved";
    // One row per state: what becomes of each command; "-" does nothing.
    let table: [(Option<Status>, [&str; 10]); 10] = [
        (
            None,
            [
                "not_found",
                "not_found",
                "not_found",
                "not_found",
                "not_found",
                "not_found",
                "not_found",
                "-",
                "-",
                "requested",
            ],
        ),
        (
            Some(Pending),
            [
                "approved",
                "rejected",
                "postponed",
                "cancelled",
                N,
                N,
                "glass_broken",
                "expired",
                "-",
                "conflict",
            ],
        ),
        (
            Some(Approved),
            [
                D,
                D,
                D,
                D,
                "execution_claimed",
                "wrong_grant",
                D,
                "-",
                "lapsed",
                "conflict",
            ],
        ),
        (Some(Rejected), [D, D, D, D, N, N, D, "-", "-", "conflict"]),
        (Some(Expired), [D, D, D, D, N, N, D, "-", "-", "conflict"]),
        (Some(Cancelled), [D, D, D, D, N, N, D, "-", "-", "conflict"]),
        (
            Some(Executing),
            [
                D,
                D,
                D,
                D,
                "grant_used",
                "executed",
                D,
                "-",
                "-",
                "conflict",
            ],
        ),
        (
            Some(Executed),
            [D, D, D, D, "grant_used", "-", D, "-", "-", "conflict"],
        ),
        (
            Some(ExecutionFailed),
            [
                D,
                D,
                D,
                D,
                "grant_used",
                "outcome_already_recorded",
                D,
                "-",
                "-",
                "conflict",
            ],
        ),
        (
            Some(Lapsed),
            [
                D,
                D,
                D,
                D,
                "grant_lapsed",
                "grant_lapsed",
                D,
                "-",
                "-",
                "conflict",
            ],
        ),
    ];
    for (status, expected) in table {
        let history = status.map_or_else(Vec::new, given);
        let version = after(&history).version();
        assert_eq!(after(&history).status(), status);
        for ((name, command), expected) in names.iter().zip(commands(version)).zip(expected) {
            let got = match when(history.clone(), command) {
                Ok(events) => events
                    .first()
                    .map_or("-", |event| event.type_name().rsplit('.').next().unwrap()),
                Err(error) => error.code(),
            };
            assert_eq!(got, expected, "{name} when {status:?}");
        }
    }
}

#[test]
fn versions_count_votes_and_ends_only() {
    let expected = |status| match status {
        Status::Pending => 1,
        Status::Lapsed => 3,
        _ => 2,
    };
    for status in Status::ALL {
        assert_eq!(
            after(&given(*status)).version(),
            expected(*status),
            "{status}"
        );
    }
}

#[test]
fn the_state_survives_serialisation() {
    let before = after(&given(Status::Executing));
    let again: Approval = serde_json::from_value(serde_json::to_value(&before).unwrap()).unwrap();
    assert_eq!(
        (again.status(), again.version(), again.grant_id()),
        (before.status(), before.version(), before.grant_id())
    );
}
