//! The configuration: one struct, read once in `main`, from a TOML file, `.env` and the environment.
//!
//! The environment wins over `.env`, which wins over the file. Unknown keys of the file are refused.
//! Secrets are never printed, not even in errors.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};
use serde::Deserialize;

pub use crate::secret::Secret;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything that can be set (`contracts.md`, "Environment").
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub listen: String,
    /// For operators: health and metrics without signing in.
    pub health_listen: Option<String>,
    pub data_dir: PathBuf,
    /// Greffe runs its own PostgreSQL if it is not set.
    pub database_url: Option<Secret>,
    /// Greffe runs its own nats-server if it is not set.
    pub nats_url: Option<Secret>,
    /// A credentials file, or its contents.
    pub nats_creds: Option<Secret>,
    /// The users file of a nats-server that is not ours; `nats.conf` includes it.
    pub nats_users_file: Option<PathBuf>,
    /// Of its user `system`, who asks it to read that file again.
    pub nats_system_password: Option<Secret>,
    /// Copies of each stream, in a cluster.
    pub nats_replicas: usize,
    pub jwt_secret: Option<Secret>,
    pub jwt_expire_hours: u32,
    pub master_key: Option<Secret>,
    pub admin_password: Option<Secret>,
    pub cors_origins: Vec<String>,
    /// The platform is only reached over HTTPS.
    pub secure_cookies: bool,
    /// A proxy of ours sets `X-Forwarded-For`.
    pub trust_forwarded_for: bool,
    /// Which proxies; this machine and private networks if none is named.
    pub trusted_proxies: Vec<String>,
    pub rate_limit_per_minute: u32,
    pub rate_limit_per_service: u32,
    pub failed_sign_ins_per_account: u32,
    pub failed_sign_ins_per_address: u32,
    /// Per account, from everywhere but known devices.
    pub failed_sign_ins_anywhere: u32,
    pub max_pending_per_requester: u32,
    /// Live feeds of one person or service, per process.
    pub max_sockets_per_party: u32,
    /// Connections to the API.
    pub max_connections: u32,
    pub max_connections_per_address: u32,
    /// The front end's files, while it is developed; else those inside the binary.
    pub web_folder: Option<PathBuf>,
    pub database_connections: u32,
    pub glpi_base_url: Option<String>,
    pub mcp_server_url: Option<String>,
    pub mcp_api_key: Option<Secret>,
    pub ollama_base_url: Option<String>,
    pub mistral_api_key: Option<Secret>,
    pub smtp_url: Option<Secret>,
    pub observium_url: Option<String>,
    /// What Observium's webhook sends as `Authorization`; without it there is no webhook.
    pub observium_webhook_token: Option<Secret>,
    pub observium_client_pattern: Option<String>,
    pub health_probe_seconds: u32,
    pub log_filter: String,
    pub log_format: LogFormat,
    /// Where traces are sent (OTLP over HTTP); nowhere if it is not set.
    pub otlp_endpoint: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:3002".into(),
            health_listen: None,
            data_dir: "./data".into(),
            database_url: None,
            nats_url: None,
            nats_creds: None,
            nats_users_file: None,
            nats_system_password: None,
            nats_replicas: 1,
            jwt_secret: None,
            jwt_expire_hours: 8,
            master_key: None,
            admin_password: None,
            cors_origins: Vec::new(),
            secure_cookies: false,
            trust_forwarded_for: false,
            trusted_proxies: Vec::new(),
            rate_limit_per_minute: 100,
            rate_limit_per_service: 6_000,
            failed_sign_ins_per_account: 5,
            failed_sign_ins_per_address: 20,
            failed_sign_ins_anywhere: 50,
            max_pending_per_requester: 500,
            max_sockets_per_party: 20,
            max_connections: 10_000,
            max_connections_per_address: 4_096,
            web_folder: None,
            database_connections: 20,
            glpi_base_url: None,
            mcp_server_url: None,
            mcp_api_key: None,
            ollama_base_url: None,
            mistral_api_key: None,
            smtp_url: None,
            observium_url: None,
            observium_webhook_token: None,
            observium_client_pattern: None,
            health_probe_seconds: 15,
            log_filter: "info,sqlx=warn,async_nats=warn".into(),
            log_format: LogFormat::Text,
            otlp_endpoint: None,
        }
    }
}

/// How an environment variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// May also come from the file that `<NAME>_FILE` names; never shown.
    Secret,
    Number,
    Switch,
    /// Separated by commas.
    List,
}

