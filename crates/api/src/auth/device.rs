//! Devices that a person has signed in from before (OWASP's "device cookies").
//!
//! Such a device has a budget of failed sign-ins of its own, so that nobody who guesses elsewhere,
//! or behind the same address, can lock its person out. The cookie proves no more than that: it
//! signs nobody in.

use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use eventlog::Vault;
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// The cookie's name.
pub const NAME: &str = "greffe_device";
/// Half a year: who is away longer is a new device.
const MAX_AGE_SECONDS: u32 = 180 * 86_400;
const NUMBER_BYTES: usize = 16;

/// A device of one account; what its failures are counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    /// The device that the request's cookie proves, if it is one of this account.
    pub fn read(vault: &Vault, headers: &HeaderMap, username: &str) -> Option<Self> {
        let jar = CookieJar::from_headers(headers);
        let (number, proof) = jar.get(NAME)?.value().split_once('.')?;
        let expected = prove(vault, number, username);
        let is_ours: bool = expected.as_bytes().ct_eq(proof.as_bytes()).into();
        is_ours.then(|| Self(number.to_owned()))
    }

    pub fn number(&self) -> &str {
        &self.0
    }
}

/// The cookie for a device that has just proved to be its account's.
pub fn new_cookie(vault: &Vault, username: &str, secure: bool) -> Result<HeaderValue, Problem> {
    let mut number = [0; NUMBER_BYTES];
    getrandom::fill(&mut number).map_err(Problem::internal)?;
    let number = hex::encode(number);
    let proof = prove(vault, &number, username);
    let mut cookie = Cookie::new(NAME, format!("{number}.{proof}"));
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    // Only signing in looks at it.
    cookie.set_path("/api/auth/login");
    cookie.set_secure(secure);
    let attributes = format!("{cookie}; Max-Age={MAX_AGE_SECONDS}");
    HeaderValue::from_str(&attributes).map_err(Problem::internal)
}

fn prove(vault: &Vault, number: &str, username: &str) -> String {
    let account = events::fold_user_name(username);
    hex::encode(vault.fingerprint("sign-in device", &format!("{number}\0{account}")))
}
