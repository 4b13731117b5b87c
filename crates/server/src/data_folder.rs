//! What Greffe itself keeps in its data folder: secrets, and where the running platform is.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// Where the running platform is (`contracts.md`, "Command line").
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    pub http: String,
    /// Without credentials.
    pub nats: String,
    /// With the password.
    pub database: String,
}

/// Never shows the database's password.
impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoints")
            .field("http", &self.http)
            .field("nats", &self.nats)
            .finish_non_exhaustive()
    }
}

/// The data folder of this configuration.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn endpoints_file(&self) -> PathBuf {
        self.0.join("endpoints.json")
    }

    fn secret_file(&self, name: &str) -> PathBuf {
        self.0.join("secrets").join(name)
    }

    /// Tells other commands where the platform is.
    pub fn publish(&self, endpoints: &Endpoints) -> anyhow::Result<()> {
        let text = serde_json::to_vec(endpoints)?;
        write_private(&self.endpoints_file(), &text).context("endpoints.json cannot be written")
    }

    /// Takes it back.
    pub fn withdraw(&self) {
        if let Err(error) = fs::remove_file(self.endpoints_file()) {
            tracing::debug!(%error, "endpoints.json was already gone");
        }
    }

    /// The platform that runs on this folder now. What a killed one left behind is no platform.
    pub fn running(&self) -> Option<Endpoints> {
        let endpoints: Endpoints =
            serde_json::from_slice(&fs::read(self.endpoints_file()).ok()?).ok()?;
        self.is_locked().then_some(endpoints)
    }

    /// Whether a process holds the folder.
    fn is_locked(&self) -> bool {
        let Ok(file) = fs::File::open(self.0.join("lock")) else {
            return false;
        };
        // Shared and let go at once: it disturbs nobody but a platform starting this very moment.
        matches!(
            Flock::lock(file, FlockArg::LockSharedNonblock),
            Err((_, nix::errno::Errno::EWOULDBLOCK))
        )
    }

    /// A secret that was kept here before.
    pub fn secret(&self, name: &str) -> anyhow::Result<Option<Secret>> {
        let path = self.secret_file(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Secret::new(text.trim()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    pub fn keep_secret(&self, name: &str, secret: &str) -> anyhow::Result<()> {
        let path = self.secret_file(name);
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        write_private(&path, secret.as_bytes())
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// A secret of this installation, drawn at the first start: 64 hex digits.
    pub fn kept_or_drawn(&self, name: &str) -> anyhow::Result<Secret> {
        if let Some(secret) = self.secret(name)? {
            return Ok(secret);
        }
        let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bytes)
            .map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        let secret = Secret::new(hex::encode(*bytes));
        self.keep_secret(name, secret.expose())?;
        Ok(secret)
    }
}

/// Whole or not at all, readable by this user only.
fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let next = path.with_extension("new");
    // One that a killed process left would keep its own mode.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&next, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints {
            http: "http://127.0.0.1:3002".into(),
            nats: "nats://127.0.0.1:4222".into(),
            database: "postgres://greffe:hunter2@127.0.0.1:5432/greffe".into(),
        }
    }

    #[test]
    fn a_platform_is_found_only_while_it_holds_the_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(temporary.path());
        assert_eq!(folder.running(), None);
        folder.publish(&endpoints()).unwrap();
        let mode = fs::metadata(folder.endpoints_file()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(folder.running(), None, "nobody runs");
        let file = fs::File::create(temporary.path().join("lock")).unwrap();
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap();
        assert_eq!(folder.running(), Some(endpoints()));
        drop(lock);
        assert_eq!(folder.running(), None);
        assert!(!format!("{:?}", endpoints()).contains("hunter2"));
    }

    #[test]
    fn secrets_are_drawn_once_and_closed_to_others() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(temporary.path());
        let drawn = folder.kept_or_drawn("jwt").unwrap();
        assert_eq!(drawn.expose().len(), 64);
        assert_eq!(folder.kept_or_drawn("jwt").unwrap(), drawn);
        assert_ne!(folder.kept_or_drawn("master-key").unwrap(), drawn);
        let mode = fs::metadata(folder.secret_file("jwt")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
