//! `with-postgres COMMAND…`: runs a command (all tests, say) with one temporary PostgreSQL.

use std::process::ExitCode;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-postgres COMMAND…");
        return ExitCode::from(2);
    };
    let server = testkit::postgres_server().await;
    let status = tokio::process::Command::new(&program)
        .args(arguments)
        .env(testkit::DATABASE_URL_VARIABLE, server.url())
        .status()
        .await;
    match status {
        Ok(status) => ExitCode::from(status.code().and_then(|it| it.try_into().ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("{}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
