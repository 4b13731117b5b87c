//! The settings of the API, from those of the process.

use std::num::NonZeroU32;

use anyhow::Context;
use chrono::TimeDelta;

use workflows::health::{NATS, POSTGRESQL};

use crate::{backends::Backends, config::Config, health_probes::component_of};

pub fn api_config(config: &Config, backends: &Backends) -> anyhow::Result<api::Config> {
    let defaults = api::Config::new(backends.jwt_secret(config)?);
    let per_person = NonZeroU32::new(config.rate_limit_per_minute)
        .context("RATE_LIMIT_PER_MINUTE must be at least 1")?;
    let per_service = NonZeroU32::new(config.rate_limit_per_service)
        .context("RATE_LIMIT_PER_SERVICE must be at least 1")?;
    Ok(api::Config {
        token_lifetime: TimeDelta::hours(i64::from(config.jwt_expire_hours)),
        secure_cookies: config.secure_cookies,
        trusted_proxies: config.proxies()?,
        cors_origins: config.cors_origins.clone(),
        limits: api::Limits {
            per_person,
            per_service,
            failed_per_account: config.failed_sign_ins_per_account,
            failed_per_address: config.failed_sign_ins_per_address,
            failed_per_account_anywhere: config.failed_sign_ins_anywhere,
            pending_per_requester: config.max_pending_per_requester,
            sockets_per_party: config.max_sockets_per_party,
        },
        web_folder: config.web_folder.clone(),
        glpi_base_url: config.glpi_base_url.clone(),
        observium: observium(config)?,
        watched_components: components(config),
        nats_replicas: config.nats_replicas,
        ..defaults
    })
}

fn observium(config: &Config) -> anyhow::Result<Option<api::ObserviumWebhook>> {
    let Some(token) = &config.observium_webhook_token else {
        return Ok(None);
    };
    let clients = config.observium_clients()?;
    Ok(Some(api::ObserviumWebhook::new(token.expose(), clients)))
}

/// The components that the platform asks how they are.
fn components(config: &Config) -> Vec<String> {
    let servers = config.watched_servers();
    let asked = servers.iter().filter_map(|(name, _)| component_of(name));
    [POSTGRESQL, NATS]
        .into_iter()
        .chain(asked.map(|(component, _)| component))
        .map(str::to_owned)
        .collect()
}
