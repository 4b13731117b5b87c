//! Counts over any stretch of time: from the sums of whole days and hours, and at either end from the
//! rows. Of an hour that is cut, the smaller side is read: most often what is still to come of it.

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::LogError;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, postgres::PgRow};

use super::super::{
    period::{Period, Pieces, Span, Step, start_of_hour},
    shapes::AlertStatus,
};
use crate::ReadError;

/// Tickets that are alike, in one step of a chart.
#[derive(FromRow)]
pub(super) struct TicketSum {
    pub at: DateTime<Utc>,
    pub category: String,
    pub outcome: String,
    pub automatic: bool,
    pub count: i64,
    pub timed: i64,
    pub duration_ms: f64,
}

/// Episodes that are alike, in one step of a chart.
#[derive(FromRow)]
pub(super) struct AlertSum {
    pub at: DateTime<Utc>,
    pub responsibility: String,
    pub severity: String,
    pub status: String,
    pub count: i64,
    pub resolution_ms: f64,
}

/// A count that was read. Sums are kept by adding and taking away: one below zero is wrong, and is
/// not shown as if it were right.
pub(super) fn counted(count: i64) -> Result<u64, ReadError> {
    u64::try_from(count)
        .map_err(|_| LogError::Corrupt(format!("a sum of SUPERVISION is {count}")).into())
}

impl AlertSum {
    pub fn is(&self, status: AlertStatus) -> bool {
        self.status == status.as_str()
    }
}

/// The stretches of a query, and where each is read.
struct Parts {
    sums: Vec<(&'static str, Span)>,
    rows: Vec<(Sign, Span)>,
}

/// Whether rows are counted or taken away.
#[derive(Clone, Copy)]
enum Sign {
    Plus,
    Minus,
}

impl Parts {
    fn of((from, to): Span, by_day: bool, now: DateTime<Utc>) -> Self {
        let pieces = Pieces::of(from, to, by_day);
        let hours = pieces.hours.map(|span| ("hour", span));
        let sums = [("day", pieces.days)].into_iter().chain(hours);
        let mut parts = Self {
            sums: sums.filter(|(_, (from, to))| from < to).collect(),
            rows: Vec::new(),
        };
        for edge in pieces.edges.into_iter().filter(|(from, to)| from < to) {
            match rest_of_hour(edge, now) {
                Some((hour, rest)) => {
                    parts.sums.push(("hour", hour));
                    parts.rows.push((Sign::Minus, rest));
                }
                None => parts.rows.push((Sign::Plus, edge)),
            }
        }
        parts
    }

    /// One query over all of them: each part `UNION ALL` the next.
    fn query(&self, columns: &Columns) -> QueryBuilder<'static, Postgres> {
        let mut query = QueryBuilder::new(columns.head);
        let mut union = "";
        for (step, (from, to)) in &self.sums {
            query.push(union).push(columns.of_sums);
            query.push(" WHERE step = ").push_bind(*step);
            query.push(" AND at >= ").push_bind(*from);
            query.push(" AND at < ").push_bind(*to);
            union = " UNION ALL ";
        }
        for (sign, (from, to)) in &self.rows {
            let of_rows = match sign {
                Sign::Plus => columns.of_rows,
                Sign::Minus => columns.less_rows,
            };
            query.push(union).push(of_rows);
            query
                .push(format!(" WHERE {} >= ", columns.time))
                .push_bind(*from);
            query
                .push(format!(" AND {} < ", columns.time))
                .push_bind(*to);
            query.push(columns.group);
            union = " UNION ALL ";
        }
        query.push(columns.tail);
        query
    }

    fn is_empty(&self) -> bool {
        self.sums.is_empty() && self.rows.is_empty()
    }
}

