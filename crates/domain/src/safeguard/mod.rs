//! SAFEGUARD: people approve the risky actions of workflows and of the assistant.
//!
//! Invariants: a request never lowers its own safety; nobody decides what he asked for; what was
//! approved is what runs, once.

mod approval;
mod approval_command;
mod approval_error;
mod approval_state;
mod hash;
mod request;
mod status;
mod tool;
mod tool_seed;

pub use approval::Approval;
pub use approval_command::{
    ApprovalCommand, Approve, BreakGlass, Cancel, Claim, Decider, ExecutionOutcome, Postpone,
    RecordExecution, RegisteredClient, Reject, RequestApproval, Requester,
};
pub use approval_error::ApprovalError;
pub use hash::arguments_hash;
pub use request::{
    CLAIM_WINDOW, DEFAULT_EXPIRY_SECONDS, EXECUTION_WINDOW, EXPIRY_SECONDS, MAX_ARGUMENTS_BYTES,
    MAX_ARGUMENTS_DEPTH,
};
pub use status::Status;
pub use tool::{Tool, ToolCommand, ToolEntry, ToolError};
pub use tool_seed::seed;
