//! Two databases change places: what was restored, and what was ours.

use anyhow::Context;
use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::signal::unix::{SignalKind, signal};

/// Names of databases.
pub struct Places {
    pub ours: String,
    pub fresh: String,
    pub former: String,
}

/// Whatever goes wrong, the database that has our name in the end takes connections.
pub async fn change_places(
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

pub async fn statement(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    connection
        .execute(sql)
        .await
        .with_context(|| sql.to_owned())?;
    Ok(())
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
