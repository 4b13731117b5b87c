//! PostgreSQL's own programs, told where the server is.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::{
    io::AsyncReadExt,
    process::Child,
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use url::Url;

const END_WITHIN: Duration = Duration::from_secs(5);

/// Names a database to a program that would take a name with `=` in it for more than a name.
pub fn conninfo(database: &str) -> String {
    let escaped = database.replace('\\', r"\\").replace('\'', r"\'");
    format!("dbname='{escaped}'")
}

/// One word of a shell's command.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// PostgreSQL's programs, told where the server is. The password travels in the environment.
pub struct Server {
    programs: Option<PathBuf>,
    host: String,
    port: u16,
    user: String,
    pub database: String,
    password: Option<String>,
    /// How the connection is sealed.
    ssl: Vec<(&'static str, String)>,
}

impl Server {
    /// What sqlx makes of the address holds for the programs too.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let options: PgConnectOptions = url.parse().context("DATABASE_URL is not an address")?;
        let url: Url = url.parse().context("DATABASE_URL is not a URL")?;
        let parameter = |names: &[&str]| {
            url.query_pairs()
                .filter(|(key, _)| names.contains(&&**key))
                .last()
                .map(|(_, value)| value.into_owned())
        };
        let in_front = url.password().map(|text| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        });
        let mode = match options.get_ssl_mode() {
            PgSslMode::Disable => "disable",
            PgSslMode::Allow => "allow",
            PgSslMode::Prefer => "prefer",
            PgSslMode::Require => "require",
            PgSslMode::VerifyCa => "verify-ca",
            PgSslMode::VerifyFull => "verify-full",
        };
        let mut ssl = vec![("PGSSLMODE", mode.to_owned())];
        for (variable, names) in [
            ("PGSSLROOTCERT", ["sslrootcert", "ssl-root-cert", "ssl-ca"]),
            ("PGSSLCERT", ["sslcert", "ssl-cert", ""]),
            ("PGSSLKEY", ["sslkey", "ssl-key", ""]),
        ] {
            ssl.extend(parameter(&names).map(|value| (variable, value)));
        }
        let host = match options.get_socket() {
            Some(socket) => socket.to_string_lossy().into_owned(),
            None => {
                let host = options.get_host();
                let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
                bare.unwrap_or(host).to_owned()
            }
        };
        Ok(Self {
            programs: embedded::find_tools_dir().map(|tools| tools.join("postgres/bin")),
            host,
            port: options.get_port(),
            user: options.get_username().to_owned(),
            database: options
                .get_database()
                .unwrap_or(options.get_username())
                .to_owned(),
            password: parameter(&["password"]).or(in_front),
            ssl,
        })
    }

    /// Those of the set-up, which are of the embedded server's version; else those of the system.
    fn path(&self, name: &str) -> PathBuf {
        match &self.programs {
            Some(folder) => folder.join(name),
            None => name.into(),
        }
    }

    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.path(name));
        // They would lead elsewhere than the address does.
        for other in ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"] {
            command.env_remove(other);
        }
        command
            .env("PGHOST", &self.host)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.user)
            .envs(self.password.iter().map(|it| ("PGPASSWORD", it)))
            .envs(self.ssl.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// For a person to type; it asks for the password.
    pub fn drop_command(&self, database: &str) -> String {
        let mut words: Vec<String> = Vec::new();
        for (name, value) in &self.ssl {
            words.push(format!("{name}={}", shell_word(value)));
        }
        let program = self.path("dropdb");
        let program = program.to_string_lossy();
        let port = self.port.to_string();
        let command = [
            &*program,
            "--host",
            &self.host,
            "--port",
            &port,
            "--username",
            &self.user,
            "--",
            database,
        ];
        words.extend(command.into_iter().map(shell_word));
        words.join(" ")
    }
}

/// Told to end, a program of PostgreSQL cancels what it has the server do; killed, it would leave the
/// server at that, waiting for a lock perhaps.
async fn end(child: &mut Child) -> anyhow::Result<()> {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
    }
    if timeout(END_WITHIN, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

/// Runs a program to its end. Told to end, this process ends the program first, and its caller takes back
/// what was begun.
pub async fn run(command: Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let mut child = tokio::process::Command::from(command)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{name} cannot be run"))?;
    let mut stderr = child.stderr.take();
    let mut complaints = Vec::new();
    let ended = async {
        if let Some(stderr) = &mut stderr {
            stderr.read_to_end(&mut complaints).await?;
        }
        child.wait().await
    };
    let ended = tokio::select! {
        ended = ended => Some(ended?),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    let Some(status) = ended else {
        end(&mut child).await?;
        bail!("told to end while {name} was at work");
    };
    if !status.success() {
        bail!("{}", String::from_utf8_lossy(&complaints).trim());
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(url: &str) -> (String, u16, String, String, Option<String>) {
        let Server {
            host,
            port,
            user,
            database,
            password,
            ..
        } = Server::new(url).unwrap();
        (host, port, user, database, password)
    }

    #[test]
    fn programs_go_where_the_address_leads() {
        let server = |host: &str, port, user: &str, database: &str, password: Option<&str>| {
            let password = password.map(str::to_owned);
            (host.into(), port, user.into(), database.into(), password)
        };
        assert_eq!(
            of("postgres://a%40b:p%2Fw%25@db.example:6543/my%3Ddb"),
            server("db.example", 6543, "a@b", "my=db", Some("p/w%"))
        );
        assert_eq!(
            of("postgres://u@[::1]:5433/greffe?password=p%26w"),
            server("::1", 5433, "u", "greffe", Some("p&w"))
        );
        assert_eq!(
            of("postgres:///?host=/run/pg&port=5434&user=u&dbname=d"),
            server("/run/pg", 5434, "u", "d", None)
        );
        assert_eq!(
            of("postgres://u@%2Frun%2Fpg:5434/d"),
            server("/run/pg", 5434, "u", "d", None)
        );
    }

    #[test]
    fn programs_seal_as_the_address_says() {
        let url = "postgres://u:secret@h:5432/d?ssl-mode=verify-full&sslrootcert=/a&sslcert=/b c&ssl-key=/d";
        let mut server = Server::new(url).unwrap();
        let ssl = [
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/a"),
            ("PGSSLCERT", "/b c"),
            ("PGSSLKEY", "/d"),
        ];
        assert_eq!(
            server.ssl,
            ssl.map(|(name, value)| (name, value.to_owned()))
        );
        server.programs = None;
        assert_eq!(
            server.drop_command("it's"),
            "PGSSLMODE=verify-full PGSSLROOTCERT=/a PGSSLCERT='/b c' PGSSLKEY=/d \
             dropdb --host h --port 5432 --username u -- 'it'\\''s'"
        );
    }

    #[test]
    fn a_database_is_named_and_nothing_else() {
        assert_eq!(conninfo("host=elsewhere"), "dbname='host=elsewhere'");
        assert_eq!(conninfo(r"a'b\c"), r"dbname='a\'b\\c'");
    }
}
