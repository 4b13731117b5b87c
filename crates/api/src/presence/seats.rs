//! Which person has which approval open, here and in other processes. No clock, no network.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

/// Sockets of one process, and of one message, that count; the others are not shown as readers. One
/// person has few of them: a seat is a socket's, and sockets are counted (`feed/open_sockets.rs`).
const MOST_SEATS: usize = 4_096;
const MOST_PROCESSES: usize = 64;

/// One person with one approval open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Viewing {
    pub approval: Uuid,
    pub person: Uuid,
}

type Readers = BTreeMap<Uuid, BTreeSet<Uuid>>;

#[derive(Default)]
pub(super) struct Seats {
    /// By socket.
    here: HashMap<Uuid, Viewing>,
    /// By process, and until when it counts.
    elsewhere: HashMap<Uuid, (Instant, Vec<Viewing>)>,
    /// By approval: what the sockets here were last told.
    told: Readers,
}

impl Seats {
    /// A socket shows an approval, or none; whether that is news.
    pub fn sit(&mut self, socket: Uuid, viewing: Option<Viewing>) -> bool {
        let Some(viewing) = viewing else {
            return self.here.remove(&socket).is_some();
        };
        if self.here.len() >= MOST_SEATS && !self.here.contains_key(&socket) {
            return false;
        }
        self.here.insert(socket, viewing) != Some(viewing)
    }

    /// All that another process seats now.
    pub fn elsewhere(&mut self, process: Uuid, mut seated: Vec<Viewing>, until: Instant) {
        if seated.is_empty() {
            self.elsewhere.remove(&process);
        } else if self.elsewhere.len() < MOST_PROCESSES || self.elsewhere.contains_key(&process) {
            seated.truncate(MOST_SEATS);
            self.elsewhere.insert(process, (until, seated));
        }
    }

    /// All that this process seats.
    pub fn here(&self) -> Vec<Viewing> {
        self.here.values().copied().collect()
    }

    pub fn clear(&mut self) {
        self.here.clear();
    }

    pub fn told(&self) -> impl Iterator<Item = (&Uuid, &BTreeSet<Uuid>)> {
        self.told.iter()
    }

    /// The approvals whose readers are others than last told, with those readers; now they are told.
    pub fn changes(&mut self, now: Instant, is_shown: impl Fn(Uuid) -> bool) -> Readers {
        self.elsewhere.retain(|_, (until, _)| *until > now);
        let remote = self.elsewhere.values().flat_map(|(_, seated)| seated);
        let mut readers = Readers::new();
        for viewing in self.here.values().chain(remote) {
            if is_shown(viewing.person) {
                readers
                    .entry(viewing.approval)
                    .or_default()
                    .insert(viewing.person);
            }
        }
        let left = self.told.keys().filter(|id| !readers.contains_key(id));
        let mut changes: Readers = left.map(|id| (*id, BTreeSet::new())).collect();
        for (id, people) in &readers {
            if self.told.get(id) != Some(people) {
                changes.insert(*id, people.clone());
            }
        }
        self.told = readers;
        changes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CARD: Uuid = Uuid::from_u128(1);
    const MARIE: Uuid = Uuid::from_u128(2);
    const PAUL: Uuid = Uuid::from_u128(3);
    const OTHER: Uuid = Uuid::from_u128(9);

    fn reads(person: Uuid) -> Viewing {
        Viewing {
            approval: CARD,
            person,
        }
    }

    fn readers(people: &[Uuid]) -> Readers {
        Readers::from([(CARD, people.iter().copied().collect())])
    }

    #[test]
    fn says_only_what_changed_and_once_per_person() {
        let (mut seats, now) = (Seats::default(), Instant::now());
        assert!(seats.sit(Uuid::from_u128(11), Some(reads(MARIE))));
        assert!(!seats.sit(Uuid::from_u128(11), Some(reads(MARIE))));
        assert_eq!(seats.changes(now, |_| true), readers(&[MARIE]));
        // A second tab of hers is no second reader.
        seats.sit(Uuid::from_u128(12), Some(reads(MARIE)));
        assert!(seats.changes(now, |_| true).is_empty());
        seats.sit(Uuid::from_u128(13), Some(reads(PAUL)));
        assert_eq!(seats.changes(now, |_| true), readers(&[MARIE, PAUL]));
        // Who may no longer see is no longer seen.
        assert_eq!(seats.changes(now, |id| id != PAUL), readers(&[MARIE]));
        seats.sit(Uuid::from_u128(11), None);
        seats.sit(Uuid::from_u128(12), None);
        assert_eq!(seats.changes(now, |id| id != PAUL), readers(&[]));
        assert_eq!(seats.told().count(), 0);
    }

    #[test]
    fn a_silent_process_fades() {
        let (mut seats, now) = (Seats::default(), Instant::now());
        let until = now + Duration::from_secs(45);
        seats.elsewhere(OTHER, vec![reads(PAUL)], until);
        assert_eq!(seats.changes(now, |_| true), readers(&[PAUL]));
        let almost = until - Duration::from_millis(1);
        assert!(seats.changes(almost, |_| true).is_empty());
        assert_eq!(seats.changes(until, |_| true), readers(&[]));
    }

    #[test]
    fn what_it_holds_is_bounded() {
        let (mut seats, now) = (Seats::default(), Instant::now());
        for n in 0..MOST_SEATS + 10 {
            seats.sit(Uuid::from_u128(n as u128), Some(reads(MARIE)));
        }
        assert_eq!(seats.here().len(), MOST_SEATS);
        for n in 0..MOST_PROCESSES + 10 {
            let seated = vec![reads(PAUL); MOST_SEATS + 10];
            seats.elsewhere(Uuid::from_u128(n as u128), seated, now);
        }
        assert_eq!(seats.elsewhere.len(), MOST_PROCESSES);
        let most = seats
            .elsewhere
            .values()
            .map(|(_, seated)| seated.len())
            .max();
        assert_eq!(most, Some(MOST_SEATS));
    }
}
