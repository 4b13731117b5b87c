//! Session tokens: JWT, HS256. The `jti` is the session's id: revoking it ends every token of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::problem::Problem;

/// What a token says (`contracts.md`, "Sign-in"). The level and role are for the client to show:
/// what a person may do is read from the directory on every request.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Claims {
    pub sub: Uuid,
    pub username: String,
    pub role: String,
    pub accreditation_level: String,
    pub jti: Uuid,
    pub iat: i64,
    pub exp: i64,
}

/// Signs and checks tokens.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    /// What was found in order, by the digest of the token: it is signed once and sent a hundred times.
    checked: Cache<[u8; 32], Claims>,
}

/// Tokens remembered at once, and for how long after they came last.
const REMEMBERED: u64 = 10_000;
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

/// `JWT_SECRET` has under 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("JWT_SECRET must have 32 bytes at least")]
pub struct SecretTooShort;

impl Tokens {
    pub fn new(secret: &[u8]) -> Result<Self, SecretTooShort> {
        if secret.len() < 32 {
            return Err(SecretTooShort);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // The end is compared with our own clock, below.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Ok(Self {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            validation,
            checked: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(FORGOTTEN_AFTER)
                .build(),
        })
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, Problem> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing)
            .map_err(Problem::internal)
    }

    /// The claims of a token that we signed and that has not ended.
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Problem> {
        let refuse = || Problem::unauthenticated("The session has ended or never was; sign in.");
        if token.len() > 4_096 {
            return Err(refuse());
        }
        let digest = Sha256::digest(token.as_bytes()).into();
        let claims = match self.checked.get(&digest) {
            Some(claims) => claims,
            None => {
                let checked =
                    jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation);
                let claims = checked.map_err(|_| refuse())?.claims;
                self.checked.insert(digest, claims.clone());
                claims
            }
        };
        if claims.exp <= now.timestamp() {
            return Err(refuse());
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(exp: i64) -> Claims {
        Claims {
            sub: Uuid::from_u128(1),
            username: "jean.dupont".into(),
            role: "tech".into(),
            accreditation_level: "N2".into(),
            jti: Uuid::from_u128(2),
            iat: 0,
            exp,
        }
    }

    #[test]
    fn accepts_its_own_tokens_until_they_end() {
        let tokens = Tokens::new(&[1; 32]).unwrap();
        let token = tokens.sign(&claims(1_000)).unwrap();
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        assert_eq!(tokens.check(&token, at(999)).unwrap(), claims(1_000));
        assert!(tokens.check(&token, at(1_000)).is_err());
        // Remembered, and ended all the same.
        assert_eq!(tokens.checked.iter().count(), 1);
        assert!(Tokens::new(&[2; 32]).unwrap().check(&token, at(1)).is_err());
        assert!(Tokens::new(&[1; 31]).is_err());
    }

    #[test]
    fn refuses_other_algorithms_and_tampering() {
        let tokens = Tokens::new(&[1; 32]).unwrap();
        let token = tokens.sign(&claims(1_000)).unwrap();
        let now = DateTime::from_timestamp(1, 0).unwrap();
        let other = jsonwebtoken::encode(
            &Header::new(Algorithm::HS512),
            &claims(1_000),
            &EncodingKey::from_secret(&[1; 32]),
        )
        .unwrap();
        assert!(tokens.check(&other, now).is_err());
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!(
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.",
            token.split('.').nth(1).unwrap()
        );
        assert!(tokens.check(&unsigned, now).is_err());
        assert!(tokens.check(&format!("{token}x"), now).is_err());
        assert!(tokens.check("", now).is_err());
    }
}
