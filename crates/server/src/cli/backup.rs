//! `greffe backup`: the database to a file and back, with PostgreSQL's own programs.
//!
//! A backup holds no key: without the master key, which is kept elsewhere, nothing personal in it
//! can be read.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use kernel::{Clock, SystemClock};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use url::Url;

use super::{Usage, access::Access, with_log};
use crate::{backends::Backends, config::Config, data_folder::DataFolder};

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Write the database to a file, as it is at one moment; the platform may go on
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
            Self::Create { file } => {
                with_log(config, async |access| create(access, &file).await).await
            }
            Self::Restore { file, yes: true } => restore(config, &file).await,
            Self::Restore { .. } => {
                let what = "this puts an earlier database in the place of the present one, and \
                            what happened since is no longer in the log. Say --yes to do it";
                Err(Usage(what.into()).into())
            }
        }
    }
}

async fn create(access: &Access, file: &Path) -> anyhow::Result<()> {
    let server = Server::new(access.backends.database_url.expose())?;
    // Beside its place first: a file of that name is whole.
    let partial = file.with_added_extension("partial");
    let mut dump = server.program("pg_dump");
    dump.args(["--format=custom", "--no-owner", "--file"])
        .arg(&partial)
        .args(["--dbname", &server.database]);
    run(dump).await?;
    std::fs::rename(&partial, file)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    let bytes = std::fs::metadata(file)?.len();
    println!("written   {} ({} KiB)", file.display(), bytes / 1024);
    println!("keep the master key elsewhere: without it nothing personal in the file can be read");
    Ok(())
}

async fn restore(config: &Config, file: &Path) -> anyhow::Result<()> {
    // Nothing is changed by a file that is no backup.
    if !file.is_file() {
        bail!("there is no file {}", file.display());
    }
    let backends = match DataFolder::new(&config.data_dir).running() {
        Some(running) => Backends::of_running(config, &running)?,
        None => Backends::start(config, false).await?,
    };
    let restored = restore_into(backends.database_url.expose(), file).await;
    backends.stop().await;
    let former = restored?;
    println!("restored  {}", file.display());
    println!("former    database {former}; drop it once you are sure");
    println!(
        "If the stream EVENTS is ahead of this database, the relay closes the log: look at \
         `greffe log status`."
    );
    Ok(())
}

/// Fills a new database, then lets the two change places; returns the former one's name. So nobody
/// ever sees a half restored one, and one that cannot be restored changes nothing.
async fn restore_into(url: &str, file: &Path) -> anyhow::Result<String> {
    let server = Server::new(url)?;
    let mut list = server.program("pg_restore");
    list.arg("--list").arg(file).stdout(Stdio::null());
    run(list)
        .await
        .with_context(|| format!("{} is not a backup", file.display()))?;
    let now: DateTime<Utc> = SystemClock.now();
    let at = now.format("%Y%m%d_%H%M%S");
    let (ours, fresh, former) = (
        server.database.clone(),
        format!("{}_restored_{at}", server.database),
        format!("{}_before_{at}", server.database),
    );
    let options: PgConnectOptions = url.parse()?;
    let mut admin = PgConnection::connect_with(&options.database("postgres"))
        .await
        .context("the database `postgres` cannot be opened with this account")?;
    statement(
        &mut admin,
        &format!("CREATE DATABASE {} TEMPLATE template0", quoted(&fresh)),
    )
    .await?;
    let mut fill = server.program("pg_restore");
    fill.args(["--exit-on-error", "--no-owner", "--dbname", &fresh])
        .arg(file);
    if let Err(error) = run(fill).await {
        statement(&mut admin, &format!("DROP DATABASE {}", quoted(&fresh))).await?;
        return Err(error.context("the backup cannot be restored; nothing was changed"));
    }
    change_places(&mut admin, &ours, &fresh, &former).await?;
    admin.close().await?;
    Ok(former)
}

async fn change_places(
    admin: &mut PgConnection,
    ours: &str,
    fresh: &str,
    former: &str,
) -> anyhow::Result<()> {
    let (ours_quoted, fresh, former) = (quoted(ours), quoted(fresh), quoted(former));
    // A database with connections cannot be renamed: those there are end, and none comes.
    statement(
        admin,
        &format!("ALTER DATABASE {ours_quoted} ALLOW_CONNECTIONS false"),
    )
    .await?;
    sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1")
        .bind(ours)
        .execute(&mut *admin)
        .await?;
    let renamed = async {
        statement(
            admin,
            &format!("ALTER DATABASE {ours_quoted} RENAME TO {former}"),
        )
        .await?;
        statement(
            admin,
            &format!("ALTER DATABASE {fresh} RENAME TO {ours_quoted}"),
        )
        .await
    }
    .await;
    // Whichever has which name now: the former one may be looked into.
    let kept = if renamed.is_ok() {
        &former
    } else {
        &ours_quoted
    };
    statement(
        admin,
        &format!("ALTER DATABASE {kept} ALLOW_CONNECTIONS true"),
    )
    .await?;
    renamed
}

async fn statement(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    sqlx::raw_sql(sql)
        .execute(connection)
        .await
        .with_context(|| sql.to_owned())?;
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// PostgreSQL's programs, told where the server is. The password travels in the environment.
struct Server {
    programs: Option<PathBuf>,
    variables: Vec<(&'static str, String)>,
    database: String,
}

impl Server {
    fn new(url: &str) -> anyhow::Result<Self> {
        let url: Url = url.parse().context("DATABASE_URL is not a URL")?;
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        let mut variables = vec![
            ("PGHOST", decoded(url.host_str().unwrap_or("localhost"))),
            ("PGPORT", url.port().unwrap_or(5432).to_string()),
            ("PGUSER", decoded(url.username())),
        ];
        if let Some(password) = url.password() {
            variables.push(("PGPASSWORD", decoded(password)));
        }
        for (name, variable) in [("sslmode", "PGSSLMODE"), ("sslrootcert", "PGSSLROOTCERT")] {
            let given = url.query_pairs().find(|(key, _)| key == name);
            variables.extend(given.map(|(_, value)| (variable, value.into_owned())));
        }
        Ok(Self {
            programs: embedded::find_tools_dir().map(|tools| tools.join("postgres/bin")),
            variables,
            database: decoded(url.path().trim_start_matches('/')),
        })
    }

    /// Those of the set-up, which are of the embedded server's version; else those of the system.
    fn program(&self, name: &str) -> Command {
        let mut command = match &self.programs {
            Some(folder) => Command::new(folder.join(name)),
            None => Command::new(name),
        };
        command
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        command
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
