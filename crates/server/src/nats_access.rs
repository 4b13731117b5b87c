//! How this process reaches NATS, and who writes its users.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use async_nats::ConnectOptions;
use embedded::{NatsUser, Servers, nats_system, nats_users};
use eventlog::LogError;
use url::Url;

use crate::config::{Config, Secret};

/// How the platform reaches NATS.
#[derive(Debug, Clone)]
pub struct NatsAccess {
    /// May hold credentials.
    pub(crate) url: Secret,
    pub(crate) user: Option<(String, Secret)>,
    pub(crate) creds: Option<Secret>,
    /// Of `system`, who alone may remove a stream.
    pub(crate) system_password: Option<Secret>,
    pub(crate) users: UsersFile,
}

/// Who writes the users of NATS, and how.
#[derive(Debug, Clone)]
pub(crate) enum UsersFile {
    /// Our own nats-server does.
    Child,
    File {
        path: PathBuf,
        /// Each is asked to read it again.
        servers: Vec<String>,
        system_password: Secret,
    },
    /// Somebody else does.
    Nobody,
}

/// See [`Backends::users_writer`].
#[derive(Clone)]
pub enum UsersWriter {
    Child(std::sync::Weak<Servers>),
    File {
        path: PathBuf,
        /// Each is asked to read it again.
        servers: Vec<String>,
        system_password: Secret,
    },
}

impl UsersWriter {
    pub async fn write(&self, users: Vec<NatsUser>) -> anyhow::Result<()> {
        match self {
            Self::Child(servers) => match servers.upgrade() {
                Some(servers) => Ok(servers.set_nats_users(&users).await?),
                None => bail!("nats-server has stopped"),
            },
            Self::File {
                path,
                servers,
                system_password,
            } => {
                nats_users::write(path, &users)?;
                let mut reloaded = Ok(());
                for server in servers {
                    // One that is away reads the file when it comes back.
                    let asked = nats_system::request_reload(server, system_password.expose()).await;
                    reloaded = reloaded.and(asked);
                }
                Ok(reloaded?)
            }
        }
    }
}

impl NatsAccess {
    pub(crate) fn configured(config: &Config) -> anyhow::Result<Self> {
        let url = config.nats_url.clone().context("NATS_URL is not set")?;
        check(url.expose())?;
        let users = match (&config.nats_users_file, &config.nats_system_password) {
            (Some(path), Some(password)) => UsersFile::File {
                path: path.clone(),
                servers: addresses(url.expose()),
                system_password: password.clone(),
            },
            (Some(_), None) => {
                bail!("NATS_USERS_FILE needs NATS_SYSTEM_PASSWORD, to have it read again")
            }
            (None, _) => UsersFile::Nobody,
        };
        Ok(Self {
            user: credentials_in(url.expose()),
            url,
            creds: config.nats_creds.clone(),
            system_password: config.nats_system_password.clone(),
            users,
        })
    }

    /// Removes a stream, as `system`: `nats.conf` lets nobody else.
    pub async fn delete_stream(&self, stream: &str) -> anyhow::Result<()> {
        let password = self.system_password.as_ref().context(
            "NATS_SYSTEM_PASSWORD is not set: nats.conf lets only its user `system` remove a stream",
        )?;
        Ok(nats_system::delete_stream(&self.address(), password.expose(), stream).await?)
    }

    /// Without credentials; those of a cluster's servers, separated by commas.
    pub fn address(&self) -> String {
        self.addresses().join(",")
    }

    fn addresses(&self) -> Vec<String> {
        addresses(self.url.expose())
    }

    /// Connects as the platform. `patient`: returns at once and goes on trying in the background.
    pub async fn connect(&self, patient: bool) -> anyhow::Result<async_nats::Client> {
        let mut options = ConnectOptions::new()
            .name("greffe")
            .connection_timeout(Duration::from_secs(2))
            .reconnect_delay_callback(|tries| Duration::from_millis(50 * tries.min(20) as u64));
        if patient {
            options = options.retry_on_initial_connect();
        }
        if let Some((user, password)) = &self.user {
            options = options.user_and_password(user.clone(), password.expose().to_owned());
        }
        if let Some(creds) = &self.creds {
            options = match creds.expose().trim_start().starts_with("-----BEGIN") {
                true => options.credentials(creds.expose())?,
                false => options
                    .credentials_file(creds.expose())
                    .await
                    .context("the file that NATS_CREDS names cannot be read")?,
            };
        }
        options
            // async-nats pays no heed to credentials in the URL: they are given above.
            .connect(&*self.addresses())
            .await
            .with_context(|| format!("NATS at {} cannot be reached", self.address()))
    }
}

