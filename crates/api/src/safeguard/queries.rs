//! Reading approvals.

use uuid::Uuid;

use super::shapes::*;
use crate::{App, Problem, caller::Caller, min_position::{AsOf, MinPosition}};

pub async fn list_pending_approvals(_a: &App, _c: &Caller, _f: PendingFilter, _m: MinPosition) -> Result<AsOf<ApprovalPage>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn list_approval_history(_a: &App, _c: &Caller, _f: HistoryFilter, _m: MinPosition) -> Result<AsOf<ApprovalPage>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn get_approval_stats(_a: &App, _c: &Caller, _f: StatsFilter, _m: MinPosition) -> Result<AsOf<ApprovalStats>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn get_approval(_a: &App, _c: &Caller, _id: Uuid, _m: MinPosition) -> Result<AsOf<ApprovalDetail>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn list_tools(_a: &App, _m: MinPosition) -> Result<AsOf<ToolPage>, Problem> { Err(Problem::unavailable("soon")) }
pub async fn get_tool(_a: &App, _n: &str, _m: MinPosition) -> Result<AsOf<Tool>, Problem> { Err(Problem::unavailable("soon")) }
