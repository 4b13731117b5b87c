//! A service account: what a workflow speaks as. Its name is its id, so no two share one.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::users::*;
use kernel::LogAggregate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{FieldError, Refusal, RefusalKind};

/// Names that mean somebody else: in the NATS configuration, and in the log that of the source which
/// the webhook reports for. An account of before that has one of them goes on.
const RESERVED_NAMES: &[&str] = &["observium", "platform", "readers", "system"];

/// What can be asked of a service account.
#[derive(Debug, Clone)]
pub enum ServiceAccountCommand {
    Create {
        name: String,
        owner_id: Uuid,
        scopes: Vec<Scope>,
        credential_id: Uuid,
        now: DateTime<Utc>,
    },
    ChangeScopes {
        scopes: Vec<Scope>,
        now: DateTime<Utc>,
    },
    RotateKey {
        credential_id: Uuid,
        now: DateTime<Utc>,
    },
    /// Does nothing if it is disabled already.
    Disable { now: DateTime<Utc> },
}

/// Why a service account refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAccountError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("there is no such service account")]
    NotFound,
    #[error("this name is taken")]
    NameTaken,
    #[error("the service account is disabled")]
    Disabled,
}

impl Refusal for ServiceAccountError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotFound => "not_found",
            Self::NameTaken => "conflict",
            Self::Disabled => "disabled",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::NotFound => RefusalKind::NotFound,
            Self::NameTaken | Self::Disabled => RefusalKind::Conflict,
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            _ => &[],
        }
    }
}

/// A service account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServiceAccount {
    state: Option<State>,
    version: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    name: String,
    owner_id: Uuid,
    scopes: Vec<Scope>,
    credential_id: Uuid,
    is_disabled: bool,
}

impl ServiceAccount {
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn name(&self) -> Option<&str> {
        self.state.as_ref().map(|state| state.name.as_str())
    }

    /// Who answers for it, and counts as the requester of what it asks.
    pub fn owner_id(&self) -> Option<Uuid> {
        self.state.as_ref().map(|state| state.owner_id)
    }

    /// Which key hash is valid.
    pub fn credential_id(&self) -> Option<Uuid> {
        self.state.as_ref().map(|state| state.credential_id)
    }

    /// Whether the account exists and is not disabled.
    pub fn is_enabled(&self) -> bool {
        self.state.as_ref().is_some_and(|state| !state.is_disabled)
    }

    /// Whether it may do this now.
    pub fn may(&self, scope: Scope) -> bool {
        self.is_enabled()
            && self
                .state
                .as_ref()
                .is_some_and(|state| state.scopes.contains(&scope))
    }

    pub fn scopes(&self) -> &[Scope] {
        self.state.as_ref().map_or(&[], |state| &state.scopes)
    }

    fn decide(
        &self,
        command: ServiceAccountCommand,
    ) -> Result<Option<ServiceAccountEvent>, ServiceAccountError> {
        let (state, command) = match (&self.state, command) {
            (
                None,
                ServiceAccountCommand::Create {
                    name,
                    owner_id,
                    scopes,
                    credential_id,
                    now,
                },
            ) => {
                return create(name, owner_id, scopes, credential_id, now).map(Some);
            }
            (None, _) => return Err(ServiceAccountError::NotFound),
            (Some(state), command) => (state, command),
        };
        match command {
            ServiceAccountCommand::Disable { now } => Ok((!state.is_disabled).then_some(
                ServiceAccountEvent::Disabled(ServiceAccountDisabled { disabled_at: now }),
            )),
            _ if state.is_disabled => Err(ServiceAccountError::Disabled),
            ServiceAccountCommand::ChangeScopes { scopes, now } => {
                let scopes = check_scopes(scopes)?;
                Ok(
                    (scopes != state.scopes).then_some(ServiceAccountEvent::ScopesChanged(
                        ScopesChanged {
                            scopes,
                            changed_at: now,
                        },
                    )),
                )
            }
            ServiceAccountCommand::RotateKey { credential_id, now } => {
                Ok(Some(ServiceAccountEvent::KeyRotated(KeyRotated {
                    credential_id,
                    rotated_at: now,
                })))
            }
            ServiceAccountCommand::Create { .. } => Err(ServiceAccountError::NameTaken),
        }
    }
}

fn create(
    name: String,
    owner_id: Uuid,
    scopes: Vec<Scope>,
    credential_id: Uuid,
    now: DateTime<Utc>,
) -> Result<ServiceAccountEvent, ServiceAccountError> {
    let is_well_formed = (2..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_well_formed {
        return Err(invalid("name", "malformed"));
    }
    if RESERVED_NAMES.contains(&name.as_str()) {
        return Err(invalid("name", "reserved"));
    }
    Ok(ServiceAccountEvent::Created(ServiceAccountCreated {
        name,
        owner_id,
        scopes: check_scopes(scopes)?,
        credential_id,
        created_at: now,
    }))
}

fn check_scopes(mut scopes: Vec<Scope>) -> Result<Vec<Scope>, ServiceAccountError> {
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        Err(invalid("scopes", "required"))
    } else {
        Ok(scopes)
    }
}

fn invalid(field: &str, code: &str) -> ServiceAccountError {
    ServiceAccountError::Invalid(vec![FieldError::new(field, code)])
}

impl Aggregate for ServiceAccount {
    const TYPE: &'static str = "users.service_account";
    type Command = ServiceAccountCommand;
    type Event = ServiceAccountEvent;
    type Error = ServiceAccountError;
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
            (ServiceAccountEvent::Created(event), _) => {
                self.state = Some(State {
                    name: event.name,
                    owner_id: event.owner_id,
                    scopes: event.scopes,
                    credential_id: event.credential_id,
                    is_disabled: false,
                });
            }
            (ServiceAccountEvent::ScopesChanged(event), Some(state)) => state.scopes = event.scopes,
            (ServiceAccountEvent::KeyRotated(event), Some(state)) => {
                state.credential_id = event.credential_id;
            }
            (ServiceAccountEvent::Disabled(_), Some(state)) => state.is_disabled = true,
            (_, None) => {}
        }
    }
}

impl LogAggregate for ServiceAccount {
    fn version(&self) -> u64 {
        ServiceAccount::version(self)
    }
}
