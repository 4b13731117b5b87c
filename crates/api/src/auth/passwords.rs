//! Passwords: bcrypt 12, off the async threads, a bounded number at a time.
//!
//! Nothing here logs or returns a password. bcrypt reads 72 bytes: longer ones are refused, never cut.

use std::{
    collections::{HashMap, HashSet},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::problem::Problem;

/// bcrypt's cost for people's passwords.
pub const COST: u32 = 12;
/// bcrypt's cost for keys that we drew ourselves (OWASP: cost matters for guessable secrets only).
pub const KEY_COST: u32 = 8;
const MAX_BYTES: usize = 72;
const MIN_CHARS: usize = 12;
/// Passwords of one account that are checked or wait for it at once.
const OF_ONE_ACCOUNT: usize = 2;

/// A hash of no password, so that a sign-in to an unknown account takes as long as any other.
const NOBODY: &str = "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZQ9uM8Yx7r4XfYqz9M8yqf0qk0pQ7K";

/// Who may compute, and who may wait for it.
struct Desk {
    turns: Semaphore,
    places: Semaphore,
    /// How many of each account are here.
    here: LazyLock<Mutex<HashMap<String, usize>>>,
}

impl Desk {
    /// `at_once` hashes are computed while `waiting` more wait for their turn, so that sign-ins
    /// cannot take every core; the rest are turned away at once.
    const fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            turns: Semaphore::const_new(at_once),
            places: Semaphore::const_new(at_once + waiting),
            here: LazyLock::new(Mutex::default),
        }
    }

    fn here(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an account in, unless as many of it as may be are here.
    fn admit<'a>(&'a self, account: &'a str) -> Result<Visit<'a>, Problem> {
        let mut here = self.here();
        let count = here.entry(account.to_owned()).or_default();
        if *count >= OF_ONE_ACCOUNT {
            return Err(Problem::rate_limited(Duration::from_secs(1)));
        }
        *count += 1;
        Ok(Visit {
            desk: self,
            account,
        })
    }
}

/// An account that is at a desk, until this is dropped.
struct Visit<'a> {
    desk: &'a Desk,
    account: &'a str,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut here = self.desk.here();
        if let Some(count) = here.get_mut(self.account) {
            *count -= 1;
            if *count == 0 {
                here.remove(self.account);
            }
        }
    }
}

/// Two desks: whatever crowd of strangers there is, known devices do not wait behind it.
static STRANGERS: Desk = Desk::new(4, 16);
static KNOWN_DEVICES: Desk = Desk::new(2, 16);

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
    let _turn = STRANGERS.turns.acquire().await.map_err(Problem::internal)?;
    tokio::task::spawn_blocking(move || bcrypt::non_truncating_hash(password.as_bytes(), cost))
        .await
        .map_err(Problem::internal)?
        .map_err(Problem::internal)
}

/// Whether the password is the one hashed; `None` takes as long and is never right. A flood is
/// turned away: of one account (`rate_limited`), of strangers or of known devices (`unavailable`).
pub async fn verify(
    password: Password,
    hash: Option<String>,
    account: &str,
    is_known_device: bool,
) -> Result<bool, Problem> {
    let desk = match is_known_device {
        true => &KNOWN_DEVICES,
        false => &STRANGERS,
    };
    verify_at(desk, password, hash, account).await
}

async fn verify_at(
    desk: &Desk,
    password: Password,
    hash: Option<String>,
    account: &str,
) -> Result<bool, Problem> {
    let _visit = desk.admit(account)?;
    let _place = desk.places.try_acquire().map_err(|_| {
        Problem::unavailable("Too many people sign in just now; try again in a moment.")
    })?;
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
            !verify("anything".to_owned().into(), None, "nobody", false)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn verifies_what_it_hashed_and_never_cuts() {
        let hash = hash("correct horse".to_owned().into(), 4).await.unwrap();
        assert!(
            verify(
                "correct horse".to_owned().into(),
                Some(hash.clone()),
                "jean",
                false
            )
            .await
            .unwrap()
        );
        assert!(
            !verify(
                "correct horsf".to_owned().into(),
                Some(hash.clone()),
                "jean",
                false
            )
            .await
            .unwrap()
        );
        let long = format!("correct horse{}", "x".repeat(80));
        assert!(
            !verify(long.clone().into(), Some(hash), "jean", false)
                .await
                .unwrap()
        );
        assert!(super::hash(long.into(), 4).await.is_err());
    }

    #[tokio::test]
    async fn a_flood_is_turned_away() {
        let desk = Desk::new(1, 1);
        let known = bcrypt::hash("correct horse", 4).unwrap();
        let at = |account: &'static str| {
            let password = "correct horse".to_owned().into();
            verify_at(&desk, password, Some(known.clone()), account)
        };
        let flood = desk.places.acquire_many(2).await.unwrap();
        let refused = at("jean").await.unwrap_err();
        assert_eq!(
            (refused.status.as_u16(), refused.code),
            (503, "unavailable")
        );
        assert!(refused.retry_after.is_some());
        drop(flood);
        assert!(at("jean").await.unwrap());
        assert!(desk.here().is_empty());
    }

    #[tokio::test]
    async fn one_account_does_not_take_up_the_desk() {
        let desk = Desk::new(1, 8);
        let known = bcrypt::hash("correct horse", 4).unwrap();
        let at = |account: &'static str| {
            let password = "correct horse".to_owned().into();
            verify_at(&desk, password, Some(known.clone()), account)
        };
        let turn = desk.turns.acquire().await.unwrap();
        let (mut first, mut second) = (Box::pin(at("jean")), Box::pin(at("jean")));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        assert_eq!(at("jean").await.unwrap_err().code, "rate_limited");
        let mut other = Box::pin(at("marie"));
        assert!(futures::poll!(&mut other).is_pending());
        // Who gives up makes room.
        drop(second);
        drop(turn);
        assert!(first.await.unwrap() && other.await.unwrap());
        assert!(at("jean").await.unwrap());
    }
}
