//! Who `greffe simulate` plays: a service account, its owner and the clients of its stories.

use anyhow::{Context, bail};
use domain::clients::{Client, ClientCommand, ClientEntry};
use eventlog::{CommandContext, ExecuteError};
use events::users::{Role, Scope};
use kernel::{AccreditationLevel, Actor, Clock, Metadata, SystemClock, new_id};
use zeroize::Zeroizing;

use super::{access::Access, service_account::wait_until_known};
use crate::{
    config::{Config, Secret},
    simulate::clients::CLIENTS,
    wiring::problem,
};

/// Answers for the simulator, so that everybody else may decide on what it asks.
const OWNER: &str = "simulateur";

/// Makes the clients of the stories on the running platform if they are missing.
pub async fn register_clients(config: &Config) -> anyhow::Result<()> {
    let access = Access::open(config).await?;
    let made = make_clients(&access).await;
    access.close().await;
    made
}

/// The key of the simulator's account on the running platform; the account, its owner and the
/// clients of its stories are made if they are missing.
pub async fn account(config: &Config, name: &str) -> anyhow::Result<Secret> {
    let access = Access::open(config).await?;
    let found = async {
        make_clients(&access).await?;
        let file = format!("service-{name}");
        if let Some(key) = access.backends.folder.secret(&file)? {
            return Ok(key);
        }
        make_owner(&access).await?;
        let account = api::NewServiceAccount {
            name: name.to_owned(),
            owner_username: OWNER.to_owned(),
            scopes: vec![Scope::SafeguardRequest, Scope::SafeguardRead, Scope::Intake],
        };
        let made = api::create_service_account(&access.open.log, account)
            .await
            .map_err(problem)
            .with_context(|| {
                format!("the account {name} cannot be made; give its --key, or another --name")
            })?;
        access.backends.folder.keep_secret(&file, &made.key)?;
        anyhow::Ok(Secret::new(made.key.as_str()))
    }
    .await;
    let known = match &found {
        Ok(key) => wait_until_known(&access, name, key.expose()).await,
        Err(_) => Ok(()),
    };
    access.close().await;
    known?;
    found
}

/// Nobody knows its password.
async fn make_owner(access: &Access) -> anyhow::Result<()> {
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    let owner = api::NewUser {
        username: OWNER.into(),
        display_name: "Simulateur".into(),
        level: AccreditationLevel::N0,
        role: Role::Tech,
        password: Zeroizing::new(hex::encode(random)),
    };
    match api::create_user(&access.open.log, owner).await {
        Ok(_) => Ok(()),
        Err(error) if error.code == "conflict" => Ok(()),
        Err(error) => Err(problem(error)),
    }
}

/// Unknown clients count as critical, which would ask for two approvals of everything.
async fn make_clients(access: &Access) -> anyhow::Result<()> {
    for client in CLIENTS {
        let entry = ClientEntry {
            client_id: client.id.into(),
            name: client.name.into(),
            critical: client.is_critical,
        };
        let command = ClientCommand::Register {
            entry,
            now: SystemClock.now(),
        };
        let metadata = Metadata::new(Actor::system("simulator"), new_id());
        let context = CommandContext {
            metadata,
            key: None,
        };
        let id = Client::id(client.id);
        match access
            .open
            .log
            .execute::<Client>(&id, command, &(), &context)
            .await
        {
            // Registered clients stay as they are.
            Ok(_) | Err(ExecuteError::Refused(_)) => {}
            Err(error) => bail!("client {}: {error}", client.id),
        }
    }
    Ok(())
}
