//! PostgreSQL and NATS of this process: its own children, or those that are configured.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use embedded::{EmbeddedConfig, Servers, nats_users};
use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use zeroize::Zeroizing;

use crate::{
    config::{Config, Secret},
    data_folder::DataFolder,
    nats_access::{NatsAccess, UsersFile, UsersWriter},
    parts::all_projections,
};

const MASTER_KEY: &str = "master-key";
const JWT_SECRET: &str = "jwt";
const SYSTEM_PASSWORD: &str = "nats-system";
/// A connection that was idle for longer may have died unseen.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// Where the servers are, and the children among them.
pub struct Backends {
    servers: Option<Arc<Servers>>,
    pub database_url: Secret,
    pub nats: NatsAccess,
    pub folder: DataFolder,
    is_own_database: bool,
}

impl Backends {
    /// Starts what is not configured. `holds_folder`: whether this process is the folder's platform,
    /// also when it has no children.
    pub async fn start(config: &Config, holds_folder: bool) -> anyhow::Result<Self> {
        let (want_postgres, want_nats) = (config.database_url.is_none(), config.nats_url.is_none());
        let servers = if want_postgres || want_nats || holds_folder {
            let embedded = EmbeddedConfig {
                want_postgres,
                want_nats,
                ..EmbeddedConfig::new(&config.data_dir)
            };
            Some(Arc::new(Servers::start(embedded).await?))
        } else {
            None
        };
        let own = servers.as_ref();
        let database_url = match &config.database_url {
            Some(url) => url.clone(),
            None => Secret::new(
                own.and_then(|it| it.postgres_url())
                    .context("PostgreSQL has no address")?,
            ),
        };
        let folder = DataFolder::new(own.map_or(&*config.data_dir, |it| it.data_dir()));
        let nats = match own.and_then(|it| Some((it.nats_url()?, it.nats_credentials()?))) {
            Some((url, credentials)) => NatsAccess {
                url: Secret::new(url),
                user: Some((credentials.user, Secret::new(credentials.password))),
                creds: None,
                system_password: folder.secret(SYSTEM_PASSWORD)?,
                users: UsersFile::Child,
            },
            None => NatsAccess::configured(config)?,
        };
        Ok(Self {
            folder,
            servers,
            database_url,
            nats,
            is_own_database: want_postgres,
        })
    }

    /// The servers of a platform that runs on this data folder.
    pub fn of_running(
        config: &Config,
        running: &crate::data_folder::Endpoints,
    ) -> anyhow::Result<Self> {
        let folder = DataFolder::new(&config.data_dir);
        let nats = match &config.nats_url {
            Some(_) => NatsAccess::configured(config)?,
            // A NATS that is not the platform's own child does not know this user, and says so.
            None => NatsAccess {
                url: Secret::new(&*running.nats),
                user: folder
                    .secret("nats-platform")?
                    .map(|password| (nats_users::PLATFORM.to_owned(), password)),
                creds: config.nats_creds.clone(),
                system_password: folder.secret(SYSTEM_PASSWORD)?,
                users: UsersFile::Nobody,
            },
        };
        Ok(Self {
            servers: None,
            database_url: Secret::new(&*running.database),
            nats,
            folder,
            is_own_database: config.database_url.is_none(),
        })
    }

    pub async fn connect_database(&self, connections: u32) -> anyhow::Result<PgPool> {
        let url = self.database_url.expose();
        let url: PgConnectOptions = url.parse().context("DATABASE_URL is not an address")?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            // Asked only after a pause: asking before every query would double the round trips.
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > TEST_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(eventlog::search_path(url, &all_projections()))
            .await
            .context("PostgreSQL cannot be reached: is it running, and is DATABASE_URL right?")?;
        let path: String = sqlx::query_scalar("SHOW search_path")
            .fetch_one(&pool)
            .await?;
        if !path.starts_with("public,") {
            bail!(
                "the read models cannot be found: a pooler drops the connection's `options`; \
                 let it pass `search_path`, or connect to PostgreSQL itself"
            );
        }
        Ok(pool)
    }

    /// The key that seals the subjects' keys. Ours is drawn at the first start; one for a database
    /// that already holds sealed data is never drawn anew, because nothing could be read with it.
    pub async fn master_key(
        &self,
        config: &Config,
        pool: &PgPool,
    ) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let secret = match (&config.master_key, self.folder.secret(MASTER_KEY)?) {
            (Some(secret), _) => secret.clone(),
            (None, Some(kept)) if self.is_own_database => kept,
            (None, _) if !self.is_own_database => bail!(
                "GREFFE_MASTER_KEY is required with DATABASE_URL: 32 bytes at least, e.g. \
                 `openssl rand -hex 32`; keep a copy elsewhere, nothing sealed is readable without it"
            ),
            (None, _) => {
                let is_used: bool =
                    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM subject_keys)")
                        .fetch_one(pool)
                        .await?;
                if is_used {
                    bail!(
                        "{} is missing, and the database holds data sealed with it: put it back \
                         or set GREFFE_MASTER_KEY",
                        self.folder
                            .path()
                            .join("secrets")
                            .join(MASTER_KEY)
                            .display()
                    );
                }
                self.folder.kept_or_drawn(MASTER_KEY)?
            }
        };
        Ok(key_bytes(secret.expose()))
    }

    pub fn jwt_secret(&self, config: &Config) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let secret = match &config.jwt_secret {
            Some(secret) => secret.clone(),
            None if self.is_own_database => self.folder.kept_or_drawn(JWT_SECRET)?,
            None => bail!(
                "JWT_SECRET is required with DATABASE_URL: 32 bytes at least, e.g. \
                 `openssl rand -hex 32`"
            ),
        };
        Ok(Zeroizing::new(secret.expose().as_bytes().to_vec()))
    }

    /// Writes the users of NATS, as often as it is called; `None` if somebody else does.
    pub fn users_writer(&self) -> Option<UsersWriter> {
        match &self.nats.users {
            UsersFile::Child => self
                .servers
                .as_ref()
                .map(|it| UsersWriter::Child(Arc::downgrade(it))),
            UsersFile::File {
                path,
                url,
                system_password,
            } => Some(UsersWriter::File {
                path: path.clone(),
                url: url.clone(),
                system_password: system_password.clone(),
            }),
            UsersFile::Nobody => None,
        }
    }

    /// Stops the children; everything that uses them must have ended.
    pub async fn stop(self) {
        let Some(mut servers) = self.servers else {
            return;
        };
        // A writer may still be at work for a moment.
        for _ in 0..100 {
            match Arc::try_unwrap(servers) {
                Ok(alone) => return alone.stop().await,
                Err(shared) => servers = shared,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tracing::warn!("the servers were still in use at the end");
    }
}

/// 64 hex digits are the key itself; any other text of 32 bytes or more is hashed into one.
fn key_bytes(text: &str) -> Zeroizing<[u8; 32]> {
    use sha2::{Digest, Sha256};
    let mut key = Zeroizing::new([0; 32]);
    if hex::decode_to_slice(text, &mut *key).is_err() {
        *key = Sha256::digest(text).into();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hex_or_any_long_text() {
        assert_eq!(*key_bytes(&"ab".repeat(32)), [0xab; 32]);
        let text = key_bytes("a passphrase that is long enough to be one");
        assert_ne!(*text, [0; 32]);
        assert_eq!(
            text,
            key_bytes("a passphrase that is long enough to be one")
        );
    }
}
