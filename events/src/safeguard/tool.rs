//! The registry that says how risky each tool is.

use chrono::{DateTime, Utc};
use kernel::{ActionLevel, Claim, EventType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{event_enum::event_enum, millis, names::fold_tool_name, schema};

/// The scope of tools' names among the claims.
pub const TOOL_NAME_CLAIM: &str = "tool_name";

event_enum! {
    /// What happened to a tool's entry in the registry.
    ToolEvent {
        /// The tool is known.
        Registered(ToolRegistered) = "safeguard.tool.registered" by [User, System],
        /// Its level, description or schema fingerprint changed.
        Reclassified(ToolReclassified) = "safeguard.tool.reclassified" by [User],
    }
}

/// What a tool does, for those who approve it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolDescription {
    pub fr: String,
    pub en: String,
}

/// A tool is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolRegistered {
    pub name: String,
    #[schemars(schema_with = "schema::action_level")]
    pub level: ActionLevel,
    pub description: ToolDescription,
    /// Of the tool's schema and own description when it was registered; with another one it counts
    /// as unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_fingerprint: Option<String>,
    #[serde(serialize_with = "millis")]
    pub registered_at: DateTime<Utc>,
}

/// A tool's level, description or schema fingerprint changed; all of them as they are now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolReclassified {
    pub name: String,
    #[schemars(schema_with = "schema::action_level")]
    pub level: ActionLevel,
    pub description: ToolDescription,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_fingerprint: Option<String>,
    #[serde(serialize_with = "millis")]
    pub reclassified_at: DateTime<Utc>,
}

impl EventType for ToolEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn claims(&self) -> Vec<Claim> {
        let (Self::Registered(ToolRegistered { name, .. })
        | Self::Reclassified(ToolReclassified { name, .. })) = self;
        vec![Claim::Take {
            scope: TOOL_NAME_CLAIM,
            key: fold_tool_name(name),
        }]
    }
}
