//! What people do about alerts, the maintenance windows they plan, and Observium's webhook.

mod commands;
mod routes;
mod shapes;
mod webhook;

pub use routes::routes;
pub use webhook::ObserviumWebhook;
pub(crate) use webhook::{WEBHOOK_SUBJECT, receive_again};