/// The hour that a part of it is read by, and the rest to take away, if the rest is what has fewer
/// rows: it is shorter, or it is still to come.
fn rest_of_hour(edge: Span, now: DateTime<Utc>) -> Option<(Span, Span)> {
    let start = start_of_hour(edge.0);
    let hour = (start, start + TimeDelta::hours(1));
    let rest = match edge {
        (from, to) if from == hour.0 => (to, hour.1),
        (from, to) if to == hour.1 => (hour.0, from),
        _ => return None,
    };
    let has_passed = |span: Span| span.1.min(now) - span.0.min(now);
    (has_passed(rest) < has_passed(edge)).then_some((hour, rest))
}

/// How a query over parts is written.
struct Columns {
    head: &'static str,
    of_sums: &'static str,
    of_rows: &'static str,
    less_rows: &'static str,
    time: &'static str,
    group: &'static str,
    tail: &'static str,
}

const TICKETS: Columns = Columns {
    head: "SELECT at, category, outcome, automatic, sum(count)::bigint AS count, sum(timed)::bigint AS timed,
                  sum(duration_ms) AS duration_ms FROM (",
    of_sums: "SELECT at, category, outcome, automatic, count, timed, duration_ms::float8 AS duration_ms
              FROM supervision_ticket_sums",
    of_rows: "SELECT date_trunc('hour', occurred_at) AS at, category, outcome, automatic, count(*) AS count,
                     count(duration_ms) AS timed, coalesce(sum(duration_ms), 0)::float8 AS duration_ms
              FROM supervision_tickets",
    less_rows: "SELECT date_trunc('hour', occurred_at) AS at, category, outcome, automatic, -count(*) AS count,
                       -count(duration_ms) AS timed, -coalesce(sum(duration_ms), 0)::float8 AS duration_ms
                FROM supervision_tickets",
    time: "occurred_at",
    group: " GROUP BY 1, 2, 3, 4",
    tail: ") AS parts GROUP BY 1, 2, 3, 4 HAVING sum(count) <> 0",
};

/// All steps together: `at` is of none.
const TICKETS_OF_ALL_STEPS: Columns = Columns {
    head: "SELECT to_timestamp(0) AS at, category, outcome, automatic, sum(count)::bigint AS count,
                  sum(timed)::bigint AS timed, sum(duration_ms) AS duration_ms FROM (",
    ..TICKETS
};

const ALERTS: Columns = Columns {
    head: "SELECT at, responsibility, severity, status, sum(count)::bigint AS count,
                  sum(resolution_ms) AS resolution_ms FROM (",
    of_sums: "SELECT at, responsibility, severity, status, count, resolution_ms::float8 AS resolution_ms
              FROM supervision_alert_sums",
    of_rows: "SELECT date_trunc('hour', raised_at) AS at, responsibility, severity, status, count(*) AS count,
                     coalesce(sum(greatest(extract(epoch FROM resolved_at - raised_at) * 1000, 0)), 0)::float8
                         AS resolution_ms
              FROM supervision_alerts",
    less_rows: "SELECT date_trunc('hour', raised_at) AS at, responsibility, severity, status, -count(*) AS count,
                       -coalesce(sum(greatest(extract(epoch FROM resolved_at - raised_at) * 1000, 0)), 0)::float8
                           AS resolution_ms
                FROM supervision_alerts",
    time: "raised_at",
    group: " GROUP BY 1, 2, 3, 4",
    tail: ") AS parts GROUP BY 1, 2, 3, 4 HAVING sum(count) <> 0",
};

const CLIENTS: Columns = Columns {
    head: "SELECT client_id, sum(count)::bigint AS count FROM (",
    of_sums: "SELECT client_id, count FROM supervision_client_sums",
    of_rows: "SELECT coalesce(client_id, '') AS client_id, count(*) AS count FROM supervision_tickets",
    less_rows: "SELECT coalesce(client_id, '') AS client_id, -count(*) AS count FROM supervision_tickets",
    time: "occurred_at",
    group: " GROUP BY 1",
    tail: ") AS parts GROUP BY 1 HAVING sum(count) <> 0 ORDER BY 2 DESC, client_id COLLATE \"C\" LIMIT 10",
};

const TICKET_COUNT: Columns = Columns {
    head: "SELECT coalesce(sum(count), 0)::bigint FROM (",
    of_sums: "SELECT count FROM supervision_ticket_sums",
    of_rows: "SELECT count(*) AS count FROM supervision_tickets",
    less_rows: "SELECT -count(*) AS count FROM supervision_tickets",
    group: "",
    tail: ") AS parts",
    ..TICKETS
};

const ALERT_COUNT: Columns = Columns {
    of_sums: "SELECT count FROM supervision_alert_sums",
    of_rows: "SELECT count(*) AS count FROM supervision_alerts",
    less_rows: "SELECT -count(*) AS count FROM supervision_alerts",
    time: "raised_at",
    ..TICKET_COUNT
};

/// A stretch of time and when it is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub span: Span,
    pub now: DateTime<Utc>,
}

impl Asked {
    async fn read<T>(
        self,
        conn: &mut PgConnection,
        by_day: bool,
        columns: &Columns,
    ) -> Result<Vec<T>, ReadError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let parts = Parts::of(self.span, by_day, self.now);
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = parts.query(columns);
        Ok(query.build_query_as().fetch_all(conn).await?)
    }

    async fn count(self, conn: &mut PgConnection, columns: &Columns) -> Result<u64, ReadError> {
        let rows: Vec<(i64,)> = self.read(conn, true, columns).await?;
        counted(rows.first().map_or(0, |row| row.0))
    }
}

/// The tickets of a stretch; `step` is how fine their times are.
pub(super) async fn tickets(
    conn: &mut PgConnection,
    asked: Asked,
    step: Step,
) -> Result<Vec<TicketSum>, ReadError> {
    asked.read(conn, step == Step::Day, &TICKETS).await
}

/// The tickets of a stretch, whenever they were in it: `at` says nothing.
pub(super) async fn all_tickets(
    conn: &mut PgConnection,
    asked: Asked,
) -> Result<Vec<TicketSum>, ReadError> {
    asked.read(conn, true, &TICKETS_OF_ALL_STEPS).await
}

/// The episodes raised in a stretch; `step` is how fine their times are.
pub(super) async fn alerts(
    conn: &mut PgConnection,
    asked: Asked,
    step: Step,
) -> Result<Vec<AlertSum>, ReadError> {
    asked.read(conn, step == Step::Day, &ALERTS).await
}

/// How many tickets are of a stretch.
pub(super) async fn count_tickets(conn: &mut PgConnection, asked: Asked) -> Result<u64, ReadError> {
    asked.count(conn, &TICKET_COUNT).await
}

/// How many episodes were raised in a stretch.
pub(super) async fn count_alerts(conn: &mut PgConnection, asked: Asked) -> Result<u64, ReadError> {
    asked.count(conn, &ALERT_COUNT).await
}

/// The ten clients with the most tickets of a stretch; the tickets without a client are of `''`.
pub(super) async fn clients(
    conn: &mut PgConnection,
    asked: Asked,
) -> Result<Vec<(String, i64)>, ReadError> {
    asked.read(conn, true, &CLIENTS).await
}

impl Period {
    pub(super) fn span(&self) -> Span {
        (self.from, self.to)
    }

    pub(super) fn previous(&self) -> Span {
        (self.previous_from, self.previous_to)
    }
}

impl Asked {
    /// The period itself.
    pub fn of(period: &Period, now: DateTime<Utc>) -> Self {
        let span = period.span();
        Self { span, now }
    }

    /// The period before.
    pub fn before(period: &Period, now: DateTime<Utc>) -> Self {
        let span = period.previous();
        Self { span, now }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_sum_below_zero_is_corrupt_data() {
        assert_eq!(counted(0).unwrap(), 0);
        let wrong = counted(-1);
        assert!(matches!(wrong, Err(ReadError::Log(LogError::Corrupt(_)))));
    }
}
