//! How a command reaches the platform: the running one, or servers started for the command alone.

use anyhow::bail;

use crate::{
    backends::Backends,
    config::Config,
    data_folder::{DataFolder, Endpoints},
    wiring::{OpenLog, open_log},
};

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
        let running = DataFolder::new(&config.data_dir).running();
        let backends = match &running {
            Some(endpoints) => Backends::of_running(config, endpoints)?,
            None => Backends::start(config, false).await?,
        };
        Ok((backends, running))
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
