//! Applies events to the rows of one version of a projection, and parks those that cannot be.

use std::{collections::HashSet, sync::Arc};

use sqlx::{Connection, PgConnection};

use crate::{
    ApplyError, ApplyTx, EventLog, ParkedOrder, ParkedOrdersOf, Projection, RecordedEvent,
    parking::{self, ParkedRow},
    schemas::Generation,
};

/// Parked events read from the log at once.
const PARKED_PAGE: usize = 500;

/// Applies events to one generation of a projection's rows.
#[derive(Clone)]
pub(crate) struct Applier {
    pub projection: Arc<dyn Projection>,
    pub log: EventLog,
    pub orders: ParkedOrdersOf,
    pub generation: Generation,
}

impl Applier {
    pub fn wants(&self, event: &RecordedEvent) -> bool {
        self.projection.wants(&event.event_type) || self.order(event).is_some()
    }

    /// What the event orders about this projection's parked events.
    pub fn order(&self, event: &RecordedEvent) -> Option<ParkedOrder> {
        (self.orders)(event).filter(|order| order.projection() == self.projection.name())
    }

    /// Applies wanted events in the caller's transaction, on a connection that has entered the schema;
    /// parks those that cannot be applied.
    pub async fn apply(
        &self,
        conn: &mut PgConnection,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        // An order acts at its own place among the events, in a rebuild as it did then.
        for part in events.chunk_by(|before, _| self.order(before).is_none()) {
            let wanted: Vec<_> = part
                .iter()
                .filter(|event| self.projection.wants(&event.event_type))
                .cloned()
                .collect();
            self.apply_or_park(conn, wanted).await?;
            if let Some(order) = part.last().and_then(|event| self.order(event)) {
                self.obey(conn, &order).await?;
            }
        }
        Ok(())
    }

    async fn apply_or_park(
        &self,
        conn: &mut PgConnection,
        events: Vec<Arc<RecordedEvent>>,
    ) -> Result<(), ApplyError> {
        let key_of = |event: &Arc<RecordedEvent>| self.projection.partition_key(event);
        if events.iter().all(|event| key_of(event).is_none()) {
            return self.apply_all(conn, &events).await;
        }
        let among = events.iter().filter_map(key_of).collect();
        let mut parked = parking::keys(conn, self, Some(among)).await?;
        let is_parked = |event: &Arc<RecordedEvent>, parked: &HashSet<String>| {
            !parked.is_empty() && key_of(event).is_some_and(|key| parked.contains(&key))
        };
        let mut waiting = Vec::new();
        // What may be applied at once, the first on top. A part that fails is halved until those at
        // fault are alone.
        let mut parts = vec![events];
        while let Some(part) = parts.pop() {
            let (held, mut free): (Vec<_>, Vec<_>) = part
                .into_iter()
                .partition(|event| is_parked(event, &parked));
            waiting.extend(held);
            let Some(error) = self.try_apply(conn, &free).await? else {
                continue;
            };
            if free.len() > 1 {
                parts.push(free.split_off(free.len() / 2));
                parts.push(free);
            } else if let Some(event) = free.first() {
                parked.insert(self.park(conn, event, error).await?);
            }
        }
        let waiting = waiting
            .iter()
            .filter_map(|event| Some(ParkedRow::new(event, key_of(event)?, None)));
        parking::park(conn, self, waiting.collect()).await
    }

    /// Parks an event that cannot be applied; returns its key.
    async fn park(
        &self,
        conn: &mut PgConnection,
        event: &RecordedEvent,
        error: ApplyError,
    ) -> Result<String, ApplyError> {
        // Without a key nothing says what else must wait.
        let Some(key) = self.projection.partition_key(event) else {
            return Err(error);
        };
        let why = error.without_values();
        tracing::error!(
            projection = self.projection.name(),
            position = event.position,
            error = %why,
            "event parked"
        );
        let row = ParkedRow::new(event, key.clone(), Some(why));
        parking::park(conn, self, vec![row]).await?;
        Ok(key)
    }

    /// Applies all or nothing; returns the error if what an event holds is at fault.
    async fn try_apply(
        &self,
        conn: &mut PgConnection,
        events: &[Arc<RecordedEvent>],
    ) -> Result<Option<ApplyError>, ApplyError> {
        let mut savepoint = conn.begin().await?;
        match self.apply_all(&mut savepoint, events).await {
            Ok(()) => {
                savepoint.commit().await?;
                Ok(None)
            }
            Err(error) if error.is_data() => {
                savepoint.rollback().await?;
                Ok(Some(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Applies wanted events of which none is held up by a parked one and none is an order. If what one
    /// of them holds is at fault, the caller rolls back and has them applied with care.
    pub async fn apply_all(
        &self,
        conn: &mut PgConnection,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut tx = ApplyTx {
            conn,
            vault: self.log.vault(),
            shows_frames: self.generation == Generation::Live,
        };
        self.projection.apply(&mut tx, events).await
    }

    /// Does what an operator decided about a parked event. One that is not parked (any more) needs
    /// nothing: the order was given twice, or the corrected build has applied it in a rebuild.
    async fn obey(&self, conn: &mut PgConnection, order: &ParkedOrder) -> Result<(), ApplyError> {
        let (position, is_discard) = match order {
            ParkedOrder::Retry { position, .. } => (*position, false),
            ParkedOrder::Discard { position, .. } => (*position, true),
            ParkedOrder::RetryAll { .. } => return self.retry_all(conn).await,
        };
        let Some((key, has_failed)) = parking::find(conn, self, position).await? else {
            return Ok(());
        };
        if is_discard {
            if !has_failed {
                tracing::warn!(position, "an event that only waits is not discarded");
                return Ok(());
            }
            parking::unpark(conn, self, &[position]).await?;
        }
        self.retry(conn, &key).await
    }

    /// Tries all that is parked once more: another build may be able to apply it.
    pub async fn retry_all(&self, conn: &mut PgConnection) -> Result<(), ApplyError> {
        for key in parking::keys(conn, self, None).await? {
            self.retry(conn, &key).await?;
        }
        Ok(())
    }

    /// Applies the parked events of a key, until one fails.
    async fn retry(&self, conn: &mut PgConnection, key: &str) -> Result<(), ApplyError> {
        let positions = parking::positions(conn, self, key).await?;
        for positions in positions.chunks(PARKED_PAGE) {
            let events = self.log.read_at(positions).await?;
            if self.try_apply(conn, &events).await?.is_none() {
                parking::unpark(conn, self, positions).await?;
                continue;
            }
            for event in events {
                let event = std::slice::from_ref(&event);
                let position = event[0].position;
                if let Some(error) = self.try_apply(conn, event).await? {
                    return parking::fail(conn, self, position, &error.without_values()).await;
                }
                parking::unpark(conn, self, &[position]).await?;
            }
        }
        Ok(())
    }
}
