//! How much is measured.

use std::time::Duration;

/// How long and how often everything is measured.
pub struct Plan {
    pub slice: Duration,
    pub rounds: usize,
    pub large: i64,
    pub relayed: i64,
    pub sockets: usize,
    pub rebuilt: i64,
    pub supervised: i64,
    /// Messages, for so many seconds at the rate that is wanted and a quarter more.
    pub taken_in: u64,
}

impl Plan {
    pub fn new(is_quick: bool) -> Self {
        if is_quick {
            return Self {
                slice: Duration::from_millis(1_000),
                rounds: 3,
                large: 200_000,
                relayed: 100_000,
                sockets: 500,
                rebuilt: 100_000,
                supervised: 200_000,
                taken_in: 25_000,
            };
        }
        Self {
            slice: Duration::from_secs(4),
            rounds: 5,
            large: 10_000_000,
            relayed: 500_000,
            sockets: 2_000,
            rebuilt: 1_000_000,
            supervised: 5_000_000,
            taken_in: 150_000,
        }
    }
}
