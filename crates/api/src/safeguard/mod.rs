//! Approvals.

mod queries;
mod routes;
mod shapes;
mod tools;

pub use queries::get_approval;
pub use routes::routes;
pub(crate) use routes::filter_of;
pub use shapes::*;
pub use tools::put_tool;

use uuid::Uuid;
use crate::{App, Problem, caller::Caller, commands::IdempotencyKey, shapes::CommandAnswer};

type R = Result<CommandAnswer, Problem>;
pub async fn request_approval(_a: &App, _c: &Caller, _b: RequestApproval, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
pub async fn approve_request(_a: &App, _c: &Caller, _id: Uuid, _b: ApproveRequest, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
pub async fn reject_request(_a: &App, _c: &Caller, _id: Uuid, _b: RejectRequest, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
pub async fn postpone_request(_a: &App, _c: &Caller, _id: Uuid, _b: PostponeRequest, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
pub async fn cancel_approval(_a: &App, _c: &Caller, _id: Uuid, _b: CancelApproval, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
pub async fn claim_execution(_a: &App, _c: &Caller, _id: Uuid, _b: ClaimExecution, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
pub async fn record_execution(_a: &App, _c: &Caller, _id: Uuid, _b: RecordExecution, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
pub async fn break_glass(_a: &App, _c: &Caller, _id: Uuid, _b: BreakGlass, _k: &IdempotencyKey) -> R { Err(Problem::unavailable("soon")) }
