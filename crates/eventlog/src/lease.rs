//! Which process does what only one may do. One direct connection per process holds its advisory
//! locks; when it breaks, all its leases are lost.
//!
//! A lease saves work; it is not what keeps data right: the relay is fenced by expected sequences
//! and projections by their checkpoints.

use std::{collections::HashMap, time::Duration};

use sqlx::{ConnectOptions, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::sync::{mpsc, watch};

use crate::LogError;

/// How often leases held by others are tried, and one's own connection is checked.
const TRY_EVERY: Duration = Duration::from_millis(250);
/// A connection that does not answer for so long is given up, and its leases with it.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// The server notices within seconds that a holder's machine is gone, and gives its leases on.
const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "2"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
];
/// First key of all of Greffe's leases; the second names the lease.
const LOCK_CLASS: i32 = 731_058;

/// Holds the leases of one process. Cheap to clone.
#[derive(Clone)]
pub struct Leases {
    wanted: mpsc::UnboundedSender<(String, watch::Sender<Held>)>,
}

/// Something at most one process does at a time.
pub struct Lease {
    held: watch::Receiver<Held>,
    /// Which time it was had; a lease that was lost and had again in between was lost.
    since: Held,
}

/// Counts the times a lease was had; `None` while somebody else has it.
type Held = Option<u64>;

impl Leases {
    pub fn start(pool: &PgPool) -> Self {
        let (wanted, requests) = mpsc::unbounded_channel();
        let options = (*pool.connect_options()).clone();
        tokio::spawn(keep(options, requests));
        Self { wanted }
    }

    /// Asks for a lease; it is had some time after the present holder lets go.
    pub fn want(&self, name: &str) -> Lease {
        let (sender, held) = watch::channel(None);
        // The keeper lives as long as a handle does; without it the lease is never had.
        drop(self.wanted.send((name.to_owned(), sender)));
        Lease { held, since: None }
    }
}

impl Lease {
    /// Returns once this process has it.
    pub async fn acquired(&mut self) {
        let held = self.held.wait_for(Option::is_some).await.map(|held| *held);
        match held {
            Ok(held) => self.since = held,
            Err(_) => std::future::pending().await,
        }
    }

    /// Returns once this process no longer has it.
    pub async fn lost(&mut self) {
        // A keeper that has ended holds nothing.
        let since = self.since;
        drop(self.held.wait_for(|held| *held != since).await);
    }
}

/// Which of these leases no process holds.
pub async fn unheld_leases(pool: &PgPool, names: &[String]) -> Result<Vec<String>, LogError> {
    Ok(sqlx::query_scalar(
        "SELECT name FROM unnest($1::text[]) AS wanted(name)
         WHERE NOT EXISTS (
             SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND classid::bigint = $2 AND objid::bigint = hashtext(name)::bigint & 4294967295)",
    )
    .bind(names)
    .bind(i64::from(LOCK_CLASS))
    .fetch_all(pool)
    .await?)
}

async fn keep(
    options: PgConnectOptions,
    mut requests: mpsc::UnboundedReceiver<(String, watch::Sender<Held>)>,
) {
    let mut leases: HashMap<String, watch::Sender<Held>> = HashMap::new();
    let mut connection: Option<PgConnection> = None;
    let mut tick = tokio::time::interval(TRY_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut is_open, mut times) = (true, 0);
    // Until nobody holds a lease, nor can ask for one.
    while is_open || !leases.is_empty() {
        tokio::select! {
            request = requests.recv(), if is_open => match request {
                Some((name, held)) => drop(leases.insert(name, held)),
                None => is_open = false,
            },
            _ = tick.tick() => {}
        }
        leases.retain(|_, held| !held.is_closed());
        let round = try_all(&options, &mut connection, &leases, &mut times);
        let error = match tokio::time::timeout(ANSWER_WITHIN, round).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".into(),
        };
        connection = None;
        for (name, held) in &leases {
            if held.send_replace(None).is_some() {
                metrics::gauge!("greffe_lease_held", "lease" => name.clone()).set(0.0);
                metrics::counter!("greffe_leases_lost_total").increment(1);
                tracing::warn!(lease = %name, error = %error, "lease lost");
            }
        }
    }
}

async fn try_all(
    options: &PgConnectOptions,
    slot: &mut Option<PgConnection>,
    leases: &HashMap<String, watch::Sender<Held>>,
    times: &mut u64,
) -> Result<(), sqlx::Error> {
    let connection = match slot {
        Some(connection) => connection,
        None => slot.insert(
            options
                .clone()
                .application_name("greffe leases")
                .options(KEEPALIVE)
                .connect()
                .await?,
        ),
    };
    sqlx::query("SELECT 1").execute(&mut *connection).await?;
    for (name, held) in leases.iter().filter(|(_, held)| held.borrow().is_none()) {
        let had: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, hashtext($2))")
            .bind(LOCK_CLASS)
            .bind(name)
            .fetch_one(&mut *connection)
            .await?;
        if had {
            *times += 1;
            held.send_replace(Some(*times));
            metrics::gauge!("greffe_lease_held", "lease" => name.clone()).set(1.0);
        }
    }
    Ok(())
}
