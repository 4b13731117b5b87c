//! The session cookie: HttpOnly, SameSite=Strict, Secure over HTTPS.

use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

use crate::problem::Problem;

/// The cookie's name.
pub const NAME: &str = "greffe_session";

/// The token in the cookie.
pub fn read(headers: &HeaderMap) -> Option<String> {
    Some(
        CookieJar::from_headers(headers)
            .get(NAME)?
            .value()
            .to_owned(),
    )
}

/// Sets the cookie for so many seconds; 0 removes it.
pub fn set(token: &str, max_age_seconds: i64, secure: bool) -> Result<HeaderValue, Problem> {
    let mut cookie = Cookie::new(NAME, token);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    cookie.set_path("/");
    cookie.set_secure(secure);
    let attributes = format!("{cookie}; Max-Age={max_age_seconds}");
    HeaderValue::from_str(&attributes).map_err(Problem::internal)
}

/// `Authorization: Bearer …`, if there is one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_strict() {
        let value = set("t.o.k", 60, true).unwrap();
        let text = value.to_str().unwrap();
        for part in [
            "greffe_session=t.o.k",
            "HttpOnly",
            "SameSite=Strict",
            "Path=/",
            "Secure",
            "Max-Age=60",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        assert!(
            !set("t", 60, false)
                .unwrap()
                .to_str()
                .unwrap()
                .contains("Secure")
        );
    }
}
