//! The persisted names and shapes are contracts: a changed golden schema fails, a new version passes.
//!
//! After a deliberate addition: `UPDATE_SCHEMAS=1 cargo test -p events`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeSet, fmt::Debug, fs, path::PathBuf};

use chrono::{DateTime, TimeZone, Utc};
use events::{ERASED, audit::*, clients::*, safeguard::*, users::*};
use kernel::{AccreditationLevel, ActionLevel, Claim, DeadlineChange, EventType};
use schemars::Schema;
use serde_json::{Value, json};
use uuid::Uuid;

fn at(minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, minute, 0).unwrap()
}

fn id() -> Uuid {
    Uuid::from_u128(0x0198_c1d2_aaaa_7bbb_8ccc_0000_0000_0001)
}

fn user() -> String {
    format!("user:{}", id())
}

fn subject() -> String {
    "person:jean.dupont".to_owned()
}

fn requested() -> ApprovalRequested {
    ApprovalRequested {
        approval_id: id(),
        reference: "APR-2026-0001".into(),
        tool_name: "ad_reset_password".into(),
        arguments: json!({"username": "jean.dupont"}),
        arguments_hash: "sha256:00".into(),
        security_level: ActionLevel::L3,
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
        requested_by: "service:support".into(),
        requester_owner: Some(user()),
        on_behalf_of: Some("WIDIP\\Jean.Dupont".into()),
        requested_at: at(0),
        expires_at: at(59),
        required_approvals: 1,
    }
}

