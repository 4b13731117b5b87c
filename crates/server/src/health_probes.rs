//! Which components are asked how they are, from the settings of the process.

use anyhow::Context;
use eventlog::EventLog;
use workflows::health::{GLPI, HttpProbe, MCP, MODELS, NATS, OBSERVIUM, POSTGRESQL, Probe, Way};

use crate::config::Config;

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
                way: Way::Http(probe),
            });
        }
    }
    Ok(probes)
}
