#![allow(dead_code)]
pub mod access;
pub mod accounts { pub use super::acc::*; }
mod acc { #[derive(Debug, Clone)] pub struct Session { pub id: uuid::Uuid, pub ends_at: i64, pub issued_at: i64, pub by_cookie: bool } }
mod auth;
mod caller;
mod docs;
mod json;
mod problem;
mod rate_limit;
mod shapes;
mod safeguard { pub mod shapes; }
