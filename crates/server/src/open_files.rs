//! How many files the process may have open: every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Beside the connections to the API: those to PostgreSQL and NATS, files, pipes.
const OTHERS: u64 = 256;

/// Raises the soft limit to the hard one, and warns if `connections` do not fit even so.
pub fn make_room(connections: u32) {
    match raise() {
        Ok(limit) if limit < u64::from(connections) + OTHERS => tracing::warn!(
            limit,
            connections,
            "fewer files may be open than MAX_CONNECTIONS needs: raise the hard limit (ulimit -Hn), or set it lower"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// The limit there is now.
fn raise() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(512), hard).unwrap();
        assert_eq!(raise(), Ok(hard));
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE), Ok((hard, hard)));
    }
}
