//! The rules of the registries, of people, sessions, service accounts and of the record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use cqrs_es::{Aggregate, test::TestFramework};
use domain::{FieldError, Refusal, audit::*, clients::*, safeguard::*, users::*};
use events::{audit::*, clients::*, safeguard::*, users::*};
use kernel::{
    AccreditationLevel::{self, *},
    ActionLevel, Actor, LogAggregate,
};
use uuid::Uuid;

fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn when<A>(given: &[A::Event], command: A::Command) -> Result<Vec<A::Event>, A::Error>
where
    A: Aggregate<Services = ()>,
{
    TestFramework::<A>::with(())
        .given(given.to_vec())
        .when(command)
        .inspect_result()
}

fn after<A: Aggregate>(events: &[A::Event]) -> A {
    let mut aggregate = A::default();
    for event in events {
        aggregate.apply(event.clone());
    }
    aggregate
}

fn field(name: &str, code: &str) -> Vec<FieldError> {
    vec![FieldError::new(name, code)]
}

// ---- tools ------------------------------------------------------------------------------------------

fn entry(level: ActionLevel, fingerprint: Option<&str>) -> ToolEntry {
    ToolEntry {
        name: "ad_reset_password".into(),
        level,
        description: ToolDescription {
            fr: "Réinitialise".into(),
            en: "Resets".into(),
        },
        schema_fingerprint: fingerprint.map(Into::into),
    }
}

fn put(entry: ToolEntry, version: Option<u64>) -> ToolCommand {
    ToolCommand::Put {
        entry,
        version,
        now: minute(1),
    }
}

#[test]
fn tools_are_registered_then_reclassified() {
    let registered = when::<Tool>(&[], put(entry(ActionLevel::L3, None), None)).unwrap();
    assert!(matches!(&registered[..], [ToolEvent::Registered(_)]));
    assert_eq!(
        when::<Tool>(&registered, put(entry(ActionLevel::L3, None), None)),
        Ok(vec![])
    );
    let changed = when::<Tool>(&registered, put(entry(ActionLevel::L4, None), Some(1))).unwrap();
    let [ToolEvent::Reclassified(event)] = &changed[..] else {
        panic!("{changed:?}")
    };
    assert_eq!(event.level, ActionLevel::L4);
    let tool = after::<Tool>(&[registered.clone(), changed].concat());
    assert_eq!(tool.version(), 2);
    assert_eq!(
        when::<Tool>(&registered, put(entry(ActionLevel::L4, None), Some(7))),
        Err(ToolError::StaleVersion { current: 1 })
    );
}

#[test]
fn seeding_never_undoes_a_decision() {
    let seeded = |given: &[ToolEvent]| {
        let entry = entry(ActionLevel::L3, None);
        when::<Tool>(
            given,
            ToolCommand::Seed {
                entry,
                now: minute(0),
            },
        )
        .unwrap()
    };
    let first = seeded(&[]);
    assert_eq!(first.len(), 1);
    let lowered = when::<Tool>(&first, put(entry(ActionLevel::L2, None), None)).unwrap();
    assert_eq!(seeded(&[first, lowered].concat()), []);
}

#[test]
fn a_tool_that_is_unknown_or_changed_is_l3_at_least() {
    use ActionLevel::*;
    assert_eq!(Tool::default().effective_level(None), L3);
    assert_eq!(Tool::default().effective_level(Some("a")), L3);
    for (level, registered, shown, expected) in [
        (L1, Some("a"), Some("a"), L1),
        (L1, Some("a"), Some("b"), L3),
        (L4, Some("a"), Some("b"), L4),
        (L1, Some("a"), None, L1),
        (L1, None, Some("b"), L1),
    ] {
        let given = when::<Tool>(&[], put(entry(level, registered), None)).unwrap();
        assert_eq!(after::<Tool>(&given).effective_level(shown), expected);
    }
}

#[test]
fn a_tool_needs_a_name_and_both_descriptions() {
    let bad = ToolEntry {
        name: "a b".into(),
        description: ToolDescription {
            fr: " ".into(),
            en: "x".into(),
        },
        ..entry(ActionLevel::L1, None)
    };
    let error = when::<Tool>(&[], put(bad, None)).unwrap_err();
    assert_eq!(
        error.fields(),
        [
            FieldError::new("name", "malformed"),
            FieldError::new("description.fr", "required")
        ]
    );
}

