//! How long it takes until another process does the work of a dead one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use async_nats::jetstream;
use eventlog::EventLog;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fleet::Fleet,
    place::{
        cluster::{MASTER_KEY, open_log},
        overdue::expires_in,
    },
};

/// After so long nobody has taken over.
const PATIENCE: Duration = Duration::from_secs(180);
/// So soon is due what the clerk is measured by.
const DUE_IN: Duration = Duration::from_millis(100);
/// First key of the platform's leases.
const LEASES: i64 = 731_058;

pub struct Takeovers {
    /// As one more process sees it.
    log: EventLog,
    nats: async_nats::Client,
    /// What was appended to measure.
    pub requests: BTreeSet<Uuid>,
    times: BTreeMap<&'static str, Vec<Duration>>,
}

impl Takeovers {
    pub async fn new(database_url: &str, nats: async_nats::Client) -> Self {
        Self {
            log: open_log(database_url, &MASTER_KEY).await,
            nats,
            requests: BTreeSet::new(),
            times: BTreeMap::new(),
        }
    }

    /// The active process of the role has just died: what is appended only now is another's work.
    pub async fn measure(&mut self, role: &str, fleet: &mut Fleet) {
        let Some(work) = work_of(role) else { return };
        let died = Instant::now();
        let (id, _) = expires_in(&self.log, DUE_IN).await;
        self.requests.insert(id);
        let position = position_of(self.log.pool(), id, "requested").await.unwrap();
        while !self.is_done(work, id, position).await {
            assert!(
                died.elapsed() < PATIENCE,
                "nobody takes over from the {work}"
            );
            fleet.wait(5).await;
        }
        self.times.entry(work).or_default().push(died.elapsed());
    }

    /// Whether the role has not been measured yet.
    pub fn wants(&self, role: &str) -> bool {
        work_of(role).is_some_and(|work| !self.times.contains_key(work))
    }

    async fn is_done(&self, work: &str, id: Uuid, position: i64) -> bool {
        let pool = self.log.pool();
        match work {
            "relay" => {
                let stream = jetstream::new(self.nats.clone()).get_stream("EVENTS").await;
                let last = stream.map_or(0, |stream| stream.cached_info().state.last_sequence);
                last as i64 >= position
            }
            "projector" => {
                let applied: i64 = sqlx::query_scalar(
                    "SELECT max(position) FROM projection_checkpoints WHERE name = 'approvals'",
                )
                .fetch_one(pool)
                .await
                .unwrap();
                applied >= position
            }
            _ => position_of(pool, id, "expired").await.is_some(),
        }
    }

    /// The worst of each.
    pub fn summary(&self) -> String {
        let worst = |work| self.times.get(work).and_then(|times| times.iter().max());
        let said = ["relay", "projector", "clerk"].map(|work| match worst(work) {
            Some(worst) => format!("{work} {:.1} s", worst.as_secs_f64()),
            None => format!("{work} –"),
        });
        let count: usize = self.times.values().map(Vec::len).sum();
        format!("takeover: {} (worst of {count})", said.join(", "))
    }

    pub fn worst(&self) -> Duration {
        self.times
            .values()
            .flatten()
            .max()
            .copied()
            .unwrap_or_default()
    }
}

/// What is measured of a role; nothing of one where both processes work at once.
fn work_of(role: &str) -> Option<&'static str> {
    match role {
        "relay" => Some("relay"),
        "projector" => Some("projector"),
        "workflows" => Some("clerk"),
        _ => None,
    }
}

async fn position_of(pool: &PgPool, id: Uuid, event: &str) -> Option<i64> {
    sqlx::query_scalar("SELECT position FROM events WHERE aggregate_id = $1 AND event_type = $2")
        .bind(id.to_string())
        .bind(format!("safeguard.approval.{event}"))
        .fetch_optional(pool)
        .await
        .unwrap()
}

/// From which port the holder of the role's lease is connected to PostgreSQL.
pub async fn port_of_holder(pool: &PgPool, role: &str) -> Option<u16> {
    let mut names = match role {
        "relay" => vec!["relay".to_owned()],
        "workflows" => vec!["clerk".to_owned()],
        "projector" => vec!["projection approvals".to_owned()],
        _ => return None,
    };
    // The lease of a projection may name its version.
    names.extend((0..100).map(|version| format!("projection approvals v{version}")));
    let port: Option<i32> = sqlx::query_scalar(
        "SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = $1
           AND l.objid::bigint IN (SELECT hashtext(n)::bigint & 4294967295 FROM unnest($2::text[]) n)
         LIMIT 1",
    )
    .bind(LEASES)
    .bind(match role {
        "projector" => names,
        _ => names[..1].to_vec(),
    })
    .fetch_optional(pool)
    .await
    .ok()?;
    port.and_then(|port| u16::try_from(port).ok())
}

/// The local ports of a process's connections.
pub fn ports_of(pid: u32) -> BTreeSet<u16> {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return BTreeSet::new();
    };
    let sockets: BTreeSet<String> = open
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .filter_map(|link| {
            let name = link.to_string_lossy().into_owned();
            Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let connections = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    connections
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_ours = sockets.contains(*fields.get(9)?);
            let (_, port) = fields[1].split_once(':')?;
            u16::from_str_radix(port, 16).ok().filter(|_| is_ours)
        })
        .collect()
}
