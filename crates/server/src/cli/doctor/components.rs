//! Whether the servers of others that are configured answer.

use events::workflow::HealthStatus;

use super::Findings;
use crate::{config::Config, health_probes};

/// Asks each of them once.
pub async fn check(config: &Config, findings: &mut Findings) {
    let todo = "is its address right, and does it run? SUPERVISION shows it as it is";
    let probes = match health_probes::servers(config) {
        Ok(probes) => probes,
        Err(error) => return findings.fail("components", format!("{error:#}"), todo),
    };
    for probe in probes {
        let answer = probe.ask().await;
        let latency = answer.latency_ms.unwrap_or_default();
        let detail = answer.detail.unwrap_or_default();
        match answer.status {
            HealthStatus::Ok => findings.ok(probe.component, format!("answers in {latency} ms")),
            HealthStatus::Degraded => findings.note(probe.component, detail),
            HealthStatus::Down => findings.fail(probe.component, detail, todo),
        }
    }
    if config.observium_url.is_some() && config.observium_webhook_token.is_none() {
        let detail = "there is none: OBSERVIUM_WEBHOOK_TOKEN is not set";
        findings.note("observium webhook", detail);
    }
}
