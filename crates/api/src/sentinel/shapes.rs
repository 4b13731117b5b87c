//! What people write about alerts and maintenance windows.

use chrono::{DateTime, Utc};
use events::millis;
use projections::supervision::Maintenance;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// I have seen it and look after it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeAlert {
    /// The version of the alert as it was shown.
    pub version: u64,
    #[serde(default)]
    pub comment: Option<String>,
}

/// The cause lies elsewhere, or is surer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReclassifyAlert {
    /// The version of the alert as it was shown.
    pub version: u64,
    pub responsibility: AlertResponsibility,
    /// 0–100 %.
    #[serde(default)]
    #[schema(maximum = 100)]
    pub confidence: Option<u8>,
}

/// It is well again, whatever its source says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveAlert {
    /// The version of the alert as it was shown.
    pub version: u64,
    /// What ended it.
    pub resolution: String,
}

/// Something to remember about an alert.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteAlert {
    pub detail: String,
}

/// On whose side the cause lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertResponsibility {
    /// The Internet provider.
    Fai,
    /// The client's own site.
    Local,
    /// The managed-service provider.
    Widip,
    Indetermine,
}

impl From<AlertResponsibility> for events::sentinel::Responsibility {
    fn from(responsibility: AlertResponsibility) -> Self {
        match responsibility {
            AlertResponsibility::Fai => Self::Fai,
            AlertResponsibility::Local => Self::Local,
            AlertResponsibility::Widip => Self::Widip,
            AlertResponsibility::Indetermine => Self::Indetermine,
        }
    }
}

/// Someone will work on something; its alerts disturb nobody meanwhile.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanMaintenance {
    /// All alerts of this client; only those of the device, if one is named.
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    pub device: Option<String>,
    pub reason: String,
    #[serde(serialize_with = "millis")]
    pub starts_at: DateTime<Utc>,
    /// 30 days after the start at most.
    #[serde(serialize_with = "millis")]
    pub ends_at: DateTime<Utc>,
}

/// Nothing needs to be said.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelMaintenance {}

/// A page of maintenance windows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MaintenancePage {
    pub items: Vec<Maintenance>,
    pub next_cursor: Option<String>,
}

/// Which maintenance windows.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MaintenanceFilter {
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}
