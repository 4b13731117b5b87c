//! A person's account.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::users::*;
use kernel::{AccreditationLevel, Actor, LogAggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{FieldError, Refusal, RefusalKind, text::Faults};

/// Makes an account.
#[derive(Debug, Clone)]
pub struct RegisterUser {
    pub user_id: Uuid,
    pub username: String,
    pub display_name: String,
    pub accreditation_level: AccreditationLevel,
    pub role: Role,
    /// `None`: signs in by directory only.
    pub credential_id: Option<Uuid>,
    pub must_change_password: bool,
    pub now: DateTime<Utc>,
}

/// What can be asked of an account. `is_last_n4`: whether no other enabled account is N4.
#[derive(Debug, Clone)]
pub enum UserCommand {
    Register(RegisterUser),
    ChangePassword {
        credential_id: Uuid,
        must_change_password: bool,
        now: DateTime<Utc>,
    },
    ChangeLevel {
        by: Actor,
        level: AccreditationLevel,
        is_last_n4: bool,
        now: DateTime<Utc>,
    },
    ChangeRole {
        role: Role,
        now: DateTime<Utc>,
    },
    Disable {
        by: Actor,
        is_last_n4: bool,
        now: DateTime<Utc>,
    },
    Enable {
        now: DateTime<Utc>,
    },
}

/// Why an account refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("there is no such user")]
    NotFound,
    #[error("this user is already registered")]
    AlreadyRegistered,
    #[error("the account is disabled")]
    Disabled,
    #[error("nobody does this to his own account")]
    OwnAccount,
    #[error("the last super admin must remain")]
    LastSuperAdmin,
}

impl Refusal for UserError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotFound => "not_found",
            Self::AlreadyRegistered => "conflict",
            Self::Disabled => "disabled",
            Self::OwnAccount => "own_account",
            Self::LastSuperAdmin => "last_super_admin",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::NotFound => RefusalKind::NotFound,
            Self::OwnAccount => RefusalKind::Forbidden,
            Self::AlreadyRegistered | Self::Disabled | Self::LastSuperAdmin => {
                RefusalKind::Conflict
            }
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            _ => &[],
        }
    }
}

/// A person's account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct User {
    state: Option<State>,
    version: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    user_id: Uuid,
    username: String,
    display_name: String,
    level: AccreditationLevel,
    role: Role,
    credential_id: Option<Uuid>,
    must_change_password: bool,
    is_disabled: bool,
}

/// Letters, digits, `.`, `_` and `-`: no name can look like another system's spelling of one.
pub fn is_username(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

impl User {
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn username(&self) -> Option<&str> {
        self.state.as_ref().map(|state| state.username.as_str())
    }

    pub fn display_name(&self) -> Option<&str> {
        self.state.as_ref().map(|state| state.display_name.as_str())
    }

    pub fn level(&self) -> Option<AccreditationLevel> {
        self.state.as_ref().map(|state| state.level)
    }

    pub fn role(&self) -> Option<Role> {
        self.state.as_ref().map(|state| state.role)
    }

    /// Which password hash is valid.
    pub fn credential_id(&self) -> Option<Uuid> {
        self.state.as_ref()?.credential_id
    }

    pub fn must_change_password(&self) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| state.must_change_password)
    }

    /// Whether the account exists and is not disabled.
    pub fn is_enabled(&self) -> bool {
        self.state.as_ref().is_some_and(|state| !state.is_disabled)
    }

    fn decide(&self, command: UserCommand) -> Result<Option<UserEvent>, UserError> {
        let (state, command) = match (&self.state, command) {
            (None, UserCommand::Register(command)) => return register(command).map(Some),
            (None, _) => return Err(UserError::NotFound),
            (Some(state), command) => (state, command),
        };
        match command {
            UserCommand::Register(_) => Err(UserError::AlreadyRegistered),
            UserCommand::ChangePassword {
                credential_id,
                must_change_password,
                now,
            } => {
                state.is_usable()?;
                Ok(Some(UserEvent::PasswordChanged(PasswordChanged {
                    credential_id,
                    must_change_password,
                    changed_at: now,
                })))
            }
            UserCommand::ChangeLevel {
                by,
                level,
                is_last_n4,
                now,
            } => state.change_level(&by, level, is_last_n4, now),
            UserCommand::ChangeRole { role, now } => {
                let changed = RoleChanged {
                    from: state.role,
                    to: role,
                    changed_at: now,
                };
                Ok((state.role != role).then_some(UserEvent::RoleChanged(changed)))
            }
            UserCommand::Disable {
                by,
                is_last_n4,
                now,
            } => {
                if state.is_disabled {
                    return Ok(None);
                }
                state.is_not(&by)?;
                state.may_lose_n4(is_last_n4)?;
                Ok(Some(UserEvent::Disabled(UserDisabled { disabled_at: now })))
            }
            UserCommand::Enable { now } => Ok(state
                .is_disabled
                .then_some(UserEvent::Enabled(UserEnabled { enabled_at: now }))),
        }
    }
}

