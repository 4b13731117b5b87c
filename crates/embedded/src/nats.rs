//! nats-server as a child, with the repository's own `nats.conf`: a flag sets its port,
//! the environment its store and passwords.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::statvfs::statvfs;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::error::{Doing, EmbeddedError};
use crate::nats_system::{connect_system, stream_without_room};
use crate::nats_users::{self, NatsUser};
use crate::privilege::RunAs;
use crate::process::{PidFile, ProcessId, Program, running_in, write_atomically};
use crate::supervisor::{Service, stop_orphan};

const CONFIGURATION: &str = include_str!("../../../nats.conf");
/// The store's format; nats-server 2 reads the stores of all earlier 2.x.
const STORE_VERSION: &str = "2";
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// With less than this on its file system (bytes), a fresh start would fail to write as well.
const ROOM: u64 = 64 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Nats {
    pub(crate) data_dir: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) port: u16,
    pub(crate) platform_password: String,
    pub(crate) system_password: String,
    pub(crate) run_as: Option<RunAs>,
}

impl Nats {
    fn home(&self) -> PathBuf {
        home(&self.data_dir)
    }

    pub(crate) fn users_file(&self) -> PathBuf {
        self.home().join("users.conf")
    }

    fn has_room(&self) -> bool {
        statvfs(&self.home()).is_ok_and(|disk| {
            // Some file systems have no fixed number of files, and say 0.
            let has_files = disk.files() == 0 || disk.files_available() > 0;
            has_files && disk.blocks_available() * disk.fragment_size() > ROOM
        })
    }

    /// Without credentials.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn prepare(&self, users: Option<&[NatsUser]>) -> Result<(), EmbeddedError> {
        let home = self.home();
        let context = || format!("prepare {}", home.display());
        if !home.exists() {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(&home)
                .doing(context)?;
        }
        if let Some(user) = self.run_as {
            std::os::unix::fs::chown(&home, Some(user.uid), Some(user.gid)).doing(context)?;
        }
        let version = home.join("store-version");
        match fs::read_to_string(&version) {
            Ok(found) if found.trim() != STORE_VERSION => {
                return Err(EmbeddedError::WrongVersion {
                    path: home.clone(),
                    server: "nats-server",
                    found: found.trim().to_owned(),
                    ours: STORE_VERSION.to_owned(),
                });
            }
            Ok(_) => {}
            Err(_) => write_atomically(&version, STORE_VERSION.as_bytes(), None).doing(context)?,
        }
        let configuration = home.join("nats.conf");
        write_atomically(&configuration, CONFIGURATION.as_bytes(), self.run_as).doing(context)?;
        match users {
            Some(users) => self.write_users(users),
            None if self.users_file().exists() => Ok(()),
            None => self.write_users(&[]),
        }
    }

    pub(crate) fn write_users(&self, users: &[NatsUser]) -> Result<(), EmbeddedError> {
        let path = self.users_file();
        let content = nats_users::render(users);
        write_atomically(&path, content.as_bytes(), self.run_as)
            .doing(|| format!("write {}", path.display()))
    }
}

pub(crate) fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("nats")
}

impl Service for Nats {
    const NAME: &'static str = "nats-server";
    const STOP: Signal = Signal::SIGTERM;

    fn program(&self) -> Program {
        let port = self.port.to_string();
        let arguments = ["-c", "nats.conf", "-a", "127.0.0.1", "-p", &port];
        Program {
            path: self.program.clone(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: vec![
                ("NATS_STORE_DIR", "store".to_owned()),
                ("NATS_PLATFORM_PASSWORD", self.platform_password.clone()),
                ("NATS_SYSTEM_PASSWORD", self.system_password.clone()),
            ],
            home: self.home(),
            log: self.data_dir.join("logs/nats.log"),
            run_as: self.run_as,
        }
    }

    fn pid_file(&self) -> PidFile {
        PidFile(self.data_dir.join("nats.pid"))
    }

    async fn clear(&self) -> Result<(), EmbeddedError> {
        let mut orphans: Vec<ProcessId> = self.pid_file().living().into_iter().collect();
        orphans.extend(running_in(&self.home(), "nats-server"));
        for process in orphans {
            stop_orphan(Self::NAME, process, [Signal::SIGTERM, Signal::SIGTERM]).await?;
        }
        self.pid_file().remove();
        Ok(())
    }

    /// The server greets every connection with its INFO line; only then is it asked for more.
    async fn answers(&self) {
        loop {
            if let Ok(stream) = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await {
                let mut greeting = String::new();
                let mut reader = BufReader::new(stream);
                let read =
                    tokio::time::timeout(Duration::from_secs(1), reader.read_line(&mut greeting));
                if matches!(read.await, Ok(Ok(_)))
                    && greeting.starts_with("INFO ")
                    && greeting.contains("\"jetstream\":true")
                {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A full disk leaves a stream closed for writing, also when there is room again.
    async fn needs_restart(&self) -> String {
        let mut connected = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if connected.is_none() {
                let asked = connect_system(&self.url(), &self.system_password).await;
                connected = asked
                    .inspect_err(|error| tracing::debug!(%error, "nats-server cannot be asked"))
                    .ok();
            }
            let Some(client) = &connected else { continue };
            match stream_without_room(client).await {
                Ok(Some(reason)) if self.has_room() => return reason,
                Ok(_) => {}
                Err(error) => tracing::debug!(error, "nats-server does not tell how it is"),
            }
        }
    }
}
