//! People, their sessions, and service accounts.
//!
//! Invariant: an event names a credential by its id only; hashes live in the table `credentials`.

use chrono::{DateTime, Utc};
use kernel::{AccreditationLevel, Claim, EventType, PersonalField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{event_enum::event_enum, millis, names::fold_user_name, schema};

/// The scope of user names among the claims.
pub const USERNAME_CLAIM: &str = "username";

/// What a person is, beside the level. A label: only `auditor` grants something (the audit trail).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Tech,
    Admin,
    Auditor,
    Service,
}

impl Role {
    pub const ALL: &'static [Self] = &[Self::Tech, Self::Admin, Self::Auditor, Self::Service];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tech => "tech",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Service => "service",
        }
    }
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRole(pub String);

impl std::fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is not a role", self.0)
    }
}

impl std::error::Error for UnknownRole {}

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

event_enum! {
    /// What happened to a person's account.
    UserEvent {
        /// The account exists.
        Registered(UserRegistered) = "users.user.registered" by [System],
        /// It has another password.
        PasswordChanged(PasswordChanged) = "users.user.password_changed" by [User],
        /// It has another level.
        LevelChanged(LevelChanged) = "users.user.level_changed" by [User],
        /// It has another role.
        RoleChanged(RoleChanged) = "users.user.role_changed" by [User],
        /// It cannot be used any more.
        Disabled(UserDisabled) = "users.user.disabled" by [User],
        /// It can be used again.
        Enabled(UserEnabled) = "users.user.enabled" by [User],
    }
}

/// A person's account exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// The id of the account; the aggregate's own.
    pub user_id: Uuid,
    /// The name to sign in with. Personal.
    #[schemars(schema_with = "schema::sealed_for_user")]
    pub username: String,
    /// The name to show. Personal.
    #[schemars(schema_with = "schema::sealed_for_user")]
    pub display_name: String,
    #[schemars(schema_with = "schema::accreditation_level")]
    pub accreditation_level: AccreditationLevel,
    pub role: Role,
    /// Which password hash is valid; `None` signs in by directory only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<Uuid>,
    /// Whether the password must be changed at the first sign-in.
    #[serde(default)]
    pub must_change_password: bool,
    #[serde(serialize_with = "millis")]
    pub registered_at: DateTime<Utc>,
}

/// An account has another password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    /// Which password hash is valid from now on.
    pub credential_id: Uuid,
    /// Whether it must be changed at the next sign-in (someone else set it).
    #[serde(default)]
    pub must_change_password: bool,
    #[serde(serialize_with = "millis")]
    pub changed_at: DateTime<Utc>,
}

/// An account has another accreditation level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelChanged {
    #[schemars(schema_with = "schema::accreditation_level")]
    pub from: AccreditationLevel,
    #[schemars(schema_with = "schema::accreditation_level")]
    pub to: AccreditationLevel,
    #[serde(serialize_with = "millis")]
    pub changed_at: DateTime<Utc>,
}

/// An account has another role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleChanged {
    pub from: Role,
    pub to: Role,
    #[serde(serialize_with = "millis")]
    pub changed_at: DateTime<Utc>,
}

/// An account cannot be used any more; its sessions end at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDisabled {
    #[serde(serialize_with = "millis")]
    pub disabled_at: DateTime<Utc>,
}

/// An account can be used again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserEnabled {
    #[serde(serialize_with = "millis")]
    pub enabled_at: DateTime<Utc>,
}

impl EventType for UserEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let Self::Registered(event) = self else {
            return Vec::new();
        };
        ["/username", "/display_name"]
            .into_iter()
            .map(|pointer| PersonalField {
                pointer,
                subject: format!("user:{}", event.user_id),
            })
            .collect()
    }

    fn claims(&self) -> Vec<Claim> {
        let Self::Registered(event) = self else {
            return Vec::new();
        };
        vec![Claim::Take {
            scope: USERNAME_CLAIM,
            key: fold_user_name(&event.username),
        }]
    }
}

event_enum! {
    /// What happened to a session. Its id is the `jti` of every token given out for it.
    SessionEvent {
        /// Someone signed in.
        Opened(SessionOpened) = "users.session.opened" by [User],
        /// A new token was given out.
        Refreshed(SessionRefreshed) = "users.session.refreshed" by [User],
        /// No token of it is valid any more.
        Revoked(SessionRevoked) = "users.session.revoked" by [User],
    }
}

