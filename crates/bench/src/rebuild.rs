//! Read models filled anew from a large log: how fast beside a bare `INSERT … SELECT` of the same
//! rows, and that nobody who reads or writes meanwhile notices.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use eventlog::{
    Append, EventLog, Leases, LogReader, Progress, Projection, Projector, Rebuilder, Vault,
};
use events::safeguard::ApprovalEvent;
use kernel::{Actor, AggregateId, Clock, EventType, Metadata, SystemClock, new_id};
use projections::safeguard::{HistoryFilter, list_history};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio_util::sync::CancellationToken;

/// What becomes of an approval; the examples are those of the event catalogue.
const LIFE: &[&str] = &[
    "requested",
    "postponed",
    "approved",
    "execution_claimed",
    "executed",
];
/// Approvals that are written and sealed one by one; the rest of the log repeats them.
const ORIGINALS: i64 = 2_000;
/// Approvals per second while a rebuild runs, five events each.
const WRITES: u64 = 40;

/// Events per second of a rebuild, and rows per second of the reference.
pub struct Rates {
    pub approvals: f64,
    pub audit: f64,
    pub audit_rows: f64,
}

/// What others saw during a rebuild of `approvals`.
pub struct Seen {
    pub queries: u64,
    pub slowest_ms: f64,
    pub written: u64,
    pub rate: f64,
}

pub struct Bench {
    pool: PgPool,
    log: EventLog,
    rebuilder: Rebuilder,
}

