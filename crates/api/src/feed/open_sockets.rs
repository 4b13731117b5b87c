//! How many sockets one party may hold open, so that no key and no account takes all connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use kernel::Actor;

use crate::problem::Problem;

/// About as long as a socket whose peer is gone is kept.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The open sockets of one process, by party. Who has as many as one may have is refused one more, and
/// none is closed for it: parties with one key would else close each other's forever.
pub(crate) struct OpenSockets {
    per_party: usize,
    open: Mutex<HashMap<String, usize>>,
}

/// The place of one socket; given back when dropped.
pub(super) struct Place {
    sockets: Arc<OpenSockets>,
    party: String,
}

impl OpenSockets {
    pub(crate) fn new(per_party: u32) -> Self {
        Self {
            per_party: per_party as usize,
            open: Mutex::default(),
        }
    }

    /// A place for one more socket of a party.
    pub(super) fn open(self: &Arc<Self>, actor: &Actor) -> Result<Place, Problem> {
        let party = actor.to_string();
        let mut open = self.lock();
        let count = open.entry(party.clone()).or_default();
        if *count >= self.per_party {
            return Err(too_many(self.per_party));
        }
        *count += 1;
        drop(open);
        Ok(Place {
            sockets: self.clone(),
            party,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many(per_party: usize) -> Problem {
    Problem {
        retry_after: Some(TRY_AGAIN),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_sockets",
            format!("{per_party} of your live feeds are open: close one first."),
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.sockets.lock();
        if let Some(count) = open.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.party);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_party_has_its_own_places() {
        let sockets = Arc::new(OpenSockets::new(20));
        let (bot, person) = (Actor::service("support"), Actor::user("support"));
        let mut held: Vec<_> = (0..20).map(|_| sockets.open(&bot).unwrap()).collect();
        let refused = sockets.open(&bot).err().unwrap();
        assert_eq!(refused.code, "too_many_sockets");
        assert!(sockets.open(&person).is_ok());
        held.pop();
        held.push(sockets.open(&bot).unwrap());
        assert!(sockets.open(&bot).is_err());
        drop(held);
        assert!(sockets.lock().is_empty());
    }
}
