//! Schemas and stored examples are contracts: a breaking change of a released schema fails, also with
//! `UPDATE_SCHEMAS=1`; a new version, a new event and an optional field pass with it.
//!
//! After a deliberate addition: `UPDATE_SCHEMAS=1 cargo test -p events --test schemas`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod events_page;
mod released;
mod samples;

use std::{collections::BTreeMap, fs, sync::LazyLock};

use events::{AGGREGATES, AggregateEvents, ERASED};
use kernel::{EventType, PersonalField, current_version};
use released::*;
use samples::*;
use serde_json::{Value, json};

/// Stands for a sealed value in stored examples.
const SEALED_ID: &str = "0198c1d2-bbbb-4ccc-8ddd-000000000002";
const SEALED_VALUE: &str = "q83vEjRWeJCrze8SVGhpcyBpcyBzZWFsZWQsIGFuZCBub3QgcmVhZGFibGU=";

const PAGE: &str = "../docs/events.md";

/// Writes what is new, before anything is compared: never over what was released otherwise.
static UPDATE: LazyLock<()> = LazyLock::new(|| {
    if !is_updating() {
        return;
    }
    let mut lock = Lock::read();
    assert_eq!(lock.faults(), Vec::<String>::new());
    for (name, version, schema) in schemas() {
        refuse_breaks(&lock, name, version, &schema);
        write_json(&file("schema", name, version), &schema);
        lock.add(name, version, &schema);
    }
    lock.write();
    for (name, (version, example)) in examples() {
        let path = file("golden", name, version);
        if !path.exists() {
            write_json(&path, &example);
        }
    }
    fs::write(folder(PAGE), events_page::page()).unwrap();
});

fn refuse_breaks(lock: &Lock, name: &str, version: u32, schema: &Value) {
    if lock.has(name, version) {
        let found = breaks(&read_json(&file("schema", name, version)), schema);
        assert!(
            found.is_empty(),
            "{name} v{version} is released; make a new version of it: {found:#?}"
        );
    }
}

#[test]
fn schemas_are_as_released() {
    LazyLock::force(&UPDATE);
    let lock = Lock::read();
    assert_eq!(lock.faults(), Vec::<String>::new());
    for (name, version, schema) in schemas() {
        refuse_breaks(&lock, name, version, &schema);
        let golden = read_json(&file("schema", name, version));
        assert_eq!(golden, schema, "{name}: run with UPDATE_SCHEMAS=1");
    }
    for (name, version) in versions_in("schema") {
        let known = of(&name).map_or(0, |it| current_version((it.upcasters)(&name)));
        assert!(
            version <= known,
            "{name} v{version} vanished: a persisted name is for ever"
        );
        assert!(lock.has(&name, version), "{name} v{version} is not locked");
    }
}

#[test]
fn every_version_has_a_stored_example_that_is_still_read() {
    LazyLock::force(&UPDATE);
    assert_eq!(versions_in("golden"), versions_in("schema"));
    for (name, version) in versions_in("golden") {
        let aggregate = of(&name).unwrap_or_else(|| panic!("{name} vanished"));
        let example = read_json(&file("golden", &name, version));
        validate(&name, version, &example["data"]);
        let clear = example["opened"].as_object().unwrap();
        let erased = clear.keys().map(|it| (it.clone(), json!(ERASED)));
        let clear = clear.clone().into_iter().collect();
        for opened in [clear, erased.collect()] {
            let data = open(&example["data"], &opened);
            let (data, personal) = (aggregate.rewrite)(&name, version, &data)
                .unwrap_or_else(|error| panic!("{name} v{version}: {error}"));
            let known = current_version((aggregate.upcasters)(&name));
            validate(&name, known, &seal(data, &personal).0);
        }
    }
}

