//! How many refused facts wait, of which service and with which code.
//!
//! To know it all of them are read: a page that many people have open costs one walk, not theirs.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eventlog::LogError;
use tokio::{sync::Mutex, time::Instant};

use crate::Rejected;

/// How long an answer holds, as long as nothing is taken away here.
const KNOWN_FOR: Duration = Duration::from_secs(3);
/// What is counted at most: messages, and bytes of bodies.
const MOST_MESSAGES: usize = 10_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// By service and code.
    pub kinds: BTreeMap<(String, String), u64>,
    /// Whether there is more than was counted: then the oldest were.
    pub is_more: bool,
    /// The last sequence of the stream when it was counted.
    pub last_sequence: u64,
}

/// The last count, and whether it still holds.
#[derive(Default)]
pub(crate) struct Counting {
    /// Counts what makes a count wrong.
    changes: AtomicU64,
    last: Mutex<Option<Last>>,
}

struct Last {
    began: Instant,
    ended: Instant,
    changes: u64,
    counts: Arc<Counts>,
}

impl Counting {
    /// Something was taken away.
    pub fn outdate(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}

impl Rejected {
    /// What waits, a few seconds old at most. One counts at a time; who asks meanwhile gets what was
    /// found, if it was begun after he asked.
    pub async fn counts(&self) -> Result<Arc<Counts>, LogError> {
        let asked = Instant::now();
        let mut last = self.counting.last.lock().await;
        let changes = self.counting.changes.load(Ordering::SeqCst);
        if let Some(last) = &*last {
            let is_fresh = last.ended.elapsed() < KNOWN_FOR && last.changes == changes;
            if is_fresh || last.began >= asked {
                return Ok(last.counts.clone());
            }
        }
        let began = Instant::now();
        let counts = Arc::new(self.count().await?);
        *last = Some(Last {
            began,
            ended: Instant::now(),
            changes,
            counts: counts.clone(),
        });
        Ok(counts)
    }

    async fn count(&self) -> Result<Counts, LogError> {
        let (_, last_sequence) = self.waiting().await?;
        let mut counts = Counts {
            kinds: BTreeMap::new(),
            is_more: false,
            last_sequence,
        };
        let mut walk = self.walk(0, last_sequence);
        while let Some(message) = walk.next().await? {
            let (messages, bytes) = walk.given();
            if messages > MOST_MESSAGES || bytes > MOST_BYTES {
                counts.is_more = true;
                break;
            }
            let kind = (message.service, message.code);
            *counts.kinds.entry(kind).or_default() += 1;
        }
        Ok(counts)
    }
}
