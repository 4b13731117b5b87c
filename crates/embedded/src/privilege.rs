//! Whom the servers run as. PostgreSQL refuses root, and neither server needs it: a platform
//! started by root drops to user `greffe`, `postgres` or `nobody`, the first that exists. Who owns
//! existing data keeps it. Only the servers' own folders change owner.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{User, geteuid};

use crate::error::EmbeddedError;

const CANDIDATES: [&str; 3] = ["greffe", "postgres", "nobody"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunAs {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl RunAs {
    /// Nobody else, unless this process is root.
    pub(crate) fn choose(existing_data: &Path) -> Result<Option<Self>, EmbeddedError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        if let Ok(folder) = fs::metadata(existing_data)
            && folder.uid() != 0
        {
            return Ok(Some(Self {
                uid: folder.uid(),
                gid: folder.gid(),
            }));
        }
        let found = CANDIDATES
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten());
        let user = found.filter(|user| !user.uid.is_root());
        let user = user.ok_or(EmbeddedError::NoUnprivilegedUser)?;
        Ok(Some(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }))
    }
}