#[test]
fn the_page_shows_the_events_of_this_build() {
    LazyLock::force(&UPDATE);
    let page = fs::read_to_string(folder(PAGE)).unwrap();
    assert!(
        page == events_page::page(),
        "docs/events.md is stale: run with UPDATE_SCHEMAS=1"
    );
    for event in events::catalogue() {
        let name = event.event_type;
        assert!(event.example.is_object(), "{name} has an example");
        assert!(!event.description.is_empty(), "{name} is described");
        assert!(!event.emitted_by.is_empty(), "{name} is emitted by someone");
        // What the fields say is what the example holds.
        for field in &event.fields {
            let pointer = format!("/{}", field.name.replace('.', "/"));
            let value = event.example.pointer(&pointer);
            assert!(value.is_some() || !field.required, "{name}: {pointer}");
            let is_sealed = value.is_some_and(|it| it["sealed"].is_string());
            assert!(
                value.is_none() || is_sealed != field.personal_of.is_empty(),
                "{name}: {pointer}"
            );
        }
    }
}

/// The schema of every event as this build writes it.
fn schemas() -> impl Iterator<Item = (&'static str, u32, Value)> {
    AGGREGATES.iter().flat_map(|aggregate| {
        (aggregate.schemas)().into_iter().map(|(name, schema)| {
            let mut schema = schema.as_value().clone();
            schema["title"] = json!(name);
            (name, current_version((aggregate.upcasters)(name)), schema)
        })
    })
}

/// Today's example of every event, as a file of `golden` has it.
fn examples() -> BTreeMap<&'static str, (u32, Value)> {
    let mut found = BTreeMap::new();
    add(&mut found, approvals());
    add(&mut found, tools());
    add(&mut found, clients());
    add(&mut found, users());
    add(&mut found, sessions());
    add(&mut found, service_accounts());
    add(&mut found, refusals());
    add(&mut found, sensitive_reads());
    add(&mut found, sign_in_failures());
    add(&mut found, projections());
    add(&mut found, rejected_facts());
    add(&mut found, backups());
    add(&mut found, alerts());
    add(&mut found, maintenances());
    add(&mut found, tickets());
    add(&mut found, enrichments());
    add(&mut found, workflow_errors());
    add(&mut found, components());
    found
}

fn add<E: EventType>(found: &mut BTreeMap<&'static str, (u32, Value)>, events: Vec<E>) {
    for event in events {
        let (data, opened) = seal(event.encode().unwrap(), &event.personal());
        let example = json!({ "data": data, "opened": opened });
        found.insert(event.type_name(), (event.schema_version(), example));
    }
}

/// As the log seals it, but for the ciphers; and what was there in clear.
fn seal(mut data: Value, personal: &[PersonalField]) -> (Value, BTreeMap<String, Value>) {
    let mut opened = BTreeMap::new();
    for field in personal {
        let Some(place) = data.pointer_mut(field.pointer) else {
            continue;
        };
        if !place.is_null() {
            let sealed = json!({ "sealed": SEALED_ID, "v": SEALED_VALUE });
            opened.insert(field.pointer.to_owned(), std::mem::replace(place, sealed));
        }
    }
    (data, opened)
}

fn open(data: &Value, opened: &BTreeMap<String, Value>) -> Value {
    let mut data = data.clone();
    for (pointer, value) in opened {
        let place = data.pointer_mut(pointer).unwrap();
        assert_eq!(place["sealed"], SEALED_ID, "{pointer} is sealed");
        *place = value.clone();
    }
    assert!(
        !data.to_string().contains(SEALED_ID),
        "all is opened: {data}"
    );
    data
}

fn validate(name: &str, version: u32, data: &Value) {
    let schema = read_json(&file("schema", name, version));
    let options = jsonschema::options().should_validate_formats(true);
    let validator = options.build(&schema).unwrap();
    let faults: Vec<_> = validator
        .iter_errors(data)
        .map(|it| it.to_string())
        .collect();
    assert!(faults.is_empty(), "{name} v{version}: {faults:?} in {data}");
}

fn of(name: &str) -> Option<&'static AggregateEvents> {
    AGGREGATES.iter().find(|it| it.type_names.contains(&name))
}

