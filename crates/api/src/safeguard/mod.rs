//! Approvals of risky actions, and the registry that says how risky each tool is.

mod commands;
mod queries;
mod routes;
mod schema;
mod shapes;
mod tools;

pub use commands::{
    approve_request, break_glass, cancel_approval, claim_execution, postpone_request,
    record_execution, reject_request, request_approval,
};
pub use queries::get_approval;
pub(crate) use queries::list_without_timeline;
pub use routes::routes;
pub use schema::{Approval, ApprovalPage, ApprovalStats, Tool, ToolPage};
pub use shapes::*;
