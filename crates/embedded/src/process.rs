//! Child processes: how they are launched, recognised after a crash, and signalled.
//!
//! A process is named by its pid *and* its start time, so that a recycled pid is never signalled.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{Doing, EmbeddedError};
use crate::privilege::RunAs;

/// A log larger than this is set aside when its server starts.
const LOG_KEPT_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// Clock ticks between the machine's boot and the start of the process.
    started: u64,
}

impl ProcessId {
    /// The process that has this pid now; none when it has ended (a zombie has).
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything: fields are counted after its last one.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        (state != "Z" && state != "X").then_some(Self { pid, started })
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Seconds since 1970 at which the process started, to about a second.
    pub(crate) fn started_at(self) -> Option<u64> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let boot: u64 = stat
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .parse()
            .ok()?;
        let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
        Some(boot + self.started / u64::try_from(ticks).ok()?)
    }

    pub(crate) fn signal(self, signal: Signal) {
        if self.is_alive()
            && let Ok(pid) = i32::try_from(self.pid)
            && let Err(error) = kill(Pid::from_raw(pid), signal)
        {
            tracing::warn!(process.pid = self.pid, %signal, %error, "cannot signal a child");
        }
    }

    /// Whether the process ended within this time.
    pub(crate) async fn ends_within(self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }
}

/// What tells this boot of the machine from the others: start times begin anew with each.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Remembers a child for the start after a crash: `<pid> <start time> <boot id>`.
pub(crate) struct PidFile(pub(crate) PathBuf);

impl PidFile {
    pub(crate) fn write(&self, process: ProcessId) -> Result<(), EmbeddedError> {
        fs::write(
            &self.0,
            format!("{} {} {}\n", process.pid, process.started, boot_id()),
        )
        .doing(|| format!("write {}", self.0.display()))
    }

    /// The process it names, if that very process still runs.
    pub(crate) fn living(&self) -> Option<ProcessId> {
        let text = fs::read_to_string(&self.0).ok()?;
        let mut words = text.split_ascii_whitespace();
        let process = ProcessId {
            pid: words.next()?.parse().ok()?,
            started: words.next()?.parse().ok()?,
        };
        (words.next()? == boot_id() && process.is_alive()).then_some(process)
    }

    pub(crate) fn remove(&self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Processes of a program whose working folder is `home`: finds the child whose parent was killed
/// before it wrote the pid file. Processes that may not be looked at are left out.
pub(crate) fn running_in(home: &Path, program: &str) -> Vec<ProcessId> {
    let (Ok(home), Ok(entries)) = (fs::metadata(home), fs::read_dir("/proc")) else {
        return Vec::new();
    };
    let is_ours = |pid: u32| {
        let folder = fs::metadata(format!("/proc/{pid}/cwd")).ok();
        let is_here = folder.is_some_and(|it| it.dev() == home.dev() && it.ino() == home.ino());
        let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        // A program that was replaced while it ran shows as "… (deleted)".
        let name = exe
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        is_here && name.is_some_and(|name| name.trim_end_matches(" (deleted)") == program)
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| is_ours(*pid))
        .filter_map(ProcessId::of)
        .collect()
}

/// How to launch a child. It runs in its own process group (a Ctrl-C in the terminal is for the
/// parent, who stops it in order), with an empty environment, in `home`.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) home: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) run_as: Option<RunAs>,
}

impl Program {
    pub(crate) fn spawn(&self, stdin: Stdio) -> Result<tokio::process::Child, EmbeddedError> {
        let context = || format!("start {}", self.path.display());
        let log = open_log(&self.log)?;
        // The folders above `home` may be closed to the user the child runs as: it enters by a
        // descriptor opened here, never by the path (`/proc/self/fd` needs no rights above).
        let home = File::open(&self.home).doing(|| format!("open {}", self.home.display()))?;
        let mut command = tokio::process::Command::new(&self.path);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(format!("/proc/self/fd/{}", home.as_raw_fd()))
            .stdin(stdin)
            .stdout(log.try_clone().doing(context)?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(false);
        if let Some(user) = self.run_as {
            command.uid(user.uid).gid(user.gid);
        }
        command.spawn().doing(context)
    }
}

fn open_log(path: &Path) -> Result<File, EmbeddedError> {
    let context = || format!("open {}", path.display());
    if fs::metadata(path).is_ok_and(|it| it.len() > LOG_KEPT_BYTES) {
        fs::rename(path, path.with_extension("log.old")).doing(context)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .doing(context)
}

/// The last lines of a log, for the error that says why a server did not start.
pub(crate) fn last_lines(path: &Path, count: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<&str> = text.lines().rev().take(count).collect();
    lines.reverse();
    lines.join("\n")
}

/// Writes a file that is there whole or not at all, also after a power cut.
pub(crate) fn write_atomically(
    path: &Path,
    content: &[u8],
    owner: Option<RunAs>,
) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.new"));
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&new)?;
    if let Some(user) = owner {
        std::os::unix::fs::fchown(&file, Some(user.uid), Some(user.gid))?;
    }
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}
