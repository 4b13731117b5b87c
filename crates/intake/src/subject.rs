//! How the subject of a fact is repeated in what is said of it.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Longest subject that is repeated whole (bytes). nats-server ends the connection of whoever sends a line
/// of 4 KiB, and a service's subject may be nearly as long.
pub(crate) const LONGEST_SUBJECT: usize = 200;

/// A subject that can be published below another: one that is too long is cut and ends in a hash of the
/// whole, so that two stay two; what would lead elsewhere or end a line is replaced.
pub(crate) fn shortened(subject: &str) -> String {
    let shown = match subject.len() > LONGEST_SUBJECT {
        true => {
            let end = subject.floor_char_boundary(LONGEST_SUBJECT);
            let mut hasher = DefaultHasher::new();
            subject.hash(&mut hasher);
            // Not behind a point: that would make a token of nothing.
            let begin = subject[..end].trim_end_matches('.');
            format!("{begin}-{:016x}", hasher.finish())
        }
        false => subject.to_owned(),
    };
    // A service may publish to `intake.<name>.*` too.
    let leads_elsewhere =
        |letter: char| matches!(letter, '*' | '>') || letter.is_control() || letter.is_whitespace();
    shown.replace(leads_elsewhere, "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_stay_apart_short_and_harmless() {
        let usual = "intake.support.sentinel.alert";
        assert_eq!(shortened(usual), usual);
        assert_eq!(shortened("intake.support.*.>"), "intake.support._._");
        assert_eq!(
            shortened("intake.support.a\u{b}\u{a0}b"),
            "intake.support.a__b"
        );
        let long = |end: &str| format!("intake.support.{}{end}", "é".repeat(2_000));
        let (one, two) = (shortened(&long("a")), shortened(&long("b")));
        assert_ne!(one, two);
        for short in [
            &one,
            &shortened(&format!("intake.support.{}", "a.".repeat(2_000))),
        ] {
            assert!(short.len() <= LONGEST_SUBJECT + 17, "{}", short.len());
            assert!(
                short.starts_with("intake.support.") && !short.contains(".-"),
                "{short}"
            );
        }
    }
}
