//! Keys of service accounts: `grf_<name>_<secret>`. Only hashes of the secret are kept.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::problem::Problem;

/// Random bytes in a secret. As 32 base64url characters: with the longest name the key has 69
/// bytes, and bcrypt, which guards it in NATS, reads 72.
const SECRET_BYTES: usize = 24;

/// A key in its two parts.
pub struct ServiceKey<'a> {
    pub name: &'a str,
    pub secret: &'a str,
}

/// Takes a key apart; `None` if it does not look like one.
pub fn split(key: &str) -> Option<ServiceKey<'_>> {
    let (name, secret) = key.strip_prefix("grf_")?.split_once('_')?;
    let fits = is_name(name) && (16..=256).contains(&secret.len());
    fits.then_some(ServiceKey { name, secret })
}

/// `[a-z0-9-]{2,32}`: the name is a token of NATS subjects.
pub fn is_name(name: &str) -> bool {
    (2..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A new key for an account: the whole key, to be shown once.
pub fn draw(name: &str) -> Result<Zeroizing<String>, Problem> {
    let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
    getrandom::fill(&mut *secret).map_err(Problem::internal)?;
    Ok(Zeroizing::new(format!(
        "grf_{name}_{}",
        URL_SAFE_NO_PAD.encode(*secret)
    )))
}

/// SHA-256 of a secret, in hex. The secret has 192 random bits: no slow hash is needed.
pub fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Whether the secret is the one with this digest, in constant time.
pub fn matches(secret: &str, known_digest: &str) -> bool {
    digest(secret)
        .as_bytes()
        .ct_eq(known_digest.as_bytes())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_key_is_recognised() {
        let key = draw("support").unwrap();
        let parts = split(&key).unwrap();
        assert_eq!(parts.name, "support");
        assert_eq!(parts.secret.len(), 32);
        assert!(draw(&"a".repeat(32)).unwrap().len() <= 72);
        assert!(matches(parts.secret, &digest(parts.secret)));
        assert!(!matches(parts.secret, &digest("other")));
        assert!(!matches(parts.secret, ""));
    }

    #[test]
    fn refuses_what_is_no_key() {
        for bad in [
            "",
            "grf_",
            "grf_support",
            "grf_support_short",
            "grf_Bad_0123456789abcdef",
            "x_support_0123456789abcdef",
        ] {
            assert!(split(bad).is_none(), "{bad}");
        }
        assert!(!is_name("a") && !is_name("a.b") && !is_name(&"a".repeat(33)) && is_name("a1"));
    }
}
