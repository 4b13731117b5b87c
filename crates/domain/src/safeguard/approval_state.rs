//! What is known of a request, and what may be done with it in that state.

use chrono::{DateTime, TimeDelta, Utc};
use events::{ERASED, fold_user_name, safeguard::*};
use kernel::{AccreditationLevel, ActionLevel, Actor};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    ApprovalError, Approve, BreakGlass, Cancel, Claim, Decider, ExecutionOutcome, Postpone,
    RecordExecution, Reject, Status, request::invalid,
};
use crate::text::{Faults, LONGEST_TEXT};

/// Breaking the glass asks for a reason that says something, in characters.
const SHORTEST_BREAK_GLASS_REASON: usize = 20;

/// An approval that was requested.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) request: ApprovalRequested,
    pub(super) status: Status,
    pub(super) version: u64,
    /// Who decided so far.
    pub(super) deciders: Vec<String>,
    pub(super) claim_before: Option<DateTime<Utc>>,
    pub(super) grant: Option<Grant>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) grant_id: Uuid,
    pub(super) execute_before: DateTime<Utc>,
}

impl State {
    pub(super) fn approve(&self, command: Approve) -> Result<ApprovalEvent, ApprovalError> {
        self.may_decide(&command.by, self.level_to_approve())?;
        self.is_open(command.now)?;
        self.has_not_voted(&command.by)?;
        self.is_current(command.version)?;
        let comment = self.optional_text("comment", command.comment.as_deref())?;
        let by = command.by.actor().to_string();
        let subject = self.subject();
        if self.deciders.len() + 1 < usize::from(self.request.required_approvals) {
            return Ok(ApprovalEvent::VoteRecorded(VoteRecorded {
                by,
                comment,
                voted_at: command.now,
                version: self.version + 1,
                subject,
            }));
        }
        Ok(self.granted(by, comment, command.claim_window, command.now))
    }

    pub(super) fn reject(&self, command: Reject) -> Result<ApprovalEvent, ApprovalError> {
        self.may_decide(&command.by, AccreditationLevel::N2)?;
        self.is_open(command.now)?;
        self.has_not_voted(&command.by)?;
        self.is_current(command.version)?;
        let mut faults = Faults::default();
        let reason = faults.required("reason", &command.reason, LONGEST_TEXT);
        faults.refuse(ApprovalError::Invalid)?;
        Ok(ApprovalEvent::Rejected(ApprovalRejected {
            by: command.by.actor().to_string(),
            reason: self.keep(reason),
            rejected_at: command.now,
            version: self.version + 1,
            subject: self.subject(),
        }))
    }

    /// Personal: the requester may postpone too, and it is no vote.
    pub(super) fn postpone(&self, command: Postpone) -> Result<ApprovalEvent, ApprovalError> {
        has_level(&command.by, AccreditationLevel::N2)?;
        self.is_open(command.now)?;
        self.is_current(command.version)?;
        let reason = self.optional_text("reason", command.reason.as_deref())?;
        let until = command.now + TimeDelta::minutes(i64::from(command.minutes));
        if command.minutes == 0 {
            return Err(invalid("minutes", "out_of_range"));
        }
        if until >= self.request.expires_at {
            return Err(invalid("minutes", "not_before_expiry"));
        }
        Ok(ApprovalEvent::Postponed(ApprovalPostponed {
            by: command.by.actor().to_string(),
            until,
            reason,
            postponed_at: command.now,
            subject: self.subject(),
        }))
    }

    pub(super) fn cancel(&self, command: Cancel) -> Result<ApprovalEvent, ApprovalError> {
        let is_admin = command
            .level
            .is_some_and(|level| level >= AccreditationLevel::N3);
        if !is_admin && !self.is_requester(&command.by) {
            return Err(ApprovalError::NotRequester);
        }
        self.is_open(command.now)?;
        let reason = self.optional_text("reason", command.reason.as_deref())?;
        Ok(ApprovalEvent::Cancelled(ApprovalCancelled {
            by: command.by.to_string(),
            reason,
            cancelled_at: command.now,
            version: self.version + 1,
            subject: self.subject(),
        }))
    }

