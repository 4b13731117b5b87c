//! The client registry: who is critical is decided here, not by those who ask.

mod import;
mod queries;
mod routes;
mod shapes;

use domain::clients::{Client as DomainClient, ClientCommand, ClientEntry};

pub use import::import_clients;
pub use queries::{get_client, list_clients};
pub use routes::routes;
pub use shapes::{ClientFilter, ClientImport, PutClient, RefusedRow, RegisterClient};

use crate::{App, IdempotencyKey, Problem, caller::Caller, commands, shapes::CommandAnswer};

/// Registers a client; refused if there is one of this id.
pub async fn register_client(
    app: &App,
    caller: &Caller,
    body: RegisterClient,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let context = commands::context(app, caller, "register_client", key, &body)?;
    let client_id = body.id.trim().to_owned();
    let entry = ClientEntry {
        client_id: client_id.clone(),
        name: body.name,
        critical: body.critical,
    };
    let command = ClientCommand::Register {
        entry,
        now: caller.at,
    };
    let executed = app
        .log
        .execute::<DomainClient>(&DomainClient::id(&client_id), command, &(), &context)
        .await?;
    Ok(commands::answer(client_id, executed))
}

/// Registers a client, or says what it is from now on.
pub async fn put_client(
    app: &App,
    caller: &Caller,
    id: &str,
    body: PutClient,
    key: &IdempotencyKey,
) -> Result<CommandAnswer, Problem> {
    let client_id = id.trim().to_owned();
    let context = commands::context(app, caller, "put_client", key, &(&client_id, &body))?;
    let entry = ClientEntry {
        client_id: client_id.clone(),
        name: body.name,
        critical: body.critical,
    };
    let command = ClientCommand::Put {
        entry,
        version: body.version,
        now: caller.at,
    };
    let executed = app
        .log
        .execute::<DomainClient>(&DomainClient::id(&client_id), command, &(), &context)
        .await?;
    Ok(commands::answer(client_id, executed))
}
