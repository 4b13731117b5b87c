//! What the simulated workflows ask for: tickets and alerts as a managed-service provider sees them.
//!
//! People are those of the product's own examples; accounts are named after posts and functions.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{clients, random::Random};

/// Accounts of posts and functions; the first is the product's own example of a person.
pub const ACCOUNTS: &[&str] = &[
    "jean.dupont",
    "poste-accueil-03",
    "poste-soins-01",
    "poste-soins-07",
    "compte.infirmerie",
    "compte.pharmacie",
    "compte.direction",
    "compte.comptabilite",
    "compte.cuisine",
    "secretariat.medical",
    "accueil.nuit",
    "astreinte.technique",
    "kinesitherapie",
    "animation",
];
const DEVICES: &[&str] = &[
    "SWITCH-MUSIC-001",
    "SWITCH-CLIN-002",
    "SWITCH-CLIN-STJEAN",
    "SWITCH-CLI-001",
];

/// A kind of action, and how it is told.
struct Scenario {
    tool: &'static str,
    level: &'static str,
    workflow: &'static str,
    title: &'static str,
    /// `{compte}` and `{poste}` are filled in.
    description: &'static str,
    failure: &'static str,
    success: &'static str,
    weight: u64,
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        tool: "ad_reset_password",
        level: "L3",
        workflow: "SUPPORT",
        title: "Reset MDP - {compte}",
        description: "L'utilisateur a oublié son mot de passe et ne peut plus ouvrir sa session.",
        failure: "Active Directory a refusé le mot de passe : règle de complexité.",
        success: "Mot de passe temporaire défini, changement exigé à la prochaine connexion.",
        weight: 10,
    },
    Scenario {
        tool: "glpi_close_ticket",
        level: "L3",
        workflow: "SUPPORT",
        title: "Clôture - imprimante du {poste} rétablie",
        description: "L'impression fonctionne depuis deux jours, sans nouvelle du demandeur.",
        failure: "GLPI ne répond pas (délai dépassé).",
        success: "Ticket clos, le demandeur est prévenu.",
        weight: 7,
    },
    Scenario {
        tool: "ad_copy_groups_from",
        level: "L3",
        workflow: "SUPPORT",
        title: "Droits à aligner - {compte}",
        description: "Changement de service : mêmes groupes que le compte de référence.",
        failure: "Le compte de référence n'existe plus.",
        success: "Groupes copiés : 6 ajoutés, 0 retiré.",
        weight: 3,
    },
    Scenario {
        tool: "ad_create_user",
        level: "L3",
        workflow: "SUPPORT",
        title: "Arrivée - création du compte {compte}",
        description: "Ouverture de compte demandée par les ressources humaines.",
        failure: "Un compte de ce nom existe déjà dans une autre unité d'organisation.",
        success: "Compte créé, boîte aux lettres ouverte.",
        weight: 2,
    },
    Scenario {
        tool: "ad_disable_account",
        level: "L3",
        workflow: "SUPPORT",
        title: "Départ - désactivation de {compte}",
        description: "Départ confirmé par les ressources humaines, matériel rendu.",
        failure: "Le contrôleur de domaine est injoignable.",
        success: "Compte désactivé et déplacé.",
        weight: 2,
    },
    Scenario {
        tool: "ad_delete_account",
        level: "L4",
        workflow: "SUPPORT",
        title: "Suppression du compte {compte}",
        description: "Compte désactivé depuis six mois, suppression définitive demandée.",
        failure: "Le compte possède encore des objets partagés.",
        success: "Compte supprimé.",
        weight: 1,
    },
    Scenario {
        tool: "observium_restart_device",
        level: "L3",
        workflow: "SENTINEL",
        title: "Équipement figé - redémarrage demandé",
        description: "L'équipement ne répond plus à SNMP mais le lien est présent.",
        failure: "L'équipement n'a pas redémarré dans le délai prévu.",
        success: "Équipement de nouveau joignable après 94 secondes.",
        weight: 2,
    },
];

