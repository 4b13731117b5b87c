//! Reading JSON that others wrote: bounded in depth, each member once, refused with the name of the
//! field. What was sent is never repeated in a refusal, but for names on the way to that field that are
//! plain and short: for another stands `?`.

mod distinct_keys;

use serde::de::DeserializeOwned;

use distinct_keys::DistinctKeys;
use serde_path_to_error::{Path, Segment};

/// How deep arrays and objects may nest; far below what endangers a stack.
const MAX_DEPTH: usize = 64;
/// Longest path that is shown whole (bytes).
const LONGEST_PATH: usize = 200;

/// Why a text cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct JsonFault {
    /// For people.
    pub detail: String,
    /// Which field is wrong, if it is one: its path within the text, as in `steps[2].name`. For a name
    /// that cannot be shown, and for the end of a long path, stands `?`.
    pub field: Option<String>,
    /// What is wrong with it: `required`, `invalid_type`, `unknown_field`, or the one word that the
    /// type itself refused it with.
    pub code: String,
}

impl JsonFault {
    fn of_text(detail: String) -> Self {
        Self {
            detail,
            field: None,
            code: "invalid".into(),
        }
    }
}

/// Reads an object. The size of the text is the caller's to bound.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonFault> {
    if depth(bytes) > MAX_DEPTH {
        return Err(JsonFault::of_text(format!(
            "JSON may nest {MAX_DEPTH} levels deep at most."
        )));
    }
    // serde would also take an array for a struct, its fields in order.
    if bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|first| *first == b'[')
    {
        return Err(JsonFault::of_text("A JSON object is expected.".into()));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(explain)?;
    reader
        .end()
        .map_err(|error| JsonFault::of_text(format!("This is not JSON: {error}.")))?;
    serde_json::from_slice::<DistinctKeys>(bytes)
        .map_err(|error| JsonFault::of_text(format!("This JSON cannot be taken: {error}.")))?;
    Ok(value)
}

/// How deep the text nests, without parsing it.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match (in_text, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (true, false, b'"') => in_text = false,
            (false, _, b'"') => in_text = true,
            (false, _, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, _, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn explain(error: serde_path_to_error::Error<serde_json::Error>) -> JsonFault {
    let path = shown(error.path());
    let inner = error.into_inner();
    if !inner.is_data() {
        return JsonFault::of_text(format!("This is not JSON: {inner}."));
    }
    let message = inner.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let within = |name: &str| match path.as_str() {
        "." => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    let named = |prefix: &str| message.strip_prefix(prefix)?.split('`').next();
    let (field, code) = if let Some(missing) = named("missing field `") {
        (within(missing), "required")
    } else if message.starts_with("unknown field `") {
        (path, "unknown_field")
    } else if is_plain(message) {
        (path, message)
    } else {
        (path, "invalid_type")
    };
    let detail = match code {
        "required" => format!("`{field}` is missing."),
        "unknown_field" => format!("There is no field `{field}`."),
        _ => format!("`{field}` is not of the expected type."),
    };
    JsonFault {
        detail,
        field: Some(field),
        code: code.to_owned(),
    }
}

/// A path as it can be shown anywhere: the sender may have chosen each name on it. `.` is the whole text.
fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => format!("[{index}]"),
            Segment::Map { key: name } | Segment::Enum { variant: name } if is_plain(name) => {
                name.clone()
            }
            _ => "?".to_owned(),
        };
        let joins = shown.is_empty() || matches!(segment, Segment::Seq { .. });
        let dot = if joins { "" } else { "." };
        if shown.len() + dot.len() + name.len() + ".?".len() > LONGEST_PATH {
            shown.push_str(".?");
            break;
        }
        shown.push_str(dot);
        shown.push_str(&name);
    }
    if shown.is_empty() { ".".into() } else { shown }
}

/// Whether a text is a name or a code, which can be shown anywhere.
fn is_plain(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Body {
        tool: String,
    }

    #[test]
    fn an_unknown_field_is_named_if_it_can_be_shown() {
        let fault = |text: &str| {
            let fault = parse::<Body>(text.as_bytes()).unwrap_err();
            (fault.field, fault.code)
        };
        let named = |field: &str, code: &str| (Some(field.to_owned()), code.to_owned());
        assert_eq!(
            fault(r#"{"tool":"t","devcie":1}"#),
            named("devcie", "unknown_field")
        );
        assert_eq!(
            fault(r#"{"tool":"t","<b>jean dupont</b>":1}"#),
            named("?", "unknown_field")
        );
        assert_eq!(fault("{}"), named("tool", "required"));
        assert_eq!(fault(r#"{"tool":"t"} {"#), (None, "invalid".to_owned()));
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Counts {
        #[serde(default)]
        by_source: std::collections::BTreeMap<String, u32>,
        #[serde(default)]
        rows: Vec<Counts>,
    }

    #[test]
    fn a_name_of_the_sender_is_never_long_or_repeated_as_it_is() {
        let fault = |text: &str| {
            let fault = parse::<Counts>(text.as_bytes()).unwrap_err();
            assert_eq!(fault.code, "invalid_type");
            assert!(fault.detail.len() < 300, "{}", fault.detail.len());
            fault.field.unwrap()
        };
        let of_source = |name: &str| fault(&format!(r#"{{"by_source":{{"{name}":"x"}}}}"#));
        assert_eq!(of_source("observium"), "by_source.observium");
        assert_eq!(of_source(&"A".repeat(66_000)), "by_source.?");
        for name in ["<b>jean dupont</b>", "a.b", "é", ""] {
            assert_eq!(of_source(name), "by_source.?", "{name}");
        }
        assert_eq!(
            fault(r#"{"rows":[{},{"by_source":{"a b":-1}}]}"#),
            "rows[1].by_source.?"
        );
        assert_eq!(fault(r#"{"rows":[{},7]}"#), "rows[1]");
        // As deep as a text may be.
        let (open, close) = (r#"{"rows":["#.repeat(31), "]}".repeat(31));
        let deep = fault(&format!("{open}7{close}"));
        assert!(deep.len() <= LONGEST_PATH, "{}", deep.len());
        assert!(deep.starts_with("rows[0].rows[0].") && deep.ends_with(".?"));
    }
}
