//! The OpenAPI document is a contract: a change of it must be seen in a diff.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use serde_json::Value;

#[test]
fn the_document_is_the_one_committed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let current = api::openapi_json();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&file, current).unwrap();
        return;
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == current,
        "the API changed: run with UPDATE_OPENAPI=1 and look at the diff of openapi.json"
    );
}

fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(api::openapi_json()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    found
}

#[test]
fn every_operation_has_a_rule_and_every_rule_an_operation() {
    let mut rules: Vec<&str> = api::access::RULES
        .iter()
        .map(|rule| rule.operation)
        .collect();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        let at = rules.iter().position(|rule| *rule == id);
        let at = at.unwrap_or_else(|| panic!("{method} {path} ({id}) has no entry in the access table, or is twice in the document"));
        rules.remove(at);
    }
    assert!(rules.is_empty(), "no route for {rules:?}");
}

#[test]
fn every_operation_says_what_can_go_wrong() {
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            let is_problem = response["content"]
                .get("application/problem+json")
                .is_some();
            let is_health = path == "/readyz" && status == "503";
            if status.starts_with(['4', '5']) && !is_health {
                assert!(is_problem, "{method} {path} {status} is no problem+json");
            }
        }
        assert!(responses.contains_key("500"), "{method} {path}");
        let description = operation["description"].as_str().unwrap();
        assert!(description.contains("Who may:"), "{method} {path}");
        assert!(
            operation["summary"].is_string(),
            "{method} {path} has no summary"
        );
    }
}

#[test]
fn it_is_openapi_3_1_without_dangling_references() {
    let text = api::openapi_json();
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["openapi"].as_str().unwrap().get(..3), Some("3.1"));
    let mut rest = text;
    while let Some(at) = rest.find("#/components/schemas/") {
        rest = &rest[at + "#/components/schemas/".len()..];
        let name = rest.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"].get(name).is_some(),
            "{name} is not described"
        );
    }
}