/// Someone signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionOpened {
    pub user_id: Uuid,
    /// From which address. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_user")]
    pub ip_address: Option<String>,
    /// With which browser. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sealed_for_user")]
    pub user_agent: Option<String>,
    #[serde(serialize_with = "millis")]
    pub opened_at: DateTime<Utc>,
    /// When its first token ends.
    #[serde(serialize_with = "millis")]
    pub expires_at: DateTime<Utc>,
    /// When no token can be had for it any more.
    #[serde(serialize_with = "millis")]
    pub ends_at: DateTime<Utc>,
}

/// A new token was given out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRefreshed {
    #[serde(serialize_with = "millis")]
    pub refreshed_at: DateTime<Utc>,
    /// When the new token ends; never after the session's own end.
    #[serde(serialize_with = "millis")]
    pub expires_at: DateTime<Utc>,
}

/// Why a session was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationCause {
    /// The person signed out.
    SignedOut,
    /// An administrator ended it.
    Administrator,
    /// The account was disabled.
    UserDisabled,
    /// The password was changed.
    PasswordChanged,
}

/// No token of the session is valid any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRevoked {
    pub cause: RevocationCause,
    #[serde(serialize_with = "millis")]
    pub revoked_at: DateTime<Utc>,
}

impl EventType for SessionEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }

    fn personal(&self) -> Vec<PersonalField> {
        let Self::Opened(event) = self else {
            return Vec::new();
        };
        ["/ip_address", "/user_agent"]
            .into_iter()
            .map(|pointer| PersonalField {
                pointer,
                subject: format!("user:{}", event.user_id),
            })
            .collect()
    }
}

/// What a service account may do. A closed list: each scope is checked somewhere by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Scope {
    /// Publish facts: alerts, tickets, errors.
    #[serde(rename = "intake")]
    Intake,
    /// Request approvals, claim and report their execution.
    #[serde(rename = "safeguard.request")]
    SafeguardRequest,
    /// Read approvals.
    #[serde(rename = "safeguard.read")]
    SafeguardRead,
    /// Add to the knowledge base.
    #[serde(rename = "knowledge.write")]
    KnowledgeWrite,
    /// Read `/metrics`.
    #[serde(rename = "metrics")]
    Metrics,
}

impl Scope {
    pub const ALL: &'static [Self] = &[
        Self::Intake,
        Self::SafeguardRequest,
        Self::SafeguardRead,
        Self::KnowledgeWrite,
        Self::Metrics,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::SafeguardRequest => "safeguard.request",
            Self::SafeguardRead => "safeguard.read",
            Self::KnowledgeWrite => "knowledge.write",
            Self::Metrics => "metrics",
        }
    }
}

/// The text names no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScope(pub String);

impl std::fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is not a scope", self.0)
    }
}

impl std::error::Error for UnknownScope {}

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

event_enum! {
    /// What happened to a service account. The aggregate's id is its name, so no two share one.
    ServiceAccountEvent {
        /// The account exists.
        Created(ServiceAccountCreated) = "users.service_account.created" by [System],
        /// It may do other things.
        ScopesChanged(ScopesChanged) = "users.service_account.scopes_changed" by [System],
        /// It has another key.
        KeyRotated(KeyRotated) = "users.service_account.key_rotated" by [System],
        /// It cannot be used any more.
        Disabled(ServiceAccountDisabled) = "users.service_account.disabled" by [System],
    }
}

/// A service account exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceAccountCreated {
    /// `[a-z0-9-]{2,32}`; the second token of every NATS subject it may use.
    pub name: String,
    /// Who answers for it, and counts as the requester of what it asks.
    pub owner_id: Uuid,
    pub scopes: Vec<Scope>,
    /// Which key hash is valid.
    pub credential_id: Uuid,
    #[serde(serialize_with = "millis")]
    pub created_at: DateTime<Utc>,
}

/// A service account may do other things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScopesChanged {
    pub scopes: Vec<Scope>,
    #[serde(serialize_with = "millis")]
    pub changed_at: DateTime<Utc>,
}

/// A service account has another key; the one before is no longer valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRotated {
    pub credential_id: Uuid,
    #[serde(serialize_with = "millis")]
    pub rotated_at: DateTime<Utc>,
}

/// A service account cannot be used any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceAccountDisabled {
    #[serde(serialize_with = "millis")]
    pub disabled_at: DateTime<Utc>,
}

impl EventType for ServiceAccountEvent {
    fn type_name(&self) -> &'static str {
        self.literal()
    }
}
