//! Rate limits. Sign-in tries are counted in PostgreSQL, because all processes share them; general
//! limits are counted in memory, per process.

use std::{num::NonZeroU32, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Vault;
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use kernel::Actor;
use sqlx::PgPool;

use crate::problem::Problem;

/// How often who may ask; all per minute.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub per_person: NonZeroU32,
    pub per_service: NonZeroU32,
    /// Failed sign-ins per account and address.
    pub failed_per_account: u32,
    /// Failed sign-ins per address.
    pub failed_per_address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let per_minute = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            per_person: per_minute(100),
            per_service: per_minute(6_000),
            failed_per_account: 5,
            failed_per_address: 20,
        }
    }
}

/// The general limits of this process.
pub struct RateLimits {
    people: DefaultKeyedRateLimiter<String>,
    services: DefaultKeyedRateLimiter<String>,
}

impl RateLimits {
    pub fn new(limits: &Limits) -> Self {
        Self {
            people: DefaultKeyedRateLimiter::keyed(Quota::per_minute(limits.per_person)),
            services: DefaultKeyedRateLimiter::keyed(Quota::per_minute(limits.per_service)),
        }
    }

    /// Counts one request of a party.
    pub fn count(&self, actor: &Actor) -> Result<(), Problem> {
        let limiter = match actor.kind {
            kernel::ActorKind::Service => &self.services,
            _ => &self.people,
        };
        limiter.check_key(&actor.id).map_err(|wait| {
            let pause = wait.wait_time_from(limiter.clock().now());
            Problem::rate_limited(pause.max(Duration::from_secs(1)))
        })
    }

    /// Forgets those who have not asked for long; called now and then.
    pub fn shrink(&self) {
        self.people.retain_recent();
        self.services.retain_recent();
    }
}

/// Counts failed sign-ins in `login_attempts`. A try is counted before the password is looked at,
/// so that many at once cannot slip through, and given back if it succeeds.
#[derive(Clone)]
pub struct SignInLimits {
    pub pool: PgPool,
    pub vault: Vault,
    pub limits: Limits,
}

const WINDOW: TimeDelta = TimeDelta::minutes(1);

impl SignInLimits {
    fn keys(&self, username: &str, address: &str) -> [Vec<u8>; 2] {
        let account = format!("{}\0{address}", eventlog::fold(username));
        [
            self.vault.fingerprint("sign-in account", &account).to_vec(),
            self.vault.fingerprint("sign-in address", address).to_vec(),
        ]
    }

    /// Counts a try; refused when there were too many failed ones within a minute.
    pub async fn reserve(
        &self,
        username: &str,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let limits = [
            self.limits.failed_per_account,
            self.limits.failed_per_address,
        ];
        for (key, limit) in self.keys(username, address).iter().zip(limits) {
            // A window starts with its first try and lasts a minute.
            let (tries, since): (i32, DateTime<Utc>) = sqlx::query_as(
                "INSERT INTO login_attempts AS a (key, window_started_at, attempts) VALUES ($1, $2, 1)
                 ON CONFLICT (key) DO UPDATE SET
                     window_started_at = CASE WHEN a.window_started_at <= $3 THEN $2 ELSE a.window_started_at END,
                     attempts = CASE WHEN a.window_started_at <= $3 THEN 1 ELSE least(a.attempts + 1, 1000000) END
                 RETURNING attempts, window_started_at",
            )
            .bind(key)
            .bind(now)
            .bind(now - WINDOW)
            .fetch_one(&self.pool)
            .await?;
            if tries > limit as i32 {
                let left = (since + WINDOW - now).to_std().unwrap_or_default();
                return Err(Problem::rate_limited(left + Duration::from_secs(1)));
            }
        }
        Ok(())
    }

    /// The try succeeded: it does not count, and the account's failures are forgotten.
    pub async fn give_back(&self, username: &str, address: &str) -> Result<(), Problem> {
        let [account, from] = self.keys(username, address);
        sqlx::query("DELETE FROM login_attempts WHERE key = $1")
            .bind(account)
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "UPDATE login_attempts SET attempts = greatest(attempts - 1, 0) WHERE key = $1",
        )
        .bind(from)
        .execute(&self.pool)
        .await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_services_have_their_own_limits() {
        let limits = RateLimits::new(&Limits {
            per_person: NonZeroU32::new(2).unwrap(),
            ..Limits::default()
        });
        let (one, other) = (Actor::user("1"), Actor::user("2"));
        assert!(limits.count(&one).is_ok());
        assert!(limits.count(&one).is_ok());
        let refused = limits.count(&one).unwrap_err();
        assert_eq!(refused.code, "rate_limited");
        assert!(refused.retry_after.unwrap() >= Duration::from_secs(1));
        assert!(limits.count(&other).is_ok());
        assert!((0..100).all(|_| limits.count(&Actor::service("1")).is_ok()));
    }
}
