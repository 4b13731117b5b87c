//! How many failed sign-ins are heard, counted in PostgreSQL because all processes share them.
//!
//! Per minute: 5 for an account from one address, 20 from one address, 50 for an account from
//! anywhere. A known device ([`Device`]) has 5 of its own instead and shares none of these. A try is
//! counted before its password is looked at, so that many at once cannot slip through; only a
//! failure stays counted, and a refused try counts nowhere. Who knows the password signs in 10 times
//! a minute, whatever the device: checking passwords is work that one account must not take up.

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Vault;
use sqlx::PgPool;
use std::time::Duration;

use super::device::Device;
use crate::{network, problem::Problem, rate_limit::Limits};

const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Sign-ins of one account in a minute.
const SUCCEEDED_PER_ACCOUNT: u32 = 10;

/// The counters in `login_attempts`.
#[derive(Clone)]
pub struct SignInLimits {
    pub pool: PgPool,
    pub vault: Vault,
    pub limits: Limits,
}

/// Who tries, from where.
#[derive(Debug, Clone, Copy)]
pub struct Try<'a> {
    pub username: &'a str,
    pub address: &'a str,
    pub device: Option<&'a Device>,
}

type Key = [u8; 32];

/// A try that is counted; to be settled once its password was looked at, or could not be.
#[must_use]
pub struct Counted {
    tried: Vec<Key>,
    /// Of the account's sign-ins.
    succeeded: Key,
}

impl SignInLimits {
    /// The counters of a try and what each takes in a minute.
    fn counters(&self, of: &Try<'_>) -> Vec<(Key, u32)> {
        // All spellings of a name are one account.
        let account = events::fold_user_name(of.username);
        let key = |scope: &str, text: &str| self.vault.fingerprint(scope, text);
        let limits = &self.limits;
        if let Some(device) = of.device {
            let own = format!("{account}\0{}", device.number());
            return vec![(key("sign-in known device", &own), limits.failed_per_account)];
        }
        let from = network::party(of.address);
        let own = format!("{account}\0{from}");
        vec![
            (key("sign-in account", &own), limits.failed_per_account),
            (key("sign-in address", &from), limits.failed_per_address),
            (
                key("sign-in anywhere", &account),
                limits.failed_per_account_anywhere,
            ),
        ]
    }

    /// Counts a try; refused when there were too many failed ones within a minute, or sign-ins.
    pub async fn count(&self, of: &Try<'_>, now: DateTime<Utc>) -> Result<Counted, Problem> {
        let account = events::fold_user_name(of.username);
        let succeeded = self.vault.fingerprint("sign-in succeeded", &account);
        self.has_room(&succeeded, SUCCEEDED_PER_ACCOUNT, now)
            .await?;
        let mut keys = Vec::with_capacity(3);
        for (key, limit) in self.counters(of) {
            match self.take(&key, limit, now).await {
                Ok(()) => keys.push(key),
                Err(problem) => {
                    self.put_back(&keys).await?;
                    return Err(problem);
                }
            }
        }
        Ok(Counted {
            tried: keys,
            succeeded,
        })
    }

    /// Refuses when a counter is full.
    async fn has_room(&self, key: &Key, limit: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        let counted: Option<(i32, DateTime<Utc>)> =
            sqlx::query_as("SELECT attempts, window_started_at FROM login_attempts WHERE key = $1")
                .bind(key)
                .fetch_optional(&self.pool)
                .await?;
        match counted {
            Some((attempts, since))
                if since > now - WINDOW && u32::try_from(attempts).unwrap_or(0) >= limit =>
            {
                Err(full(Some(since), now))
            }
            _ => Ok(()),
        }
    }

    /// One more in a counter, if it has room. A window starts with its first try and lasts a minute.
    async fn take(&self, key: &Key, limit: u32, now: DateTime<Utc>) -> Result<(), Problem> {
        let taken: Option<i32> = sqlx::query_scalar(
            "INSERT INTO login_attempts AS a (key, window_started_at, attempts) VALUES ($1, $2, 1)
             ON CONFLICT (key) DO UPDATE SET
                 window_started_at = CASE WHEN a.window_started_at <= $3 THEN $2 ELSE a.window_started_at END,
                 attempts = CASE WHEN a.window_started_at <= $3 THEN 1 ELSE a.attempts + 1 END
             WHERE a.window_started_at <= $3 OR a.attempts < $4
             RETURNING attempts",
        )
        .bind(key)
        .bind(now)
        .bind(now - WINDOW)
        .bind(i32::try_from(limit).unwrap_or(i32::MAX))
        .fetch_optional(&self.pool)
        .await?;
        if taken.is_some() {
            return Ok(());
        }
        let since: Option<DateTime<Utc>> =
            sqlx::query_scalar("SELECT window_started_at FROM login_attempts WHERE key = $1")
                .bind(key)
                .fetch_optional(&self.pool)
                .await?;
        Err(full(since, now))
    }

    /// The password was right: the try is no failure. Other tries stay counted, also those under way.
    /// Refused when as many others have signed in meanwhile.
    pub async fn succeeded(&self, counted: Counted, now: DateTime<Utc>) -> Result<(), Problem> {
        self.put_back(&counted.tried).await?;
        self.take(&counted.succeeded, SUCCEEDED_PER_ACCOUNT, now)
            .await
    }

    /// The password was not looked at.
    pub async fn not_tried(&self, counted: Counted) -> Result<(), Problem> {
        self.put_back(&counted.tried).await
    }

    async fn put_back(&self, keys: &[Key]) -> Result<(), Problem> {
        // One at a time: two that hold several rows at once could wait for each other.
        for key in keys {
            sqlx::query(
                "UPDATE login_attempts SET attempts = greatest(attempts - 1, 0) WHERE key = $1",
            )
            .bind(key)
            .execute(&self.pool)
            .await?;
        }
        Ok(())
    }

    /// Drops windows that have ended.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<(), Problem> {
        sqlx::query("DELETE FROM login_attempts WHERE window_started_at < $1")
            .bind(now - WINDOW)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// A counter is full until its window ends.
fn full(since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Problem {
    let left = since.map_or(TimeDelta::zero(), |since| since + WINDOW - now);
    let left = left.to_std().unwrap_or_default();
    Problem::rate_limited(left + Duration::from_secs(1))
}
