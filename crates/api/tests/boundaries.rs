//! A context imports no other, save where it is declared here with its reason (`docs/architecture.md`).
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const CONTEXTS: [&str; 12] = [
    "audit",
    "chat",
    "clients",
    "intake",
    "knowledge",
    "operations",
    "safeguard",
    "sentinel",
    "supervision",
    "support",
    "users",
    "workflow",
];

/// Where contexts have their files.
const PLACES: [&str; 3] = ["crates/domain/src", "projections/src", "crates/api/src"];

/// The place, who imports, and whom.
const DECLARED: [(&str, &str, &str); 4] = [
    // A requester is named as people are.
    ("crates/domain/src", "safeguard", "users"),
    // A fact that arrives as a command is one of SENTINEL's.
    ("crates/api/src", "intake", "sentinel"),
    // SUPERVISION only reads; its dashboard of approvals shows them as SAFEGUARD does.
    ("crates/api/src", "supervision", "safeguard"),
    // A sign-in that fails is on record whatever becomes of it.
    ("crates/api/src", "users", "audit"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found
}

/// The first names of what is used from the root: of `crate::{a::b, c}` `a` and `c`.
fn used(source: &str, root: &str) -> BTreeSet<String> {
    let first = |text: &str| -> String {
        let text = text.trim_start().chars();
        text.take_while(|it| it.is_alphanumeric() || *it == '_')
            .collect()
    };
    let mut names = BTreeSet::new();
    for (at, _) in source.match_indices(root) {
        let rest = &source[at + root.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(first(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, letter) in list.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                '}' => {
                    names.insert(first(&list[start..at]));
                    break;
                }
                ',' if depth == 0 => {
                    names.insert(first(&list[start..at]));
                    start = at + 1;
                }
                _ => {}
            }
        }
    }
    // After the last comma of a list there is nothing.
    names.remove("");
    names
}

/// The code of a file without its comments.
fn code(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    let lines = source
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// What the files of a place import of other contexts.
fn imports(place: &'static str) -> BTreeSet<(&'static str, &'static str, &'static str)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join(place);
    let mut found = BTreeSet::new();
    for path in sources(&folder) {
        let within = path.strip_prefix(&folder).unwrap();
        let parts: Vec<&str> = within.iter().map(|it| it.to_str().unwrap()).collect();
        let context = parts[0].trim_end_matches(".rs");
        let Some(context) = CONTEXTS.iter().find(|it| **it == context) else {
            continue;
        };
        let is_module = parts.last() == Some(&"mod.rs");
        let depth = parts.len() - usize::from(is_module);
        let code = code(&path);
        let mut names = used(&code, "crate::");
        names.extend(used(&code, &"super::".repeat(depth)));
        let others = CONTEXTS.iter().filter(|it| *it != context);
        let others = others.filter(|it| names.contains(**it));
        found.extend(others.map(|other| (place, *context, *other)));
    }
    found
}

#[test]
fn a_context_imports_another_only_where_it_is_declared() {
    let found: BTreeSet<_> = PLACES.into_iter().flat_map(imports).collect();
    assert_eq!(found, BTreeSet::from(DECLARED));
}

#[test]
fn names_of_a_list_are_found() {
    let code = "use crate::{\n    App, safeguard::{Approval, users},\n    clients,\n};\ncrate::audit::read();";
    let names = ["App", "audit", "clients", "safeguard"].map(str::to_owned);
    assert_eq!(used(code, "crate::"), BTreeSet::from(names));
}
