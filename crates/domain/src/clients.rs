//! The register of client organisations: who is critical is decided here, not by those who ask.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::clients::{ClientEvent, ClientRegistered, ClientRenamed, CriticalityChanged};
use kernel::{AggregateId, LogAggregate};
use serde::{Deserialize, Serialize};

use crate::{FieldError, Refusal, RefusalKind, text::Faults};

/// A client as the caller gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEntry {
    /// The number the outside knows it by, e.g. GLPI's `42`.
    pub client_id: String,
    pub name: String,
    /// Health/HDS.
    pub critical: bool,
}

/// What can be asked of a client's entry.
#[derive(Debug, Clone)]
pub enum ClientCommand {
    /// Refused if the client is known.
    Register {
        entry: ClientEntry,
        now: DateTime<Utc>,
    },
    /// Registers the client, or sets its entry. `version`: what the caller saw, if he says.
    Put {
        entry: ClientEntry,
        version: Option<u64>,
        now: DateTime<Utc>,
    },
}

/// Why the register refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("this client is already registered")]
    AlreadyRegistered,
    #[error("the entry changed since you read it; its version is {current}")]
    StaleVersion { current: u64 },
}

impl Refusal for ClientError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::AlreadyRegistered => "conflict",
            Self::StaleVersion { .. } => "stale_version",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::AlreadyRegistered | Self::StaleVersion { .. } => RefusalKind::Conflict,
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            _ => &[],
        }
    }
}

/// A client of the register.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Client {
    state: Option<State>,
    version: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    name: String,
    critical: bool,
}

impl Client {
    /// The id of a client's entry in the log.
    pub fn id(client_id: &str) -> AggregateId {
        AggregateId::derived("client", client_id)
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its name and whether it is critical; `None` if nobody registered it: never taken as
    /// non-critical.
    pub fn registered(&self) -> Option<(&str, bool)> {
        let state = self.state.as_ref()?;
        Some((&state.name, state.critical))
    }

    fn put(&self, entry: ClientEntry, now: DateTime<Utc>) -> Result<Vec<ClientEvent>, ClientError> {
        let ClientEntry {
            client_id,
            name,
            critical,
        } = check(entry)?;
        let Some(state) = &self.state else {
            return Ok(vec![ClientEvent::Registered(ClientRegistered {
                client_id,
                name,
                critical,
                registered_at: now,
            })]);
        };
        let mut events = Vec::new();
        if state.critical != critical {
            events.push(ClientEvent::CriticalityChanged(CriticalityChanged {
                client_id: client_id.clone(),
                critical,
                changed_at: now,
            }));
        }
        if state.name != name {
            events.push(ClientEvent::Renamed(ClientRenamed {
                client_id,
                name,
                renamed_at: now,
            }));
        }
        Ok(events)
    }
}

fn check(entry: ClientEntry) -> Result<ClientEntry, ClientError> {
    let mut faults = Faults::default();
    let entry = ClientEntry {
        client_id: faults.required("id", &entry.client_id, 64),
        name: faults.required("name", &entry.name, 200),
        critical: entry.critical,
    };
    faults.refuse(ClientError::Invalid)?;
    Ok(entry)
}

impl Aggregate for Client {
    const TYPE: &'static str = "clients.client";
    type Command = ClientCommand;
    type Event = ClientEvent;
    type Error = ClientError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let (entry, now) = match command {
            ClientCommand::Register { .. } if self.state.is_some() => {
                return Err(ClientError::AlreadyRegistered);
            }
            ClientCommand::Register { entry, now } => (entry, now),
            ClientCommand::Put {
                entry,
                version,
                now,
            } => {
                if version.is_some_and(|seen| seen != self.version) {
                    return Err(ClientError::StaleVersion {
                        current: self.version,
                    });
                }
                (entry, now)
            }
        };
        for event in self.put(entry, now)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.version += 1;
        match (event, &mut self.state) {
            (ClientEvent::Registered(event), _) => {
                self.state = Some(State {
                    name: event.name,
                    critical: event.critical,
                });
            }
            (ClientEvent::Renamed(event), Some(state)) => state.name = event.name,
            (ClientEvent::CriticalityChanged(event), Some(state)) => {
                state.critical = event.critical;
            }
            (_, None) => {}
        }
    }
}

impl LogAggregate for Client {
    fn version(&self) -> u64 {
        Client::version(self)
    }
}
