use std::path::PathBuf;

/// Why the embedded servers did not start. Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("the data folder {} is in use by process {holder}: stop it first", path.display())]
    Locked { path: PathBuf, holder: String },

    #[error("{} is missing: run scripts/setup, or set DATABASE_URL and NATS_URL", path.display())]
    ToolsMissing { path: PathBuf },

    #[error(
        "{} holds data of {server} {found}, but this is {server} {ours}: \
         migrate it (docs/operating.md) or choose another data folder", path.display()
    )]
    WrongVersion {
        path: PathBuf,
        server: &'static str,
        found: String,
        ours: String,
    },

    #[error("{server} did not start: {reason} (log: {})", log.display())]
    NotStarted {
        server: &'static str,
        reason: String,
        log: PathBuf,
    },

    #[error("running as root, and {} cannot be reached by user id {uid}: {hint}", path.display())]
    Unreachable {
        path: PathBuf,
        uid: u32,
        hint: String,
    },

    #[error("running as root, and there is neither a user greffe, postgres nor nobody to run as")]
    NoUnprivilegedUser,

    #[error("an orphan {server} (process {pid}) does not stop")]
    OrphanStays { server: &'static str, pid: u32 },

    #[error("{0} is not run by this process")]
    NotOurs(&'static str),

    #[error("nats-server did not take the new users: {0}")]
    Reload(String),

    #[error("nats-server did not remove the stream: {0}")]
    DeleteStream(String),

    #[error("nats-server did not remove the consumer: {0}")]
    DeleteConsumer(String),

    #[error("{context}: {source}")]
    Io {
        context: String,
        source: std::io::Error,
    },

    #[error(
        "the embedded PostgreSQL does not take the password in {}: \
         put back the file that belongs to this database (docs/operating.md)", path.display()
    )]
    WrongPassword { path: PathBuf },

    #[error("the embedded PostgreSQL refused: {0}")]
    Database(#[from] sqlx::Error),
}

/// Says what was being done when the operating system refused.
pub(crate) trait Doing<T> {
    fn doing(self, context: impl FnOnce() -> String) -> Result<T, EmbeddedError>;
}

impl<T, E: Into<std::io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, context: impl FnOnce() -> String) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io {
            context: context(),
            source: source.into(),
        })
    }
}
