//! Who may do what on NATS: renders `users.conf`, which `nats.conf` includes.
//!
//! nats-server decides who speaks: a service's name is the second token of every subject it may
//! use. What is not allowed here is refused by the server. Notes on what each line keeps out:
//!
//! - A consumer on `DECISIONS` is created on the subject that carries its filter
//!   (`CONSUMER.CREATE.<stream>.<consumer>.<filter>`): the server refuses a body with another
//!   filter. The older forms, which do not show the filter, are not allowed.
//! - Names of consumers cannot have wildcards within a token, and `MSG.NEXT` and `$JS.ACK` name
//!   only the consumer. So **a consumer is called as its user**, a service's and a reader's alike:
//!   nobody can read, acknowledge or change the consumer of another by guessing its name, and nobody
//!   can take all the consumers that the server has room for. Each tool that reads `EVENTS` is a user.
//! - A client chooses the reply subject of what it publishes, and of a push consumer the deliver
//!   subject; nats-server checks neither against these permissions. Whoever answers must check
//!   that the reply subject is in the caller's inbox, and streams that only the
//!   platform may write (`EVENTS`, `DECISIONS`) must not listen on subjects others can know.
//!   JetStream itself answers there too, with empty messages among others: `nats.conf` sends
//!   the requests that remove or purge without a body nowhere, whoever makes them.

use std::fmt::Write;
use std::path::Path;

use crate::error::EmbeddedError;
use crate::process::write_atomically;

/// The user the platform itself connects as.
pub const PLATFORM: &str = "platform";
/// The user of the system account; may ask the server to read its configuration again.
pub const SYSTEM: &str = "system";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    /// A service account: commands, queries, intake, its own decisions.
    Service,
    /// Reads `EVENTS` (BI, SIEM) through one consumer, nothing else.
    Reader,
}

/// A user with a checked name and a bcrypt hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsUser {
    name: String,
    password_hash: String,
    kind: UserKind,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNatsUser {
    #[error("a name has 2 to 32 of a-z, 0-9 and -")]
    Name,
    #[error("this name is the platform's own")]
    Reserved,
    #[error("the password must be a bcrypt hash")]
    PasswordHash,
}

