//! How much of the micro service one account may hold, so that none can hold it all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Requests worked on at once.
const AT_ONCE: usize = 256;
/// Of these, the most of one account.
const PER_ACCOUNT: usize = 64;
/// Requests of one account that may wait for their turn; more are refused.
const WAITING: usize = 512;

/// The turns there are.
pub struct Shares {
    all: Arc<Semaphore>,
    accounts: Mutex<HashMap<String, Account>>,
}

#[derive(Clone)]
struct Account {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A request's turn; it ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _held: [OwnedSemaphorePermit; 3],
}

impl Shares {
    pub fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(AT_ONCE)),
            accounts: Mutex::default(),
        }
    }

    /// Waits for a turn of an account; refused if too many of its requests wait already.
    pub async fn take(&self, name: &str) -> Result<Turn, Problem> {
        let account = self.account(name);
        let place = account
            .places
            .try_acquire_owned()
            .map_err(|_| Problem::rate_limited(Duration::from_secs(1)))?;
        let closed = |_| Problem::unavailable("The service ends.");
        let own = account.turns.acquire_owned().await.map_err(closed)?;
        let one = self.all.clone().acquire_owned().await.map_err(closed)?;
        Ok(Turn {
            _held: [place, own, one],
        })
    }

    fn account(&self, name: &str) -> Account {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        // Accounts that have nothing under way are forgotten.
        if accounts.len() >= 1_000 {
            accounts.retain(|_, it| it.places.available_permits() < PER_ACCOUNT + WAITING);
        }
        let new = || Account {
            turns: Arc::new(Semaphore::new(PER_ACCOUNT)),
            places: Arc::new(Semaphore::new(PER_ACCOUNT + WAITING)),
        };
        accounts.entry(name.to_owned()).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_account_holds_its_share_and_no_more() {
        // So many polls in a row would be made to pause, which looks like waiting.
        tokio::task::unconstrained(shares_are_kept()).await;
    }

    async fn shares_are_kept() {
        let shares = Shares::new();
        let mut held = Vec::new();
        for _ in 0..PER_ACCOUNT {
            held.push(shares.take("greedy").await.unwrap());
        }
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| Box::pin(shares.take("greedy")))
            .collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none(), "waits");
        }
        let refused = shares.take("greedy").now_or_never().unwrap().unwrap_err();
        assert_eq!(refused.code, "rate_limited");
        shares.take("modest").now_or_never().unwrap().unwrap();
        held.pop();
        assert!(
            (&mut waiting[0]).now_or_never().unwrap().is_ok(),
            "its turn has come"
        );
    }
}
