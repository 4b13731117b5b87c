//! Released schemas: which there are, and what may still change in one.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Whether goldens are to be written.
pub fn is_updating() -> bool {
    std::env::var_os("UPDATE_SCHEMAS").is_some()
}

pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// `<folder>/<context>/<aggregate>.<event>.v<N>.json`.
pub fn file(folder_name: &str, event: &str, version: u32) -> PathBuf {
    let (context, rest) = event.split_once('.').unwrap();
    folder(folder_name)
        .join(context)
        .join(format!("{rest}.v{version}.json"))
}

/// Every event and version that a folder has a file of.
pub fn versions_in(folder_name: &str) -> BTreeSet<(String, u32)> {
    let mut found = BTreeSet::new();
    for context in fs::read_dir(folder(folder_name)).unwrap() {
        let context = context.unwrap();
        if !context.file_type().unwrap().is_dir() {
            continue;
        }
        for file in fs::read_dir(context.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let stem = name.strip_suffix(".json").unwrap();
            let (event, version) = stem.rsplit_once(".v").unwrap();
            let context = context.file_name().into_string().unwrap();
            found.insert((format!("{context}.{event}"), version.parse().unwrap()));
        }
    }
    found
}

pub fn read_json(path: &PathBuf) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|_| {
        panic!("{} is missing; run with UPDATE_SCHEMAS=1", path.display());
    });
    serde_json::from_str(&text).unwrap()
}

pub fn write_json(path: &PathBuf, value: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
}

/// `schema/released.lock`: the hash of every released schema, so that none is edited or removed by
/// hand; only this program, having compared, writes it.
pub struct Lock(BTreeMap<String, String>);

