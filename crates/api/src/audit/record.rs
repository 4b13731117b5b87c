//! What is recorded of refusals and sensitive reads before the answer goes out.

use crate::{App, Problem, caller::Caller};

impl App {
    pub async fn audit_refusal(&self, _c: &Caller, _op: &str, _t: Option<&str>, _p: &Problem) -> Result<(), Problem> { Ok(()) }
}
