//! The names that items use, for the OpenAPI document: the values are those of the events, which know
//! nothing of HTTP. A test compares the two.

use utoipa::ToSchema;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident ($case:tt) { $($variant:ident),+ })+) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[cfg_attr(test, derive(serde::Serialize))]
        #[serde(rename_all = $case)]
        pub enum $name { $($variant),+ }

        #[cfg(test)]
        impl $name {
            pub fn all() -> Vec<serde_json::Value> {
                vec![$(serde_json::json!($name::$variant)),+]
            }
        }
    )+};
}

names! {
    /// What a ticket asks for.
    TicketCategory("SCREAMING_SNAKE_CASE") { ResetMdp, Deblocage, Diag, Autre }
    /// Where a ticket stands.
    TicketOutcome("snake_case") { Resolved, InProgress, Escalated, Failed }
    /// How bad an alert is.
    AlertSeverity("snake_case") { Info, Warning, Critical }
    /// On whose side the cause lies.
    Responsibility("snake_case") { Fai, Local, Widip, Indetermine }
    /// What was done about an alert.
    StepKind("snake_case") { TicketCreated, DiagnosticMailSent, AwaitingDiag, DiagReceived, Note }
    /// How a component is.
    HealthStatus("snake_case") { Ok, Degraded, Down }
}

#[cfg(test)]
mod tests {
    use events::{sentinel, support, workflow};
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;

    fn are_names_of<T: DeserializeOwned>(names: Vec<Value>) {
        for name in names {
            let read = serde_json::from_value::<T>(name.clone());
            assert!(read.is_ok(), "{name}");
        }
    }

    #[test]
    fn the_names_are_those_of_the_events() {
        are_names_of::<support::TicketCategory>(TicketCategory::all());
        are_names_of::<support::TicketOutcome>(TicketOutcome::all());
        are_names_of::<sentinel::Severity>(AlertSeverity::all());
        are_names_of::<sentinel::Responsibility>(Responsibility::all());
        are_names_of::<sentinel::StepKind>(StepKind::all());
        are_names_of::<workflow::HealthStatus>(HealthStatus::all());
    }
}
