//! PostgreSQL as a child: durable, small, on loopback only, and with logs that hold no data of
//! people (a failed statement is not logged; its error reaches the platform, who logs it once).

use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::error::{Doing, EmbeddedError};
use crate::memory::memory;
use crate::privilege::RunAs;
use crate::process::{PidFile, ProcessId, Program, running_in};
use crate::supervisor::{Service, stop_orphan};

pub(crate) const DATABASE: &str = "greffe";
pub(crate) const USER: &str = "greffe";

/// The child enters its folder by descriptor (see `Program::spawn`); this is how it names it.
const HERE: &str = "/proc/self/cwd";

const SETTINGS: [&str; 16] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "synchronous_commit=on",
    "jit=off",
    "max_wal_size=1GB",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=%m [%p] ",
    "log_checkpoints=off",
    // Errors quote what was sent ("invalid input syntax for type uuid: …"), their DETAIL whole rows.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
];

#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pub(crate) data_dir: PathBuf,
    pub(crate) bin: PathBuf,
    pub(crate) port: u16,
    pub(crate) password: String,
    pub(crate) run_as: Option<RunAs>,
    pub(crate) is_durable: bool,
    pub(crate) max_connections: u16,
}

impl Postgres {
    fn home(&self) -> PathBuf {
        home(&self.data_dir)
    }

    fn log(&self) -> PathBuf {
        self.data_dir.join("logs/postgres.log")
    }

    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://{USER}:{}@127.0.0.1:{}/{DATABASE}",
            self.password, self.port
        )
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        // Not from the environment: PGHOST and the like are another server's.
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(USER)
            .password(&self.password)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging()
    }

    /// Makes the cluster if there is none; refuses another major version's.
    pub(crate) async fn prepare(&self) -> Result<(), EmbeddedError> {
        match fs::read_to_string(self.home().join("PG_VERSION")) {
            Ok(found) => {
                let (found, ours) = (found.trim().to_owned(), self.major_version().await?);
                if found == ours {
                    return Ok(());
                }
                Err(EmbeddedError::WrongVersion {
                    path: self.home(),
                    server: "PostgreSQL",
                    found,
                    ours,
                })
            }
            Err(_) => self.make_cluster().await,
        }
    }

    async fn major_version(&self) -> Result<String, EmbeddedError> {
        let program = self.bin.join("postgres");
        let output = tokio::process::Command::new(&program)
            .arg("--version")
            .env_clear()
            .output()
            .await
            .doing(|| format!("run {}", program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let number = text.split_ascii_whitespace().last().unwrap_or_default();
        Ok(number.split('.').next().unwrap_or_default().to_owned())
    }

    /// Made beside its place and moved there when complete: a crash leaves no half cluster.
    async fn make_cluster(&self) -> Result<(), EmbeddedError> {
        let new = self.data_dir.join("postgres.new");
        let context = || format!("make {}", new.display());
        if new.exists() {
            // Its parent may have been killed while this was being filled.
            for program in ["initdb", "postgres"] {
                for process in running_in(&new, program) {
                    process.signal(Signal::SIGKILL);
                    process.ends_within(Duration::from_secs(5)).await;
                }
            }
            fs::remove_dir_all(&new).doing(context)?;
        }
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&new)
            .doing(context)?;
        if let Some(user) = self.run_as {
            std::os::unix::fs::chown(&new, Some(user.uid), Some(user.gid)).doing(context)?;
        }
        let mut arguments = vec![
            format!("--pgdata={HERE}"),
            format!("--username={USER}"),
            "--pwfile=/proc/self/fd/0".to_owned(),
            "--auth=scram-sha-256".to_owned(),
            "--encoding=UTF8".to_owned(),
            // Byte order for sorting, Unicode for letter case, whatever the machine has installed.
            "--locale=C".to_owned(),
            "--locale-provider=builtin".to_owned(),
            "--builtin-locale=C.UTF-8".to_owned(),
            "--no-instructions".to_owned(),
        ];
        if !self.is_durable {
            arguments.push("--no-sync".to_owned());
        }
        let program = Program {
            path: self.bin.join("initdb"),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: vec![("LC_ALL", "C".to_owned())],
            home: new.clone(),
            log: self.log(),
            run_as: self.run_as,
        };
        let mut child = program.spawn(self.password_file()?)?;
        let status = child.wait().await.doing(context)?;
        if !status.success() {
            return Err(EmbeddedError::NotStarted {
                server: "PostgreSQL",
                reason: format!("initdb failed, {status}"),
                log: self.log(),
            });
        }
        fs::rename(&new, self.home()).doing(context)
    }

    /// An unnamed file, already gone from the folder, that initdb reads the password from.
    fn password_file(&self) -> Result<Stdio, EmbeddedError> {
        let path = self.data_dir.join(".initdb-password");
        let context = || format!("write {}", path.display());
        let _ = fs::remove_file(&path);
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .doing(context)?;
        fs::remove_file(&path).doing(context)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))
            .doing(context)?;
        if let Some(user) = self.run_as {
            std::os::unix::fs::fchown(&file, Some(user.uid), Some(user.gid)).doing(context)?;
        }
        writeln!(file, "{}", self.password).doing(context)?;
        file.rewind().doing(context)?;
        Ok(file.into())
    }

    /// Creates the database `greffe` when it is not there.
    pub(crate) async fn create_database(&self) -> Result<(), EmbeddedError> {
        let connected = self.options("postgres").connect().await;
        let mut connection = connected.map_err(|error| match is_wrong_password(&error) {
            true => EmbeddedError::WrongPassword {
                path: self.data_dir.join("secrets/postgres"),
            },
            false => error.into(),
        })?;
        let exists: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
                .bind(DATABASE)
                .fetch_one(&mut connection)
                .await?;
        if !exists {
            sqlx::query("CREATE DATABASE greffe")
                .execute(&mut connection)
                .await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// The postmaster that `postmaster.pid` names, if that very process runs.
    fn postmaster(&self) -> Option<ProcessId> {
        let text = fs::read_to_string(self.home().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let process = ProcessId::of(lines.next()?.trim().parse().ok()?)?;
        let started: u64 = lines.nth(1)?.trim().parse().ok()?;
        let is_same = process.started_at()?.abs_diff(started) <= 3;
        (is_same && name_of(process.pid).as_deref() == Some("postgres")).then_some(process)
    }
}

/// SQLSTATE `invalid_password`.
fn is_wrong_password(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|it| it.code())
        .as_deref()
        == Some("28P01")
}

pub(crate) fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres")
}

