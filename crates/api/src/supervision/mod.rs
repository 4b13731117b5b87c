//! The dashboards of SUPERVISION, the lists behind their numbers, and exports of these.

mod export;
mod queries;
mod routes;
mod shapes;
mod urls;

pub(crate) use export::TRUNCATED;
pub use routes::routes;
pub(crate) use urls::link;
