//! JSON Schema of what this crate does not declare itself: sealed values, levels, parties.

use kernel::{AccreditationLevel, ActionLevel, PersonalField};
use schemars::{Schema, SchemaGenerator, json_schema};

/// The keyword that says whose a sealed value is; other readers of a schema pass it over.
pub const SUBJECT: &str = "x-subject";

/// A personal value as the log holds it. Erased later than its writing, it stays sealed for ever;
/// written after its subject was erased, it is the text `effacé`.
fn sealed(subjects: &[&str]) -> Schema {
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
        ],
        (SUBJECT): subjects
    })
}

/// Sealed for the person who has the account.
pub fn sealed_for_user(_: &mut SchemaGenerator) -> Schema {
    sealed(&["user"])
}

/// Sealed for whoever wrote it, who may be at the command line.
pub fn sealed_for_actor(_: &mut SchemaGenerator) -> Schema {
    sealed(&["user", "system"])
}

/// Sealed for a client organisation.
pub fn sealed_for_client(_: &mut SchemaGenerator) -> Schema {
    sealed(&["client"])
}

/// Sealed for whoever uses a network address.
pub fn sealed_for_address(_: &mut SchemaGenerator) -> Schema {
    sealed(&["address"])
}

/// Sealed for whom a request is about; see [`crate::safeguard::approval_subject`].
pub fn sealed_for_request(_: &mut SchemaGenerator) -> Schema {
    sealed(&["person", "client", "approval"])
}

/// Sealed for the client that an alert concerns, or for the alert itself.
pub fn sealed_for_alert(_: &mut SchemaGenerator) -> Schema {
    sealed(&["client", "alert"])
}

/// Sealed for the client that a ticket concerns, or for the ticket itself.
pub fn sealed_for_ticket(_: &mut SchemaGenerator) -> Schema {
    sealed(&["client", "ticket"])
}

/// Sealed for the ticket that a workflow dealt with, or for the workflow itself.
pub fn sealed_for_workflow(_: &mut SchemaGenerator) -> Schema {
    sealed(&["ticket", "workflow"])
}

/// Sealed for a component.
pub fn sealed_for_component(_: &mut SchemaGenerator) -> Schema {
    sealed(&["component"])
}

/// Fields that are all of one subject.
pub(crate) fn personal_fields(subject: &str, pointers: &[&'static str]) -> Vec<PersonalField> {
    let field = |pointer: &&'static str| PersonalField {
        pointer,
        subject: subject.to_owned(),
    };
    pointers.iter().map(field).collect()
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