fn name_of(pid: u32) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()?
            .trim()
            .to_owned(),
    )
}

/// A quarter of the memory (MiB), as PostgreSQL's manual has it, but no more than an append to ten million
/// events needs to cost as little as one to ten thousand. Taken page by page as it is used.
fn shared_buffers() -> u64 {
    (memory() / 4 / (1 << 20)).clamp(128, 1_024)
}

impl Service for Postgres {
    const NAME: &'static str = "PostgreSQL";
    /// Fast shutdown: sessions are ended, the cluster is left clean.
    const STOP: Signal = Signal::SIGINT;

    fn program(&self) -> Program {
        let own = [
            format!("port={}", self.port),
            format!("max_connections={}", self.max_connections),
            format!("shared_buffers={}MB", shared_buffers()),
            format!("fsync={}", if self.is_durable { "on" } else { "off" }),
            format!(
                "full_page_writes={}",
                if self.is_durable { "on" } else { "off" }
            ),
        ];
        let settings = SETTINGS.iter().map(|it| (*it).to_owned()).chain(own);
        let settings = settings.flat_map(|setting| ["-c".into(), setting.into()]);
        Program {
            path: self.bin.join("postgres"),
            arguments: ["-D".into(), HERE.into()]
                .into_iter()
                .chain(settings)
                .collect(),
            environment: vec![("LC_ALL", "C".to_owned())],
            home: self.home(),
            log: self.log(),
            run_as: self.run_as,
        }
    }

    fn pid_file(&self) -> PidFile {
        PidFile(self.data_dir.join("postgres.pid"))
    }

    async fn clear(&self) -> Result<(), EmbeddedError> {
        let known = [self.pid_file().living(), self.postmaster()];
        let orphans: Vec<ProcessId> = known.into_iter().flatten().collect();
        for process in &orphans {
            stop_orphan(Self::NAME, *process, [Signal::SIGINT, Signal::SIGQUIT]).await?;
        }
        // Sessions of a postmaster that was killed end by themselves within moments.
        for process in running_in(&self.home(), "postgres") {
            if !process.ends_within(Duration::from_secs(5)).await {
                process.signal(Signal::SIGQUIT);
                process.ends_within(Duration::from_secs(5)).await;
            }
        }
        // No postmaster is left. A pid file that stayed may name a pid that is somebody else's now,
        // and would make PostgreSQL refuse to start.
        let stale = self.home().join("postmaster.pid");
        if self.postmaster().is_none() && stale.exists() {
            fs::remove_file(&stale).doing(|| format!("remove {}", stale.display()))?;
        }
        self.pid_file().remove();
        Ok(())
    }

    /// A refused password is an answer too: asking again would not change it.
    async fn answers(&self) {
        while let Err(error) = self.options("postgres").connect().await {
            if is_wrong_password(&error) {
                return;
            }
            tracing::trace!(%error, "PostgreSQL does not answer yet");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
