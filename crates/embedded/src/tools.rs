//! Where the server programs are, and that the user they run as can reach them.
//!
//! A clone may lie below a folder that only root may enter (`/root`). The data folder is entered by
//! descriptor, but programs find their libraries by path: then the programs, never the data, are
//! copied once to `/var/cache/greffe/servers`, which only root can write.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Doing, EmbeddedError};
use crate::privilege::RunAs;

const SHARED: &str = "/var/cache/greffe/servers";

/// `postgres/bin/postgres` and `nats/nats-server` below one folder.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(crate) postgres_bin: PathBuf,
    pub(crate) nats_server: PathBuf,
}

/// The folder `scripts/setup` fills: `.tools` beside the program or the working folder, or in a
/// folder above one of them.
pub fn find_tools_dir() -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let working = std::env::current_dir().ok();
    let starts = [
        program.as_deref().and_then(Path::parent),
        working.as_deref(),
    ];
    starts
        .into_iter()
        .flatten()
        .flat_map(Path::ancestors)
        .map(|folder| folder.join(".tools"))
        .find(|folder| folder.join("postgres/bin/postgres").exists())
}

impl Tools {
    pub(crate) fn locate(
        tools_dir: Option<&Path>,
        run_as: Option<RunAs>,
    ) -> Result<Self, EmbeddedError> {
        let missing = || EmbeddedError::ToolsMissing {
            path: PathBuf::from(".tools"),
        };
        let folder = match tools_dir {
            Some(folder) => folder.to_path_buf(),
            None => find_tools_dir().ok_or_else(missing)?,
        };
        let real = |path: PathBuf| match path.canonicalize() {
            Ok(real) => Ok(real),
            Err(_) => Err(EmbeddedError::ToolsMissing { path }),
        };
        let postgres = real(folder.join("postgres/bin/postgres"))?;
        let nats_server = real(folder.join("nats/nats-server"))?;
        let postgres_bin = postgres
            .parent()
            .map(Path::to_path_buf)
            .ok_or_else(missing)?;
        let found = Self {
            postgres_bin,
            nats_server,
        };
        match run_as {
            Some(user) if !(is_reachable(&postgres) && is_reachable(&found.nats_server)) => {
                found.shared_copy(user)
            }
            _ => Ok(found),
        }
    }

    /// The same programs under [`SHARED`].
    fn shared_copy(&self, user: RunAs) -> Result<Self, EmbeddedError> {
        let unreachable = |hint: &str| EmbeddedError::Unreachable {
            path: self.postgres_bin.clone(),
            uid: user.uid,
            hint: hint.to_owned(),
        };
        // scripts/setup unpacks to `servers/<what exactly>/…`: that name is the copy's name.
        let home = self
            .postgres_bin
            .ancestors()
            .find(|path| {
                path.parent()
                    .and_then(Path::file_name)
                    .is_some_and(|it| it == "servers")
            })
            .ok_or_else(|| unreachable("move the servers where everybody may read them"))?;
        let name = home.file_name().unwrap_or_default();
        let shared = Path::new(SHARED);
        let copy = shared.join(name);
        fs::create_dir_all(shared).doing(|| format!("create {SHARED}"))?;
        for folder in shared.ancestors().take(2) {
            let about = fs::metadata(folder).doing(|| format!("read {}", folder.display()))?;
            if about.uid() != 0 || about.mode() & 0o022 != 0 {
                return Err(unreachable(&format!(
                    "{} must be root's alone",
                    folder.display()
                )));
            }
            open_to_all(folder)?;
        }
        if !copy.is_dir() {
            let new = shared.join(format!(
                ".{}.{}",
                name.to_string_lossy(),
                std::process::id()
            ));
            copy_folder(home, &new)?;
            if let Err(source) = fs::rename(&new, &copy) {
                fs::remove_dir_all(&new).doing(|| format!("remove {}", new.display()))?;
                // Another process was faster.
                if !copy.is_dir() {
                    let context = format!("create {}", copy.display());
                    return Err(EmbeddedError::Io { context, source });
                }
            }
        }
        let moved = |path: &Path| match path.strip_prefix(home) {
            Ok(rest) => Ok(copy.join(rest)),
            Err(_) => Err(unreachable("the servers must be unpacked by scripts/setup")),
        };
        let found = Self {
            postgres_bin: moved(&self.postgres_bin)?,
            nats_server: moved(&self.nats_server)?,
        };
        if is_reachable(&found.postgres_bin.join("postgres")) && is_reachable(&found.nats_server) {
            return Ok(found);
        }
        Err(unreachable(&format!("{SHARED} cannot be reached either")))
    }
}

/// Whether everybody may execute this program: it and all folders above are open.
fn is_reachable(program: &Path) -> bool {
    let is_open = |path: &Path| fs::metadata(path).is_ok_and(|it| it.mode() & 0o005 == 0o005);
    let may_enter = |path: &Path| fs::metadata(path).is_ok_and(|it| it.mode() & 0o001 != 0);
    is_open(program) && program.ancestors().skip(1).all(may_enter)
}

fn open_to_all(folder: &Path) -> Result<(), EmbeddedError> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        .doing(|| format!("open {} to all", folder.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), EmbeddedError> {
    let context = || format!("copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).doing(context)?;
    open_to_all(to)?;
    for entry in fs::read_dir(from).doing(context)? {
        let entry = entry.doing(context)?;
        let target = to.join(entry.file_name());
        if entry.file_type().doing(context)?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).doing(context)?;
        }
    }
    Ok(())
}
