//! The head with which a fact is put aside. What JetStream would refuse for its head would be told again
//! for ever: it takes 64 KiB, and this one has half of that at most.

use async_nats::HeaderMap;
use domain::FieldError;

use crate::{
    Rejection,
    headers::{ERROR_CODE, ERROR_DETAIL, ERROR_FIELDS, MESSAGE_ID, ORIGINAL_ID, kept},
};

/// Longest sentence of a refusal (characters).
const LONGEST_DETAIL: usize = 1_000;
/// Longest `Nats-Msg-Id` that is kept (bytes).
const LONGEST_ID: usize = 1_024;
/// How many wrong fields are named at most, and their JSON (bytes).
const MOST_FIELDS: usize = 32;
const FIELDS_BYTES: usize = 8 * 1024;

/// All that is said of a refusal, beside the fact's own headers.
pub(crate) fn whole(rejection: &Rejection<'_>) -> HeaderMap {
    let mut headers = kept(rejection.headers);
    name(&mut headers, rejection);
    if let Some(fields) = fields(rejection.errors) {
        headers.insert(ERROR_FIELDS, fields);
    }
    headers
}

/// What a refusal cannot do without.
pub(crate) fn least(rejection: &Rejection<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    name(&mut headers, rejection);
    headers
}

fn name(headers: &mut HeaderMap, rejection: &Rejection<'_>) {
    headers.insert(MESSAGE_ID, rejection.id);
    let is_long = rejection.original_id.len() > LONGEST_ID;
    let original_id = if is_long {
        rejection.id
    } else {
        rejection.original_id
    };
    headers.insert(ORIGINAL_ID, original_id);
    headers.insert(ERROR_CODE, rejection.code);
    headers.insert(ERROR_DETAIL, one_line(rejection.detail));
}

/// The wrong fields as JSON, without those for which there is no room; `None` if none is left.
fn fields(errors: &[FieldError]) -> Option<String> {
    let mut room = FIELDS_BYTES - "[]".len();
    let mut shown = Vec::new();
    for error in errors.iter().take(MOST_FIELDS) {
        let error = serde_json::json!(error).to_string();
        if let Some(left) = room.checked_sub(error.len() + ",".len()) {
            room = left;
            shown.push(error);
        }
    }
    (!shown.is_empty()).then(|| format!("[{}]", shown.join(",")))
}

/// A header is one line, and not a long one.
fn one_line(text: &str) -> String {
    let letters = text.chars().take(LONGEST_DETAIL);
    let shown = letters.map(|it| if it.is_control() { ' ' } else { it });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejected::encoded_bytes;

    #[test]
    fn a_head_is_bounded_as_a_whole() {
        let long = "\u{1f4a3}".repeat(100_000);
        let mut errors = vec![FieldError::new("device", "required")];
        errors.extend((0..100).map(|_| FieldError::new(&*long, "invalid_type")));
        errors.extend((0..100).map(|_| FieldError::new("\u{1}".repeat(200), "invalid")));
        errors.insert(1, FieldError::new("severity", "unknown"));
        let mut headers = HeaderMap::new();
        for number in 0..3_000 {
            headers.insert(format!("X-{number}").as_str(), "é".repeat(30));
        }
        let rejection = Rejection {
            subject: "intake.support.sentinel.alert",
            id: "fact-1",
            original_id: &long,
            code: "invalid",
            detail: &long,
            errors: &errors,
            headers: Some(&headers),
            body: "{}".into(),
        };
        let head = whole(&rejection);
        assert!(encoded_bytes(&head) < 32 * 1024, "{}", encoded_bytes(&head));
        let named = head.get(ERROR_FIELDS).unwrap().as_str();
        let named: Vec<FieldError> = serde_json::from_str(named).unwrap();
        assert_eq!(named, &errors[..2]);
        assert!(encoded_bytes(&least(&rejection)) < 8 * 1024);
        let short: Vec<_> = (0..100)
            .map(|_| FieldError::new("\u{1}".repeat(200), "invalid"))
            .collect();
        let named = fields(&short).unwrap();
        assert!(named.len() <= FIELDS_BYTES, "{}", named.len());
        let named: Vec<FieldError> = serde_json::from_str(&named).unwrap();
        assert!((1..=MOST_FIELDS).contains(&named.len()), "{}", named.len());
        assert_eq!(fields(&errors[2..4]), None);
    }
}