impl NatsAccess {
    /// Makes connections beside the platform's own one.
    pub fn connecting(&self) -> intake::Connect {
        let access = self.clone();
        Arc::new(move || {
            let access = access.clone();
            Box::pin(async move {
                let connected = access.connect(false).await;
                connected.map_err(|error| LogError::Nats(format!("{error:#}")))
            })
        })
    }
}

/// Refuses what is no list of `[scheme://][user:password@]host[:port]`. A piece is never shown: with a
/// bare comma in a password it holds a part of it, and would be taken for a server's name.
fn check(urls: &str) -> anyhow::Result<()> {
    for (at, url) in (1..).zip(urls.split(',')) {
        if !is_server(url.trim()) {
            bail!("NATS_URL: server {at} is not a URL; percent-encode commas in passwords");
        }
    }
    Ok(())
}

fn is_server(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("nats", url));
    // A user without a password would not be heeded.
    let has_both = !rest.contains('@') || credentials_of(url).is_some();
    has_both
        && Url::parse(&without_credentials(url)).is_ok_and(|url| {
            matches!(url.scheme(), "nats" | "tls" | "ws" | "wss")
                && url.host_str().is_some_and(|host| !host.is_empty())
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.fragment().is_none()
        })
}

/// The servers that `NATS_URL` names, without credentials.
fn addresses(urls: &str) -> Vec<String> {
    urls.split(',')
        .map(|url| without_credentials(url.trim()))
        .collect()
}

/// `nats://user:password@host` → `nats://host`.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// The first user and password in `nats://user:password@host,nats://host`, percent-decoded.
fn credentials_in(urls: &str) -> Option<(String, Secret)> {
    urls.split(',').find_map(|url| credentials_of(url.trim()))
}

fn credentials_of(url: &str) -> Option<(String, Secret)> {
    let (_, rest) = url.split_once("://").unwrap_or(("nats", url));
    let (credentials, _) = rest.rsplit_once('@')?;
    let (user, password) = credentials.split_once(':')?;
    Some((
        percent_decoded(user),
        Secret::new(percent_decoded(password)),
    ))
}

fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|digits| hex::decode(digits).ok());
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
        decoded.extend(escaped.unwrap_or_else(|| vec![first]));
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_credentials() {
        for (url, shown) in [
            ("nats://platform:p@ss@host:4222", "nats://host:4222"),
            ("tls://host:4222", "tls://host:4222"),
            ("host:4222", "nats://host:4222"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
        let cluster = "nats://platform:p@one:4222,nats://two:4222";
        assert_eq!(addresses(cluster), ["nats://one:4222", "nats://two:4222"]);
    }

    #[test]
    fn what_is_no_server_is_refused_unseen() {
        for urls in [
            "nats://host",
            "tls://a:b@host:4222",
            "host:4222, nats://a:p@ss%2C@[::1]:4222",
            "wss://host:443/",
        ] {
            check(urls).unwrap();
        }
        for (urls, at) in [
            ("", 1),
            ("nats://host,", 2),
            ("nats://platform:hunter2,hunter3@host:4222", 1),
            ("nats://platform:4222,hunter3@host:4222", 2),
            ("nats://hunter2@host", 1),
            ("http://host", 1),
            ("nats://host/hunter2", 1),
            ("nats://host,nats://two:hunter2", 2),
        ] {
            let problem = check(urls).unwrap_err().to_string();
            let begin = format!("NATS_URL: server {at} is not a URL;");
            assert!(problem.starts_with(&begin), "{urls}: {problem}");
            assert!(!problem.contains("hunter"), "{problem}");
        }
    }

    #[test]
    fn credentials_are_taken_from_the_address() {
        let of =
            |url| credentials_in(url).map(|(user, password)| (user, password.expose().to_owned()));
        let some = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(
            of("nats://platform:p@ss@host:4222"),
            some("platform", "p@ss")
        );
        assert_eq!(of("nats://a:100%25%C3%A9%2@host"), some("a", "100%é%2"));
        assert_eq!(of("nats://host:4222"), None);
        assert_eq!(of("nats://one, nats://a:b@two"), some("a", "b"));
    }
}
