//! A maintenance window: someone works on something, and its alerts are to disturb nobody.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::sentinel::{
    MaintenanceCancelled, MaintenanceEnded, MaintenanceEvent, MaintenancePlanned,
    MaintenanceStarted,
};
use kernel::{Actor, LogAggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    FieldError, Refusal, RefusalKind,
    fact::{LONGEST_CLIENT_ID, LONGEST_NAME, to_millis},
    text::{Faults, LONGEST_TEXT},
};

/// Longest window.
pub const LONGEST_MAINTENANCE: TimeDelta = TimeDelta::days(30);
/// How far ahead one may plan.
const PLANNED_WITHIN: TimeDelta = TimeDelta::days(2 * 366);

/// What can be asked of a maintenance window.
#[derive(Debug, Clone)]
pub enum MaintenanceCommand {
    Plan(Box<PlanMaintenance>),
    /// Also while it runs. A second time does nothing.
    Cancel {
        by: Actor,
        now: DateTime<Utc>,
    },
    /// Its time has come; before that, or a second time, nothing happens.
    Start {
        now: DateTime<Utc>,
    },
    /// Its time is over; before that, or a second time, nothing happens.
    End {
        now: DateTime<Utc>,
    },
}

/// A window as someone plans it.
#[derive(Debug, Clone)]
pub struct PlanMaintenance {
    pub maintenance_id: Uuid,
    /// One of client and device at least.
    pub client_id: Option<String>,
    pub device: Option<String>,
    pub reason: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub by: Actor,
    pub now: DateTime<Utc>,
}

/// Why a window refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaintenanceError {
    #[error("the command is not valid")]
    Invalid(Vec<FieldError>),
    #[error("there is no such maintenance window")]
    NotFound,
    #[error("this maintenance window is already planned")]
    AlreadyPlanned,
    #[error("the maintenance window is over")]
    Over,
}

impl Refusal for MaintenanceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotFound => "not_found",
            Self::AlreadyPlanned => "conflict",
            Self::Over => "maintenance_over",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyPlanned | Self::Over => RefusalKind::Conflict,
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(fields) => fields,
            _ => &[],
        }
    }
}

/// A maintenance window. Its version counts its events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Maintenance {
    window: Option<Window>,
    version: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Window {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Planned,
    Running,
    Ended,
    Cancelled,
}

impl Maintenance {
    fn decide(
        &self,
        command: MaintenanceCommand,
    ) -> Result<Option<MaintenanceEvent>, MaintenanceError> {
        let window = self.window.as_ref().ok_or(MaintenanceError::NotFound);
        match command {
            MaintenanceCommand::Plan(_) if self.window.is_some() => {
                Err(MaintenanceError::AlreadyPlanned)
            }
            MaintenanceCommand::Plan(window) => plan(*window).map(Some),
            MaintenanceCommand::Cancel { by, now } => match window?.stage {
                Stage::Cancelled => Ok(None),
                Stage::Ended => Err(MaintenanceError::Over),
                Stage::Planned | Stage::Running => {
                    Ok(Some(MaintenanceEvent::Cancelled(MaintenanceCancelled {
                        by: by.to_string(),
                        cancelled_at: to_millis(now),
                    })))
                }
            },
            MaintenanceCommand::Start { now } => {
                let window = window?;
                let is_due = window.stage == Stage::Planned && window.starts_at <= now;
                Ok(
                    is_due.then_some(MaintenanceEvent::Started(MaintenanceStarted {
                        started_at: to_millis(now),
                    })),
                )
            }
            MaintenanceCommand::End { now } => {
                let window = window?;
                let is_open = matches!(window.stage, Stage::Planned | Stage::Running);
                let is_due = is_open && window.ends_at <= now;
                Ok(is_due.then_some(MaintenanceEvent::Ended(MaintenanceEnded {
                    ended_at: to_millis(now),
                })))
            }
        }
    }
}

fn plan(window: PlanMaintenance) -> Result<MaintenanceEvent, MaintenanceError> {
    let now = window.now;
    let (starts_at, ends_at) = (to_millis(window.starts_at), to_millis(window.ends_at));
    let mut faults = Faults::default();
    let client_id = faults.optional("client_id", window.client_id.as_deref(), LONGEST_CLIENT_ID);
    let device = faults.optional("device", window.device.as_deref(), LONGEST_NAME);
    if client_id.is_none() && device.is_none() {
        faults.add("client_id", "required");
    }
    let reason = faults.required("reason", &window.reason, LONGEST_TEXT);
    if starts_at > now + PLANNED_WITHIN {
        faults.add("starts_at", "out_of_range");
    }
    if ends_at <= starts_at {
        faults.add("ends_at", "before_start");
    } else if ends_at - starts_at > LONGEST_MAINTENANCE {
        faults.add("ends_at", "too_long");
    } else if ends_at <= now {
        faults.add("ends_at", "in_past");
    }
    faults.refuse(MaintenanceError::Invalid)?;
    Ok(MaintenanceEvent::Planned(MaintenancePlanned {
        maintenance_id: window.maintenance_id,
        client_id,
        device,
        reason,
        starts_at,
        ends_at,
        by: window.by.to_string(),
        planned_at: to_millis(now),
    }))
}

impl Aggregate for Maintenance {
    const TYPE: &'static str = "sentinel.maintenance";
    type Command = MaintenanceCommand;
    type Event = MaintenanceEvent;
    type Error = MaintenanceError;
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
        let stage = match event {
            MaintenanceEvent::Planned(event) => {
                self.window = Some(Window {
                    starts_at: event.starts_at,
                    ends_at: event.ends_at,
                    stage: Stage::Planned,
                });
                return;
            }
            MaintenanceEvent::Cancelled(_) => Stage::Cancelled,
            MaintenanceEvent::Started(_) => Stage::Running,
            MaintenanceEvent::Ended(_) => Stage::Ended,
        };
        if let Some(window) = &mut self.window {
            window.stage = stage;
        }
    }
}

impl LogAggregate for Maintenance {
    fn version(&self) -> u64 {
        self.version
    }
}