    /// Only the very account that asked: not even its owner.
    pub(super) fn claim(&self, command: Claim) -> Result<ApprovalEvent, ApprovalError> {
        if command.by.to_string() != self.request.requested_by {
            return Err(ApprovalError::NotRequester);
        }
        match self.status {
            Status::Approved => {}
            Status::Executing | Status::Executed | Status::ExecutionFailed => {
                return Err(ApprovalError::GrantUsed);
            }
            Status::Lapsed => return Err(ApprovalError::GrantLapsed),
            Status::Pending | Status::Rejected | Status::Expired | Status::Cancelled => {
                return Err(ApprovalError::NotApproved);
            }
        }
        if self.is_lapsed(command.now) {
            return Err(ApprovalError::GrantLapsed);
        }
        if command.arguments_hash != self.request.arguments_hash {
            return Err(ApprovalError::ArgumentsChanged);
        }
        Ok(ApprovalEvent::ExecutionClaimed(ExecutionClaimed {
            by: command.by.to_string(),
            grant_id: command.grant_id,
            claimed_at: command.now,
            execute_before: command.now + command.execution_window,
        }))
    }

    /// Also accepted after `execute_before`: what happened must be on record.
    pub(super) fn record_execution(
        &self,
        command: RecordExecution,
    ) -> Result<Vec<ApprovalEvent>, ApprovalError> {
        if command.by.to_string() != self.request.requested_by {
            return Err(ApprovalError::NotRequester);
        }
        let recorded = match self.status {
            Status::Executing => None,
            Status::Executed => Some(ExecutionOutcome::Succeeded),
            Status::ExecutionFailed => Some(ExecutionOutcome::Failed),
            Status::Approved => return Err(ApprovalError::WrongGrant),
            Status::Lapsed => return Err(ApprovalError::GrantLapsed),
            Status::Pending | Status::Rejected | Status::Expired | Status::Cancelled => {
                return Err(ApprovalError::NotApproved);
            }
        };
        if self
            .grant
            .as_ref()
            .is_none_or(|grant| grant.grant_id != command.grant_id)
        {
            return Err(ApprovalError::WrongGrant);
        }
        if let Some(recorded) = recorded {
            let is_same = recorded == command.outcome;
            return if is_same {
                Ok(Vec::new())
            } else {
                Err(ApprovalError::OutcomeAlreadyRecorded)
            };
        }
        let detail = self.optional_text("detail", command.detail.as_deref())?;
        let (grant_id, subject) = (command.grant_id, self.subject());
        Ok(one(match command.outcome {
            ExecutionOutcome::Succeeded => ApprovalEvent::Executed(ActionExecuted {
                grant_id,
                detail,
                executed_at: command.now,
                subject,
            }),
            ExecutionOutcome::Failed => ApprovalEvent::ExecutionFailed(ExecutionFailed {
                grant_id,
                detail,
                failed_at: command.now,
                subject,
            }),
        }))
    }

    /// Replaces the missing votes, never the rule that whoever asked cannot decide. Somebody who
    /// voted already may still break the glass: it is no vote.
    pub(super) fn break_glass(
        &self,
        command: BreakGlass,
    ) -> Result<Vec<ApprovalEvent>, ApprovalError> {
        self.may_decide(&command.by, AccreditationLevel::N4)?;
        self.is_open(command.now)?;
        self.is_current(command.version)?;
        let mut faults = Faults::default();
        let reason = faults.required("reason", &command.reason, LONGEST_TEXT);
        if (1..SHORTEST_BREAK_GLASS_REASON).contains(&reason.chars().count()) {
            faults.add("reason", "too_short");
        }
        faults.refuse(ApprovalError::Invalid)?;
        let by = command.by.actor().to_string();
        Ok(vec![
            ApprovalEvent::GlassBroken(GlassBroken {
                by: by.clone(),
                reason: self.keep(reason),
                broken_at: command.now,
                subject: self.subject(),
            }),
            self.granted(by, None, command.claim_window, command.now),
        ])
    }

    pub(super) fn expire(&self, now: DateTime<Utc>) -> Vec<ApprovalEvent> {
        if self.status != Status::Pending || now < self.request.expires_at {
            return Vec::new();
        }
        one(ApprovalEvent::Expired(ApprovalExpired {
            expired_at: now,
            version: self.version + 1,
        }))
    }

    pub(super) fn lapse(&self, now: DateTime<Utc>) -> Vec<ApprovalEvent> {
        if self.status != Status::Approved || !self.is_lapsed(now) {
            return Vec::new();
        }
        one(ApprovalEvent::Lapsed(ApprovalLapsed {
            lapsed_at: now,
            version: self.version + 1,
        }))
    }

    pub(super) fn granted(
        &self,
        by: String,
        comment: Option<String>,
        claim_window: TimeDelta,
        now: DateTime<Utc>,
    ) -> ApprovalEvent {
        ApprovalEvent::Approved(ApprovalGranted {
            by,
            comment,
            approved_at: now,
            claim_before: now + claim_window,
            version: self.version + 1,
            subject: self.subject(),
        })
    }

    pub(super) fn level_to_approve(&self) -> AccreditationLevel {
        if self.request.security_level >= ActionLevel::L4 {
            AccreditationLevel::N3
        } else {
            AccreditationLevel::N2
        }
    }

