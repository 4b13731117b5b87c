//! `greffe backup`: the database to a file and back, with PostgreSQL's own programs.
//!
//! A backup holds no key: without the master key, which is kept elsewhere, nothing personal in it
//! can be read.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use kernel::{Clock, SystemClock};
use sqlx::{
    Connection, Executor, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::{Usage, access::Access};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Write the database to a new file, as it is at one moment; the platform may go on
    Create { file: PathBuf },
    /// Put the database of a file in the place of this one, which is kept under another name
    Restore {
        file: PathBuf,
        /// Yes: what happened since the backup is no longer in the log
        #[arg(long)]
        yes: bool,
    },
}

impl BackupCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Create { file } => create(config, &file).await,
            Self::Restore { file, yes: true } => restore(config, &file).await,
            Self::Restore { .. } => {
                let what = "this puts an earlier database in the place of the present one, and \
                            what happened since is no longer in the log. Say --yes to do it";
                Err(Usage(what.into()).into())
            }
        }
    }
}

/// Needs neither the master key nor a database that is up to date: it is copied as it is.
async fn create(config: &Config, file: &Path) -> anyhow::Result<()> {
    if file.symlink_metadata().is_ok() {
        bail!(
            "{} is there already; a backup replaces no file",
            file.display()
        );
    }
    let (backends, _) = Access::reach_present(config).await?;
    let dumped = dump(backends.database_url.expose(), file).await;
    backends.stop().await;
    let bytes = dumped?;
    println!("written   {} ({} KiB)", file.display(), bytes / 1024);
    println!("keep the master key elsewhere: without it nothing personal in the file can be read");
    Ok(())
}

/// Returns how many bytes the file has.
async fn dump(url: &str, file: &Path) -> anyhow::Result<u64> {
    let server = Server::new(url)?;
    // Beside its place first: a file of that name is whole. Opened here, so that nobody else reads
    // it and nothing that lies there is written to.
    let partial = file.with_added_extension(format!("{}.partial", kernel::new_id().simple()));
    let opened = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .with_context(|| format!("{} cannot be written", partial.display()))?;
    let written = write(&server, opened, &partial, file).await;
    if written.is_err() {
        drop(fs::remove_file(&partial));
    }
    written
}

async fn write(
    server: &Server,
    opened: fs::File,
    partial: &Path,
    file: &Path,
) -> anyhow::Result<u64> {
    let mut dump = server.program("pg_dump");
    dump.args(["--format=custom", "--no-owner", "--dbname"])
        .arg(conninfo(&server.database))
        .stdout(opened.try_clone()?);
    run(dump).await?;
    let keep = || -> std::io::Result<u64> {
        opened.sync_all()?;
        fs::rename(partial, file)?;
        let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(opened.metadata()?.len())
    };
    keep().with_context(|| format!("{} cannot be written", file.display()))
}

async fn restore(config: &Config, file: &Path) -> anyhow::Result<()> {
    // Nothing is changed by a file that is no backup.
    if !file.is_file() {
        bail!("there is no file {}", file.display());
    }
    let (backends, _) = Access::reach(config).await?;
    let restored = restore_into(backends.database_url.expose(), file).await;
    backends.stop().await;
    let former = restored?;
    println!("restored  {}", file.display());
    println!("former    database {}", former.name);
    println!("Once you are sure, drop it while PostgreSQL runs:");
    println!("  {}", former.drop_command);
    println!(
        "If the stream EVENTS is ahead of this database, the relay closes the log: look at \
         `greffe log status`."
    );
    Ok(())
}

/// The database that was ours.
struct Former {
    name: String,
    drop_command: String,
}

