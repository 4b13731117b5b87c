//! A session: how long tokens may be had for one sign-in. Its id is every token's `jti`.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::users::{
    RevocationCause, SessionEvent, SessionOpened, SessionRefreshed, SessionRevoked,
};
use kernel::LogAggregate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Refusal, RefusalKind};

/// How long a token is valid unless configured.
pub const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(8);
/// How long tokens can be had for one sign-in.
pub const SESSION_LIMIT: TimeDelta = TimeDelta::hours(12);

/// What can be asked of a session.
#[derive(Debug, Clone)]
pub enum SessionCommand {
    Open {
        user_id: Uuid,
        ip_address: Option<String>,
        user_agent: Option<String>,
        token_lifetime: TimeDelta,
        now: DateTime<Utc>,
    },
    Refresh {
        token_lifetime: TimeDelta,
        now: DateTime<Utc>,
    },
    /// Does nothing if it is revoked already.
    Revoke {
        cause: RevocationCause,
        now: DateTime<Utc>,
    },
}

/// Why a session refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("there is no such session")]
    NotFound,
    #[error("this session is already open")]
    AlreadyOpen,
    #[error("the session has ended")]
    Ended,
}

impl Refusal for SessionError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyOpen => "conflict",
            Self::Ended => "session_ended",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyOpen | Self::Ended => RefusalKind::Conflict,
        }
    }
}

/// A session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Session {
    state: Option<State>,
    version: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    user_id: Uuid,
    expires_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    is_revoked: bool,
}

impl Session {
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn user_id(&self) -> Option<Uuid> {
        self.state.as_ref().map(|state| state.user_id)
    }

    /// When the latest token ends.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.state.as_ref().map(|state| state.expires_at)
    }

    /// Whether a token of this session is good now.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| !state.is_revoked && now < state.expires_at)
    }

    fn decide(&self, command: SessionCommand) -> Result<Option<SessionEvent>, SessionError> {
        match (&self.state, command) {
            (
                None,
                SessionCommand::Open {
                    user_id,
                    ip_address,
                    user_agent,
                    token_lifetime,
                    now,
                },
            ) => {
                let ends_at = now + SESSION_LIMIT;
                Ok(Some(SessionEvent::Opened(SessionOpened {
                    user_id,
                    ip_address,
                    // Whatever a browser sends: bounded, for it is kept.
                    user_agent: user_agent.map(|agent| agent.chars().take(300).collect()),
                    opened_at: now,
                    expires_at: ends_at.min(now + token_lifetime),
                    ends_at,
                })))
            }
            (Some(_), SessionCommand::Open { .. }) => Err(SessionError::AlreadyOpen),
            (None, _) => Err(SessionError::NotFound),
            (
                Some(state),
                SessionCommand::Refresh {
                    token_lifetime,
                    now,
                },
            ) => {
                if !self.is_open(now) {
                    return Err(SessionError::Ended);
                }
                Ok(Some(SessionEvent::Refreshed(SessionRefreshed {
                    refreshed_at: now,
                    expires_at: state.ends_at.min(now + token_lifetime),
                })))
            }
            (Some(state), SessionCommand::Revoke { cause, now }) => Ok((!state.is_revoked)
                .then_some(SessionEvent::Revoked(SessionRevoked {
                    cause,
                    revoked_at: now,
                }))),
        }
    }
}

impl Aggregate for Session {
    const TYPE: &'static str = "users.session";
    type Command = SessionCommand;
    type Event = SessionEvent;
    type Error = SessionError;
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
            (SessionEvent::Opened(event), _) => {
                self.state = Some(State {
                    user_id: event.user_id,
                    expires_at: event.expires_at,
                    ends_at: event.ends_at,
                    is_revoked: false,
                });
            }
            (SessionEvent::Refreshed(event), Some(state)) => state.expires_at = event.expires_at,
            (SessionEvent::Revoked(_), Some(state)) => state.is_revoked = true,
            (_, None) => {}
        }
    }
}

impl LogAggregate for Session {
    fn version(&self) -> u64 {
        Session::version(self)
    }

    fn outcome(&self) -> Value {
        self.state.as_ref().map_or(
            Value::Null,
            |state| json!({ "expires_at": state.expires_at }),
        )
    }
}
