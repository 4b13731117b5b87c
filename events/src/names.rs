//! User names as different systems write them.

/// The comparable form of a user name: lower case, without `DOMAIN\` before or `@domain` after.
///
/// `Jean.Dupont`, `WIDIP\jean.dupont` and ` jean.dupont@widip.fr` are one person. Used wherever two
/// names are compared and wherever a name is a subject, so that neither spelling escapes a rule.
pub fn fold_user_name(name: &str) -> String {
    let name = name.rsplit('\\').next().unwrap_or(name);
    let name = name.split('@').next().unwrap_or(name);
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_the_spellings_of_one_person() {
        for spelling in [
            "jean.dupont",
            " Jean.Dupont ",
            "WIDIP\\jean.dupont",
            "jean.dupont@widip.fr",
            "widip\\JEAN.DUPONT@widip.fr",
        ] {
            assert_eq!(fold_user_name(spelling), "jean.dupont", "{spelling:?}");
        }
    }

    #[test]
    fn keeps_different_people_apart() {
        assert_ne!(
            fold_user_name("jean.dupont"),
            fold_user_name("jeanne.dupont")
        );
    }
}
