//! How a command reaches the platform: the running one, or servers started for the command alone.

use std::time::{Duration, Instant};

use anyhow::bail;
use embedded::EmbeddedError;

use crate::{
    backends::Backends,
    config::Config,
    data_folder::{DataFolder, Endpoints},
    wiring::{OpenLog, open_log},
};

/// A platform that starts, or begins again, holds its folder and does not say yet where it is; so does
/// another command that has started the servers for itself.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Enough for a command.
pub const CONNECTIONS: u32 = 4;

/// The log, and the servers behind it.
pub struct Access {
    pub backends: Backends,
    pub open: OpenLog,
    /// The platform that runs on the same data folder.
    pub running: Option<Endpoints>,
}

impl Access {
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let (backends, running) = Self::reach(config).await?;
        let config = Config {
            database_connections: CONNECTIONS,
            ..config.clone()
        };
        match open_log(&config, &backends).await {
            Ok(open) => Ok(Self {
                backends,
                open,
                running,
            }),
            Err(error) => {
                backends.stop().await;
                Err(error)
            }
        }
    }

    /// The servers, and the platform that runs on the same data folder.
    pub async fn reach(config: &Config) -> anyhow::Result<(Backends, Option<Endpoints>)> {
        let folder = DataFolder::new(&config.data_dir);
        let end = Instant::now() + BEGINS_WITHIN;
        loop {
            if let Some(endpoints) = folder.running() {
                return Ok((Backends::of_running(config, &endpoints)?, Some(endpoints)));
            }
            match Backends::start(config, false).await {
                Ok(backends) => return Ok((backends, None)),
                Err(error) if is_held(&error) && Instant::now() < end => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The same where a platform has been before: a command that only reads makes none.
    pub async fn reach_present(config: &Config) -> anyhow::Result<(Backends, Option<Endpoints>)> {
        let folder = &config.data_dir;
        let is_present = config.database_url.is_some()
            || folder.join("postgres/PG_VERSION").exists()
            || DataFolder::new(folder).running().is_some();
        if !is_present {
            bail!(
                "there is no platform in {}; set GREFFE_DATA_DIR",
                folder.display()
            );
        }
        Self::reach(config).await
    }

    /// Stops what was started for the command.
    pub async fn close(self) {
        let OpenLog { pool, log } = self.open;
        drop(log);
        pool.close().await;
        self.backends.stop().await;
    }
}

/// Whether another process holds the folder.
fn is_held(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(EmbeddedError::Locked { .. }))
}
