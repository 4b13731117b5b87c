//! Refuses numbers that are not what is written once they are doubles (RFC 8785). Two texts would
//! have one hash, and an approver would read another number than the one that was sent.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::{Value, value::RawValue};

/// The code of the refusal, and the whole message that carries it through serde.
pub const NOT_EXACT: &str = "number_not_exact";
/// Beyond it, neighbouring integers are one double.
const LARGEST_EXACT: f64 = ((1_u64 << 53) - 1) as f64;

/// The members of an object, all of whose numbers are exact.
pub fn exact_arguments<'de, D: Deserializer<'de>>(
    reader: D,
) -> Result<BTreeMap<String, Value>, D::Error> {
    let raw = Box::<RawValue>::deserialize(reader)?;
    if !numbers(raw.get()).all(is_exact) {
        return Err(D::Error::custom(NOT_EXACT));
    }
    read(raw.get()).map_err(D::Error::custom)
}

fn read<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}

/// The numbers of a JSON text, as they are written.
fn numbers(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            let found = &rest[at..];
            if let Some(text) = found.strip_prefix('"') {
                rest = after_text(text);
                continue;
            }
            let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
            let end = found.find(|c| !is_part(c)).unwrap_or(found.len());
            rest = &found[end..];
            return Some(&found[..end]);
        }
    })
}

/// What follows the end of a text whose beginning is read.
fn after_text(text: &str) -> &str {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// Whether the double that is read, written as short as can be, is the decimal number of the text.
fn is_exact(number: &str) -> bool {
    read::<f64>(number).is_ok_and(|double| {
        let written = decimal(number);
        double.abs() <= LARGEST_EXACT
            && written.is_some()
            && written == decimal(&format!("{double:e}"))
    })
}

/// A decimal number: whether it is negative, its digits from the first to the last that is not zero,
/// and the power of ten of the last. `None` if the power itself is beyond all measure.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    let (digits, power) = match number.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let last = power.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let last = last.checked_add(zeros)?;
    match significant.trim_start_matches('0') {
        "" => Some((false, String::new(), 0)),
        significant => Some((is_negative, significant.to_owned(), last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_double_says_as_well() {
        for exact in [
            "0",
            "-0",
            "0.0e7",
            "1",
            "-1.50",
            "1e2",
            "1E+2",
            "100e-2",
            "0.1",
            "95.5",
            "123456.789",
            "9007199254740991",
            "-9007199254740991",
            "0.30000000000000004",
        ] {
            assert!(is_exact(exact), "{exact}");
        }
        for other in [
            "9007199254740992",
            "9007199254740993",
            "9007199254740993.0",
            "-18446744073709551616",
            "99999999999999999999",
            "1e20",
            "0.1000000000000000055511151231257827",
            "1.00000000000000001",
            "0.30000000000000001",
            "1e-400",
            "1e999",
            "1e99999999999999999999",
        ] {
            assert!(!is_exact(other), "{other}");
        }
    }

    #[test]
    fn numbers_are_found_wherever_they_stand() {
        let found = |json| numbers(json).collect::<Vec<_>>();
        assert_eq!(
            found(r#"{"a1":[1,-2.5e3,"7 \" 8"],"b":{"c\\":9},"d":true}"#),
            ["1", "-2.5e3", "9"]
        );
        assert_eq!(found("{}"), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn what_has_fifteen_digits_is_exact(digits in 0_u64..1_000_000_000_000_000, point in 0_u8..8) {
            let text = format!("{digits}e-{point}");
            proptest::prop_assert!(is_exact(&text), "{text}");
        }
    }
}
