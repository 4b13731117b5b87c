//! Passwords: bcrypt 12, off the async threads, a bounded number at a time.
//!
//! Nothing here logs or returns a password. bcrypt reads 72 bytes: longer ones are refused, never cut.

use std::{collections::HashSet, sync::LazyLock};

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::problem::Problem;

/// bcrypt's cost for people's passwords.
pub const COST: u32 = 12;
/// bcrypt's cost for keys that we drew ourselves (OWASP: cost matters for guessable secrets only).
pub const KEY_COST: u32 = 8;
const MAX_BYTES: usize = 72;
const MIN_CHARS: usize = 12;
/// Hashes computed at once; the rest wait, so that sign-ins cannot take every core.
const AT_ONCE: usize = 4;
/// Sign-ins that may wait for their turn; more are turned away at once.
const WAITING: usize = 16;

/// A hash of no password, so that a sign-in to an unknown account takes as long as any other.
const NOBODY: &str = "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZQ9uM8Yx7r4XfYqz9M8yqf0qk0pQ7K";

/// Who may compute, and who may wait for it.
struct Desk {
    turns: Semaphore,
    places: Semaphore,
}

impl Desk {
    const fn new() -> Self {
        Self {
            turns: Semaphore::const_new(AT_ONCE),
            places: Semaphore::const_new(AT_ONCE + WAITING),
        }
    }
}

static DESK: Desk = Desk::new();

static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt")
        .lines()
        .filter(|l| !l.is_empty())
        .collect()
});

/// A password just typed; wiped from memory when dropped.
pub type Password = Zeroizing<String>;

/// Refuses a password that is too short, too long, too common, or the user's own name.
pub fn check_strength(password: &str, username: &str) -> Result<(), Problem> {
    let refuse = |code: &str, detail: &str| Err(Problem::field("password", code, detail));
    if password.len() > MAX_BYTES {
        return refuse("too_long", "A password has 72 bytes at most.");
    }
    if password.chars().count() < MIN_CHARS {
        return refuse("too_short", "A password has 12 characters at least.");
    }
    if password.chars().any(char::is_control) {
        return refuse("invalid", "A password has no control characters.");
    }
    let folded = password.to_lowercase();
    let letters = folded.trim_matches(|c: char| !c.is_alphabetic());
    let without_name = folded.replace(&username.to_lowercase(), "");
    let is_name = !username.is_empty() && without_name.chars().count() < 6;
    let one_letter = password.chars().collect::<HashSet<_>>().len() < 4;
    if is_name || one_letter || COMMON.contains(folded.as_str()) || COMMON.contains(letters) {
        return refuse("too_common", "This password is too easy to guess.");
    }
    Ok(())
}

/// Hashes with bcrypt.
pub async fn hash(password: Password, cost: u32) -> Result<String, Problem> {
    if password.len() > MAX_BYTES {
        return Err(Problem::field(
            "password",
            "too_long",
            "A password has 72 bytes at most.",
        ));
    }
    let _turn = DESK.turns.acquire().await.map_err(Problem::internal)?;
    tokio::task::spawn_blocking(move || bcrypt::non_truncating_hash(password.as_bytes(), cost))
        .await
        .map_err(Problem::internal)?
        .map_err(Problem::internal)
}

/// Whether the password is the one hashed; `None` takes as long and is never right. A flood of
/// strangers is turned away (`unavailable`); a known device waits its turn in any case.
pub async fn verify(
    password: Password,
    hash: Option<String>,
    is_known_device: bool,
) -> Result<bool, Problem> {
    verify_at(&DESK, password, hash, is_known_device).await
}

async fn verify_at(
    desk: &Desk,
    password: Password,
    hash: Option<String>,
    is_known_device: bool,
) -> Result<bool, Problem> {
    let _place = match desk.places.try_acquire() {
        Ok(place) => Some(place),
        Err(_) if is_known_device => None,
        Err(_) => {
            return Err(Problem::unavailable(
                "Too many people sign in just now; try again in a moment.",
            ));
        }
    };
    let _turn = desk.turns.acquire().await.map_err(Problem::internal)?;
    tokio::task::spawn_blocking(move || {
        let fits = password.len() <= MAX_BYTES;
        let known = hash.is_some() && fits;
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let offered = if fits { password.as_bytes() } else { b"" };
        let matches = bcrypt::verify(offered, &hash).unwrap_or(false);
        known && matches
    })
    .await
    .map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(password: &str) -> Option<String> {
        check_strength(password, "jean.dupont")
            .err()
            .map(|p| p.errors[0].code.clone())
    }

    #[test]
    fn refuses_weak_passwords() {
        assert_eq!(code("short").as_deref(), Some("too_short"));
        assert_eq!(code(&"é".repeat(37)).as_deref(), Some("too_long"));
        assert_eq!(code("password1234").as_deref(), Some("too_common"));
        assert_eq!(code("Jean.Dupont-2026").as_deref(), Some("too_common"));
        assert_eq!(code("aaaaaaaaaaaaaaaa").as_deref(), Some("too_common"));
        assert_eq!(code("correct horse battery"), None);
    }

    #[tokio::test]
    async fn nobody_costs_what_a_real_hash_costs() {
        assert!(
            bcrypt::verify("x", NOBODY).is_ok(),
            "the dummy must be a hash that bcrypt works on"
        );
        assert!(NOBODY.starts_with("$2b$12$"));
        assert!(
            !verify("anything".to_owned().into(), None, false)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn verifies_what_it_hashed_and_never_cuts() {
        let hash = hash("correct horse".to_owned().into(), 4).await.unwrap();
        assert!(
            verify("correct horse".to_owned().into(), Some(hash.clone()), false)
                .await
                .unwrap()
        );
        assert!(
            !verify("correct horsf".to_owned().into(), Some(hash.clone()), false)
                .await
                .unwrap()
        );
        let long = format!("correct horse{}", "x".repeat(80));
        assert!(
            !verify(long.clone().into(), Some(hash), false)
                .await
                .unwrap()
        );
        assert!(super::hash(long.into(), 4).await.is_err());
    }
    #[tokio::test]
    async fn a_flood_is_turned_away_and_known_devices_are_not() {
        let desk = Desk::new();
        let known = bcrypt::hash("correct horse", 4).unwrap();
        let at = |is_known_device| {
            let password = "correct horse".to_owned().into();
            verify_at(&desk, password, Some(known.clone()), is_known_device)
        };
        let flood = desk.places.acquire_many(20).await.unwrap();
        let refused = at(false).await.unwrap_err();
        assert_eq!(
            (refused.status.as_u16(), refused.code),
            (503, "unavailable")
        );
        assert!(refused.retry_after.is_some());
        assert!(at(true).await.unwrap());
        drop(flood);
        assert!(at(false).await.unwrap());
    }
}
