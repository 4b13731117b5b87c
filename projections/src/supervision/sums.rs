//! Sums of tickets and alerts by hours and days: what a batch adds to them and takes away.
//!
//! Several workers of a rebuild change the same sums. Each writes them last in its transaction, table
//! after table in one order and row after row by key, so that none waits for another in a circle.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx};

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
}

type At = (&'static str, DateTime<Utc>);

/// The changes of a batch.
#[derive(Default)]
pub(super) struct Sums {
    tickets: BTreeMap<(At, String, String, bool), [i64; 3]>,
    alerts: BTreeMap<(At, String, String, &'static str), [i64; 2]>,
    clients: BTreeMap<(At, String), i64>,
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
    }

    pub async fn write(mut self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        self.tickets.retain(|_, sum| *sum != [0; 3]);
        self.alerts.retain(|_, sum| *sum != [0; 2]);
        self.clients.retain(|_, sum| *sum != 0);
        self.write_tickets(tx).await?;
        self.write_alerts(tx).await?;
        self.write_clients(tx).await
    }

    async fn write_tickets(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        if self.tickets.is_empty() {
            return Ok(());
        }
        let keys = || self.tickets.keys();
        let sums = |nth: usize| {
            self.tickets
                .values()
                .map(|sum| sum[nth])
                .collect::<Vec<_>>()
        };
        sqlx::query(
            "INSERT INTO supervision_ticket_sums AS s
                 (step, at, category, outcome, automatic, count, timed, duration_ms)
             SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::boolean[],
                                  $6::bigint[], $7::bigint[], $8::bigint[])
             ON CONFLICT (step, at, category, outcome, automatic) DO UPDATE
             SET count = s.count + excluded.count, timed = s.timed + excluded.timed,
                 duration_ms = s.duration_ms + excluded.duration_ms",
        )
        .bind(keys().map(|key| key.0.0).collect::<Vec<_>>())
        .bind(keys().map(|key| key.0.1).collect::<Vec<_>>())
        .bind(keys().map(|key| &*key.1).collect::<Vec<_>>())
        .bind(keys().map(|key| &*key.2).collect::<Vec<_>>())
        .bind(keys().map(|key| key.3).collect::<Vec<_>>())
        .bind(sums(0))
        .bind(sums(1))
        .bind(sums(2))
        .execute(tx.conn())
        .await?;
        let less: Vec<_> = self.tickets.iter().filter(|it| it.1[0] < 0).collect();
        if less.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "DELETE FROM supervision_ticket_sums s
             USING unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::boolean[])
                   AS n(step, at, category, outcome, automatic)
             WHERE s.count = 0 AND s.step = n.step AND s.at = n.at AND s.category = n.category
               AND s.outcome = n.outcome AND s.automatic = n.automatic",
        )
        .bind(less.iter().map(|it| it.0.0.0).collect::<Vec<_>>())
        .bind(less.iter().map(|it| it.0.0.1).collect::<Vec<_>>())
        .bind(less.iter().map(|it| &*it.0.1).collect::<Vec<_>>())
        .bind(less.iter().map(|it| &*it.0.2).collect::<Vec<_>>())
        .bind(less.iter().map(|it| it.0.3).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    async fn write_alerts(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        if self.alerts.is_empty() {
            return Ok(());
        }
        let keys = || self.alerts.keys();
        let sums = |nth: usize| self.alerts.values().map(|sum| sum[nth]).collect::<Vec<_>>();
        sqlx::query(
            "INSERT INTO supervision_alert_sums AS s
                 (step, at, responsibility, severity, status, count, resolution_ms)
             SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[],
                                  $6::bigint[], $7::bigint[])
             ON CONFLICT (step, at, responsibility, severity, status) DO UPDATE
             SET count = s.count + excluded.count,
                 resolution_ms = s.resolution_ms + excluded.resolution_ms",
        )
        .bind(keys().map(|key| key.0.0).collect::<Vec<_>>())
        .bind(keys().map(|key| key.0.1).collect::<Vec<_>>())
        .bind(keys().map(|key| &*key.1).collect::<Vec<_>>())
        .bind(keys().map(|key| &*key.2).collect::<Vec<_>>())
        .bind(keys().map(|key| key.3).collect::<Vec<_>>())
        .bind(sums(0))
        .bind(sums(1))
        .execute(tx.conn())
        .await?;
        let less: Vec<_> = self.alerts.iter().filter(|it| it.1[0] < 0).collect();
        if less.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "DELETE FROM supervision_alert_sums s
             USING unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[])
                   AS n(step, at, responsibility, severity, status)
             WHERE s.count = 0 AND s.step = n.step AND s.at = n.at
               AND s.responsibility = n.responsibility AND s.severity = n.severity
               AND s.status = n.status",
        )
        .bind(less.iter().map(|it| it.0.0.0).collect::<Vec<_>>())
        .bind(less.iter().map(|it| it.0.0.1).collect::<Vec<_>>())
        .bind(less.iter().map(|it| &*it.0.1).collect::<Vec<_>>())
        .bind(less.iter().map(|it| &*it.0.2).collect::<Vec<_>>())
        .bind(less.iter().map(|it| it.0.3).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    async fn write_clients(&self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        if self.clients.is_empty() {
            return Ok(());
        }
        let keys = || self.clients.keys();
        sqlx::query(
            "INSERT INTO supervision_client_sums AS s (step, at, client_id, count)
             SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::bigint[])
             ON CONFLICT (step, at, client_id) DO UPDATE SET count = s.count + excluded.count",
        )
        .bind(keys().map(|key| key.0.0).collect::<Vec<_>>())
        .bind(keys().map(|key| key.0.1).collect::<Vec<_>>())
        .bind(keys().map(|key| &*key.1).collect::<Vec<_>>())
        .bind(self.clients.values().copied().collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
        let less: Vec<_> = self.clients.iter().filter(|it| *it.1 < 0).collect();
        if less.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "DELETE FROM supervision_client_sums s
             USING unnest($1::text[], $2::timestamptz[], $3::text[]) AS n(step, at, client_id)
             WHERE s.count = 0 AND s.step = n.step AND s.at = n.at AND s.client_id = n.client_id",
        )
        .bind(less.iter().map(|it| it.0.0.0).collect::<Vec<_>>())
        .bind(less.iter().map(|it| it.0.0.1).collect::<Vec<_>>())
        .bind(less.iter().map(|it| &*it.0.1).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
