//! Servers in a temporary folder. A small shell process waits for the end of the test process (its
//! standard input closes, also after a kill -9), then kills what still runs and removes the folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use embedded::{EmbeddedConfig, Servers};

/// `$1` is the folder. A pid counts only with the start time noted beside it.
const REAPER: &str = r#"
cat > /dev/null
for file in "$1"/*.pid; do
  read -r pid started boot < "$file" || continue
  [ "$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)" = "$started" ] && kill -9 "$pid"
done
for pause in 0 0.05 0.2 1; do
  sleep "$pause"
  rm -rf "$1" && break
done
"#;

pub(crate) struct TemporaryServers {
    // Dropped in this order: the servers are told to end, then the reaper makes sure.
    pub(crate) servers: Servers,
    _folder: TemporaryFolder,
}

struct TemporaryFolder(Child);

impl TemporaryServers {
    pub(crate) async fn start(configure: impl FnOnce(&mut EmbeddedConfig)) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("greffe-test-")
            .tempdir()
            .expect("make a temporary folder")
            .keep();
        let reaper = TemporaryFolder::watched(&folder);
        let mut config = EmbeddedConfig::new(folder);
        config.tools_dir = Some(tools_dir());
        config.is_durable = false;
        configure(&mut config);
        let servers = Servers::start(config)
            .await
            .expect("start the servers of a test");
        Self {
            servers,
            _folder: reaper,
        }
    }
}

impl TemporaryFolder {
    fn watched(folder: &Path) -> Self {
        use std::os::unix::process::CommandExt;
        let reaper = Command::new("sh")
            .args(["-c", REAPER, "reaper"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not ended by a Ctrl-C that ends the tests.
            .process_group(0)
            .spawn();
        Self(reaper.expect("start sh"))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The clone's `.tools`, filled now if it is not yet.
fn tools_dir() -> PathBuf {
    static SET_UP: Once = Once::new();
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tools = clone.join(".tools");
    SET_UP.call_once(|| {
        let is_there = |name: &str| tools.join(name).exists();
        if !(is_there("postgres/bin/postgres") && is_there("nats/nats-server")) {
            let status = Command::new(clone.join("scripts/setup"))
                .arg("servers")
                .status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "scripts/setup failed"
            );
        }
    });
    tools
}
