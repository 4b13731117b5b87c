//! Signing in, out, and staying so.
//!
//! No answer tells whether an account exists: the same words, after the same time.

mod routes;
mod shapes;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    audit::SignInFailures,
    users::{Session, SessionCommand, SessionError},
};
use eventlog::{CommandContext, ExecuteError};
use events::{audit::SignInFailuresCounted, users::RevocationCause};
use kernel::{Actor, AggregateId, Metadata, Origin};
use uuid::Uuid;

pub use routes::routes;
pub use shapes::{Login, Me, SignedIn};

use crate::{
    App, Problem,
    accounts::{self, Person},
    audit::record_infallible,
    auth::{
        device::Device,
        passwords::{self, Password},
        sign_in_limits::Try,
        tokens::Claims,
    },
    caller::Caller,
    network,
    shapes::AccreditationLevel,
};

/// User names are short; a longer one is nobody's.
const MAX_USERNAME_CHARS: usize = 256;

/// A session just opened or prolonged.
pub struct NewSession {
    pub body: SignedIn,
    /// Unix seconds.
    pub ends_at: i64,
}

/// Signs in with a user name and a password.
pub async fn login(
    app: &App,
    body: Login,
    device: Option<&Device>,
    origin: Origin,
    trace: Uuid,
) -> Result<NewSession, Problem> {
    let now = app.clock.now();
    let address = origin
        .ip_address
        .clone()
        .unwrap_or_else(|| "unknown".into());
    let username: String = body.username.chars().take(MAX_USERNAME_CHARS).collect();
    let limits = app.sign_in_limits();
    let tried = Try {
        username: &username,
        address: &address,
        device,
    };
    let counted = match limits.count(&tried, now).await {
        Ok(counted) => counted,
        Err(problem) => {
            if problem.code == "rate_limited" {
                count_failure(app, &address, trace, now, true).await?;
            }
            return Err(problem);
        }
    };
    let person = match verified(app, &username, body.password, device.is_some()).await {
        Ok(person) => person,
        // Nothing is known of the password: too busy, or no database.
        Err(problem) => {
            limits.not_tried(counted).await?;
            return Err(problem);
        }
    };
    let Some(person) = person else {
        count_failure(app, &address, trace, now, false).await?;
        return Err(Problem::unauthenticated("User name or password is wrong."));
    };
    limits.succeeded(counted, now).await?;
    open_session(app, &person, origin, trace, now).await
}

/// The active person of this name, if the password is right. Takes as long if there is none.
async fn verified(
    app: &App,
    username: &str,
    password: Password,
    is_known_device: bool,
) -> Result<Option<Person>, Problem> {
    app.accounts.refresh_if_stale(&app.log).await?;
    let mut person = app.accounts.person_named(username);
    if person.is_none() {
        app.accounts.catch_up(&app.log).await?;
        person = app.accounts.person_named(username);
    }
    let person = person.filter(|person| person.active);
    let hash = match person.as_ref().and_then(|person| person.credential_id) {
        Some(credential) => accounts::hash_of(&app.log, credential, "password").await?,
        // The same work for the database, whoever it is.
        None => accounts::hash_of(&app.log, Uuid::nil(), "password").await?,
    };
    let account = events::fold_user_name(username);
    let matches = passwords::verify(password, hash, &account, is_known_device).await?;
    Ok(person.filter(|_| matches))
}

async fn open_session(
    app: &App,
    person: &Person,
    origin: Origin,
    trace: Uuid,
    now: DateTime<Utc>,
) -> Result<NewSession, Problem> {
    let session_id = kernel::new_id();
    let command = SessionCommand::Open {
        user_id: person.id,
        ip_address: origin.ip_address.clone(),
        user_agent: origin.user_agent.clone(),
        token_lifetime: app.config.token_lifetime,
        now,
    };
    let metadata = Metadata {
        origin: Some(origin),
        ..Metadata::new(Actor::user(person.id), trace)
    };
    let opened = execute(app, session_id, command, metadata).await?;
    sign(app, person, session_id, now, opened)
}

/// Ends the session: no token of it counts any more.
pub async fn logout(app: &App, caller: &Caller) -> Result<(), Problem> {
    let session = session_of(caller)?;
    let command = SessionCommand::Revoke {
        cause: RevocationCause::SignedOut,
        now: caller.at,
    };
    execute(app, session, command, caller.metadata()).await?;
    app.accounts.catch_up(&app.log).await?;
    Ok(())
}

