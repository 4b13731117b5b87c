//! The settings of the API, from those of the process.

use std::num::NonZeroU32;

use anyhow::Context;
use chrono::TimeDelta;

use crate::{backends::Backends, config::Config};

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
        ..defaults
    })
}
