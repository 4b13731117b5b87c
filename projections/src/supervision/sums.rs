//! Sums of tickets and alerts by hours and days: what a batch adds to them and takes away.
//!
//! Several workers of a rebuild change the same sums. Each folds its batch to one change per row, and
//! writes these last in its transaction, table after table in one order and row after row by key, so
//! that none waits for another in a circle.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::period::{start_of_day, start_of_hour};

/// What a ticket counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TicketShare {
    pub occurred_at: DateTime<Utc>,
    pub category: String,
    pub outcome: String,
    pub automatic: bool,
    pub client_id: Option<String>,
    pub duration_ms: Option<i64>,
}

/// What an episode of an alert counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AlertShare {
    pub raised_at: DateTime<Utc>,
    pub responsibility: String,
    pub severity: String,
    pub status: &'static str,
    pub resolution_ms: i64,
    /// What it counts for while it is active.
    pub active: Option<ActiveShare>,
    /// The minute in which it last went down or up, once it goes up and down.
    pub flapping_at: Option<DateTime<Utc>>,
}

/// What an active alert counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActiveShare {
    pub client_id: Option<String>,
    pub is_acknowledged: bool,
    pub is_awaiting_diag: bool,
}

/// A step, `day` or `hour`, and when it begins.
pub(super) type At = (&'static str, DateTime<Utc>);

/// The changes of a batch.
#[derive(Default)]
pub(super) struct Sums {
    pub tickets: BTreeMap<(At, String, String, bool), [i64; 3]>,
    pub alerts: BTreeMap<(At, String, String, &'static str), [i64; 2]>,
    pub clients: BTreeMap<(At, String), i64>,
    /// All, those looked after, and those that wait for a diagnosis.
    pub active: BTreeMap<String, [i64; 3]>,
    pub flapping: BTreeMap<DateTime<Utc>, i64>,
}

fn steps_of(at: DateTime<Utc>) -> [At; 2] {
    [("day", start_of_day(at)), ("hour", start_of_hour(at))]
}

impl Sums {
    /// Counts a ticket as it is now and no longer as it was.
    pub fn ticket(&mut self, before: Option<TicketShare>, now: &TicketShare) {
        if before.as_ref() == Some(now) {
            return;
        }
        if let Some(before) = &before {
            self.add_ticket(before, -1);
        }
        self.add_ticket(now, 1);
    }

    fn add_ticket(&mut self, share: &TicketShare, sign: i64) {
        for at in steps_of(share.occurred_at) {
            let key = (
                at,
                share.category.clone(),
                share.outcome.clone(),
                share.automatic,
            );
            let sum = self.tickets.entry(key).or_default();
            sum[0] += sign;
            if let Some(duration) = share.duration_ms {
                sum[1] += sign;
                sum[2] += sign * duration;
            }
            let client = share.client_id.clone().unwrap_or_default();
            *self.clients.entry((at, client)).or_default() += sign;
        }
    }

    /// Counts an episode as it is now and no longer as it was.
    pub fn alert(&mut self, before: Option<AlertShare>, now: &AlertShare) {
        if before.as_ref() == Some(now) {
            return;
        }
        if let Some(before) = &before {
            self.add_alert(before, -1);
        }
        self.add_alert(now, 1);
    }

    fn add_alert(&mut self, share: &AlertShare, sign: i64) {
        for at in steps_of(share.raised_at) {
            let key = (
                at,
                share.responsibility.clone(),
                share.severity.clone(),
                share.status,
            );
            let sum = self.alerts.entry(key).or_default();
            sum[0] += sign;
            sum[1] += sign * share.resolution_ms;
        }
        if let Some(active) = &share.active {
            let client = active.client_id.clone().unwrap_or_default();
            let sum = self.active.entry(client).or_default();
            sum[0] += sign;
            sum[1] += sign * i64::from(active.is_acknowledged);
            sum[2] += sign * i64::from(active.is_awaiting_diag);
        }
        if let Some(minute) = share.flapping_at {
            *self.flapping.entry(minute).or_default() += sign;
        }
    }
}
