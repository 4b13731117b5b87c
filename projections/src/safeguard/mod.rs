//! Approvals, their statistics, and the tool registry.

mod approval_item;
mod approval_rows;
mod approvals;
mod queries;
mod stats;
mod tools;

pub use approval_item::{ApprovalItem, Context, Decision, Execution, TimelineEntry, Urgency};
pub use approvals::Approvals;
pub use queries::{
    HistoryFilter, PendingFilter, count_pending, count_pending_of, find_approval, list_history,
    list_pending,
};
pub use stats::{ApprovalStats, ClientCount, ToolCount, WorkflowCount, count_requests, find_stats};
pub use tools::{ToolRow, Tools, find_tool, list_tools};
