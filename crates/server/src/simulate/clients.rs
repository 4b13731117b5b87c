//! The clients of the simulated provider.

use super::random::Random;

/// A client the workflows work for.
#[derive(Debug)]
pub struct Client {
    pub id: &'static str,
    pub name: &'static str,
    pub is_critical: bool,
    /// In the names of its devices.
    pub site: &'static str,
    weight: u64,
}

/// A client that nobody has entered in the register: its facts are "to identify".
pub const UNREGISTERED: Client =
    client("97", "Maison de santé des Quatre-Vents", false, "4VENTS", 0);

/// Which of them are critical is the register's to say; this is what the demonstration enters.
pub const CLIENTS: &[Client] = &[
    client("42", "EHPAD Les Jardins", true, "JARDINS", 4),
    client("43", "Clinique Saint-Jean", true, "STJEAN", 4),
    client("44", "EHPAD Music Art", false, "MUSIC", 7),
    client("45", "Clinique St-Joseph", false, "STJOSEPH", 6),
    client("46", "Cabinet Dr Martin", false, "MARTIN", 5),
    client("47", "EHPAD Les Tilleuls", false, "TILLEULS", 4),
    client("48", "Résidence du Parc", false, "PARC", 3),
    client("49", "Clinique du Lac", false, "LAC", 5),
    client(
        "50",
        "Centre de rééducation du Littoral",
        false,
        "LITTORAL",
        4,
    ),
    client("51", "Laboratoire d'analyses du Centre", false, "LABO", 3),
    client("52", "Pharmacie de la Gare", false, "GARE", 2),
    client("53", "Cabinet dentaire de la Mairie", false, "DENT", 2),
    client("54", "Centre d'imagerie Nord", false, "IMAGERIE", 3),
    client("55", "Maison médicale des Halles", false, "HALLES", 3),
    client("56", "EHPAD Le Clos Fleuri", false, "CLOS", 4),
    client("57", "Résidence autonomie Les Lilas", false, "LILAS", 2),
    client("58", "Hôpital de jour du Canal", true, "CANAL", 2),
    client("59", "Centre dialyse Ouest", true, "DIALYSE", 1),
    client("60", "Mutuelle des Trois-Rivières", false, "3RIV", 3),
    client("61", "Étude notariale du Palais", false, "PALAIS", 2),
    client("62", "Mairie de Bourg-Neuf", false, "BOURG", 3),
    client("63", "École des Peupliers", false, "PEUPLIERS", 2),
    client("64", "Transports du Val", false, "VAL", 3),
    client("65", "Menuiserie de l'Étang", false, "ETANG", 1),
    client("66", "Coopérative des Coteaux", false, "COTEAUX", 2),
    client("67", "Hôtel du Port", false, "PORT", 2),
    client("68", "Imprimerie du Faubourg", false, "FAUBOURG", 1),
    client("69", "Crèche Les Petits Pas", false, "CRECHE", 1),
    client("70", "Association Horizon", false, "HORIZON", 2),
    client("71", "Cabinet comptable du Quai", false, "QUAI", 2),
];

const fn client(
    id: &'static str,
    name: &'static str,
    is_critical: bool,
    site: &'static str,
    weight: u64,
) -> Client {
    Client {
        id,
        name,
        is_critical,
        site,
        weight,
    }
}

/// One of the registered clients: large ones call more often.
pub fn draw(random: &mut Random) -> &'static Client {
    random
        .pick_weighted(CLIENTS, |it| it.weight)
        .unwrap_or(&UNREGISTERED)
}
