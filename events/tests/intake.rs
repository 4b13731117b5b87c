//! The published schemas of facts are what this build reads: no more, no less.
//!
//! After a deliberate addition: `UPDATE_SCHEMAS=1 cargo test -p events --test intake`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{env, fs, path::PathBuf};

use events::intake::*;
use serde_json::{Value, json};

fn file(subject: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("intake/{subject}.json"))
}

/// A full example of each body, as `contracts.md` shows them.
fn examples() -> Vec<(&'static str, Value)> {
    let at = "2026-01-15T09:00:00.000Z";
    vec![
        (
            "sentinel.alert",
            json!({"source": "observium", "external_id": "8812", "state": "down",
                "device": "SWITCH-CLI-001", "client_id": "42", "client_name": "EHPAD Les Jardins",
                "severity": "critical", "message": "Device down", "responsibility": "fai",
                "confidence": 75, "resolution": null, "occurred_at": at}),
        ),
        (
            "sentinel.step",
            json!({"source": "observium", "external_id": "8812", "kind": "ticket_created",
                "ticket_id": 4567, "detail": "Ticket ouvert", "occurred_at": at}),
        ),
        (
            "support.ticket_processed",
            json!({"ticket_id": 1234, "title": "Reset MDP - Jean Dupont", "category": "RESET_MDP",
                "outcome": "resolved", "automatic": true, "client_id": "42",
                "client_name": "EHPAD Les Jardins", "duration_ms": 8400, "occurred_at": at}),
        ),
        (
            "workflow.error",
            json!({"workflow": "SUPPORT", "message": "Timeout MCP", "tool": "ad_reset_password",
                "ticket_id": 1230, "attempts": 3, "recovered": true, "occurred_at": at}),
        ),
        (
            "workflow.health",
            json!({"component": "glpi", "status": "ok", "detail": "200", "latency_ms": 12,
                "occurred_at": at}),
        ),
        (
            "knowledge.enrichment_run",
            json!({"run_id": "2026-01-15", "started_at": at, "finished_at": at, "next_run_at": at,
                "added": 48, "updated": 3, "failed": 0,
                "by_source": {"tickets": 40, "procedures": 8}}),
        ),
    ]
}

fn is_read(subject: &str, body: &Value) -> bool {
    let body = body.clone();
    match subject {
        "sentinel.alert" => serde_json::from_value::<AlertFact>(body).is_ok(),
        "sentinel.step" => serde_json::from_value::<StepFact>(body).is_ok(),
        "support.ticket_processed" => serde_json::from_value::<TicketFact>(body).is_ok(),
        "workflow.error" => serde_json::from_value::<WorkflowErrorFact>(body).is_ok(),
        "workflow.health" => serde_json::from_value::<HealthFact>(body).is_ok(),
        "knowledge.enrichment_run" => serde_json::from_value::<EnrichmentRunFact>(body).is_ok(),
        other => panic!("{other} has no body"),
    }
}

#[test]
fn published_schemas_are_those_of_this_build() {
    for (subject, schema) in SUBJECTS {
        let mut schema = schema().as_value().clone();
        schema["title"] = json!(format!("intake.<service>.{subject}"));
        let path = file(subject);
        if env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
        }
        let stored: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(stored, schema, "{subject}: run with UPDATE_SCHEMAS=1");
    }
}

/// Each example, and each of its fields left out, made `null`, of another type or misspelt: the
/// schema and the reader agree on all of them.
#[test]
fn schemas_and_readers_agree() {
    let all = examples();
    assert_eq!(all.len(), SUBJECTS.len());
    for (subject, example) in all {
        let (_, schema) = SUBJECTS.iter().find(|it| it.0 == subject).unwrap();
        let stored = schema().as_value().clone();
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&stored).unwrap();
        let agree = |body: &Value| {
            let faults: Vec<_> = validator
                .iter_errors(body)
                .map(|it| it.to_string())
                .collect();
            assert_eq!(
                is_read(subject, body),
                faults.is_empty(),
                "{subject}: {body}, {faults:?}"
            );
            faults.is_empty()
        };
        assert!(agree(&example));
        let mut refused = 0;
        for field in example.as_object().unwrap().keys() {
            let with = |value: Option<Value>| {
                let mut body = example.clone();
                let object = body.as_object_mut().unwrap();
                object.remove(field);
                if let Some(value) = value {
                    object.insert(field.clone(), value);
                }
                body
            };
            for body in [
                with(None),
                with(Some(Value::Null)),
                with(Some(json!(["x"]))),
                with(Some(json!(-1.5))),
                with(Some(json!("\u{7f} no such value"))),
            ] {
                refused += usize::from(!agree(&body));
            }
        }
        assert!(refused > example.as_object().unwrap().len(), "{subject}");
        let mut misspelt = example.clone();
        misspelt["ocurred_at"] = json!("x");
        assert!(!agree(&misspelt));
    }
}