/// Environment variable, key in the file, kind.
const VARIABLES: &[(&str, &str, Kind)] = &[
    ("GREFFE_LISTEN", "listen", Kind::Text),
    ("GREFFE_HEALTH_LISTEN", "health_listen", Kind::Text),
    ("GREFFE_DATA_DIR", "data_dir", Kind::Text),
    ("DATABASE_URL", "database_url", Kind::Secret),
    ("DATABASE_CONNECTIONS", "database_connections", Kind::Number),
    ("NATS_URL", "nats_url", Kind::Secret),
    ("NATS_CREDS", "nats_creds", Kind::Secret),
    ("NATS_USERS_FILE", "nats_users_file", Kind::Text),
    ("NATS_SYSTEM_PASSWORD", "nats_system_password", Kind::Secret),
    ("NATS_REPLICAS", "nats_replicas", Kind::Number),
    ("JWT_SECRET", "jwt_secret", Kind::Secret),
    ("JWT_EXPIRE_HOURS", "jwt_expire_hours", Kind::Number),
    ("GREFFE_MASTER_KEY", "master_key", Kind::Secret),
    ("GREFFE_ADMIN_PASSWORD", "admin_password", Kind::Secret),
    ("CORS_ORIGINS", "cors_origins", Kind::List),
    ("GREFFE_SECURE_COOKIES", "secure_cookies", Kind::Switch),
    (
        "GREFFE_TRUST_FORWARDED_FOR",
        "trust_forwarded_for",
        Kind::Switch,
    ),
    (
        "RATE_LIMIT_PER_MINUTE",
        "rate_limit_per_minute",
        Kind::Number,
    ),
    (
        "RATE_LIMIT_PER_SERVICE",
        "rate_limit_per_service",
        Kind::Number,
    ),
    ("GREFFE_TRUSTED_PROXIES", "trusted_proxies", Kind::List),
    (
        "FAILED_SIGN_INS_PER_ACCOUNT",
        "failed_sign_ins_per_account",
        Kind::Number,
    ),
    (
        "FAILED_SIGN_INS_PER_ADDRESS",
        "failed_sign_ins_per_address",
        Kind::Number,
    ),
    (
        "FAILED_SIGN_INS_ANYWHERE",
        "failed_sign_ins_anywhere",
        Kind::Number,
    ),
    (
        "MAX_PENDING_PER_REQUESTER",
        "max_pending_per_requester",
        Kind::Number,
    ),
    (
        "MAX_SOCKETS_PER_PARTY",
        "max_sockets_per_party",
        Kind::Number,
    ),
    ("MAX_CONNECTIONS", "max_connections", Kind::Number),
    (
        "MAX_CONNECTIONS_PER_ADDRESS",
        "max_connections_per_address",
        Kind::Number,
    ),
    ("GREFFE_WEB_FOLDER", "web_folder", Kind::Text),
    ("GLPI_BASE_URL", "glpi_base_url", Kind::Text),
    ("MCP_SERVER_URL", "mcp_server_url", Kind::Text),
    ("MCP_API_KEY", "mcp_api_key", Kind::Secret),
    ("OLLAMA_BASE_URL", "ollama_base_url", Kind::Text),
    ("MISTRAL_API_KEY", "mistral_api_key", Kind::Secret),
    ("SMTP_URL", "smtp_url", Kind::Secret),
    ("OBSERVIUM_URL", "observium_url", Kind::Text),
    (
        "OBSERVIUM_WEBHOOK_TOKEN",
        "observium_webhook_token",
        Kind::Secret,
    ),
    (
        "OBSERVIUM_CLIENT_PATTERN",
        "observium_client_pattern",
        Kind::Text,
    ),
    ("HEALTH_PROBE_SECONDS", "health_probe_seconds", Kind::Number),
    ("RUST_LOG", "log_filter", Kind::Text),
    ("RUST_LOG_FORMAT", "log_format", Kind::Text),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint", Kind::Text),
];
const CONFIG_FILE: &str = "GREFFE_CONFIG";

/// The variables that count: names and values.
pub type Environment = BTreeMap<String, String>;

