//! A platform of several processes, on servers that belong to the test.

use std::process::{Command, Output};

use eventlog::{EventLog, Vault};
use testkit::{TestDatabase, TestNats};

use super::{
    Place, Up,
    caller::{Caller, PASSWORD},
    free_address,
};

/// As `GREFFE_MASTER_KEY` and as the key itself.
pub const MASTER_KEY: [u8; 32] = [0xab; 32];
const JWT_SECRET: &str = "a secret for the sessions of tests, long enough";

pub type Setting = (&'static str, String);

/// Secrets that the test knows too, and no limit to what one person sends.
pub fn settings() -> Vec<Setting> {
    vec![
        ("GREFFE_MASTER_KEY", hex::encode(MASTER_KEY)),
        ("JWT_SECRET", JWT_SECRET.to_owned()),
        ("RATE_LIMIT_PER_MINUTE", "1000000".to_owned()),
        ("MAX_PENDING_PER_REQUESTER", "1000000".to_owned()),
    ]
}

pub struct Cluster {
    pub place: Place,
    pub database: TestDatabase,
    pub nats: TestNats,
    /// Settings of one test.
    pub more: Vec<Setting>,
}

impl Cluster {
    /// Servers, and the accounts `admin` (N4) and `chef.support` (N4).
    pub async fn new() -> Self {
        let (database, nats) = tokio::join!(testkit::fresh_database(), testkit::nats());
        Self::on(database, nats)
    }

    /// The same on these servers.
    pub fn on(database: TestDatabase, nats: TestNats) -> Self {
        let cluster = Self {
            place: Place::new(),
            database,
            nats,
            more: Vec::new(),
        };
        for username in ["admin", "chef.support"] {
            create_user(&cluster.place, username, &cluster.settings());
        }
        cluster
    }

    fn settings(&self) -> Vec<Setting> {
        let servers = [
            ("DATABASE_URL", self.database.url.clone()),
            ("NATS_URL", self.nats.platform_url()),
            ("NATS_SYSTEM_PASSWORD", self.nats.system_password()),
            ("DATABASE_CONNECTIONS", "8".to_owned()),
        ];
        [settings(), servers.to_vec(), self.more.clone()].concat()
    }

    /// Starts a process with these roles and returns at once.
    pub fn spawn(&self, roles: &str) -> Up {
        self.spawn_at(roles, &free_address())
    }

    /// The same at an address, e.g. that of a process which has ended.
    pub fn spawn_at(&self, roles: &str, address: &str) -> Up {
        let mut command = self.command(&["serve", "--roles", roles]);
        command.env("GREFFE_LISTEN", address);
        Up::spawn(command, &self.place.log(), address)
    }

    pub fn serve(&self, roles: &str) -> Up {
        let mut up = self.spawn(roles);
        up.until_ready();
        up
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.envs(self.settings());
        command
    }

    pub async fn sign_in(&self, process: &Up, username: &str) -> Caller {
        Caller::sign_in(&process.address, username).await
    }
}

/// The log, as one more process sees it.
pub async fn open_log(database_url: &str, master_key: &[u8; 32]) -> EventLog {
    let pool = sqlx::PgPool::connect(database_url).await.unwrap();
    EventLog::open(pool.clone(), Vault::new(pool, master_key))
        .await
        .unwrap()
}

/// An N4 with the password of all.
pub fn create_user(place: &Place, username: &str, settings: &[Setting]) {
    let words = ["user", "create", "--username", username, "--level", "N4"];
    let mut command = place.command(&[&words[..], &["--password-stdin"]].concat());
    command.envs(settings.to_vec());
    succeeded(&super::output(command, &format!("{PASSWORD}\n")));
}

pub fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    said
}
