//! The approval of one action: who may decide, until when, and what may run because of it.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::safeguard::*;
use kernel::LogAggregate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ApprovalCommand, ApprovalError, RequestApproval, Status,
    approval_state::{State, one},
    request::freeze,
};

/// A request for approval and what became of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Approval {
    state: Option<State>,
}

impl Approval {
    /// What was requested and frozen; `None` if nothing was.
    pub fn request(&self) -> Option<&ApprovalRequested> {
        self.state.as_ref().map(|state| &state.request)
    }

    /// Where it is in its life; by its events alone, whatever the time is.
    pub fn status(&self) -> Option<Status> {
        self.state.as_ref().map(|state| state.status)
    }

    /// Counts what an approver decides on: 1 when requested, one more per vote, decision and end of
    /// the request. Postponing, claiming and executing change nothing for an approver.
    pub fn version(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.version)
    }

    /// The grant that was claimed.
    pub fn grant_id(&self) -> Option<Uuid> {
        self.state
            .as_ref()?
            .grant
            .as_ref()
            .map(|grant| grant.grant_id)
    }

    fn decide(&self, command: ApprovalCommand) -> Result<Vec<ApprovalEvent>, ApprovalError> {
        if let ApprovalCommand::Request(request) = command {
            return self.request_approval(*request).map(|event| vec![event]);
        }
        let Some(state) = &self.state else {
            return match command {
                ApprovalCommand::Expire { .. } | ApprovalCommand::Lapse { .. } => Ok(Vec::new()),
                _ => Err(ApprovalError::NotFound),
            };
        };
        match command {
            ApprovalCommand::Request(_) => Err(ApprovalError::AlreadyRequested),
            ApprovalCommand::Approve(command) => state.approve(command).map(one),
            ApprovalCommand::Reject(command) => state.reject(command).map(one),
            ApprovalCommand::Postpone(command) => state.postpone(command).map(one),
            ApprovalCommand::Cancel(command) => state.cancel(command).map(one),
            ApprovalCommand::Claim(command) => state.claim(command).map(one),
            ApprovalCommand::RecordExecution(command) => state.record_execution(command),
            ApprovalCommand::BreakGlass(command) => state.break_glass(command),
            ApprovalCommand::Expire { now } => Ok(state.expire(now)),
            ApprovalCommand::Lapse { now } => Ok(state.lapse(now)),
        }
    }

    fn request_approval(&self, request: RequestApproval) -> Result<ApprovalEvent, ApprovalError> {
        if self.state.is_some() {
            return Err(ApprovalError::AlreadyRequested);
        }
        Ok(ApprovalEvent::Requested(Box::new(freeze(request)?)))
    }
}

impl Aggregate for Approval {
    const TYPE: &'static str = "safeguard.approval";
    type Command = ApprovalCommand;
    type Event = ApprovalEvent;
    type Error = ApprovalError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match (event, &mut self.state) {
            (ApprovalEvent::Requested(request), None) => {
                self.state = Some(State {
                    request: *request,
                    status: Status::Pending,
                    version: 1,
                    deciders: Vec::new(),
                    claim_before: None,
                    grant: None,
                });
            }
            (event, Some(state)) => state.apply(event),
            // The log starts every approval with its request.
            (_, None) => {}
        }
    }
}

impl LogAggregate for Approval {
    fn version(&self) -> u64 {
        Approval::version(self)
    }

    fn outcome(&self) -> Value {
        let Some(state) = &self.state else {
            return Value::Null;
        };
        let millis = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let mut outcome = json!({
            "reference": state.request.reference,
            "status": state.status,
            "expires_at": millis(state.request.expires_at),
        });
        if let (Status::Executing, Some(grant)) = (state.status, &state.grant) {
            outcome["grant_id"] = json!(grant.grant_id);
            outcome["execute_before"] = json!(millis(grant.execute_before));
        }
        outcome
    }
}