    /// Level, then four eyes: neither the requester, nor the owner of the requesting account, nor
    /// the person on whose behalf. Whom the *arguments* name does not count: that is whom the action
    /// is about, not who asked for it.
    pub(super) fn may_decide(
        &self,
        by: &Decider,
        needed: AccreditationLevel,
    ) -> Result<(), ApprovalError> {
        has_level(by, needed)?;
        if self.is_requester(&by.actor()) {
            return Err(ApprovalError::OwnRequest);
        }
        let asked_for = self.request.on_behalf_of.as_deref().map(fold_user_name);
        if asked_for.is_some_and(|name| name == fold_user_name(&by.username)) {
            return Err(ApprovalError::OnBehalfOfDecider);
        }
        Ok(())
    }

    pub(super) fn is_requester(&self, actor: &Actor) -> bool {
        let actor = actor.to_string();
        actor == self.request.requested_by || Some(actor) == self.request.requester_owner
    }

    /// Whatever the clerk did so far: a request whose time is over is decided.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> Result<(), ApprovalError> {
        if self.status != Status::Pending {
            return Err(ApprovalError::AlreadyDecided {
                status: self.status,
            });
        }
        if now >= self.request.expires_at {
            return Err(ApprovalError::AlreadyDecided {
                status: Status::Expired,
            });
        }
        Ok(())
    }

    pub(super) fn has_not_voted(&self, by: &Decider) -> Result<(), ApprovalError> {
        if self.deciders.contains(&by.actor().to_string()) {
            return Err(ApprovalError::AlreadyVoted);
        }
        Ok(())
    }

    pub(super) fn is_current(&self, seen: u64) -> Result<(), ApprovalError> {
        if seen != self.version {
            return Err(ApprovalError::StaleVersion {
                current: self.version,
            });
        }
        Ok(())
    }

    pub(super) fn is_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.claim_before.is_none_or(|before| now >= before)
    }

    pub(super) fn optional_text(
        &self,
        field: &str,
        text: Option<&str>,
    ) -> Result<Option<String>, ApprovalError> {
        let mut faults = Faults::default();
        let text = faults.optional(field, text, LONGEST_TEXT);
        faults.refuse(ApprovalError::Invalid)?;
        Ok(text.map(|text| self.keep(text)))
    }

    /// Whose personal data a later text is; empty once that person is erased.
    pub(super) fn subject(&self) -> String {
        self.request.subject().unwrap_or_default()
    }

    /// A text about somebody erased is not kept: there is no key left to erase it with.
    pub(super) fn keep(&self, text: String) -> String {
        if self.request.subject().is_some() {
            text
        } else {
            ERASED.to_owned()
        }
    }

    pub(super) fn apply(&mut self, event: ApprovalEvent) {
        match event {
            ApprovalEvent::Requested(_)
            | ApprovalEvent::Postponed(_)
            | ApprovalEvent::GlassBroken(_) => {}
            ApprovalEvent::VoteRecorded(event) => {
                self.version = event.version;
                self.deciders.push(event.by);
            }
            ApprovalEvent::Approved(event) => {
                self.version = event.version;
                self.deciders.push(event.by);
                self.claim_before = Some(event.claim_before);
                self.status = Status::Approved;
            }
            ApprovalEvent::Rejected(event) => {
                self.version = event.version;
                self.deciders.push(event.by);
                self.status = Status::Rejected;
            }
            ApprovalEvent::Expired(event) => self.end(Status::Expired, event.version),
            ApprovalEvent::Cancelled(event) => self.end(Status::Cancelled, event.version),
            ApprovalEvent::Lapsed(event) => self.end(Status::Lapsed, event.version),
            ApprovalEvent::ExecutionClaimed(event) => {
                let ExecutionClaimed {
                    grant_id,
                    execute_before,
                    ..
                } = event;
                self.grant = Some(Grant {
                    grant_id,
                    execute_before,
                });
                self.status = Status::Executing;
            }
            ApprovalEvent::Executed(_) => self.status = Status::Executed,
            ApprovalEvent::ExecutionFailed(_) => self.status = Status::ExecutionFailed,
        }
    }

    pub(super) fn end(&mut self, status: Status, version: u64) {
        self.status = status;
        self.version = version;
    }
}

fn has_level(by: &Decider, needed: AccreditationLevel) -> Result<(), ApprovalError> {
    if by.level < needed {
        Err(ApprovalError::LevelTooLow { needed })
    } else {
        Ok(())
    }
}

/// As the aggregate decides.
pub(super) fn one(event: ApprovalEvent) -> Vec<ApprovalEvent> {
    vec![event]
}
