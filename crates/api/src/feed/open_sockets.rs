//! How many sockets one party may hold open, so that no key and no account takes all connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use kernel::Actor;

use crate::problem::Problem;

/// Sockets of one party in one process: more tabs than anybody reads. Who has that many is refused
/// one more, and none is closed for it: parties with one key would else close each other's forever.
const SOCKETS_PER_PARTY: usize = 20;
/// About as long as a socket whose peer is gone is kept.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The open sockets of one process, by party.
#[derive(Default)]
pub(crate) struct OpenSockets {
    open: Mutex<HashMap<String, usize>>,
}

/// The place of one socket; given back when dropped.
pub(super) struct Place {
    sockets: Arc<OpenSockets>,
    party: String,
}

impl OpenSockets {
    /// A place for one more socket of a party.
    pub(super) fn open(self: &Arc<Self>, actor: &Actor) -> Result<Place, Problem> {
        let party = actor.to_string();
        let mut open = self.lock();
        let count = open.entry(party.clone()).or_default();
        if *count >= SOCKETS_PER_PARTY {
            return Err(too_many());
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

fn too_many() -> Problem {
    Problem {
        retry_after: Some(TRY_AGAIN),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_sockets",
            format!("{SOCKETS_PER_PARTY} of your live feeds are open: close one first."),
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
        let sockets = Arc::new(OpenSockets::default());
        let (bot, person) = (Actor::service("support"), Actor::user("support"));
        let mut held: Vec<_> = (0..SOCKETS_PER_PARTY)
            .map(|_| sockets.open(&bot).unwrap())
            .collect();
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
