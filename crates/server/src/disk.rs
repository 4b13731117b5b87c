//! Room on the file system of the data folder.

use std::path::Path;

use api::{Component, Status};

/// Below this the stream and the log may soon have no room (bytes).
pub const LEAST_FREE: u64 = 1 << 30;

/// Free for whoever runs this process (bytes).
pub fn free(folder: &Path) -> nix::Result<u64> {
    let disk = nix::sys::statvfs::statvfs(folder)?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

/// Whether the servers have room to write.
pub fn check(folder: &Path) -> Component {
    let part = |detail| Component::new("disk", Status::Degraded, Some(detail));
    match free(folder) {
        Ok(free) => {
            metrics::gauge!(api::DISK.name).set(free as f64);
            match free < LEAST_FREE {
                true => part(format!("{} MiB free", free >> 20)),
                false => Component::new("disk", Status::Ok, None),
            }
        }
        Err(error) => part(format!("cannot be looked at: {error}")),
    }
}
