//! Signing in and out.

mod routes;
mod shapes;

use kernel::Origin;
use uuid::Uuid;

pub use routes::routes;
pub use shapes::{Login, Me, SignedIn};

use crate::{App, Problem, caller::Caller};

/// A session just opened or prolonged.
pub struct NewSession {
    pub body: SignedIn,
    /// Unix seconds.
    pub ends_at: i64,
}

pub async fn login(_app: &App, _body: Login, _origin: Origin, _trace: Uuid) -> Result<NewSession, Problem> {
    Err(Problem::unavailable("soon"))
}
pub async fn logout(_app: &App, _caller: &Caller) -> Result<(), Problem> { Err(Problem::unavailable("soon")) }
pub async fn refresh_session(_app: &App, _caller: &Caller) -> Result<NewSession, Problem> { Err(Problem::unavailable("soon")) }
pub fn get_me(_app: &App, _caller: &Caller) -> Result<Me, Problem> { Err(Problem::unavailable("soon")) }