impl Config {
    /// Reads the process's environment, `.env` in the working folder, and the file they name.
    pub fn load() -> anyhow::Result<Self> {
        let mut environment = dot_env(Path::new(".env"))?;
        environment.extend(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        Self::from(&environment)
    }

    /// Reads the given variables, and the file they name.
    pub fn from(environment: &Environment) -> anyhow::Result<Self> {
        // compose.yaml hands empty values on: they are the same as none.
        let get = |name: &str| {
            environment
                .get(name)
                .filter(|value| !value.trim().is_empty())
        };
        let mut figment = Figment::new();
        if let Some(path) = get(CONFIG_FILE) {
            if !Path::new(path).is_file() {
                bail!("{CONFIG_FILE} names {path}, which is not a file");
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        for (name, key, kind) in VARIABLES {
            let file = format!("{name}_FILE");
            let value = match (get(name), get(&file).filter(|_| *kind == Kind::Secret)) {
                (Some(_), Some(_)) => bail!("both {name} and {file} are set; keep one"),
                (Some(value), None) => value.clone(),
                (None, Some(path)) => std::fs::read_to_string(path)
                    .with_context(|| format!("{file} names {path}"))?
                    .trim_end_matches(['\n', '\r'])
                    .to_owned(),
                (None, None) => continue,
            };
            figment = merge(figment, name, key, *kind, &value)?;
        }
        let config: Self = figment.extract().map_err(|error| readable(&error))?;
        config.check()?;
        Ok(config)
    }

    /// The proxies whose `X-Forwarded-For` counts; none unless that is switched on.
    pub fn proxies(&self) -> anyhow::Result<Vec<api::Network>> {
        match (self.trust_forwarded_for, self.trusted_proxies.is_empty()) {
            (false, _) => Ok(Vec::new()),
            (true, true) => Ok(api::Network::private()),
            (true, false) => self
                .trusted_proxies
                .iter()
                .map(|range| {
                    range
                        .parse::<api::Network>()
                        .context("GREFFE_TRUSTED_PROXIES")
                })
                .collect(),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        self.proxies()?;
        for (name, secret) in [
            ("JWT_SECRET", &self.jwt_secret),
            ("GREFFE_MASTER_KEY", &self.master_key),
        ] {
            if secret
                .as_ref()
                .is_some_and(|secret| secret.expose().len() < 32)
            {
                bail!(
                    "{name} is too short: it needs 32 bytes at least, e.g. `openssl rand -hex 32`"
                );
            }
        }
        self.check_components()?;
        if self.nats_users_file.is_some() && self.nats_url.is_none() {
            bail!("NATS_USERS_FILE is for a nats-server of your own: set NATS_URL too, or neither");
        }
        Ok(())
    }
}

fn merge(
    figment: Figment,
    name: &str,
    key: &str,
    kind: Kind,
    value: &str,
) -> anyhow::Result<Figment> {
    Ok(match kind {
        Kind::Text | Kind::Secret => figment.merge(Serialized::default(key, value)),
        Kind::Number => {
            let number: u32 = value
                .trim()
                .parse()
                .with_context(|| format!("{name} is not a number"))?;
            figment.merge(Serialized::default(key, number))
        }
        Kind::Switch => {
            let is_on: bool = value
                .trim()
                .parse()
                .with_context(|| format!("{name} is neither true nor false"))?;
            figment.merge(Serialized::default(key, is_on))
        }
        Kind::List => {
            let items = value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            figment.merge(Serialized::default(key, items.collect::<Vec<_>>()))
        }
    })
}

/// Says what is wrong and where, never with the value of a secret.
fn readable(error: &figment::Error) -> anyhow::Error {
    let all: Vec<String> = error
        .clone()
        .into_iter()
        .map(|error| {
            let path = error.path.join(".");
            let is_secret = VARIABLES
                .iter()
                .any(|it| it.1 == path && it.2 == Kind::Secret);
            match (path.is_empty(), is_secret) {
                (_, true) => format!("`{path}` must be a text"),
                (true, false) => error.kind.to_string(),
                (false, false) => format!("`{path}`: {}", error.kind),
            }
        })
        .collect();
    anyhow::anyhow!("the configuration cannot be read: {}", all.join("; "))
}

/// The variables of a `.env` file; none if there is no such file.
fn dot_env(path: &Path) -> anyhow::Result<Environment> {
    if !path.is_file() {
        return Ok(Environment::new());
    }
    dotenvy::from_path_iter(path)
        .and_then(Iterator::collect)
        // Its own message quotes the line, which may hold a secret.
        .map_err(|_| {
            anyhow::anyhow!(
                "{} cannot be read: a line is not NAME=value",
                path.display()
            )
        })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
