//! Checks of texts that people and workflows write. They collect every fault before refusing.

use crate::FieldError;

/// Longest comment, reason or detail, in characters.
pub const LONGEST_TEXT: usize = 2_000;

/// Faults found so far in one command.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    pub fn add(&mut self, field: &str, code: &str) {
        self.0.push(FieldError::new(field, code));
    }

    /// `Err` with all faults if there are any.
    pub fn refuse<E>(self, refusal: impl FnOnce(Vec<FieldError>) -> E) -> Result<(), E> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(refusal(self.0))
        }
    }

    /// A text that must be there: trimmed, bounded, without control characters.
    pub fn required(&mut self, field: &str, text: &str, longest: usize) -> String {
        let text = tidy(text);
        if text.is_empty() {
            self.add(field, "required");
        }
        self.check(field, &text, longest);
        text
    }

    /// A text that may be missing; a blank one is.
    pub fn optional(&mut self, field: &str, text: Option<&str>, longest: usize) -> Option<String> {
        let text = tidy(text?);
        self.check(field, &text, longest);
        (!text.is_empty()).then_some(text)
    }

    fn check(&mut self, field: &str, text: &str, longest: usize) {
        if text.chars().count() > longest {
            self.add(field, "too_long");
        }
        if text.chars().any(is_deceptive) {
            self.add(field, "control_character");
        }
    }
}

/// Line ends become `\n`: tickets come with `\r\n`.
pub(crate) fn tidy(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .trim()
        .to_owned()
}

/// Control characters, and those that reverse the reading direction: with them a text can show an
/// approver something else than what it is.
fn is_deceptive(letter: char) -> bool {
    (letter.is_control() && letter != '\n' && letter != '\t')
        || matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str, longest: usize) -> Vec<FieldError> {
        let mut faults = Faults::default();
        faults.required("reason", text, longest);
        faults.0
    }

    #[test]
    fn accepts_what_people_write() {
        for text in [
            "a",
            "é".repeat(2_000).as_str(),
            "deux\nlignes\tet une tabulation",
            "a\r\nb",
        ] {
            assert_eq!(faults_of(text, LONGEST_TEXT), [], "{text:?}");
        }
    }

    #[test]
    fn names_every_fault() {
        assert_eq!(
            faults_of(" \n ", 5),
            [FieldError::new("reason", "required")]
        );
        assert_eq!(
            faults_of("abcdef", 5),
            [FieldError::new("reason", "too_long")]
        );
        for text in ["a\0b", "a\u{1b}[2J", "a\u{202E}b", "a\u{2067}b", "a\u{85}b"] {
            assert_eq!(
                faults_of(text, 50),
                [FieldError::new("reason", "control_character")]
            );
        }
    }

    #[test]
    fn a_blank_optional_text_is_none() {
        assert_eq!(
            Faults::default().optional("comment", Some(" \r\n"), 5),
            None
        );
    }
}