#[test]
fn the_seed_is_sound() {
    let seed = seed();
    for entry in &seed {
        let command = ToolCommand::Seed {
            entry: entry.clone(),
            now: minute(0),
        };
        assert_eq!(
            when::<Tool>(&[], command).unwrap().len(),
            1,
            "{}",
            entry.name
        );
        assert_eq!(
            seed.iter().filter(|other| other.name == entry.name).count(),
            1
        );
    }
    let level = |name: &str| seed.iter().find(|entry| entry.name == name).unwrap().level;
    assert_eq!(level("observium_get_device_status"), ActionLevel::L1);
    assert_eq!(level("ad_unlock_account"), ActionLevel::L2);
    assert_eq!(level("ad_reset_password"), ActionLevel::L3);
    assert_eq!(level("ad_delete_account"), ActionLevel::L4);
}

// ---- clients ----------------------------------------------------------------------------------------

fn client(name: &str, critical: bool) -> ClientEntry {
    ClientEntry {
        client_id: "42".into(),
        name: name.into(),
        critical,
    }
}

#[test]
fn clients_are_registered_renamed_and_flagged() {
    let set = |entry, version| ClientCommand::Put {
        entry,
        version,
        now: minute(1),
    };
    let register = |entry| ClientCommand::Register {
        entry,
        now: minute(0),
    };
    let given = when::<Client>(&[], register(client("EHPAD Les Jardins", false))).unwrap();
    assert!(matches!(&given[..], [ClientEvent::Registered(_)]));
    assert_eq!(
        when::<Client>(&given, register(client("Autre", false))),
        Err(ClientError::AlreadyRegistered)
    );
    assert_eq!(
        when::<Client>(&given, set(client("EHPAD Les Jardins", false), Some(1))),
        Ok(vec![])
    );
    let changed = when::<Client>(&given, set(client("EHPAD du Parc", true), None)).unwrap();
    assert!(matches!(
        &changed[..],
        [ClientEvent::CriticalityChanged(_), ClientEvent::Renamed(_)]
    ));
    let both = after::<Client>(&[given.clone(), changed].concat());
    assert_eq!(both.registered(), Some(("EHPAD du Parc", true)));
    assert_eq!(both.version(), 3);
    assert_eq!(
        when::<Client>(&given, set(client("X", true), Some(9))),
        Err(ClientError::StaleVersion { current: 1 })
    );
    assert_eq!(
        when::<Client>(&[], set(client("X", true), None))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(Client::default().registered(), None);
}

#[test]
fn a_client_has_an_id_and_a_name() {
    let entry = ClientEntry {
        client_id: " ".into(),
        name: "n".repeat(201),
        critical: false,
    };
    let error = when::<Client>(
        &[],
        ClientCommand::Register {
            entry,
            now: minute(0),
        },
    )
    .unwrap_err();
    assert_eq!(
        error.fields(),
        [
            FieldError::new("id", "required"),
            FieldError::new("name", "too_long")
        ]
    );
}

// ---- people -----------------------------------------------------------------------------------------

fn registration(username: &str, level: AccreditationLevel) -> UserCommand {
    UserCommand::Register(RegisterUser {
        user_id: Uuid::from_u128(1),
        username: username.into(),
        display_name: "Jean Dupont".into(),
        accreditation_level: level,
        role: Role::Tech,
        credential_id: Some(Uuid::from_u128(10)),
        must_change_password: true,
        now: minute(0),
    })
}

fn user(level: AccreditationLevel) -> Vec<UserEvent> {
    when::<User>(&[], registration("jean.dupont", level)).unwrap()
}

fn other() -> Actor {
    Actor::user(Uuid::from_u128(2))
}

fn oneself() -> Actor {
    Actor::user(Uuid::from_u128(1))
}

fn change_level(by: Actor, level: AccreditationLevel, is_last_n4: bool) -> UserCommand {
    UserCommand::ChangeLevel {
        by,
        level,
        is_last_n4,
        now: minute(1),
    }
}

fn disable(by: Actor, is_last_n4: bool) -> UserCommand {
    UserCommand::Disable {
        by,
        is_last_n4,
        now: minute(1),
    }
}

#[test]
fn a_person_is_registered_once() {
    let given = user(N2);
    let user = after::<User>(&given);
    assert_eq!(
        (user.username(), user.level()),
        (Some("jean.dupont"), Some(N2))
    );
    assert!(user.is_enabled() && user.must_change_password());
    assert_eq!(
        when::<User>(&given, registration("x.y", N1)),
        Err(UserError::AlreadyRegistered)
    );
    for bad in [
        "a",
        "jean dupont",
        "WIDIP\\jean",
        "jean@widip.fr",
        "jéan",
        &"x".repeat(65),
    ] {
        let refused = when::<User>(&[], registration(bad, N1));
        assert_eq!(
            refused,
            Err(UserError::Invalid(field("username", "malformed"))),
            "{bad}"
        );
    }
    assert_eq!(
        when::<User>(&[], registration(" ", N1)),
        Err(UserError::Invalid(field("username", "required")))
    );
}

#[test]
fn a_password_is_a_credentials_id() {
    let change = || UserCommand::ChangePassword {
        credential_id: Uuid::from_u128(11),
        must_change_password: false,
        now: minute(1),
    };
    let events = when::<User>(&user(N2), change()).unwrap();
    let changed = after::<User>(&[user(N2), events].concat());
    assert_eq!(changed.credential_id(), Some(Uuid::from_u128(11)));
    assert!(!changed.must_change_password());
    let disabled = UserEvent::Disabled(UserDisabled {
        disabled_at: minute(1),
    });
    let given = [user(N2), vec![disabled]].concat();
    assert_eq!(when::<User>(&given, change()), Err(UserError::Disabled));
}

#[test]
fn nobody_disables_or_demotes_himself() {
    assert_eq!(
        when::<User>(&user(N4), disable(oneself(), false)),
        Err(UserError::OwnAccount)
    );
    assert_eq!(
        when::<User>(&user(N4), change_level(oneself(), N3, false)),
        Err(UserError::OwnAccount)
    );
    assert_eq!(
        when::<User>(&user(N4), change_level(oneself(), N4, true)),
        Ok(vec![])
    );
}

#[test]
fn the_last_super_admin_remains() {
    assert_eq!(
        when::<User>(&user(N4), disable(other(), true)),
        Err(UserError::LastSuperAdmin)
    );
    assert_eq!(
        when::<User>(&user(N4), change_level(other(), N0, true)),
        Err(UserError::LastSuperAdmin)
    );
    assert_eq!(
        when::<User>(&user(N4), disable(other(), false))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        when::<User>(&user(N3), disable(other(), true))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        when::<User>(&user(N3), change_level(other(), N4, true))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn disabling_and_enabling_are_idempotent() {
    let disabled = [
        user(N2),
        when::<User>(&user(N2), disable(other(), false)).unwrap(),
    ]
    .concat();
    assert!(!after::<User>(&disabled).is_enabled());
    assert_eq!(when::<User>(&disabled, disable(other(), false)), Ok(vec![]));
    let enable = || UserCommand::Enable { now: minute(2) };
    assert_eq!(when::<User>(&user(N2), enable()), Ok(vec![]));
    let enabled = [disabled.clone(), when::<User>(&disabled, enable()).unwrap()].concat();
    assert!(after::<User>(&enabled).is_enabled());
}

#[test]
fn roles_change() {
    let change = |role| UserCommand::ChangeRole {
        role,
        now: minute(1),
    };
    assert_eq!(when::<User>(&user(N2), change(Role::Tech)), Ok(vec![]));
    let events = when::<User>(&user(N2), change(Role::Auditor)).unwrap();
    assert_eq!(
        after::<User>(&[user(N2), events].concat()).role(),
        Some(Role::Auditor)
    );
}

#[test]
fn nothing_happens_to_a_person_nobody_registered() {
    for command in [
        disable(other(), false),
        change_level(other(), N4, false),
        UserCommand::Enable { now: minute(0) },
        UserCommand::ChangeRole {
            role: Role::Admin,
            now: minute(0),
        },
    ] {
        assert_eq!(when::<User>(&[], command), Err(UserError::NotFound));
    }
}

// ---- sessions ---------------------------------------------------------------------------------------

fn open() -> SessionCommand {
    SessionCommand::Open {
        user_id: Uuid::from_u128(1),
        ip_address: Some("192.0.2.1".into()),
        user_agent: Some("x".repeat(1_000)),
        token_lifetime: TOKEN_LIFETIME,
        now: minute(0),
    }
}

fn refresh(at: i64) -> SessionCommand {
    SessionCommand::Refresh {
        token_lifetime: TOKEN_LIFETIME,
        now: minute(at),
    }
}

fn revoke() -> SessionCommand {
    SessionCommand::Revoke {
        cause: RevocationCause::SignedOut,
        now: minute(5),
    }
}

#[test]
fn tokens_end_with_the_session_at_the_latest() {
    let given = when::<Session>(&[], open()).unwrap();
    let [SessionEvent::Opened(opened)] = &given[..] else {
        panic!("{given:?}")
    };
    assert_eq!(
        (opened.expires_at, opened.ends_at),
        (minute(480), minute(720))
    );
    assert_eq!(opened.user_agent.as_ref().unwrap().len(), 300);
    let early = when::<Session>(&given, refresh(60)).unwrap();
    assert_eq!(
        after::<Session>(&[given.clone(), early].concat()).expires_at(),
        Some(minute(540))
    );
    let late = when::<Session>(&given, refresh(470)).unwrap();
    let refreshed = [given.clone(), late].concat();
    let session = after::<Session>(&refreshed);
    assert_eq!(session.expires_at(), Some(minute(720)));
    assert!(session.is_open(minute(719)) && !session.is_open(minute(720)));
    assert_eq!(
        when::<Session>(&refreshed, refresh(720)),
        Err(SessionError::Ended)
    );
    assert_eq!(
        when::<Session>(&given, refresh(480)),
        Err(SessionError::Ended)
    );
    assert_eq!(
        when::<Session>(&given, open()),
        Err(SessionError::AlreadyOpen)
    );
}

#[test]
fn a_revoked_session_stays_revoked() {
    let given = when::<Session>(&[], open()).unwrap();
    let revoked = [given.clone(), when::<Session>(&given, revoke()).unwrap()].concat();
    assert!(!after::<Session>(&revoked).is_open(minute(6)));
    assert_eq!(when::<Session>(&revoked, revoke()), Ok(vec![]));
    assert_eq!(
        when::<Session>(&revoked, refresh(6)),
        Err(SessionError::Ended)
    );
    assert_eq!(when::<Session>(&[], revoke()), Err(SessionError::NotFound));
    assert_eq!(
        when::<Session>(&[], refresh(1)),
        Err(SessionError::NotFound)
    );
}

// ---- service accounts ---------------------------------------------------------------------------------

fn create(name: &str, scopes: Vec<Scope>) -> ServiceAccountCommand {
    ServiceAccountCommand::Create {
        name: name.into(),
        owner_id: Uuid::from_u128(1),
        scopes,
        credential_id: Uuid::from_u128(10),
        now: minute(0),
    }
}

fn account() -> Vec<ServiceAccountEvent> {
    when::<ServiceAccount>(&[], create("support", vec![Scope::Intake])).unwrap()
}

#[test]
fn a_service_account_may_what_its_scopes_say() {
    let account = after::<ServiceAccount>(&account());
    assert!(account.may(Scope::Intake) && !account.may(Scope::SafeguardRequest));
    assert_eq!(account.owner_id(), Some(Uuid::from_u128(1)));
    assert!(!ServiceAccount::default().may(Scope::Intake));
}

#[test]
fn a_service_accounts_name_fits_a_subject() {
    let invalid = |field, code| {
        Err(ServiceAccountError::Invalid(vec![FieldError::new(
            field, code,
        )]))
    };
    for bad in [
        "",
        "a",
        "Support",
        "a.b",
        "a_b",
        "a*",
        "a>",
        &"x".repeat(33),
        "é-",
    ] {
        let refused = when::<ServiceAccount>(&[], create(bad, vec![Scope::Intake]));
        assert_eq!(refused, invalid("name", "malformed"), "{bad}");
    }
    for reserved in ["observium", "platform", "readers", "system"] {
        let refused = when::<ServiceAccount>(&[], create(reserved, vec![Scope::Intake]));
        assert_eq!(refused, invalid("name", "reserved"), "{reserved}");
    }
    let refused = when::<ServiceAccount>(&[], create("support", vec![]));
    assert_eq!(refused, invalid("scopes", "required"));
    let refused = when::<ServiceAccount>(&account(), create("support", vec![Scope::Intake]));
    assert_eq!(refused, Err(ServiceAccountError::NameTaken));
}

#[test]
fn an_account_whose_name_is_reserved_by_now_goes_on() {
    let given = vec![ServiceAccountEvent::Created(ServiceAccountCreated {
        name: "observium".into(),
        owner_id: Uuid::from_u128(1),
        scopes: vec![Scope::Intake],
        credential_id: Uuid::from_u128(10),
        created_at: minute(0),
    })];
    let rotate = ServiceAccountCommand::RotateKey {
        credential_id: Uuid::from_u128(11),
        now: minute(1),
    };
    assert_eq!(
        when::<ServiceAccount>(&given, rotate).map(|it| it.len()),
        Ok(1)
    );
    assert!(after::<ServiceAccount>(&given).may(Scope::Intake));
}

#[test]
fn keys_and_scopes_change_until_it_is_disabled() {
    let rotate = || ServiceAccountCommand::RotateKey {
        credential_id: Uuid::from_u128(11),
        now: minute(1),
    };
    let scopes = |scopes| ServiceAccountCommand::ChangeScopes {
        scopes,
        now: minute(1),
    };
    let disable = || ServiceAccountCommand::Disable { now: minute(2) };
    let mut given = account();
    given.extend(when::<ServiceAccount>(&given, rotate()).unwrap());
    assert_eq!(
        after::<ServiceAccount>(&given).credential_id(),
        Some(Uuid::from_u128(11))
    );
    assert_eq!(
        when::<ServiceAccount>(&given, scopes(vec![Scope::Intake; 2])),
        Ok(vec![])
    );
    let wider = vec![Scope::Metrics, Scope::Intake];
    given.extend(when::<ServiceAccount>(&given, scopes(wider)).unwrap());
    assert_eq!(
        after::<ServiceAccount>(&given).scopes(),
        [Scope::Intake, Scope::Metrics]
    );
    given.extend(when::<ServiceAccount>(&given, disable()).unwrap());
    assert!(!after::<ServiceAccount>(&given).may(Scope::Intake));
    assert_eq!(when::<ServiceAccount>(&given, disable()), Ok(vec![]));
    assert_eq!(
        when::<ServiceAccount>(&given, rotate()),
        Err(ServiceAccountError::Disabled)
    );
    let refused = when::<ServiceAccount>(&given, scopes(vec![Scope::Metrics]));
    assert_eq!(refused, Err(ServiceAccountError::Disabled));
    assert_eq!(
        when::<ServiceAccount>(&[], rotate()),
        Err(ServiceAccountError::NotFound)
    );
}

// ---- the record -----------------------------------------------------------------------------------------

#[test]
fn a_refusal_is_recorded_once() {
    let refusal = || RefusalRecorded {
        action: "approve_request".into(),
        code: "own_request".into(),
        target_type: None,
        target_id: None,
        refused_at: minute(0),
    };
    let given = when::<RecordedRefusal>(&[], refusal()).unwrap();
    assert_eq!(given, [RefusalEvent::Recorded(refusal())]);
    assert_eq!(when::<RecordedRefusal>(&given, refusal()), Ok(vec![]));
    assert_eq!(after::<RecordedRefusal>(&given).version(), 1);
}

#[test]
fn a_sensitive_read_is_recorded_once() {
    let read = || SensitiveReadRecorded {
        action: "export_audit".into(),
        target_type: "audit".into(),
        target_id: None,
        read_at: minute(0),
    };
    let given = when::<RecordedRead>(&[], read()).unwrap();
    assert_eq!(given.len(), 1);
    assert_eq!(when::<RecordedRead>(&given, read()), Ok(vec![]));
}

#[test]
fn failed_sign_ins_are_counted_not_listed() {
    let count = |failures, is_limited| SignInFailuresCounted {
        ip_address: "192.0.2.1".into(),
        window_started_at: minute(0),
        failures,
        is_limited,
    };
    let given = when::<SignInFailures>(&[], count(1, false)).unwrap();
    assert_eq!(given.len(), 1);
    assert_eq!(when::<SignInFailures>(&given, count(1, false)), Ok(vec![]));
    let more = [
        given.clone(),
        when::<SignInFailures>(&given, count(5, false)).unwrap(),
    ]
    .concat();
    assert_eq!(after::<SignInFailures>(&more).failures(), 5);
    assert_eq!(when::<SignInFailures>(&more, count(3, false)), Ok(vec![]));
    assert_eq!(
        when::<SignInFailures>(&more, count(5, true)).unwrap().len(),
        1
    );
    assert_ne!(
        SignInFailures::id("fingerprint 1"),
        SignInFailures::id("fingerprint 2")
    );
}
