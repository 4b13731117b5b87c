//! What a grant is bound to.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

#[derive(Serialize)]
struct Action<'a> {
    arguments: &'a Value,
    tool_name: &'a str,
}

/// `sha256:` + hex of SHA-256 over the RFC 8785 form of `{"arguments":…,"tool_name":"…"}`.
pub fn arguments_hash(tool_name: &str, arguments: &Value) -> Result<String, serde_json::Error> {
    let canonical = serde_json_canonicalizer::to_vec(&Action {
        arguments,
        tool_name,
    })?;
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(canonical))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Computed outside: `printf '…' | sha256sum`.
    #[test]
    fn test_vectors() {
        for (tool, arguments, expected) in VECTORS {
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            assert_eq!(
                arguments_hash(tool, &arguments).unwrap(),
                *expected,
                "{tool} {arguments}"
            );
        }
    }

    #[test]
    fn neither_order_nor_spelling_matters_but_values_do() {
        let of = |text: &str| arguments_hash("t", &serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(
            of(r#"{"a":1,"b":"\u00e9"}"#),
            of(r#"{ "b": "é", "a": 1.0 }"#)
        );
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":"1"}"#));
        assert_ne!(of(r#"{"a":[1,2]}"#), of(r#"{"a":[2,1]}"#));
        assert_ne!(
            arguments_hash("a", &json!({})).unwrap(),
            arguments_hash("b", &json!({})).unwrap()
        );
    }

    const VECTORS: &[(&str, &str, &str)] = &[
        (
            "ad_reset_password",
            r#"{"username":"jean.dupont"}"#,
            "sha256:4578e88d8bc62fa9ff0acd067bccf8977ddbf646db22c9ba44f73148ab4dbd6c",
        ),
        (
            "glpi_close_ticket",
            r#"{"ticket_id": 1234, "solution": "Redémarré\n", "a": [1.50, 1e2, true, null]}"#,
            "sha256:90670e0fe9b3a60006099647d24fd2ff2579b46e2ee48374d08ad835a311f43a",
        ),
        (
            "x",
            "{}",
            "sha256:4f23fbb3e3d3b3e95deab6a5feeb703ad529fe4e514b9edb68ba604d9f7cdd44",
        ),
    ];
}