impl Bench {
    /// A log of about so many events about approvals.
    pub async fn new(url: &str, events: i64) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .connect_with(eventlog::search_path(url.parse()?, &projections::all()))
            .await?;
        eventlog::migrate(&pool).await?;
        let log = EventLog::open(pool.clone(), Vault::new(pool.clone(), &[7; 32])).await?;
        let bench = Self {
            rebuilder: Rebuilder {
                log: log.clone(),
                orders: |_| None,
            },
            pool,
            log,
        };
        bench.make_tables().await?;
        for _ in 0..ORIGINALS {
            bench.write().await?;
        }
        bench.repeat(events).await?;
        Ok(bench)
    }

    /// As a projector does at its first start.
    async fn make_tables(&self) -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        self.project(&stop).await?;
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let made: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM projection_checkpoints WHERE name IN ('approvals', 'audit')",
            )
            .fetch_one(&self.pool)
            .await?;
            if made == 2 {
                break;
            }
            ensure!(Instant::now() < until, "the read models were not made");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
        Ok(())
    }

    async fn project(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let reader = LogReader::start(self.log.clone(), None, stop.clone()).await?;
        let projector = Projector {
            log: self.log.clone(),
            reader,
            progress: Progress::new(self.pool.clone()),
            orders: |_| None,
        };
        let leases = Leases::start(&self.pool);
        projector.start(vec![approvals(), audit()], &leases, stop);
        Ok(())
    }

    /// One approval with all that becomes of it.
    async fn write(&self) -> anyhow::Result<()> {
        let id = AggregateId::from(new_id());
        let mut events = Vec::new();
        for name in LIFE {
            events.push(example(name, id.as_str())?);
        }
        let metadata = Metadata::new(Actor::service("bench"), new_id());
        let append = Append::new(
            self.log.vault(),
            ("safeguard.approval", &id),
            0,
            &events,
            &metadata,
            None,
            &Value::Null,
        )
        .await?;
        self.log.append(append).await?;
        Ok(())
    }

    /// Adds copies of the first events under other ids: what is sealed opens there too.
    async fn repeat(&self, events: i64) -> anyhow::Result<()> {
        let head = self.log.head().await? as i64;
        sqlx::query(
            "INSERT INTO events
             SELECT e.position + $1 * n, gen_random_uuid(), e.aggregate_type,
                    md5(e.aggregate_id || n)::uuid::text, e.sequence, e.event_type, e.event_version,
                    CASE WHEN e.payload ? 'approval_id' THEN jsonb_set(e.payload, '{approval_id}',
                        to_jsonb(md5(e.aggregate_id || n)::uuid::text)) ELSE e.payload END,
                    e.metadata, e.recorded_at
             FROM generate_series(1, $2 / $1 - 1) n, events e WHERE e.position <= $1
             ORDER BY 1",
        )
        .bind(head)
        .bind(events)
        .execute(&self.pool)
        .await?;
        sqlx::query(
            "UPDATE projection_checkpoints SET position = (SELECT max(position) FROM events)",
        )
        .execute(&self.pool)
        .await?;
        // Not in one go: a vacuum runs outside of transactions.
        for settle in ["VACUUM ANALYZE events", "CHECKPOINT"] {
            sqlx::query(settle).execute(&self.pool).await?;
        }
        Ok(())
    }

    /// Rebuilds while nothing else happens.
    pub async fn rates(&self) -> anyhow::Result<Rates> {
        let approvals = self.rebuild(approvals()).await?;
        let schema = format!("audit_v{}", audit().version());
        let audit = self.rebuild(audit()).await?;
        Ok(Rates {
            approvals,
            audit,
            audit_rows: self.bare(&schema, "audit_items").await?,
        })
    }

    async fn rebuild(&self, projection: Arc<dyn Projection>) -> anyhow::Result<f64> {
        let began = Instant::now();
        let position = self.rebuilder.rebuild(projection, |_| {}).await?;
        Ok(position as f64 / began.elapsed().as_secs_f64())
    }

    /// `INSERT … SELECT` of the same rows into the same table, indexes and all; rows per second.
    async fn bare(&self, schema: &str, table: &str) -> anyhow::Result<f64> {
        let make = format!("CREATE TABLE bare (LIKE {schema}.{table} INCLUDING ALL)");
        sqlx::query(&make).execute(&self.pool).await?;
        let began = Instant::now();
        let copy = format!("INSERT INTO bare SELECT * FROM {schema}.{table}");
        let rows = sqlx::query(&copy).execute(&self.pool).await?;
        let rate = rows.rows_affected() as f64 / began.elapsed().as_secs_f64();
        sqlx::query("DROP TABLE bare").execute(&self.pool).await?;
        Ok(rate)
    }

    /// Rebuilds `approvals` while the log grows and people look at the history; fails if a query does,
    /// or if the rows are not what the log says in the end.
    pub async fn under_load(&self) -> anyhow::Result<Seen> {
        let stop = CancellationToken::new();
        self.project(&stop).await?;
        let (writes, queries) = (self.keep_writing(&stop), self.keep_asking(&stop));
        let rebuild = async {
            let rate = self.rebuild(approvals()).await;
            stop.cancel();
            rate
        };
        let (rate, written, asked) = tokio::join!(rebuild, writes, queries);
        let (queries, slowest) = asked.context("a query failed during the rebuild")?;
        let seen = Seen {
            queries,
            slowest_ms: slowest.as_secs_f64() * 1_000.0,
            written: written?,
            rate: rate?,
        };
        let check = self.rebuilder.check(approvals(), |_| {}).await?;
        ensure!(
            check.difference.is_none(),
            "the rebuilt rows differ: {check:?}"
        );
        println!(
            "  {} rows checked, no difference; {} queries, none failed; {} events written meanwhile",
            check.rows,
            seen.queries,
            seen.written * LIFE.len() as u64
        );
        Ok(seen)
    }

    async fn keep_writing(&self, stop: &CancellationToken) -> anyhow::Result<u64> {
        let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / WRITES));
        let mut written = 0;
        while !stop.is_cancelled() {
            tick.tick().await;
            self.write().await?;
            written += 1;
        }
        Ok(written)
    }

    async fn keep_asking(&self, stop: &CancellationToken) -> anyhow::Result<(u64, Duration)> {
        let filter = HistoryFilter {
            limit: 20,
            ..HistoryFilter::default()
        };
        let (mut asked, mut slowest) = (0, Duration::ZERO);
        while !stop.is_cancelled() {
            let (began, now) = (Instant::now(), SystemClock.now());
            let page = list_history(&self.pool, self.log.vault(), &filter, None, now).await?;
            ensure!(page.items.len() == 20, "the history has a gap");
            slowest = slowest.max(began.elapsed());
            asked += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok((asked, slowest))
    }
}

fn approvals() -> Arc<dyn Projection> {
    Arc::new(projections::safeguard::Approvals::default())
}

fn audit() -> Arc<dyn Projection> {
    Arc::new(projections::audit::Audit)
}

/// The example that the repository keeps of an event, as it reads once opened.
fn example(name: &str, id: &str) -> anyhow::Result<ApprovalEvent> {
    let literal = format!("approval.{name}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../events/golden/safeguard")
        .join(format!("{literal}.v1.json"));
    let mut golden: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let opened = golden["opened"].take();
    let mut data = golden["data"].take();
    for (pointer, value) in opened.as_object().into_iter().flatten() {
        *data.pointer_mut(pointer).context("an example's pointer")? = value.clone();
    }
    if data.get("approval_id").is_some() {
        data["approval_id"] = json!(id);
    }
    Ok(ApprovalEvent::decode(
        &format!("safeguard.{literal}"),
        1,
        &data,
    )?)
}
