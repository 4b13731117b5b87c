//! A tool's entry in the registry: the only source of how risky it is.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::safeguard::{ToolDescription, ToolEvent, ToolReclassified, ToolRegistered};
use kernel::{ActionLevel, AggregateId, LogAggregate};
use serde::{Deserialize, Serialize};

use super::request::is_tool_name;
use crate::{FieldError, Refusal, RefusalKind, text::Faults};

/// A tool as it stands in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolEntry {
    pub name: String,
    pub level: ActionLevel,
    pub description: ToolDescription,
    pub schema_fingerprint: Option<String>,
}

/// What can be asked of the registry about one tool.
#[derive(Debug, Clone)]
pub enum ToolCommand {
    /// The first start: does nothing if the tool is known, whatever was made of it since.
    Seed {
        entry: ToolEntry,
        now: DateTime<Utc>,
    },
    /// Registers the tool, or sets its entry. `version`: what the caller saw, if he says.
    Put {
        entry: ToolEntry,
        version: Option<u64>,
        now: DateTime<Utc>,
    },
}

/// Why the registry refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("the entry changed since you read it; its version is {current}")]
    StaleVersion { current: u64 },
}

impl Refusal for ToolError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::StaleVersion { .. } => "stale_version",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::StaleVersion { .. } => RefusalKind::Conflict,
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            Self::StaleVersion { .. } => &[],
        }
    }
}

/// A tool of the registry.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tool {
    entry: Option<ToolEntry>,
    version: u64,
}

impl Tool {
    /// The id of a tool's entry in the log.
    pub fn id(name: &str) -> AggregateId {
        AggregateId::derived("tool", name)
    }

    pub fn entry(&self) -> Option<&ToolEntry> {
        self.entry.as_ref()
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// The level that counts: an unknown tool is L3; so is a known one, at least, that now shows
    /// another fingerprint than when it was registered. `None`: the tool was not asked what it is.
    pub fn effective_level(&self, fingerprint: Option<&str>) -> ActionLevel {
        let Some(entry) = &self.entry else {
            return ActionLevel::L3;
        };
        match (&entry.schema_fingerprint, fingerprint) {
            (Some(registered), Some(shown)) if registered != shown => {
                entry.level.max(ActionLevel::L3)
            }
            _ => entry.level,
        }
    }
}

fn check(entry: ToolEntry) -> Result<ToolEntry, ToolError> {
    let mut faults = Faults::default();
    if !is_tool_name(&entry.name) {
        faults.add("name", "malformed");
    }
    let entry = ToolEntry {
        description: ToolDescription {
            fr: faults.required("description.fr", &entry.description.fr, 500),
            en: faults.required("description.en", &entry.description.en, 500),
        },
        schema_fingerprint: faults.optional(
            "schema_fingerprint",
            entry.schema_fingerprint.as_deref(),
            128,
        ),
        ..entry
    };
    faults.refuse(ToolError::Invalid)?;
    Ok(entry)
}

impl Aggregate for Tool {
    const TYPE: &'static str = "safeguard.tool";
    type Command = ToolCommand;
    type Event = ToolEvent;
    type Error = ToolError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let (entry, now) = match command {
            ToolCommand::Seed { .. } if self.entry.is_some() => return Ok(()),
            ToolCommand::Seed { entry, now } => (entry, now),
            ToolCommand::Put {
                entry,
                version,
                now,
            } => {
                if version.is_some_and(|seen| seen != self.version) {
                    return Err(ToolError::StaleVersion {
                        current: self.version,
                    });
                }
                (entry, now)
            }
        };
        let entry = check(entry)?;
        if self.entry.as_ref() == Some(&entry) {
            return Ok(());
        }
        let ToolEntry {
            name,
            level,
            description,
            schema_fingerprint,
        } = entry;
        let event = if self.entry.is_none() {
            ToolEvent::Registered(ToolRegistered {
                name,
                level,
                description,
                schema_fingerprint,
                registered_at: now,
            })
        } else {
            ToolEvent::Reclassified(ToolReclassified {
                name,
                level,
                description,
                schema_fingerprint,
                reclassified_at: now,
            })
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.version += 1;
        self.entry = Some(match event {
            ToolEvent::Registered(event) => ToolEntry {
                name: event.name,
                level: event.level,
                description: event.description,
                schema_fingerprint: event.schema_fingerprint,
            },
            ToolEvent::Reclassified(event) => ToolEntry {
                name: event.name,
                level: event.level,
                description: event.description,
                schema_fingerprint: event.schema_fingerprint,
            },
        });
    }
}

impl LogAggregate for Tool {
    fn version(&self) -> u64 {
        Tool::version(self)
    }
}