/// Prolongs the session, up to its absolute limit.
pub async fn refresh_session(app: &App, caller: &Caller) -> Result<NewSession, Problem> {
    let session = session_of(caller)?;
    let person = person_of(app, caller)?;
    let command = SessionCommand::Refresh {
        token_lifetime: app.config.token_lifetime,
        now: caller.at,
    };
    let expires_at = execute(app, session, command, caller.metadata()).await?;
    sign(app, &person, session, caller.at, expires_at)
}

/// The signed-in person.
pub fn get_me(app: &App, caller: &Caller) -> Result<Me, Problem> {
    Ok(me(app, &person_of(app, caller)?))
}

/// Runs a session's command; when its latest token ends.
async fn execute(
    app: &App,
    session: Uuid,
    command: SessionCommand,
    metadata: Metadata,
) -> Result<DateTime<Utc>, Problem> {
    let context = CommandContext {
        metadata,
        key: None,
    };
    match app
        .log
        .execute::<Session>(&AggregateId::from(session), command, &(), &context)
        .await
    {
        Ok(executed) => {
            let ends = executed.state.and_then(|state| state.expires_at());
            ends.ok_or_else(|| Problem::internal("a session without an end"))
        }
        Err(ExecuteError::Refused(SessionError::Ended | SessionError::NotFound)) => {
            Err(Problem::unauthenticated("The session has ended; sign in."))
        }
        Err(error) => Err(error.into()),
    }
}

fn sign(
    app: &App,
    person: &Person,
    session: Uuid,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<NewSession, Problem> {
    let claims = Claims {
        sub: person.id,
        username: person.username.clone(),
        role: person.role.clone(),
        accreditation_level: person.level.to_string(),
        jti: session,
        iat: now.timestamp(),
        exp: expires_at.timestamp(),
    };
    let body = SignedIn {
        access_token: app.tokens.sign(&claims)?,
        token_type: "Bearer".into(),
        expires_at: expires_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        user: me(app, person),
    };
    Ok(NewSession {
        body,
        ends_at: claims.exp,
    })
}

fn session_of(caller: &Caller) -> Result<Uuid, Problem> {
    let session = caller.session.as_ref().map(|session| session.id);
    session.ok_or_else(|| Problem::forbidden("A key has no session."))
}

fn person_of(app: &App, caller: &Caller) -> Result<Person, Problem> {
    let person = caller.user_id().and_then(|id| app.accounts.person(id));
    person.ok_or_else(|| Problem::unauthenticated("Sign in first."))
}

fn me(app: &App, person: &Person) -> Me {
    Me {
        id: person.id,
        username: person.username.clone(),
        display_name: person.display_name.clone(),
        role: person.role.clone(),
        accreditation_level: level_shape(person.level),
        service_accounts: app.accounts.services_of(person.id),
        glpi_base_url: app.config.glpi_base_url.clone(),
    }
}

fn level_shape(level: kernel::AccreditationLevel) -> AccreditationLevel {
    match level {
        kernel::AccreditationLevel::N0 => AccreditationLevel::N0,
        kernel::AccreditationLevel::N1 => AccreditationLevel::N1,
        kernel::AccreditationLevel::N2 => AccreditationLevel::N2,
        kernel::AccreditationLevel::N3 => AccreditationLevel::N3,
        kernel::AccreditationLevel::N4 => AccreditationLevel::N4,
    }
}

/// Counts a failed sign-in per address (IPv6: per /64) and minute; at most as many events as tries
/// are heard. The id is keyed, so that nobody can find an address in the log by trying them all.
async fn count_failure(
    app: &App,
    address: &str,
    trace: Uuid,
    now: DateTime<Utc>,
    is_limited: bool,
) -> Result<(), Problem> {
    let minute = now.timestamp().div_euclid(60);
    let address = network::party(address);
    let vault = app.log.vault();
    let window = vault.fingerprint("sign-in failures", &format!("{address}|{minute}"));
    let id = SignInFailures::id(&hex::encode(window));
    let so_far = app.log.load::<SignInFailures>(&id).await?.state.failures();
    let command = SignInFailuresCounted {
        ip_address: address,
        window_started_at: DateTime::from_timestamp(minute * 60, 0).unwrap_or(now),
        failures: if is_limited { so_far } else { so_far + 1 },
        is_limited,
    };
    // Without an origin: it would be sealed for nobody; the address is in the event, sealed for itself.
    let metadata = Metadata::new(Actor::anonymous(), trace);
    record_infallible::<SignInFailures>(app, &id, command, metadata).await
}
