//! A migration that has landed never changes: a platform that has run it compares checksums and would
//! refuse to start. `migrations/landed.sha384` holds them, as `sha384sum` writes them.
//!
//! After adding one: `(cd migrations && sha384sum NEW.sql >> landed.sha384)`.

use std::{collections::BTreeMap, fmt::Write as _};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");
const LANDED: &str = include_str!("../../../migrations/landed.sha384");

#[test]
fn landed_migrations_are_what_they_were() {
    let landed: BTreeMap<&str, &str> = LANDED
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(checksum, file)| (file, checksum))
        .collect();
    let mut found = BTreeMap::new();
    for migration in MIGRATIONS.iter() {
        let file = format!(
            "{}_{}.sql",
            migration.version,
            migration.description.replace(' ', "_")
        );
        let checksum = migration
            .checksum
            .iter()
            .fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("a string takes what is written");
                hex
            });
        found.insert(file, checksum);
    }
    let lines = LANDED.lines().count();
    assert_eq!(found.len(), lines, "each migration has one line");
    for (file, checksum) in &found {
        assert_eq!(
            landed.get(file.as_str()),
            Some(&checksum.as_str()),
            "{file}: a migration that has run somewhere is not edited; write another one"
        );
    }
}
