//! What there is to know of every event, read from the enums themselves: for `docs/events.md`, the
//! API and whoever reads `EVENTS`.

use kernel::{ActorKind, current_version};
use rust_embed::RustEmbed;
use serde::Serialize;
use serde_json::Value;

use crate::{
    aggregates::{AGGREGATES, AggregateEvents},
    schema::SUBJECT,
};

/// Stored examples: `<context>/<aggregate>.<event>.v<N>.json`. One that is there never changes.
#[derive(RustEmbed)]
#[folder = "golden"]
struct Golden;

/// One event as today's release writes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventDescription {
    /// `<context>.<aggregate>.<event>`, for ever.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    pub context: &'static str,
    /// `<context>.<aggregate>`.
    pub aggregate_type: &'static str,
    pub schema_version: u32,
    /// Where it is in the stream `EVENTS`.
    pub subject: String,
    pub description: String,
    /// The kinds of actors that its metadata may name.
    pub emitted_by: &'static [ActorKind],
    pub fields: Vec<FieldDescription>,
    /// An example of `data` as it is stored: personal values are sealed.
    pub example: Value,
}

/// One field of an event's `data`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldDescription {
    /// Its place, e.g. `context.ticket_title`.
    pub name: String,
    /// What it holds, in words, e.g. `string (uuid)`.
    pub kind: String,
    /// Whether it is always there.
    pub required: bool,
    /// Of a personal field: the kinds of subjects whose it may be, e.g. `user`; else empty.
    pub personal_of: Vec<String>,
    pub description: String,
}

/// Every event of this release, context by context.
pub fn catalogue() -> Vec<EventDescription> {
    AGGREGATES.iter().flat_map(describe).collect()
}

/// The stored example of a version of an event: `data`, and what its sealed parts open to.
pub fn golden(type_name: &str, version: u32) -> Option<Value> {
    let (context, event) = type_name.split_once('.')?;
    let file = Golden::get(&format!("{context}/{event}.v{version}.json"))?;
    serde_json::from_slice(&file.data).ok()
}

fn describe(aggregate: &AggregateEvents) -> impl Iterator<Item = EventDescription> {
    (aggregate.schemas)().into_iter().map(|(name, schema)| {
        let version = current_version((aggregate.upcasters)(name));
        let schema = schema.as_value();
        let mut fields = Vec::new();
        list_fields(schema, schema, "", &mut fields);
        let example = golden(name, version).map(|mut golden| golden["data"].take());
        EventDescription {
            event_type: name,
            context: name.split('.').next().unwrap_or(name),
            aggregate_type: name
                .rsplit_once('.')
                .map_or(name, |(aggregate, _)| aggregate),
            schema_version: version,
            subject: format!("events.{name}"),
            description: text(schema),
            emitted_by: (aggregate.emitters)(name).unwrap_or_default(),
            fields,
            example: example.unwrap_or_default(),
        }
    })
}

/// The fields of an object, those of objects within it by their path.
fn list_fields(root: &Value, object: &Value, path: &str, fields: &mut Vec<FieldDescription>) {
    let Some(properties) = object["properties"].as_object() else {
        return;
    };
    let required: Vec<_> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    for (name, property) in properties {
        let resolved = resolve(root, property);
        let field = FieldDescription {
            name: format!("{path}{name}"),
            kind: kind(root, resolved),
            required: required.iter().any(|required| *required == name),
            personal_of: subjects(resolved),
            description: match text(property) {
                own if own.is_empty() => text(resolved),
                own => own,
            },
        };
        let within = format!("{}.", field.name);
        fields.push(field);
        list_fields(root, resolved, &within, fields);
    }
}

/// Follows a reference, also one that may be `null` instead.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let choices = schema["anyOf"].as_array().into_iter().flatten();
    let target = [schema]
        .into_iter()
        .chain(choices)
        .find_map(|it| it["$ref"].as_str()?.strip_prefix('#'));
    target.and_then(|it| root.pointer(it)).unwrap_or(schema)
}

fn text(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn subjects(schema: &Value) -> Vec<String> {
    let subjects = schema[SUBJECT].as_array().into_iter().flatten();
    subjects
        .filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect()
}

/// What a value may be, in words.
fn kind(root: &Value, schema: &Value) -> String {
    if schema.get(SUBJECT).is_some() {
        return "sealed".into();
    }
    let values = allowed(schema);
    if !values.is_empty() {
        return format!("one of {}", values.join(", "));
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        of => vec![of.as_str().unwrap_or("any")],
    };
    // Whether it may be `null` is said by `required`: an absent field reads as `null`.
    let name = types.into_iter().find(|it| *it != "null").unwrap_or("null");
    match (name, schema["format"].as_str()) {
        ("array", _) => format!("array of {}", kind(root, resolve(root, &schema["items"]))),
        ("string", Some(format)) => format!("string ({format})"),
        _ => name.to_owned(),
    }
}

/// The values of an enumeration; none if it is not one.
fn allowed(schema: &Value) -> Vec<&str> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let described = schema["oneOf"].as_array().into_iter().flatten();
    listed
        .chain(described.map(|it| &it["const"]))
        .filter_map(Value::as_str)
        .collect()
}
