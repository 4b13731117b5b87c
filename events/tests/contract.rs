//! What is asked of every event: names, personal fields, claims, numbers, deadlines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod samples;

use std::{collections::BTreeSet, fmt::Debug};

use events::{
    ERASED, audit::*, clients::*, knowledge::*, operations::*, safeguard::*, sentinel::*,
    support::*, users::*, workflow::*,
};
use kernel::{Claim, DeadlineChange, EventType};
use samples::*;
use schemars::Schema;
use serde_json::{Value, json};

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
        let again = E::decode(name, event.schema_version(), &data).unwrap();
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
        let whose = field.subject.split(':').next().unwrap();
        assert!(
            of_field["x-subject"]
                .as_array()
                .unwrap()
                .contains(&json!(whose)),
            "{name}: {} may be of a {whose}",
            field.pointer
        );
    }
    E::decode(name, event.schema_version(), &erased)
        .unwrap_or_else(|error| panic!("{name}, erased: {error}"));
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

#[test]
fn names_shapes_and_personal_fields_hold() {
    macro_rules! check_all {
        ($($event:ident: $samples:expr),+ $(,)?) => {
            $(check($event::TYPE_NAMES, $event::schemas(), $samples);)+
        };
    }
    check_all!(
        ApprovalEvent: approvals(),
        ToolEvent: tools(),
        ClientEvent: clients(),
        UserEvent: users(),
        SessionEvent: sessions(),
        ServiceAccountEvent: service_accounts(),
        RefusalEvent: refusals(),
        SensitiveReadEvent: sensitive_reads(),
        SignInFailuresEvent: sign_in_failures(),
        ProjectionEvent: projections(),
        RejectedFactEvent: rejected_facts(),
        BackupEvent: backups(),
        AlertEvent: alerts(),
        MaintenanceEvent: maintenances(),
        TicketEvent: tickets(),
        EnrichmentEvent: enrichments(),
        WorkflowErrorEvent: workflow_errors(),
        ComponentEvent: components(),
    );
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

#[test]
fn no_name_in_clear_in_what_workflows_tell() {
    fn hidden<E: EventType>(events: Vec<E>) {
        for event in events {
            let mut data = event.encode().unwrap();
            for field in event.personal() {
                *data.pointer_mut(field.pointer).unwrap() = Value::Null;
            }
            let text = data.to_string().to_lowercase();
            for name in ["dupont", "ehpad"] {
                assert!(!text.contains(name), "{}: {text}", event.type_name());
            }
        }
    }
    hidden(alerts());
    hidden(maintenances());
    hidden(tickets());
    hidden(workflow_errors());
    hidden(components());
    hidden(rejected_facts());
    hidden(backups());
}

#[test]
fn a_maintenance_window_begins_and_ends_by_itself() {
    let due: Vec<_> = maintenances().iter().map(EventType::deadlines).collect();
    let set = |kind, minute| DeadlineChange::Set {
        kind,
        due_at: at(minute),
    };
    let clear = |kind| DeadlineChange::Clear { kind };
    let over = vec![clear(MAINTENANCE_START), clear(MAINTENANCE_END)];
    assert_eq!(
        due,
        [
            vec![set(MAINTENANCE_START, 20), set(MAINTENANCE_END, 50)],
            over.clone(),
            vec![clear(MAINTENANCE_START)],
            over,
        ]
    );
}
