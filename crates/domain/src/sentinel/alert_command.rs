//! What can be asked of an alert, and the checks of what comes from outside.

use chrono::{DateTime, Utc};
use events::{
    intake::{AlertFact, AlertState, StepFact},
    sentinel::Responsibility,
};
use kernel::Actor;

use super::AlertError;
use crate::{
    fact::{LONGEST_CLIENT_ID, LONGEST_ID, LONGEST_NAME},
    text::{Faults, LONGEST_TEXT},
};

/// What can be asked of an alert. `version`: what the person saw (see [`super::Alert::version`]).
#[derive(Debug, Clone)]
pub enum AlertCommand {
    /// Its source says how it is.
    Report(Box<AlertReport>),
    /// A workflow did something about it; also when it is resolved by now.
    RecordStep {
        fact: Box<StepFact>,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// Someone looks after it. Another one may take it over; the same one again does nothing.
    Acknowledge {
        version: u64,
        comment: Option<String>,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// The cause lies elsewhere, or is surer.
    Reclassify {
        version: u64,
        responsibility: Responsibility,
        /// 0–100 %.
        confidence: Option<u8>,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// A person says that it is well.
    Resolve {
        version: u64,
        resolution: String,
        by: Actor,
        now: DateTime<Utc>,
    },
    /// A person writes something down about it; also when it is resolved.
    Note {
        detail: String,
        by: Actor,
        now: DateTime<Utc>,
    },
}

/// Its source says how an alert is.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertReport {
    pub fact: AlertFact,
    pub by: Actor,
    pub now: DateTime<Utc>,
}

/// Tidies and checks what a source says.
pub(super) fn check_report(fact: AlertFact, now: DateTime<Utc>) -> Result<AlertFact, AlertError> {
    let mut faults = Faults::default();
    if let Some(confidence) = fact.confidence {
        faults.within("confidence", confidence, 0, 100);
    }
    let resolution = faults.optional("resolution", fact.resolution.as_deref(), LONGEST_TEXT);
    if resolution.is_some() && fact.state == AlertState::Down {
        faults.add("resolution", "not_with_down");
    }
    // What is well again needs no words.
    let message = match fact.state {
        AlertState::Down => faults.required("message", &fact.message, LONGEST_TEXT),
        AlertState::Up => {
            let message = faults.optional("message", Some(&fact.message), LONGEST_TEXT);
            message.unwrap_or_default()
        }
    };
    let client_id = fact.client_id.as_deref();
    let client_name = fact.client_name.as_deref();
    let fact = AlertFact {
        source: faults.required("source", &fact.source, LONGEST_NAME),
        external_id: faults.required("external_id", &fact.external_id, LONGEST_ID),
        device: faults.required("device", &fact.device, LONGEST_NAME),
        client_id: faults.optional("client_id", client_id, LONGEST_CLIENT_ID),
        client_name: faults.optional("client_name", client_name, LONGEST_NAME),
        message,
        resolution,
        occurred_at: faults.happened("occurred_at", fact.occurred_at, now),
        ..fact
    };
    faults.refuse(AlertError::Invalid)?;
    Ok(fact)
}

/// Tidies and checks what a workflow did.
pub(super) fn check_step(fact: StepFact, now: DateTime<Utc>) -> Result<StepFact, AlertError> {
    let mut faults = Faults::default();
    faults.ticket(fact.ticket_id);
    let fact = StepFact {
        source: faults.required("source", &fact.source, LONGEST_NAME),
        external_id: faults.required("external_id", &fact.external_id, LONGEST_ID),
        detail: faults.optional("detail", fact.detail.as_deref(), LONGEST_TEXT),
        occurred_at: faults.happened("occurred_at", fact.occurred_at, now),
        ..fact
    };
    faults.refuse(AlertError::Invalid)?;
    Ok(fact)
}