#[test]
fn what_breaks_a_released_schema() {
    let sealed = json!({ "anyOf": [
        { "type": "object", "properties": { "sealed": { "type": "string" }, "v": { "type": "string" } },
          "required": ["sealed", "v"], "additionalProperties": false },
        { "const": ERASED }, { "type": "null" } ], "x-subject": ["user"] });
    let object = |properties: Value, required: Value| {
        json!({ "type": "object", "properties": properties, "required": required, "$defs": {
            "Level": { "oneOf": [{ "const": "L1", "description": "Reads." }, { "const": "L2" }] } } })
    };
    let before = object(
        json!({ "name": sealed, "count": { "type": "integer", "minimum": 0 },
                "note": { "type": ["string", "null"] }, "level": { "$ref": "#/$defs/Level" },
                "tags": { "type": "array", "items": { "enum": ["a", "b"], "type": "string" } } }),
        json!(["name", "count"]),
    );
    let with = |pointer: &str, value: Value| {
        let mut after = before.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = after.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => drop(parent.remove(key)),
            value => drop(parent.insert(key.to_owned(), value)),
        }
        after
    };
    let continuations = [
        ("nothing", before.clone()),
        (
            "an optional field",
            with("/properties/extra", json!({ "type": "string" })),
        ),
        (
            "another value",
            with(
                "/$defs/Level/oneOf",
                json!([{ "enum": ["L1", "L2", "L3"] }]),
            ),
        ),
        (
            "another value in a list",
            with("/properties/tags/items/enum", json!(["a", "b", "c"])),
        ),
        (
            "a note",
            with("/properties/count/description", json!("How many.")),
        ),
        ("a default", with("/properties/note/default", json!("none"))),
    ];
    for (what, after) in continuations {
        assert_eq!(breaks(&before, &after), Vec::<String>::new(), "{what}");
    }
    let breaking = [
        ("a field gone", with("/properties/note", Value::Null)),
        ("a required field gone", {
            let mut after = with("/properties/count", Value::Null);
            after["required"] = json!(["name"]);
            after
        }),
        ("a field renamed", {
            let mut after = with("/properties/note", Value::Null);
            after["properties"]["remark"] = before["properties"]["note"].clone();
            after
        }),
        (
            "a field required",
            with("/required", json!(["name", "count", "note"])),
        ),
        (
            "a field no longer required",
            with("/required", json!(["name"])),
        ),
        ("no field required", with("/required", Value::Null)),
        (
            "another type",
            with("/properties/count/type", json!("string")),
        ),
        (
            "a narrower type",
            with("/properties/note/type", json!("string")),
        ),
        (
            "a wider type",
            with("/properties/count/type", json!(["integer", "null"])),
        ),
        (
            "a higher least",
            with("/properties/count/minimum", json!(1)),
        ),
        ("a format", with("/properties/note/format", json!("uuid"))),
        ("a pattern", with("/properties/note/pattern", json!("^a"))),
        (
            "a value gone",
            with("/$defs/Level/oneOf", json!([{ "const": "L1" }])),
        ),
        (
            "a value gone in a list",
            with("/properties/tags/items/enum", json!(["a"])),
        ),
        (
            "other items",
            with("/properties/tags/items", json!({ "type": "integer" })),
        ),
        (
            "free text made an enumeration",
            with("/properties/note/enum", json!(["x"])),
        ),
        (
            "an enumeration made free text",
            with("/$defs/Level", json!({ "type": "string" })),
        ),
        (
            "a personal field in clear",
            with("/properties/name", json!({ "type": "string" })),
        ),
        (
            "a field in clear made personal",
            with("/properties/note", sealed.clone()),
        ),
        (
            "somebody else's",
            with("/properties/name/x-subject", json!(["client"])),
        ),
        (
            "a closed object",
            with("/additionalProperties", json!(false)),
        ),
        (
            "a sealed value with more in it",
            with(
                "/properties/name/anyOf/0/properties/hint",
                json!({ "type": "string" }),
            ),
        ),
    ];
    for (what, after) in breaking {
        assert_ne!(breaks(&before, &after), Vec::<String>::new(), "{what}");
    }
}