/// How long a request waits for people (seconds); short ones show urgency and expiry.
const EXPIRIES: &[u64] = &[60, 300, 600, 900, 1_800, 2_700, 3_600, 3_600, 7_200];

/// A request and what will come of it, drawn beforehand so that the play is the same every time.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The body of `request_approval`.
    pub body: Value,
    pub then: Then,
}

/// What the workflow does once it has asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Then {
    pub succeeds: bool,
    pub detail: String,
    /// How long the action takes (ms).
    pub work_ms: u64,
    /// The workflow withdraws it by itself.
    pub is_withdrawn: bool,
}

impl Case {
    pub fn tool(&self) -> &str {
        self.body["tool_name"].as_str().unwrap_or_default()
    }

    pub fn client_name(&self) -> &str {
        self.body["context"]["client_name"]
            .as_str()
            .unwrap_or_default()
    }
}

/// The next case. `None` only if the lists above were empty.
pub fn draw(random: &mut Random) -> Option<Case> {
    let scenario = random.pick_weighted(SCENARIOS, |it| it.weight)?;
    let client = clients::draw(random);
    let account = random.pick(ACCOUNTS)?;
    let reference = random.pick(ACCOUNTS)?;
    let expiry = random.pick(EXPIRIES)?;
    let ticket = random.between(1_200, 9_800);
    let confidence = random.between(62, 99);
    let fill = |text: &str| {
        text.replace("{compte}", account)
            .replace("{poste}", "poste-accueil-03")
    };
    let arguments = match scenario.tool {
        "glpi_close_ticket" => json!({
            "ticket_id": ticket, "solution": "Pilote d'impression réinstallé.",
        }),
        "ad_copy_groups_from" => json!({"username": account, "source": reference}),
        "ad_create_user" => json!({"username": account, "service": client.name}),
        "observium_restart_device" => json!({"device": random.pick(DEVICES)?}),
        _ => json!({"username": account}),
    };
    let mut body = json!({
        "tool_name": scenario.tool,
        "arguments": arguments,
        "security_level": scenario.level,
        "context": {
            "ticket_id": ticket,
            "ticket_title": fill(scenario.title),
            "ticket_description": fill(scenario.description),
            "client_id": client.id,
            "client_name": client.name,
            "client_critical": false,
            "workflow": scenario.workflow,
            "confidence": confidence,
        },
        "expires_in_seconds": expiry,
    });
    // Sometimes a person asked the bot.
    if random.chance(30) {
        body["on_behalf_of"] = json!(account);
    }
    let succeeds = random.chance(88);
    let detail = if succeeds {
        scenario.success
    } else {
        scenario.failure
    };
    let then = Then {
        succeeds,
        detail: detail.to_owned(),
        work_ms: random.between(400, 4_000),
        is_withdrawn: random.chance(3),
    };
    Some(Case { body, then })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_cases() {
        let cases = |seed| {
            let mut random = Random::new(seed);
            (0..50)
                .map(|_| draw(&mut random).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(cases(42), cases(42));
        assert_ne!(cases(42), cases(43));
    }

    #[test]
    fn cases_are_varied_and_complete() {
        let mut random = Random::new(1);
        let cases: Vec<Case> = (0..400).map(|_| draw(&mut random).unwrap()).collect();
        for scenario in SCENARIOS {
            assert!(
                cases.iter().any(|case| case.tool() == scenario.tool),
                "{}",
                scenario.tool
            );
        }
        assert!(
            cases.iter().any(|case| !case.then.succeeds)
                && cases.iter().any(|case| case.then.is_withdrawn)
        );
        for case in cases {
            let text = case.body.to_string();
            assert!(!text.contains('{') || !text.contains("{compte}"), "{text}");
            let expiry = case.body["expires_in_seconds"].as_u64().unwrap();
            assert!((60..=86_400).contains(&expiry));
            assert!(case.body["arguments"].is_object());
        }
    }
}
