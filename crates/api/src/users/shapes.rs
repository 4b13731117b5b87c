//! What callers send and read about signing in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::shapes::AccreditationLevel;

/// Signs in.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    #[schema(example = "jean.dupont")]
    pub username: String,
    #[schema(value_type = String, format = Password)]
    pub password: Zeroizing<String>,
}

/// The signed-in person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub id: Uuid,
    pub username: String,
    pub display_name: String,
    pub role: String,
    pub accreditation_level: AccreditationLevel,
    /// Names of the service accounts this person answers for: their requests are his own.
    pub service_accounts: Vec<String>,
    /// Where links to tickets lead, if the operator said so.
    pub glpi_base_url: Option<String>,
}

/// A session: the token is also in the cookie.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: String,
    pub expires_at: String,
    pub user: Me,
}
