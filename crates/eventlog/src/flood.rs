//! In a flood a round takes what comes in a little time, and each event costs its share of it, here and with
//! all who follow. What no flood precedes is not held back.

use std::time::Duration;

/// So many events in one round mean a flood.
const BUSY: usize = 8;
const LINGER: Duration = Duration::from_millis(10);

/// Waits for more after a round of a flood; not after one of `backlog` events or more, behind which more is
/// there already.
pub(crate) async fn linger(events: usize, backlog: usize) {
    if (BUSY..backlog).contains(&events) {
        tokio::time::sleep(LINGER).await;
    }
}