impl NatsUser {
    pub fn new(
        name: impl Into<String>,
        password_hash: impl Into<String>,
        kind: UserKind,
    ) -> Result<Self, InvalidNatsUser> {
        let (name, password_hash) = (name.into(), password_hash.into());
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(2..=32).contains(&name.len()) || !name.bytes().all(is_name) {
            return Err(InvalidNatsUser::Name);
        }
        if name == PLATFORM || name == SYSTEM {
            return Err(InvalidNatsUser::Reserved);
        }
        if !is_bcrypt(&password_hash) {
            return Err(InvalidNatsUser::PasswordHash);
        }
        Ok(Self {
            name,
            password_hash,
            kind,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

/// `$2b$10$` and 53 characters. Anything else would be a plain password to nats-server.
fn is_bcrypt(hash: &str) -> bool {
    let bytes = hash.as_bytes();
    let is_salt_or_hash = |byte: &u8| byte.is_ascii_alphanumeric() || b"./".contains(byte);
    bytes.len() == 60
        && bytes[..2] == *b"$2"
        && b"aby".contains(&bytes[2])
        && bytes[3] == b'$'
        && bytes[4..6].iter().all(u8::is_ascii_digit)
        && bytes[6] == b'$'
        && bytes[7..].iter().all(is_salt_or_hash)
}

fn publish_subjects(user: &NatsUser) -> Vec<String> {
    let name = &user.name;
    match user.kind {
        UserKind::Service => vec![
            format!("commands.{name}.>"),
            format!("queries.{name}.>"),
            format!("intake.{name}.>"),
            "$SRV.>".to_owned(),
            format!("$JS.API.CONSUMER.CREATE.DECISIONS.{name}.decisions.{name}.>"),
            format!("$JS.API.CONSUMER.INFO.DECISIONS.{name}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.DECISIONS.{name}"),
            format!("$JS.ACK.DECISIONS.{name}.>"),
        ],
        UserKind::Reader => vec![
            // Not STREAM.INFO: it would show the prefix under which EVENTS takes messages.
            format!("$JS.API.CONSUMER.CREATE.EVENTS.{name}"),
            format!("$JS.API.CONSUMER.CREATE.EVENTS.{name}.>"),
            format!("$JS.API.CONSUMER.INFO.EVENTS.{name}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.EVENTS.{name}"),
            format!("$JS.ACK.EVENTS.{name}.>"),
            format!("$JS.FC.EVENTS.{name}.>"),
        ],
    }
}

fn subscribe_subjects(user: &NatsUser) -> Vec<String> {
    let inbox = format!("_INBOX.{}.>", user.name);
    match user.kind {
        UserKind::Service => vec![format!("decisions.{}.>", user.name), inbox],
        UserKind::Reader => vec![inbox],
    }
}

/// The whole users file, `platform` included; its password is in the server's environment.
pub fn render(users: &[NatsUser]) -> String {
    let mut text = String::from(
        "# Written by Greffe; changes made by hand are lost. See nats.conf.\n\
         users: [\n  { user: platform, password: $NATS_PLATFORM_PASSWORD }\n",
    );
    for user in users {
        text.push_str(&render_user(user));
    }
    text.push_str("]\n");
    text
}

/// One user; also the examples in the repository's `users.conf`.
pub fn render_user(user: &NatsUser) -> String {
    let mut text = String::new();
    let list = |subjects: Vec<String>| {
        subjects.iter().fold(String::new(), |mut list, subject| {
            let _ = writeln!(list, "        \"{subject}\"");
            list
        })
    };
    let _ = writeln!(
        text,
        "  {{\n    user: \"{}\", password: \"{}\"\n    permissions: {{",
        user.name, user.password_hash
    );
    for (verb, subjects) in [
        ("publish", publish_subjects(user)),
        ("subscribe", subscribe_subjects(user)),
    ] {
        let _ = write!(
            text,
            "      {verb}: {{ allow: [\n{}      ] }}\n",
            list(subjects)
        );
    }
    text.push_str("    }\n  }\n");
    text
}

/// Writes the users file of a server that is not embedded: whole or not at all, mode 0600.
pub fn write(path: &Path, users: &[NatsUser]) -> Result<(), EmbeddedError> {
    write_atomically(path, render(users).as_bytes(), None).map_err(|source| EmbeddedError::Io {
        context: format!("write {}", path.display()),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What bcrypt makes is as long; nobody knows the password of this one.
    fn example_hash() -> String {
        format!("$2b$10${}", "x".repeat(53))
    }

    fn user(name: &str, kind: UserKind) -> NatsUser {
        NatsUser::new(name, example_hash(), kind).unwrap()
    }

    #[test]
    fn names_are_tokens_of_subjects() {
        for name in ["support", "a1", "n8n-prod", &"x".repeat(32)] {
            assert!(
                NatsUser::new(name, example_hash(), UserKind::Service).is_ok(),
                "{name}"
            );
        }
        let too_long = "x".repeat(33);
        for name in [
            "", "a", "Support", "a.b", "*", "a>", "a b", "é-é", "a_b", "a\"b", &too_long,
        ] {
            let refused = NatsUser::new(name, example_hash(), UserKind::Service);
            assert_eq!(refused, Err(InvalidNatsUser::Name), "{name}");
        }
        for name in [PLATFORM, SYSTEM] {
            let refused = NatsUser::new(name, example_hash(), UserKind::Reader);
            assert_eq!(refused, Err(InvalidNatsUser::Reserved));
        }
    }

    #[test]
    fn a_plain_password_is_never_written() {
        let real = bcrypt::hash("key", 4).unwrap();
        assert!(NatsUser::new("support", real, UserKind::Service).is_ok());
        let injected = format!("$2b$10${}\"}}", "x".repeat(51));
        for hash in [
            "",
            "secret",
            "$2b$10$short",
            "$NATS_PLATFORM_PASSWORD",
            &injected,
        ] {
            let refused = NatsUser::new("support", hash, UserKind::Service);
            assert_eq!(refused, Err(InvalidNatsUser::PasswordHash), "{hash}");
        }
    }

    /// The repository's users.conf explains the kinds of users by showing them.
    #[test]
    fn the_example_file_shows_what_is_rendered() {
        let file = include_str!("../../../users.conf");
        for (name, kind) in [
            ("support", UserKind::Service),
            ("readers", UserKind::Reader),
        ] {
            let text = render_user(&user(name, kind));
            let shown: String = text.lines().map(|line| format!("# {line}\n")).collect();
            assert!(file.contains(&shown), "users.conf lacks:\n{shown}");
        }
        assert!(file.ends_with(render(&[]).split_once('\n').unwrap().1));
    }

    #[test]
    fn the_file_is_replaced_whole_and_closed_to_others() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.conf");
        write(&path, &[user("support", UserKind::Service)]).unwrap();
        write(&path, &[]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), render(&[]));
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
