//! JSON Schema of what this crate does not declare itself: sealed values, levels, parties.

use kernel::{AccreditationLevel, ActionLevel};
use schemars::{Schema, SchemaGenerator, json_schema};

/// A personal value as the log holds it. Erased later than its writing, it stays sealed for ever;
/// written after its subject was erased, it is the text `effacé`.
pub fn sealed(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            {
                "type": "object",
                "properties": { "sealed": { "type": "string", "format": "uuid" }, "v": { "type": "string" } },
                "required": ["sealed", "v"],
                "additionalProperties": false
            },
            { "const": crate::ERASED },
            { "type": "null" }
        ]
    })
}

pub fn action_level(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = ActionLevel::ALL
        .iter()
        .map(|level| level.as_str())
        .collect();
    json_schema!({ "type": "string", "enum": names })
}

pub fn accreditation_level(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = AccreditationLevel::ALL
        .iter()
        .map(|level| level.as_str())
        .collect();
    json_schema!({ "type": "string", "enum": names })
}

/// A reference to a party, never a name of a person: `user:<uuid>`, `service:<name>`, `system:<part>`.
pub fn party(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(user|service|system|anonymous):.+$" })
}
