//! One process at a time owns a data folder. The lock ends with the process, however it ends; the
//! children do not inherit it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use crate::error::{Doing, EmbeddedError};

pub(crate) struct FolderLock(#[allow(dead_code)] Flock<File>);

/// A child of a killed process that was not yet another program holds its lock so long at most.
const LEFT_BEHIND_FOR: Duration = Duration::from_secs(2);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

impl FolderLock {
    /// Takes the lock; one whose holder is gone is about to be free.
    pub(crate) async fn take(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let give_up = Instant::now() + LEFT_BEHIND_FOR;
        loop {
            match Self::try_take(data_dir) {
                Err(EmbeddedError::Locked { holder, .. })
                    if !Path::new("/proc").join(&holder).exists() && Instant::now() < give_up =>
                {
                    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                }
                taken => return taken,
            }
        }
    }

    fn try_take(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let path = data_dir.join("lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .doing(|| format!("open {}", path.display()))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                // Only told to whoever is refused; the lock itself is the flock.
                lock.set_len(0)
                    .doing(|| format!("write {}", path.display()))?;
                lock.rewind()
                    .doing(|| format!("write {}", path.display()))?;
                write!(lock, "{}", std::process::id())
                    .doing(|| format!("write {}", path.display()))?;
                Ok(Self(lock))
            }
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                let mut holder = String::new();
                let told = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
                Err(EmbeddedError::Locked {
                    path: data_dir.to_path_buf(),
                    holder: if told { holder } else { "(unknown)".to_owned() },
                })
            }
            Err((_, error)) => Err(error).doing(|| format!("lock {}", path.display())),
        }
    }
}