fn register(command: RegisterUser) -> Result<UserEvent, UserError> {
    let mut faults = Faults::default();
    let username = command.username.trim().to_owned();
    if username.is_empty() {
        faults.add("username", "required");
    } else if !is_username(&username) {
        faults.add("username", "malformed");
    }
    let display_name = faults.required("display_name", &command.display_name, 200);
    faults.refuse(UserError::Invalid)?;
    Ok(UserEvent::Registered(UserRegistered {
        user_id: command.user_id,
        username,
        display_name,
        accreditation_level: command.accreditation_level,
        role: command.role,
        credential_id: command.credential_id,
        must_change_password: command.must_change_password,
        registered_at: command.now,
    }))
}

impl State {
    fn change_level(
        &self,
        by: &Actor,
        level: AccreditationLevel,
        is_last_n4: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<UserEvent>, UserError> {
        if level == self.level {
            return Ok(None);
        }
        self.is_not(by)?;
        self.may_lose_n4(is_last_n4)?;
        Ok(Some(UserEvent::LevelChanged(LevelChanged {
            from: self.level,
            to: level,
            changed_at: now,
        })))
    }

    fn is_usable(&self) -> Result<(), UserError> {
        if self.is_disabled {
            Err(UserError::Disabled)
        } else {
            Ok(())
        }
    }

    fn is_not(&self, actor: &Actor) -> Result<(), UserError> {
        if *actor == Actor::user(self.user_id) {
            Err(UserError::OwnAccount)
        } else {
            Ok(())
        }
    }

    fn may_lose_n4(&self, is_last_n4: bool) -> Result<(), UserError> {
        let is_n4 = self.level == AccreditationLevel::N4 && !self.is_disabled;
        if is_n4 && is_last_n4 {
            Err(UserError::LastSuperAdmin)
        } else {
            Ok(())
        }
    }
}

impl Aggregate for User {
    const TYPE: &'static str = "users.user";
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.version += 1;
        match (event, &mut self.state) {
            (UserEvent::Registered(event), _) => {
                self.state = Some(State {
                    user_id: event.user_id,
                    username: event.username,
                    display_name: event.display_name,
                    level: event.accreditation_level,
                    role: event.role,
                    credential_id: event.credential_id,
                    must_change_password: event.must_change_password,
                    is_disabled: false,
                });
            }
            (UserEvent::PasswordChanged(event), Some(state)) => {
                state.credential_id = Some(event.credential_id);
                state.must_change_password = event.must_change_password;
            }
            (UserEvent::LevelChanged(event), Some(state)) => state.level = event.to,
            (UserEvent::RoleChanged(event), Some(state)) => state.role = event.to,
            (UserEvent::Disabled(_), Some(state)) => state.is_disabled = true,
            (UserEvent::Enabled(_), Some(state)) => state.is_disabled = false,
            (_, None) => {}
        }
    }
}

impl LogAggregate for User {
    fn version(&self) -> u64 {
        User::version(self)
    }
}
