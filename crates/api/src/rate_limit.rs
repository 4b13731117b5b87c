//! General limits, counted in memory and per process: requests, pending approvals, complaints.
//! Failed sign-ins are counted elsewhere (`auth/sign_in_limits.rs`).

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use kernel::Actor;

use crate::{App, caller::Caller, network, problem::Problem};

/// How long a count of pending approvals is gone by, while it leaves room.
const PENDING_KNOWN_FOR: Duration = Duration::from_secs(2);

/// How often a second the log is asked for accounts nobody has heard of.
const LOOK_UPS_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// How often who may ask, per minute; and how much a requester may have waiting.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub per_person: NonZeroU32,
    pub per_service: NonZeroU32,
    /// Failed sign-ins per account and address, or known device.
    pub failed_per_account: u32,
    /// Failed sign-ins per address; and, counted apart, refused keys of services.
    pub failed_per_address: u32,
    /// Failed sign-ins per account, from everywhere but known devices.
    pub failed_per_account_anywhere: u32,
    /// Pending approvals per requester, of all time.
    pub pending_per_requester: u32,
    /// Live feeds that one person or service may have open in one process.
    pub sockets_per_party: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let per_minute = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            per_person: per_minute(100),
            per_service: per_minute(6_000),
            failed_per_account: 5,
            failed_per_address: 20,
            failed_per_account_anywhere: 50,
            pending_per_requester: 500,
            sockets_per_party: 20,
        }
    }
}

/// The general limits of this process.
pub struct RateLimits {
    people: DefaultKeyedRateLimiter<String>,
    services: DefaultKeyedRateLimiter<String>,
    complaints: DefaultKeyedRateLimiter<String>,
    refused_keys: DefaultKeyedRateLimiter<String>,
    look_ups: DefaultDirectRateLimiter,
    /// How many more approvals a requester may ask for, as last counted.
    room: moka::future::Cache<String, Arc<AtomicI64>>,
}

impl RateLimits {
    pub fn new(limits: &Limits) -> Self {
        let refused_keys = NonZeroU32::new(limits.failed_per_address).unwrap_or(NonZeroU32::MIN);
        Self {
            people: DefaultKeyedRateLimiter::keyed(Quota::per_minute(limits.per_person)),
            services: DefaultKeyedRateLimiter::keyed(Quota::per_minute(limits.per_service)),
            complaints: DefaultKeyedRateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN)),
            refused_keys: DefaultKeyedRateLimiter::keyed(Quota::per_minute(refused_keys)),
            look_ups: DefaultDirectRateLimiter::direct(Quota::per_second(LOOK_UPS_PER_SECOND)),
            room: moka::future::Cache::builder()
                .max_capacity(10_000)
                .time_to_live(PENDING_KNOWN_FOR)
                .build(),
        }
    }

    /// Counts one request of a party.
    pub fn count(&self, actor: &Actor) -> Result<(), Problem> {
        let limiter = match actor.kind {
            kernel::ActorKind::Service => &self.services,
            _ => &self.people,
        };
        check(limiter, &actor.id)
    }

    /// Counts a key that was refused to an address. A right key is never looked at here: neighbours
    /// behind one address cannot lock each other out.
    pub fn count_refused_key(&self, address: Option<&str>) -> Result<(), Problem> {
        let party = network::party(address.unwrap_or("unknown"));
        check(&self.refused_keys, &party)
    }

    /// Whether the log may be asked for an account that is not in the directory. The directory
    /// follows by itself: an account that is new to it is known a moment later all the same.
    pub fn may_look_up(&self) -> bool {
        self.look_ups.check().is_ok()
    }

    /// Whether to log what is wrong with a party's messages: once a minute.
    pub fn may_complain(&self, about: &str) -> bool {
        self.complaints.check_key(&about.to_owned()).is_ok()
    }

    /// Forgets those who have not asked for long; called now and then.
    pub fn shrink(&self) {
        self.people.retain_recent();
        self.services.retain_recent();
        self.complaints.retain_recent();
        self.refused_keys.retain_recent();
    }
}

fn check(limiter: &DefaultKeyedRateLimiter<String>, key: &String) -> Result<(), Problem> {
    limiter.check_key(key).map_err(|wait| {
        let pause = wait.wait_time_from(limiter.clock().now());
        Problem::rate_limited(pause.max(Duration::from_secs(1)))
    })
}

impl App {
    /// Refuses one more approval request of somebody who has too many pending ones. The read model
    /// is asked at most every two seconds for each while there is room, so the limit is a soft one.
    pub(crate) async fn admit_request(&self, caller: &Caller) -> Result<(), Problem> {
        let requester = caller.actor.to_string();
        let room = &self.rate_limits.room;
        // What is known may be used up: then it is counted once more.
        for _ in 0..2 {
            let count = self.count_room(&requester, caller.at);
            let entry = room.entry_by_ref(&requester).or_try_insert_with(count);
            let entry = entry.await.map_err(Arc::unwrap_or_clone)?;
            if entry.value().fetch_sub(1, Ordering::Relaxed) > 0 {
                return Ok(());
            }
            room.invalidate(&requester).await;
            if entry.is_fresh() {
                break;
            }
        }
        let limit = self.config.limits.pending_per_requester;
        Err(Problem {
            retry_after: Some(Duration::from_secs(60)),
            ..Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_pending",
                format!("{limit} of your requests wait for a decision: cancel some, or wait."),
            )
        })
    }

    /// How many more approvals a requester may ask for. However many wait to know, it is counted once.
    async fn count_room(
        &self,
        requester: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<AtomicI64>, Problem> {
        let limit = i64::from(self.config.limits.pending_per_requester);
        let pool = self.log.pool();
        let pending = projections::safeguard::count_pending_of(pool, requester, limit, now).await?;
        Ok(Arc::new(AtomicI64::new(limit - pending)))
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

    #[test]
    fn unknown_accounts_cost_the_log_a_few_queries_a_second() {
        let limits = RateLimits::new(&Limits::default());
        let asked = (0..1_000).filter(|_| limits.may_look_up()).count();
        assert!((10..=20).contains(&asked), "{asked}");
    }

    #[test]
    fn refused_keys_are_counted_by_party() {
        let limits = RateLimits::new(&Limits::default());
        let refuse = |address| limits.count_refused_key(Some(address));
        assert!((0..20).all(|_| refuse("2001:db8::1").is_ok()));
        assert!(refuse("2001:db8::2").is_err());
        assert!(refuse("192.0.2.1").is_ok() && limits.count_refused_key(None).is_ok());
    }
}
