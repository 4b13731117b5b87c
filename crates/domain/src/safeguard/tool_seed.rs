//! The tools the registry knows from the first start (PRD 3.1.2, 3.2).

use events::safeguard::ToolDescription;
use kernel::ActionLevel::{self, L1, L2, L3, L4};

use super::ToolEntry;

const TOOLS: &[(&str, ActionLevel, &str, &str)] = &[
    (
        "observium_get_device_status",
        L1,
        "Lit l'état d'un équipement réseau",
        "Reads the state of a network device",
    ),
    (
        "observium_get_device_metrics",
        L1,
        "Lit les métriques d'un équipement réseau",
        "Reads the metrics of a network device",
    ),
    (
        "glpi_get_ticket_details",
        L1,
        "Lit le détail d'un ticket",
        "Reads the details of a ticket",
    ),
    (
        "glpi_search_client",
        L1,
        "Recherche un client",
        "Searches for a client",
    ),
    (
        "memory_search_similar_cases",
        L1,
        "Recherche des cas semblables dans la base de connaissances",
        "Searches the knowledge base for similar cases",
    ),
    (
        "ad_check_user",
        L1,
        "Vérifie un compte Active Directory",
        "Checks an Active Directory account",
    ),
    (
        "glpi_create_ticket",
        L2,
        "Crée un ticket",
        "Creates a ticket",
    ),
    (
        "glpi_add_ticket_followup",
        L2,
        "Ajoute un suivi à un ticket",
        "Adds a follow-up to a ticket",
    ),
    (
        "ad_unlock_account",
        L2,
        "Déverrouille un compte Active Directory",
        "Unlocks an Active Directory account",
    ),
    (
        "ad_reset_password",
        L3,
        "Réinitialise le mot de passe d'un compte",
        "Resets the password of an account",
    ),
    (
        "glpi_close_ticket",
        L3,
        "Ferme un ticket",
        "Closes a ticket",
    ),
    (
        "ad_disable_account",
        L3,
        "Désactive un compte Active Directory",
        "Disables an Active Directory account",
    ),
    (
        "ad_copy_groups_from",
        L3,
        "Copie les groupes d'un autre compte",
        "Copies the groups of another account",
    ),
    (
        "ad_create_user",
        L3,
        "Crée un compte Active Directory",
        "Creates an Active Directory account",
    ),
    (
        "ad_delete_account",
        L4,
        "Supprime définitivement un compte Active Directory",
        "Deletes an Active Directory account for good",
    ),
];

/// The tools to register at the first start. Idempotent with [`super::ToolCommand::Seed`].
pub fn seed() -> Vec<ToolEntry> {
    TOOLS
        .iter()
        .map(|(name, level, fr, en)| ToolEntry {
            name: (*name).into(),
            level: *level,
            description: ToolDescription {
                fr: (*fr).into(),
                en: (*en).into(),
            },
            schema_fingerprint: None,
        })
        .collect()
}
