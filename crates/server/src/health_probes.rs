//! Which components are asked how they are, from the settings of the process.

use anyhow::{Context, bail};
use connectors::observium::ClientPattern;
use eventlog::EventLog;
use workflows::health::{GLPI, HttpProbe, MCP, MODELS, NATS, OBSERVIUM, POSTGRESQL, Probe, Way};

use crate::config::Config;

impl Config {
    /// How clients are found in names of devices.
    pub fn observium_clients(&self) -> anyhow::Result<Option<ClientPattern>> {
        let pattern = self.observium_client_pattern.as_deref();
        let pattern = pattern.map(str::parse::<ClientPattern>).transpose();
        pattern.context("OBSERVIUM_CLIENT_PATTERN")
    }

    /// The servers whose health is asked for: setting and address.
    pub fn watched_servers(&self) -> Vec<(&'static str, &str)> {
        let servers = [
            ("GLPI_BASE_URL", &self.glpi_base_url),
            ("OBSERVIUM_URL", &self.observium_url),
            ("MCP_SERVER_URL", &self.mcp_server_url),
            ("OLLAMA_BASE_URL", &self.ollama_base_url),
        ];
        let set = servers.into_iter();
        set.filter_map(|(name, address)| Some((name, address.as_deref()?)))
            .collect()
    }

    /// Refuses what cannot be asked.
    pub(crate) fn check_components(&self) -> anyhow::Result<()> {
        self.observium_clients()?;
        for (name, address) in self.watched_servers() {
            HttpProbe::new(address, "/").with_context(|| name.to_owned())?;
        }
        if self.health_probe_seconds == 0 {
            bail!("HEALTH_PROBE_SECONDS must be at least 1");
        }
        Ok(())
    }
}

/// The component behind a setting, and the path below its address that is asked for.
pub fn component_of(setting: &str) -> Option<(&'static str, &'static str)> {
    match setting {
        "GLPI_BASE_URL" => Some((GLPI, "/")),
        "OBSERVIUM_URL" => Some((OBSERVIUM, "/")),
        "MCP_SERVER_URL" => Some((MCP, "/health")),
        "OLLAMA_BASE_URL" => Some((MODELS, "/api/version")),
        _ => None,
    }
}

/// The platform's own servers, and those that are configured.
pub fn probes(
    config: &Config,
    log: &EventLog,
    nats: &async_nats::Client,
) -> anyhow::Result<Vec<Probe>> {
    let database = (*log.pool().connect_options()).clone();
    let mut probes = vec![
        Probe {
            component: POSTGRESQL,
            way: Way::PostgreSql(Box::new(database)),
        },
        Probe {
            component: NATS,
            way: Way::Nats(nats.clone()),
        },
    ];
    probes.extend(servers(config)?);
    Ok(probes)
}

/// Other people's servers that are configured.
pub fn servers(config: &Config) -> anyhow::Result<Vec<Probe>> {
    let mut probes = Vec::new();
    for (setting, address) in config.watched_servers() {
        if let Some((component, path)) = component_of(setting) {
            let probe = HttpProbe::new(address, path).with_context(|| setting.to_owned())?;
            probes.push(Probe {
                component,
                way: Way::Http(Box::new(probe)),
            });
        }
    }
    Ok(probes)
}
