use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::temporary::TemporaryServers;

/// Names a server that several test processes share; see the program `with-postgres`.
pub const DATABASE_URL_VARIABLE: &str = "GREFFE_TEST_DATABASE_URL";

/// Many tests at once, each with a pool.
const MAX_CONNECTIONS: u16 = 500;
const POOL_CONNECTIONS: u32 = 16;

/// An empty database of its own. It goes with its server.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    /// Includes the password of the superuser.
    pub url: String,
    pub pool: PgPool,
}

/// The URL of the server the tests of this run share (fsync off), started at the first call.
pub async fn postgres() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    let start = || {
        URL.get_or_init(|| given_server().unwrap_or_else(start_shared_server))
            .as_str()
    };
    tokio::task::spawn_blocking(start)
        .await
        .expect("start the shared PostgreSQL")
}

/// A new database on the shared server.
pub async fn fresh_database() -> TestDatabase {
    create_database(postgres().await).await
}

fn given_server() -> Option<String> {
    std::env::var(DATABASE_URL_VARIABLE)
        .ok()
        .filter(|url| !url.is_empty())
}

/// In a thread and runtime of its own, which outlive the test that happened to come first.
fn start_shared_server() -> String {
    let (url_out, url) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("build a runtime").block_on(async {
            let server = postgres_server().await;
            let _ = url_out.send(server.url());
            std::future::pending::<()>().await;
        });
    });
    url.recv().expect("start the shared PostgreSQL")
}

async fn create_database(server_url: &str) -> TestDatabase {
    let name = format!("t_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(server_url)
        .await
        .expect("connect to PostgreSQL");
    let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::query(&statement)
        .execute(&mut connection)
        .await
        .expect("create a database");
    connection.close().await.expect("close the connection");
    let (server, _) = server_url.rsplit_once('/').expect("a URL with a database");
    let url = format!("{server}/{name}");
    let pool = PgPoolOptions::new()
        .max_connections(POOL_CONNECTIONS)
        .acquire_timeout(Duration::from_secs(20))
        .connect(&url)
        .await
        .expect("connect to the new database");
    TestDatabase { url, pool }
}

/// A server of its own, for tests that kill it or look into its files.
pub struct TestPostgres(TemporaryServers);

/// A private PostgreSQL, fsync off.
pub async fn postgres_server() -> TestPostgres {
    start(false).await
}

/// A private PostgreSQL with the durability of production.
pub async fn postgres_server_durable() -> TestPostgres {
    start(true).await
}

async fn start(is_durable: bool) -> TestPostgres {
    let servers = TemporaryServers::start(|config| {
        config.want_nats = false;
        config.is_durable = is_durable;
        config.max_connections = MAX_CONNECTIONS;
    });
    TestPostgres(servers.await)
}

impl TestPostgres {
    /// Of database `greffe`, as superuser.
    pub fn url(&self) -> String {
        self.0
            .servers
            .postgres_url()
            .expect("PostgreSQL was started")
    }

    pub async fn fresh_database(&self) -> TestDatabase {
        create_database(&self.url()).await
    }

    /// PGDATA. Data may still be in memory: run `CHECKPOINT` before looking into the tables' files
    /// (the write-ahead log below it has everything committed).
    pub fn data_dir(&self) -> PathBuf {
        self.0.servers.postgres_dir()
    }

    /// The postmaster. Killed by a test, it is started again at once; see [`TestPostgres::kill`].
    pub fn pid(&self) -> Option<u32> {
        self.0.servers.postgres_pid()
    }

    /// kill -9; stays down until [`TestPostgres::restart`].
    pub async fn kill(&self) {
        self.0
            .servers
            .halt_postgres()
            .await
            .expect("kill PostgreSQL");
    }

    /// kill -9 if it runs, then starts it on the same port and waits until it answers.
    pub async fn restart(&self) {
        self.kill().await;
        self.0
            .servers
            .resume_postgres()
            .await
            .expect("restart PostgreSQL");
    }
}
