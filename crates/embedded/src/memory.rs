//! How much memory there is: the machine's, or less if a control group says so.

use std::{fs, path::Path};

use nix::sys::sysinfo::sysinfo;

const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Bytes; 0 if the machine does not say.
pub(crate) fn memory() -> u64 {
    let machine = sysinfo().map_or(0, |machine| machine.ram_total());
    // Without control groups there is no such file.
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit(Path::new(CONTROL_GROUPS), &groups).map_or(machine, |limit| limit.min(machine))
}

/// The least limit of the groups that a process is in, and of those around them.
fn limit(mounted: &Path, groups: &str) -> Option<u64> {
    groups
        .lines()
        .filter_map(|group| least(mounted, group))
        .min()
}

/// Of `0::/a/b` (version 2) or `4:memory:/a/b` (version 1).
fn least(mounted: &Path, group: &str) -> Option<u64> {
    let mut parts = group.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (root, file) = match controllers {
        "" => (mounted.to_owned(), "memory.max"),
        "memory" => (mounted.join(controllers), "memory.limit_in_bytes"),
        _ => return None,
    };
    let groups = Path::new(path.trim_start_matches('/')).ancestors();
    // `max` is no limit.
    let limits = groups.filter_map(|group| {
        fs::read_to_string(root.join(group).join(file))
            .ok()?
            .trim()
            .parse()
            .ok()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_counts() {
        let mounted = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = mounted.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("system.slice/greffe.service/memory.max", "max\n");
        write("system.slice/memory.max", "805306368\n");
        write("memory/jobs/memory.limit_in_bytes", "9223372036854771712\n");
        let of = |groups: &str| limit(mounted.path(), groups);
        assert_eq!(of("0::/system.slice/greffe.service\n"), Some(805_306_368));
        assert_eq!(
            of("1:cpu:/jobs\n4:memory:/jobs\n"),
            Some(9_223_372_036_854_771_712)
        );
        assert_eq!(of("4:memory:/jobs\n0::/system.slice\n"), Some(805_306_368));
        for none in ["", "0::/\n", "0::/elsewhere\n", "1:cpu:/\n", "nonsense"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert!(memory() > 0);
    }
}
