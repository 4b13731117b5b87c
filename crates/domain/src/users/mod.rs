//! People, their sessions, and service accounts.
//!
//! Invariants: no password or key ever comes here, only the id of a credential; nobody takes
//! himself, or the last super admin, out of the platform.

mod service_account;
mod session;
mod user;

pub use service_account::{ServiceAccount, ServiceAccountCommand, ServiceAccountError};
pub use session::{SESSION_LIMIT, Session, SessionCommand, SessionError, TOKEN_LIFETIME};
pub use user::{RegisterUser, User, UserCommand, UserError, is_username};
