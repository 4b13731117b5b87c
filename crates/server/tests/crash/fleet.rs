//! Processes of the platform, each role twice, that are killed and started again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use testkit::TestPostgres;

use crate::{
    place::{Up, cluster::Cluster, random::Random},
    takeover::{self, Takeovers},
};

pub const ROLES: [&str; 4] = ["api", "relay", "projector", "workflows"];
/// How long a dead process stays away (ms).
const AWAY: std::ops::Range<u64> = 50..2_500;
/// How long a dead server does (ms).
const SERVER_AWAY: std::ops::Range<u64> = 0..1_500;
/// Between two kills (ms).
const PEACE: std::ops::Range<u64> = 200..1_200;

/// A long run says how far it is after so many kills.
const SAID_EVERY: u64 = 25;

/// Where the API can be asked now.
pub type Addresses = Arc<Mutex<Vec<String>>>;

pub struct Fleet {
    pub cluster: Cluster,
    pub postgres: TestPostgres,
    pub addresses: Addresses,
    pub kills: BTreeMap<&'static str, u64>,
    slots: Vec<Slot>,
    random: Random,
}

struct Slot {
    role: &'static str,
    state: State,
}

enum State {
    Running(Up),
    Away { until: Instant },
}

impl Fleet {
    /// Two processes of each role, ready.
    pub async fn start(cluster: Cluster, postgres: TestPostgres, random: Random) -> Self {
        let slots = ROLES.iter().flat_map(|role| [role, role]).map(|role| {
            let state = State::Running(cluster.spawn(role));
            Slot { role, state }
        });
        let mut fleet = Self {
            slots: slots.collect(),
            cluster,
            postgres,
            addresses: Addresses::default(),
            kills: BTreeMap::new(),
            random,
        };
        fleet.all_ready().await;
        fleet
    }

    /// Kills so often, and measures how long it takes until another process goes on.
    pub async fn kill(&mut self, times: u64, takeovers: &mut Takeovers) {
        let mut targets = Vec::new();
        while self.kills.values().sum::<u64>() < times {
            let peace = self.random.within(PEACE);
            self.wait(peace).await;
            // Each as often as the others, in any order.
            if targets.is_empty() {
                targets = [&ROLES[..], &["nats", "postgres"]].concat();
            }
            let nth = self.random.within(0..targets.len() as u64);
            let target = targets.swap_remove(nth as usize);
            match target {
                "nats" => {
                    self.cluster.nats.kill().await;
                    self.wait_as_server().await;
                    self.cluster.nats.restart().await;
                }
                "postgres" => {
                    self.postgres.kill().await;
                    self.wait_as_server().await;
                    self.postgres.restart().await;
                }
                role => self.kill_one_of(role, takeovers).await,
            }
            *self.kills.entry(target).or_default() += 1;
            let count: u64 = self.kills.values().sum();
            if count.is_multiple_of(SAID_EVERY) {
                println!("{count} kills: {}", self.killed());
            }
        }
    }

    /// The one that works if another could take over from it, which is measured; else any.
    async fn kill_one_of(&mut self, role: &'static str, takeovers: &mut Takeovers) {
        if takeovers.wants(role) {
            self.ready(role).await;
        }
        match self.active(role).await {
            Some(active) => {
                self.kill_slot(active);
                takeovers.measure(role, self).await;
            }
            None => {
                let slot = self.any(role).await;
                self.kill_slot(slot);
            }
        }
    }

    /// Lets time go by, and starts what was away long enough.
    pub async fn wait(&mut self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        loop {
            self.tend();
            if Instant::now() >= end {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn wait_as_server(&mut self) {
        let away = self.random.within(SERVER_AWAY);
        self.wait(away).await;
    }

    /// Returns once every process is there and ready.
    pub async fn all_ready(&mut self) {
        for role in ROLES {
            self.ready(role).await;
        }
    }

    async fn ready(&mut self, role: &str) {
        let end = Instant::now() + Duration::from_secs(300);
        while !self.of(role).into_iter().all(|slot| self.is_ready(slot)) {
            assert!(Instant::now() < end, "{role} is never ready");
            self.wait(20).await;
        }
    }

    /// How often each was killed.
    pub fn killed(&self) -> String {
        let counts = self
            .kills
            .iter()
            .map(|(name, count)| format!("{name} {count}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    pub fn stop(&mut self) {
        for slot in self.slots.drain(..) {
            if let State::Running(up) = slot.state {
                up.stop();
            }
        }
    }

    fn tend(&mut self) {
        for slot in &mut self.slots {
            let next = match &mut slot.state {
                // It ends by itself when a server is away as it starts: whoever runs it in
                // production starts it again too.
                State::Running(up) => up.has_ended().then(|| State::Away {
                    until: Instant::now() + Duration::from_millis(300),
                }),
                State::Away { until } => (*until <= Instant::now())
                    .then(|| State::Running(self.cluster.spawn(slot.role))),
            };
            if let Some(next) = next {
                slot.state = next;
            }
        }
        let running = self.slots.iter().filter_map(|slot| match &slot.state {
            State::Running(up) if slot.role == "api" => Some(up.address.clone()),
            _ => None,
        });
        *self.addresses.lock().unwrap() = running.collect();
    }

    fn kill_slot(&mut self, slot: usize) {
        let until = Instant::now() + Duration::from_millis(self.random.within(AWAY));
        let before = std::mem::replace(&mut self.slots[slot].state, State::Away { until });
        if let State::Running(up) = before {
            up.kill();
        }
    }

    fn is_ready(&mut self, slot: usize) -> bool {
        match &mut self.slots[slot].state {
            State::Running(up) => !up.has_ended() && up.is_ready(),
            State::Away { .. } => false,
        }
    }

    fn of(&self, role: &str) -> Vec<usize> {
        (0..self.slots.len())
            .filter(|slot| self.slots[*slot].role == role)
            .collect()
    }

    /// A running process of the role, be it still starting.
    async fn any(&mut self, role: &str) -> usize {
        loop {
            let mut running = self.of(role);
            running.retain(|slot| matches!(self.slots[*slot].state, State::Running(_)));
            if !running.is_empty() {
                return *self.random.of(&running);
            }
            self.wait(20).await;
        }
    }

    /// The process that does the role's work, if the other one of the role could take it over.
    async fn active(&mut self, role: &str) -> Option<usize> {
        let slots = self.of(role);
        if !slots.iter().all(|slot| self.is_ready(*slot)) {
            return None;
        }
        let port = takeover::port_of_holder(&self.cluster.database.pool, role).await?;
        slots
            .into_iter()
            .find(|slot| match &self.slots[*slot].state {
                State::Running(up) => takeover::ports_of(up.child.id()).contains(&port),
                State::Away { .. } => false,
            })
    }
}