fn approvals() -> Vec<ApprovalEvent> {
    let text = || Some("pour jean.dupont".to_owned());
    vec![
        ApprovalEvent::Requested(Box::new(requested())),
        ApprovalEvent::VoteRecorded(VoteRecorded {
            by: user(),
            comment: text(),
            voted_at: at(1),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Approved(ApprovalGranted {
            by: user(),
            comment: text(),
            approved_at: at(1),
            claim_before: at(16),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Rejected(ApprovalRejected {
            by: user(),
            reason: "non".into(),
            rejected_at: at(1),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Expired(ApprovalExpired {
            expired_at: at(59),
            version: 2,
        }),
        ApprovalEvent::Cancelled(ApprovalCancelled {
            by: "service:support".into(),
            reason: text(),
            cancelled_at: at(1),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Postponed(ApprovalPostponed {
            by: user(),
            until: at(20),
            reason: text(),
            postponed_at: at(1),
            subject: subject(),
        }),
        ApprovalEvent::GlassBroken(GlassBroken {
            by: user(),
            reason: "incident majeur".into(),
            broken_at: at(1),
            subject: subject(),
        }),
        ApprovalEvent::ExecutionClaimed(ExecutionClaimed {
            by: "service:support".into(),
            grant_id: id(),
            claimed_at: at(2),
            execute_before: at(17),
        }),
        ApprovalEvent::Executed(ActionExecuted {
            grant_id: id(),
            detail: text(),
            executed_at: at(3),
            subject: subject(),
        }),
        ApprovalEvent::ExecutionFailed(ExecutionFailed {
            grant_id: id(),
            detail: text(),
            failed_at: at(3),
            subject: subject(),
        }),
        ApprovalEvent::Lapsed(ApprovalLapsed {
            lapsed_at: at(16),
            version: 3,
        }),
    ]
}

fn tools() -> Vec<ToolEvent> {
    let description = ToolDescription {
        fr: "Lit".into(),
        en: "Reads".into(),
    };
    vec![
        ToolEvent::Registered(ToolRegistered {
            name: "ad_check_user".into(),
            level: ActionLevel::L1,
            description: description.clone(),
            schema_fingerprint: Some("sha256:00".into()),
            registered_at: at(0),
        }),
        ToolEvent::Reclassified(ToolReclassified {
            name: "ad_check_user".into(),
            level: ActionLevel::L2,
            description,
            schema_fingerprint: None,
            reclassified_at: at(1),
        }),
    ]
}

fn clients() -> Vec<ClientEvent> {
    vec![
        ClientEvent::Registered(ClientRegistered {
            client_id: "42".into(),
            name: "EHPAD Les Jardins".into(),
            critical: true,
            registered_at: at(0),
        }),
        ClientEvent::Renamed(ClientRenamed {
            client_id: "42".into(),
            name: "EHPAD du Parc".into(),
            renamed_at: at(1),
        }),
        ClientEvent::CriticalityChanged(CriticalityChanged {
            client_id: "42".into(),
            critical: false,
            changed_at: at(2),
        }),
    ]
}

fn users() -> Vec<UserEvent> {
    vec![
        UserEvent::Registered(UserRegistered {
            user_id: id(),
            username: "Jean.Dupont".into(),
            display_name: "Jean Dupont".into(),
            accreditation_level: AccreditationLevel::N2,
            role: Role::Tech,
            credential_id: Some(id()),
            must_change_password: true,
            registered_at: at(0),
        }),
        UserEvent::PasswordChanged(PasswordChanged {
            credential_id: id(),
            must_change_password: false,
            changed_at: at(1),
        }),
        UserEvent::LevelChanged(LevelChanged {
            from: AccreditationLevel::N2,
            to: AccreditationLevel::N3,
            changed_at: at(1),
        }),
        UserEvent::RoleChanged(RoleChanged {
            from: Role::Tech,
            to: Role::Admin,
            changed_at: at(1),
        }),
        UserEvent::Disabled(UserDisabled { disabled_at: at(2) }),
        UserEvent::Enabled(UserEnabled { enabled_at: at(3) }),
    ]
}

fn sessions() -> Vec<SessionEvent> {
    vec![
        SessionEvent::Opened(SessionOpened {
            user_id: id(),
            ip_address: Some("192.0.2.1".into()),
            user_agent: Some("Firefox".into()),
            opened_at: at(0),
            expires_at: at(30),
            ends_at: at(59),
        }),
        SessionEvent::Refreshed(SessionRefreshed {
            refreshed_at: at(20),
            expires_at: at(50),
        }),
        SessionEvent::Revoked(SessionRevoked {
            cause: RevocationCause::SignedOut,
            revoked_at: at(21),
        }),
    ]
}

fn service_accounts() -> Vec<ServiceAccountEvent> {
    vec![
        ServiceAccountEvent::Created(ServiceAccountCreated {
            name: "support".into(),
            owner_id: id(),
            scopes: vec![Scope::Intake, Scope::SafeguardRequest],
            credential_id: id(),
            created_at: at(0),
        }),
        ServiceAccountEvent::ScopesChanged(ScopesChanged {
            scopes: vec![Scope::Metrics],
            changed_at: at(1),
        }),
        ServiceAccountEvent::KeyRotated(KeyRotated {
            credential_id: id(),
            rotated_at: at(2),
        }),
        ServiceAccountEvent::Disabled(ServiceAccountDisabled { disabled_at: at(3) }),
    ]
}

fn refusals() -> Vec<RefusalEvent> {
    vec![RefusalEvent::Recorded(RefusalRecorded {
        action: "approve_request".into(),
        code: "own_request".into(),
        target_type: Some("safeguard.approval".into()),
        target_id: Some(id().to_string()),
        refused_at: at(0),
    })]
}

fn sensitive_reads() -> Vec<SensitiveReadEvent> {
    vec![SensitiveReadEvent::Recorded(SensitiveReadRecorded {
        action: "export_audit".into(),
        target_type: "audit".into(),
        target_id: None,
        read_at: at(0),
    })]
}

fn sign_in_failures() -> Vec<SignInFailuresEvent> {
    vec![SignInFailuresEvent::Counted(SignInFailuresCounted {
        ip_address: "192.0.2.1".into(),
        window_started_at: at(0),
        failures: 5,
        is_limited: true,
    })]
}

/// Everything that is asked of every event of an aggregate.
fn check<E>(type_names: &[&str], schemas: Vec<(&'static str, Schema)>, samples: Vec<E>)
where
    E: EventType + PartialEq + Debug + cqrs_es::DomainEvent,
{
    let sampled: BTreeSet<_> = samples.iter().map(EventType::type_name).collect();
    assert_eq!(
        sampled,
        type_names.iter().copied().collect(),
        "one sample per event"
    );
    for event in &samples {
        let name = event.type_name();
        let tagged = serde_json::to_value(event).unwrap();
        assert_eq!(
            tagged["type"], name,
            "the serialised tag is the type's name"
        );
        assert_eq!(cqrs_es::DomainEvent::event_type(event), name);
        assert_eq!(
            name.split('.').count(),
            3,
            "{name} is <context>.<aggregate>.<event>"
        );
        let data = event.encode().unwrap();
        assert!(data.is_object(), "the data of {name} is an object");
        let again = E::decode(name, &data).unwrap();
        assert_eq!(
            again.encode().unwrap(),
            data,
            "{name} reads back as it was written"
        );

        let (_, schema) = schemas
            .iter()
            .find(|(literal, _)| *literal == name)
            .unwrap();
        check_personal(event, &data, schema.as_value());
        check_golden(name, event.schema_version(), schema.as_value());
    }
}

/// Personal pointers lead to values, which may be replaced by the text of an erased one, and which
/// the schema shows as sealed; nothing else is shown as sealed.
fn check_personal<E: EventType>(event: &E, data: &Value, schema: &Value) {
    let name = event.type_name();
    let mut erased = data.clone();
    for field in event.personal() {
        let place = erased.pointer_mut(field.pointer);
        *place.unwrap_or_else(|| panic!("{name}: {} leads nowhere", field.pointer)) = json!(ERASED);
        assert!(
            !field.subject.is_empty() && !field.subject.ends_with(':'),
            "{name}"
        );
        let of_field = property(schema, field.pointer);
        assert!(
            of_field["anyOf"][0]["properties"]["sealed"].is_object(),
            "{name}: {}",
            field.pointer
        );
    }
    E::decode(name, &erased).unwrap_or_else(|error| panic!("{name}, erased: {error}"));
    let text = schema.to_string();
    assert_eq!(
        text.matches(r#""sealed":{"#).count(),
        event.personal().len(),
        "{name}: the schema and `personal` name the same fields"
    );
}

fn property<'a>(schema: &'a Value, pointer: &str) -> &'a Value {
    let mut at = schema;
    for key in pointer.trim_start_matches('/').split('/') {
        if let Some(reference) = at["$ref"].as_str() {
            at = schema.pointer(reference.trim_start_matches('#')).unwrap();
        }
        at = &at["properties"][key];
    }
    at
}

fn check_golden(name: &str, version: u32, schema: &Value) {
    let (context, event) = name.split_once('.').unwrap();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(context)
        .join(format!("{event}.v{version}.json"));
    let mut schema = schema.clone();
    schema["title"] = json!(name);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
    }
    let golden = fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("{} is missing; run with UPDATE_SCHEMAS=1", path.display()));
    let golden: Value = serde_json::from_str(&golden).unwrap();
    assert_eq!(
        golden, schema,
        "{name} v{version} changed shape: make a new version of it"
    );
}

#[test]
fn names_shapes_and_personal_fields_hold() {
    check(
        ApprovalEvent::TYPE_NAMES,
        ApprovalEvent::schemas(),
        approvals(),
    );
    check(ToolEvent::TYPE_NAMES, ToolEvent::schemas(), tools());
    check(ClientEvent::TYPE_NAMES, ClientEvent::schemas(), clients());
    check(UserEvent::TYPE_NAMES, UserEvent::schemas(), users());
    check(
        SessionEvent::TYPE_NAMES,
        SessionEvent::schemas(),
        sessions(),
    );
    check(
        ServiceAccountEvent::TYPE_NAMES,
        ServiceAccountEvent::schemas(),
        service_accounts(),
    );
    check(
        RefusalEvent::TYPE_NAMES,
        RefusalEvent::schemas(),
        refusals(),
    );
    check(
        SensitiveReadEvent::TYPE_NAMES,
        SensitiveReadEvent::schemas(),
        sensitive_reads(),
    );
    check(
        SignInFailuresEvent::TYPE_NAMES,
        SignInFailuresEvent::schemas(),
        sign_in_failures(),
    );
}

#[test]
fn every_golden_schema_is_of_an_event() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema");
    let known: BTreeSet<&str> = [
        ApprovalEvent::TYPE_NAMES,
        ToolEvent::TYPE_NAMES,
        ClientEvent::TYPE_NAMES,
        UserEvent::TYPE_NAMES,
        SessionEvent::TYPE_NAMES,
        ServiceAccountEvent::TYPE_NAMES,
        RefusalEvent::TYPE_NAMES,
        SensitiveReadEvent::TYPE_NAMES,
        SignInFailuresEvent::TYPE_NAMES,
    ]
    .into_iter()
    .flatten()
    .copied()
    .collect();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        return;
    }
    for context in fs::read_dir(root).unwrap().map(Result::unwrap) {
        for file in fs::read_dir(context.path()).unwrap().map(Result::unwrap) {
            let file = file.file_name().into_string().unwrap();
            let event = file.rsplitn(3, '.').nth(2).unwrap();
            let name = format!("{}.{event}", context.file_name().into_string().unwrap());
            assert!(
                known.contains(name.as_str()),
                "{name} vanished: a persisted name is for ever"
            );
        }
    }
}

#[test]
fn no_name_in_clear_outside_personal_fields() {
    for event in approvals() {
        let mut data = event.encode().unwrap();
        for field in event.personal() {
            assert_eq!(field.subject, "person:jean.dupont", "{}", event.type_name());
            *data.pointer_mut(field.pointer).unwrap() = Value::Null;
        }
        let text = data.to_string().to_lowercase();
        for name in ["dupont", "ehpad"] {
            assert!(
                !text.contains(name),
                "{} tells a name: {text}",
                event.type_name()
            );
        }
    }
}

#[test]
fn the_subject_is_the_person_then_the_client_then_the_approval() {
    let of = |on_behalf_of, arguments, client_id| {
        approval_subject("0198", on_behalf_of, &arguments, client_id)
    };
    let named = json!({"username": "WIDIP\\Marie.Martin"});
    assert_eq!(
        of(Some(" Jean.Dupont@widip.fr"), named.clone(), Some("42")).unwrap(),
        "person:jean.dupont"
    );
    assert_eq!(
        of(Some("  "), named.clone(), Some("42")).unwrap(),
        "person:marie.martin"
    );
    assert_eq!(of(None, named, Some("42")).unwrap(), "person:marie.martin");
    assert_eq!(
        of(None, json!({"username": 7}), Some("42")).unwrap(),
        "client:42"
    );
    assert_eq!(of(None, json!([]), None).unwrap(), "approval:0198");
    assert_eq!(of(Some(ERASED), json!(ERASED), Some("42")), None);
    assert_eq!(of(None, json!(ERASED), Some("42")), None);
}

#[test]
fn the_subject_is_never_stored() {
    for event in approvals() {
        let data = event.encode().unwrap();
        assert!(data.get("subject").is_none(), "{}", event.type_name());
    }
}

#[test]
fn requests_are_numbered_by_year() {
    let series: Vec<_> = approvals().iter().map(EventType::series).collect();
    let first = series[0].as_ref().unwrap();
    assert_eq!(
        (first.name.as_str(), first.field),
        ("APR-2026", "reference")
    );
    assert!(series[1..].iter().all(Option::is_none));
    let mut request = approvals().remove(0);
    request.set_number("APR-2026-0042".into());
    let data = request.encode().unwrap();
    assert_eq!(data[first.field], "APR-2026-0042");
}

#[test]
fn names_are_claimed() {
    assert_eq!(
        users()[0].claims(),
        [Claim::Take {
            scope: "username",
            key: "jean.dupont".into()
        }]
    );
    // All spellings of a tool are one name.
    for mut event in tools() {
        let (ToolEvent::Registered(ToolRegistered { name, .. })
        | ToolEvent::Reclassified(ToolReclassified { name, .. })) = &mut event;
        *name = "AD_delete-Account".into();
        assert_eq!(
            event.claims(),
            [Claim::Take {
                scope: "tool_name",
                key: "ad_delete_account".into()
            }]
        );
    }
}

#[test]
fn deadlines_follow_the_life_of_an_approval() {
    let clear = |kind| vec![DeadlineChange::Clear { kind }];
    for event in approvals() {
        let expected = match event.type_name().rsplit('.').next().unwrap() {
            "requested" => vec![DeadlineChange::Set {
                kind: "expiry",
                due_at: at(59),
            }],
            "approved" => vec![
                DeadlineChange::Clear { kind: "expiry" },
                DeadlineChange::Set {
                    kind: "lapse",
                    due_at: at(16),
                },
            ],
            "rejected" | "expired" | "cancelled" => clear("expiry"),
            "execution_claimed" | "lapsed" => clear("lapse"),
            _ => Vec::new(),
        };
        assert_eq!(event.deadlines(), expected, "{}", event.type_name());
    }
}

#[test]
fn times_have_milliseconds() {
    let data = approvals()[0].encode().unwrap();
    assert_eq!(data["requested_at"], "2026-01-15T09:00:00.000Z");
}
