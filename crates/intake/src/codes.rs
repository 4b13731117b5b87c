//! Why facts are refused; the table is in `docs/workflows-over-nats.md`. Codes are contracts.

pub(crate) const ALERT_UNKNOWN: &str = "alert_unknown";
pub(crate) const FORBIDDEN: &str = "forbidden";
pub(crate) const KEY_REUSED: &str = "idempotency_key_reused";
pub(crate) const INTERNAL: &str = "internal";
pub(crate) const INVALID: &str = "invalid";
pub(crate) const TOO_LARGE: &str = "too_large";
pub(crate) const TOO_MANY_STEPS: &str = "too_many_steps";
pub(crate) const UNKNOWN_SUBJECT: &str = "unknown_subject";

/// All of them.
pub const CODES: &[&str] = &[
    ALERT_UNKNOWN,
    FORBIDDEN,
    KEY_REUSED,
    INTERNAL,
    INVALID,
    TOO_LARGE,
    TOO_MANY_STEPS,
    UNKNOWN_SUBJECT,
];

/// A code of this table; what is none is `internal`, and said to us.
pub(crate) fn known(code: &'static str) -> &'static str {
    if CODES.contains(&code) {
        return code;
    }
    tracing::error!(code, "this code of a refusal is in no table");
    INTERNAL
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Whatever a context answers to a fact is in the table.
    #[test]
    fn refusals_of_the_contexts_are_known() {
        use domain::{
            Refusal, knowledge::EnrichmentError, sentinel::AlertError, support::TicketError,
            workflow::ReportError,
        };
        let refusals: [&dyn Refusal; 6] = [
            &AlertError::Invalid(Vec::new()),
            &AlertError::Unknown,
            &AlertError::TooManySteps,
            &TicketError::Invalid(Vec::new()),
            &EnrichmentError::Invalid(Vec::new()),
            &ReportError::Invalid(Vec::new()),
        ];
        for refusal in refusals {
            assert_eq!(known(refusal.code()), refusal.code());
        }
        assert_eq!(known("something_else"), INTERNAL);
    }

    /// The crate names codes by this table, and the page for authors of workflows has each.
    #[test]
    fn codes_are_named_here_and_explained() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = fs::read_to_string(root.join("../../docs/workflows-over-nats.md")).unwrap();
        for code in CODES {
            assert!(page.contains(&format!("`{code}`")), "{code}");
        }
        for entry in fs::read_dir(root.join("src")).unwrap() {
            let path = entry.unwrap().path();
            let source = fs::read_to_string(&path).unwrap();
            let product = source.split("#[cfg(test)]").next().unwrap_or_default();
            let is_table = path.ends_with("codes.rs");
            for code in CODES.iter().filter(|_| !is_table) {
                let literal = format!("\"{code}\"");
                assert!(
                    !product.contains(&literal),
                    "{literal} in {}",
                    path.display()
                );
            }
        }
    }
}