impl Lock {
    pub fn read() -> Self {
        let text = fs::read_to_string(folder("schema/released.lock")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(lines.map(|(k, v)| (k.into(), v.into())).collect())
    }

    pub fn write(&self) {
        let lines = self.0.iter().map(|(name, hash)| format!("{name} {hash}\n"));
        fs::write(folder("schema/released.lock"), lines.collect::<String>()).unwrap();
    }

    pub fn has(&self, event: &str, version: u32) -> bool {
        self.0.contains_key(&format!("{event}.v{version}"))
    }

    pub fn add(&mut self, event: &str, version: u32, schema: &Value) {
        self.0.insert(format!("{event}.v{version}"), hash(schema));
    }

    /// What is not as it was released.
    pub fn faults(&self) -> Vec<String> {
        let fault = |(name, hash_then): (&String, &String)| {
            let (event, version) = name.rsplit_once(".v")?;
            let path = file("schema", event, version.parse().unwrap());
            let is_same = path.exists() && hash(&read_json(&path)) == *hash_then;
            (!is_same)
                .then(|| format!("{name} was released otherwise: restore its schema from git"))
        };
        self.0.iter().filter_map(fault).collect()
    }
}

fn hash(schema: &Value) -> String {
    hex::encode(Sha256::digest(schema.to_string()))
}

/// Only for people.
const NOTES: [&str; 5] = ["$schema", "title", "description", "default", "examples"];

/// What makes a later schema no continuation of a released one; empty if it is one.
///
/// Stored data of before must still be read, and a reader who knows only the released schema must
/// understand what is written from now on. So a field may be added if it is optional, and a value
/// to an enumeration (readers pass over values they do not know); all else is a new version. JSON
/// Schema's own idea of a subset does not serve: to it, an object without a field admits it.
pub fn breaks(released: &Value, later: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let documents = (released, later);
    compare(documents, released, later, "", &mut found);
    found
}

fn compare(
    documents: (&Value, &Value),
    released: &Value,
    later: &Value,
    path: &str,
    found: &mut Vec<String>,
) {
    let released = resolve(documents.0, released);
    let later = resolve(documents.1, later);
    let (Some(before), Some(after)) = (values(released), values(later)) else {
        return compare_shapes(documents, released, later, path, found);
    };
    for gone in before.difference(&after) {
        found.push(format!("{path}: the value {gone} is no longer allowed"));
    }
}

fn compare_shapes(
    documents: (&Value, &Value),
    released: &Map<String, Value>,
    later: &Map<String, Value>,
    path: &str,
    found: &mut Vec<String>,
) {
    let keys: BTreeSet<_> = released.keys().chain(later.keys()).collect();
    for key in keys {
        let (before, after) = (released.get(key), later.get(key));
        match key.as_str() {
            note if NOTES.contains(&note) || note == "$defs" => {}
            "properties" => compare_properties(documents, released, later, path, found),
            "required" => compare_required(before, after, path, found),
            "items" => match (before, after) {
                (Some(before), Some(after)) => {
                    compare(documents, before, after, &format!("{path}/*"), found);
                }
                _ => found.push(format!("{path}: `items` came or went")),
            },
            "anyOf" | "oneOf" | "allOf" => compare_choices(documents, before, after, path, found),
            _ if before != after => found.push(format!("{path}: `{key}` changed")),
            _ => {}
        }
    }
}

fn compare_properties(
    documents: (&Value, &Value),
    released: &Map<String, Value>,
    later: &Map<String, Value>,
    path: &str,
    found: &mut Vec<String>,
) {
    let none = Map::new();
    let of =
        |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
    let (before, after) = (
        of(released).unwrap_or(none.clone()),
        of(later).unwrap_or(none),
    );
    for (name, was) in &before {
        match after.get(name) {
            Some(is) => compare(documents, was, is, &format!("{path}/{name}"), found),
            None => found.push(format!("{path}/{name}: the field is gone")),
        }
    }
    if released.get("additionalProperties") == Some(&Value::Bool(false))
        && after.len() > before.len()
    {
        found.push(format!("{path}: a closed object has another field"));
    }
}

fn compare_required(
    before: Option<&Value>,
    after: Option<&Value>,
    path: &str,
    found: &mut Vec<String>,
) {
    let names = |list: Option<&Value>| -> BTreeSet<String> {
        let items = list.and_then(Value::as_array).into_iter().flatten();
        items
            .filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect()
    };
    let (before, after) = (names(before), names(after));
    for name in after.difference(&before) {
        found.push(format!("{path}/{name}: the field is required, and was not"));
    }
    for name in before.difference(&after) {
        found.push(format!(
            "{path}/{name}: the field was always there, and is not"
        ));
    }
}

fn compare_choices(
    documents: (&Value, &Value),
    before: Option<&Value>,
    after: Option<&Value>,
    path: &str,
    found: &mut Vec<String>,
) {
    let list = |choices: Option<&Value>| {
        choices
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let (before, after) = (list(before), list(after));
    if before.len() != after.len() {
        found.push(format!("{path}: other choices"));
    }
    for (was, is) in before.iter().zip(&after) {
        compare(documents, was, is, path, found);
    }
}

/// The schema that a reference leads to. What stands beside a reference is only a note.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Map<String, Value> {
    let target = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    target
        .as_object()
        .unwrap_or_else(|| panic!("no schema: {target}"))
}

/// The values of an enumeration, however it is written; `None` if it is not one.
fn values(schema: &Map<String, Value>) -> Option<BTreeSet<String>> {
    let one = |it: &Value| it.as_str().map(str::to_owned);
    if let Some(listed) = schema.get("enum") {
        return listed.as_array()?.iter().map(one).collect();
    }
    let choices = schema.get("oneOf")?.as_array()?;
    let mut found = BTreeSet::new();
    for choice in choices {
        match (choice.get("const"), choice.get("enum")) {
            (Some(value), _) => drop(found.insert(one(value)?)),
            (None, Some(listed)) => found.extend(listed.as_array()?.iter().filter_map(one)),
            (None, None) => return None,
        }
    }
    Some(found)
}
