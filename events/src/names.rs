//! Names as different systems write them.

/// The comparable form of a user name: lower case, without `DOMAIN\` before or `@domain` after.
///
/// `Jean.Dupont`, `WIDIP\jean.dupont` and ` jean.dupont@widip.fr` are one person. Used wherever two
/// names are compared and wherever a name is a subject, so that neither spelling escapes a rule.
pub fn fold_user_name(name: &str) -> String {
    let name = name.rsplit('\\').next().unwrap_or(name);
    let name = name.split('@').next().unwrap_or(name);
    name.trim().to_lowercase()
}

/// The form that all spellings of a tool's name share: lower case, with `_` for `-` and `.`.
///
/// One tool at most has it, so that another spelling of a risky tool is no unknown, less risky one.
pub fn fold_tool_name(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_the_spellings_of_one_tool() {
        for spelling in [
            "ad_delete_account",
            "AD_delete-account",
            "ad.Delete.account",
        ] {
            assert_eq!(fold_tool_name(spelling), "ad_delete_account");
        }
        assert_ne!(fold_tool_name("ad_delete"), fold_tool_name("addelete"));
    }

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
