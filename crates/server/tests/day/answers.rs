//! What the API says of the day.

use serde_json::{Map, Value, json};

use crate::{place::caller::Caller, recorded::PERIOD};

const ASKED: &[&str] = &[
    "support",
    "sentinel",
    "enrichisseur",
    "tickets",
    "alerts",
    "errors",
    "runs",
];
/// What two platforms may differ in: how far the log was when they were asked, and the numbers of
/// events, between which whatever else happens there has numbers too.
const APART: &[&str] = &["as_of", "position"];

/// All answers as text, as of a position, without what is [`APART`].
pub async fn of_the_day(caller: &Caller, position: &Value) -> String {
    let mut answers = Map::new();
    for name in ASKED {
        let path = format!("/api/supervision/{name}?{PERIOD}{}", limit(name));
        let mut answer = caller.read_as_of(&path, position).await;
        assert_eq!(
            answer.get("next_cursor").unwrap_or(&Value::Null),
            &json!(null)
        );
        strip(&mut answer);
        answers.insert((*name).to_owned(), answer);
    }
    serde_json::to_string_pretty(&Value::Object(answers)).unwrap()
}

/// A list in one page; a dashboard has none.
fn limit(name: &str) -> &'static str {
    match name {
        "tickets" | "alerts" | "errors" | "runs" => "&limit=200",
        _ => "",
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !APART.contains(&&**name));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Fails where the answers first differ, and shows a few lines of both.
pub fn assert_same(what: &str, one: &str, other: &str) {
    if one == other {
        return;
    }
    let (ones, others): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let same = ones.iter().zip(&others).take_while(|(a, b)| a == b).count();
    let around = |lines: &[&str]| {
        let until = lines.len().min(same + 6);
        lines[same.saturating_sub(12).min(until)..until].join("\n")
    };
    panic!(
        "{what}:\n{}\n--- against ---\n{}",
        around(&ones),
        around(&others)
    );
}
