use std::io::Write;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn error_of(pairs: &[(&str, &str)]) -> String {
    format!("{:#}", Config::from(&environment(pairs)).unwrap_err())
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn without_anything_the_defaults_of_the_contract_hold() {
    let config = Config::from(&Environment::new()).unwrap();
    assert_eq!(config.listen, "127.0.0.1:3002");
    assert_eq!(config.data_dir, PathBuf::from("./data"));
    assert_eq!(
        (config.jwt_expire_hours, config.rate_limit_per_minute),
        (8, 100)
    );
    assert!(config.database_url.is_none() && config.nats_url.is_none());
}

#[test]
fn every_variable_reaches_its_key() {
    let mut pairs = Environment::new();
    for (name, _, kind) in VARIABLES {
        let value = match (kind, *name) {
            (Kind::Number, _) => "7",
            (Kind::Switch, _) => "true",
            (_, "GREFFE_TRUSTED_PROXIES") => "10.0.0.0/8, ::1",
            (Kind::List, _) => "https://a.example, https://b.example",
            (_, "RUST_LOG_FORMAT") => "json",
            (_, "OBSERVIUM_CLIENT_PATTERN") => "^SW-(?<client>[0-9]+)-",
            (_, "GLPI_BASE_URL" | "OBSERVIUM_URL" | "MCP_SERVER_URL" | "OLLAMA_BASE_URL") => {
                "https://server.example"
            }
            _ => SECRET,
        };
        pairs.insert((*name).into(), value.into());
    }
    let config = Config::from(&pairs).unwrap();
    assert_eq!(
        config.cors_origins,
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.rate_limit_per_minute, 7);
    assert!(config.secure_cookies && config.trust_forwarded_for);
    for secret in [
        &config.database_url,
        &config.smtp_url,
        &config.master_key,
        &config.mcp_api_key,
    ] {
        assert_eq!(secret.as_ref().unwrap().expose(), SECRET);
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let toml = file("listen = '0.0.0.0:80'\nrate_limit_per_minute = 5\n");
    let path = toml.path().to_str().unwrap();
    let config = Config::from(&environment(&[
        ("GREFFE_CONFIG", path),
        ("RATE_LIMIT_PER_MINUTE", "9"),
    ]));
    let config = config.unwrap();
    assert_eq!(
        (config.listen.as_str(), config.rate_limit_per_minute),
        ("0.0.0.0:80", 9)
    );
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let toml = file("lisen = '0.0.0.0:80'\n");
    let error = error_of(&[("GREFFE_CONFIG", toml.path().to_str().unwrap())]);
    assert!(
        error.contains("lisen") && error.contains("listen"),
        "{error}"
    );
    let error = error_of(&[("GREFFE_CONFIG", "/nowhere/greffe.toml")]);
    assert!(error.contains("/nowhere/greffe.toml"), "{error}");
}

#[test]
fn a_secret_may_come_from_a_file_but_not_from_both() {
    let secret = file(&format!("{SECRET}\n"));
    let path = secret.path().to_str().unwrap();
    let config = Config::from(&environment(&[("JWT_SECRET_FILE", path)])).unwrap();
    assert_eq!(config.jwt_secret.unwrap().expose(), SECRET);
    let error = error_of(&[("JWT_SECRET_FILE", path), ("JWT_SECRET", SECRET)]);
    assert!(
        error.contains("JWT_SECRET_FILE") && !error.contains(SECRET),
        "{error}"
    );
    assert!(error_of(&[("JWT_SECRET_FILE", "/nowhere")]).contains("/nowhere"));
}

#[test]
fn short_secrets_are_refused_without_being_shown() {
    for name in ["JWT_SECRET", "GREFFE_MASTER_KEY"] {
        let error = error_of(&[(name, "too-short-3141")]);
        assert!(error.contains(name) && error.contains("32"), "{error}");
        assert!(!error.contains("3141"), "{error}");
    }
}

#[test]
fn nothing_shows_a_secret() {
    let config = Config::from(&environment(&[
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", "postgres://greffe:hunter2@db/greffe"),
    ]));
    let shown = format!("{:?}", config.unwrap());
    assert!(
        !shown.contains(SECRET) && !shown.contains("hunter2"),
        "{shown}"
    );
    let toml = file("jwt_secret = 314159265358979\n");
    let error = error_of(&[("GREFFE_CONFIG", toml.path().to_str().unwrap())]);
    assert!(
        error.contains("jwt_secret") && !error.contains("3141592"),
        "{error}"
    );
}

#[test]
fn values_of_the_wrong_kind_name_the_variable() {
    assert!(error_of(&[("JWT_EXPIRE_HOURS", "soon")]).contains("JWT_EXPIRE_HOURS"));
    assert!(error_of(&[("GREFFE_SECURE_COOKIES", "maybe")]).contains("GREFFE_SECURE_COOKIES"));
    assert!(error_of(&[("RUST_LOG_FORMAT", "xml")]).contains("log_format"));
}

#[test]
fn addresses_and_patterns_are_checked_without_being_shown() {
    let error = error_of(&[("GLPI_BASE_URL", "user:hunter2@glpi")]);
    assert!(error.contains("GLPI_BASE_URL"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let error = error_of(&[("OBSERVIUM_CLIENT_PATTERN", "^SW-([0-9]+)")]);
    assert!(error.contains("OBSERVIUM_CLIENT_PATTERN"), "{error}");
    assert!(error.contains("`client`"), "{error}");
    let error = error_of(&[("HEALTH_PROBE_SECONDS", "0")]);
    assert!(error.contains("HEALTH_PROBE_SECONDS"), "{error}");
}

#[test]
fn empty_values_are_none() {
    let config = Config::from(&environment(&[("DATABASE_URL", ""), ("SMTP_URL", " ")])).unwrap();
    assert!(config.database_url.is_none() && config.smtp_url.is_none());
}

#[test]
fn a_dot_env_file_is_read_and_its_faults_show_no_secret() {
    let good = file("# a comment\nJWT_SECRET='quoted value'\nRUST_LOG=debug\n");
    let read = dot_env(good.path()).unwrap();
    assert_eq!(read["JWT_SECRET"], "quoted value");
    assert_eq!(read["RUST_LOG"], "debug");
    let bad = file("JWT_SECRET='hunter2\n");
    let error = dot_env(bad.path()).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    assert!(dot_env(Path::new("/nowhere/.env")).unwrap().is_empty());
}
