//! Accounts made without HTTP: the first administrator, and those of the command line.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    safeguard::{Tool, ToolCommand},
    users::{RegisterUser, ServiceAccount, ServiceAccountCommand, User, UserCommand},
};
use eventlog::{CommandContext, EventLog, ExecuteError};
use events::users::{Role, Scope};
use kernel::{AccreditationLevel, Actor, AggregateId, Clock, Metadata, SystemClock};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Problem,
    accounts::{Accounts, hash_of},
    auth::{
        keys,
        passwords::{self, COST, KEY_COST, Password},
    },
};

/// A person to register.
pub struct NewUser {
    pub username: String,
    pub display_name: String,
    pub level: AccreditationLevel,
    pub role: Role,
    pub password: Password,
}

/// A service account to create.
pub struct NewServiceAccount {
    /// `[a-z0-9-]{2,32}`.
    pub name: String,
    /// User name of the person answerable for it.
    pub owner_username: String,
    pub scopes: Vec<Scope>,
}

/// A service account just created; the key is shown once and kept nowhere.
pub struct CreatedServiceAccount {
    pub name: String,
    pub key: Zeroizing<String>,
    pub position: u64,
}

/// What nats-server must know of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsAccount {
    pub name: String,
    /// Of the whole key.
    pub bcrypt: String,
    pub scopes: Vec<String>,
}

fn context() -> CommandContext {
    let metadata = Metadata::new(Actor::system("operator"), kernel::new_id());
    CommandContext {
        metadata,
        key: None,
    }
}

/// On a log without users, makes the user `admin` (N4). Returns the password if it made it.
pub async fn bootstrap_admin(
    log: &EventLog,
    password: Option<String>,
) -> Result<Option<String>, Problem> {
    let has_users: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM events WHERE aggregate_type = 'users.user' LIMIT 1)",
    )
    .fetch_one(log.pool())
    .await?;
    if has_users {
        return Ok(None);
    }
    let password = match password {
        Some(password) => password,
        None => draw_password()?,
    };
    let admin = NewUser {
        username: "admin".into(),
        display_name: "Administrateur".into(),
        level: AccreditationLevel::N4,
        role: Role::Admin,
        password: Zeroizing::new(password.clone()),
    };
    match create_user(log, admin).await {
        Ok(_) => Ok(Some(password)),
        // Another process was faster.
        Err(problem) if problem.code == "conflict" => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// 24 characters with 144 random bits.
fn draw_password() -> Result<String, Problem> {
    let mut bytes = Zeroizing::new([0_u8; 18]);
    getrandom::fill(&mut *bytes).map_err(Problem::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(*bytes))
}

/// Registers a person who signs in with a password.
pub async fn create_user(log: &EventLog, user: NewUser) -> Result<Uuid, Problem> {
    passwords::check_strength(&user.password, &user.username)?;
    let credential_id = kernel::new_id();
    store(
        log,
        credential_id,
        "password",
        &passwords::hash(user.password, COST).await?,
    )
    .await?;
    let user_id = kernel::new_id();
    let command = UserCommand::Register(RegisterUser {
        user_id,
        username: user.username,
        display_name: user.display_name,
        accreditation_level: user.level,
        role: user.role,
        credential_id: Some(credential_id),
        must_change_password: false,
        now: SystemClock.now(),
    });
    log.execute::<User>(&AggregateId::from(user_id), command, &(), &context())
        .await?;
    Ok(user_id)
}

/// Creates a service account and its key.
pub async fn create_service_account(
    log: &EventLog,
    account: NewServiceAccount,
) -> Result<CreatedServiceAccount, Problem> {
    let accounts = Accounts::load(log, SystemClock.now()).await?;
    let Some(owner) = accounts
        .person_named(&account.owner_username)
        .filter(|owner| owner.active)
    else {
        return Err(Problem::field(
            "owner",
            "unknown",
            "There is no such active user.",
        ));
    };
    if !keys::is_name(&account.name) {
        return Err(Problem::field(
            "name",
            "malformed",
            "A name has 2 to 32 of a-z, 0-9 and `-`.",
        ));
    }
    let key = keys::draw(&account.name)?;
    let credential_id = kernel::new_id();
    let secret = keys::split(&key).map(|parts| keys::digest(parts.secret));
    let digest = secret.ok_or_else(|| Problem::internal("a drawn key does not read"))?;
    store(log, credential_id, "key_sha256", &digest).await?;
    let for_nats = passwords::hash(Zeroizing::new(key.to_string()), KEY_COST).await?;
    store(log, credential_id, "key_bcrypt", &for_nats).await?;
    let id = AggregateId::new(account.name.clone()).map_err(Problem::internal)?;
    let command = ServiceAccountCommand::Create {
        name: account.name.clone(),
        owner_id: owner.id,
        scopes: account.scopes,
        credential_id,
        now: SystemClock.now(),
    };
    let executed = log
        .execute::<ServiceAccount>(&id, command, &(), &context())
        .await?;
    Ok(CreatedServiceAccount {
        name: account.name,
        key,
        position: executed.position,
    })
}

/// Ends a service account at once.
pub async fn disable_service_account(log: &EventLog, name: &str) -> Result<(), Problem> {
    let id = AggregateId::new(name)
        .map_err(|_| Problem::not_found("There is no such service account."))?;
    let command = ServiceAccountCommand::Disable {
        now: SystemClock.now(),
    };
    log.execute::<ServiceAccount>(&id, command, &(), &context())
        .await?;
    Ok(())
}

/// Every active service account, for the users file of nats-server.
pub async fn nats_accounts(log: &EventLog) -> Result<Vec<NatsAccount>, Problem> {
    let accounts = Accounts::load(log, SystemClock.now()).await?;
    let mut found = Vec::new();
    for account in accounts.services() {
        if let Some(bcrypt) = hash_of(log, account.credential_id, "key_bcrypt").await? {
            found.push(NatsAccount {
                name: account.name,
                bcrypt,
                scopes: account.scopes,
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Enters the tools that are known from the first start; what was made of them since stays.
pub async fn seed_tools(log: &EventLog) -> Result<(), Problem> {
    for entry in domain::safeguard::seed() {
        let id = Tool::id(&entry.name);
        if log.load::<Tool>(&id).await?.sequence > 0 {
            continue;
        }
        let command = ToolCommand::Seed {
            entry,
            now: SystemClock.now(),
        };
        match log.execute::<Tool>(&id, command, &(), &context()).await {
            Ok(_) => {}
            Err(ExecuteError::Refused(refusal)) => return Err(Problem::refused(refusal)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn store(log: &EventLog, id: Uuid, kind: &str, hash: &str) -> Result<(), Problem> {
    sqlx::query("INSERT INTO credentials (id, kind, hash) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(kind)
        .bind(hash)
        .execute(log.pool())
        .await?;
    Ok(())
}