/// Fills a new database, then lets the two change places; returns the former one. So nobody ever
/// sees a half restored one, and one that cannot be restored changes nothing.
async fn restore_into(url: &str, file: &Path) -> anyhow::Result<Former> {
    let server = Server::new(url)?;
    let mut list = server.program("pg_restore");
    list.arg("--list").arg(file).stdout(Stdio::null());
    run(list)
        .await
        .with_context(|| format!("{} is not a backup", file.display()))?;
    let now: DateTime<Utc> = SystemClock.now();
    let at = now.format("%Y%m%d_%H%M%S");
    let places = Places {
        ours: server.database.clone(),
        fresh: format!("{}_restored_{at}", server.database),
        former: format!("{}_before_{at}", server.database),
    };
    let former = Former {
        name: places.former.clone(),
        drop_command: server.drop_command(&places.former),
    };
    let options: PgConnectOptions = url.parse()?;
    let options = options.database("postgres");
    let mut admin = PgConnection::connect_with(&options)
        .await
        .context("the database `postgres` cannot be opened with this account")?;
    let fresh = quoted(&places.fresh);
    statement(
        &mut admin,
        &format!("CREATE DATABASE {fresh} TEMPLATE template0"),
    )
    .await?;
    let mut fill = server.program("pg_restore");
    fill.args(["--exit-on-error", "--no-owner", "--dbname"])
        .arg(conninfo(&places.fresh))
        .arg(file);
    if let Err(error) = run(fill).await {
        drop(statement(&mut admin, &format!("DROP DATABASE {fresh}")).await);
        return Err(error.context("the backup cannot be restored; nothing was changed"));
    }
    // A task of its own: half way nobody can connect, so it goes on whoever stops waiting for it.
    tokio::spawn(change_places(admin, options, places)).await??;
    Ok(former)
}

/// Names of databases.
struct Places {
    ours: String,
    fresh: String,
    former: String,
}

/// Whatever goes wrong, the database that has our name in the end takes connections.
async fn change_places(
    mut admin: PgConnection,
    options: PgConnectOptions,
    places: Places,
) -> anyhow::Result<()> {
    let Err(error) = try_to_change(&mut admin, &places).await else {
        drop(admin.close().await);
        return Ok(());
    };
    let error = error.context("the two databases could not change places");
    let open = format!(
        "ALTER DATABASE {} ALLOW_CONNECTIONS true",
        quoted(&places.ours)
    );
    if statement(&mut admin, &open).await.is_err() {
        // The connection itself may be what went wrong.
        let reopened = async {
            admin = PgConnection::connect_with(&options).await?;
            statement(&mut admin, &open).await
        };
        if reopened.await.is_err() {
            return Err(error.context(format!("nobody can connect until you run `{open}`")));
        }
    }
    let unused = format!("DROP DATABASE IF EXISTS {}", quoted(&places.fresh));
    drop(statement(&mut admin, &unused).await);
    Err(error)
}

async fn try_to_change(admin: &mut PgConnection, places: &Places) -> anyhow::Result<()> {
    // From the first call on they no longer end the process, which is over in a moment anyway.
    let _ignored = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let (ours, fresh, former) = (
        quoted(&places.ours),
        quoted(&places.fresh),
        quoted(&places.former),
    );
    // A database with connections cannot be renamed: those there are end, and none comes.
    statement(
        admin,
        &format!("ALTER DATABASE {ours} ALLOW_CONNECTIONS false"),
    )
    .await?;
    // Others, like autovacuum, make way by themselves, and not everybody may end them.
    sqlx::query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE datname = $1 AND backend_type = 'client backend'",
    )
    .bind(&places.ours)
    .execute(&mut *admin)
    .await
    .context("the connections to the database cannot be ended")?;
    // At no moment, not even if this process is killed, is there no database of our name.
    let mut change = admin.begin().await?;
    for sql in [
        format!("ALTER DATABASE {ours} RENAME TO {former}"),
        format!("ALTER DATABASE {fresh} RENAME TO {ours}"),
        format!("ALTER DATABASE {ours} ALLOW_CONNECTIONS true"),
        // It may be looked into.
        format!("ALTER DATABASE {former} ALLOW_CONNECTIONS true"),
    ] {
        statement(&mut change, &sql).await?;
    }
    Ok(change.commit().await?)
}

async fn statement(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    connection
        .execute(sql)
        .await
        .with_context(|| sql.to_owned())?;
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names a database to a program that would take a name with `=` in it for more than a name.
fn conninfo(database: &str) -> String {
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
struct Server {
    programs: Option<PathBuf>,
    host: String,
    port: u16,
    user: String,
    database: String,
    password: Option<String>,
    /// How the connection is sealed.
    ssl: Vec<(&'static str, String)>,
}

impl Server {
    /// What sqlx makes of the address holds for the programs too.
    fn new(url: &str) -> anyhow::Result<Self> {
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

    fn program(&self, name: &str) -> Command {
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
    fn drop_command(&self, database: &str) -> String {
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

async fn run(mut command: Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = tokio::task::spawn_blocking(move || command.output())
        .await?
        .with_context(|| format!("{name} cannot be run"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
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
