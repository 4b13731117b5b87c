//! What the running platform says of itself, and what to do about each part.

use std::time::Duration;

use api::{Component, Health, Status};

use super::Findings;
use crate::{config::Config, data_folder::DataFolder};

const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Asks the platform of this data folder, or the process that these settings are of. Whether one runs.
pub async fn check(config: &Config, findings: &mut Findings) -> bool {
    let running = DataFolder::new(&config.data_dir).running();
    let url = match (&running, &config.health_listen) {
        (Some(running), _) => running.http.clone(),
        (None, Some(health)) => format!("http://{health}"),
        (None, None) => format!("http://{}", config.listen),
    };
    match ask(&url).await {
        Ok(health) => {
            findings.ok("platform", format!("runs at {url}"));
            report(&health, findings);
            true
        }
        Err(error) if running.is_some() => {
            let todo = "look at the platform's log; if it hangs, stop it and start it again";
            findings.fail(
                "platform",
                format!("{url} does not answer: {error:#}"),
                todo,
            );
            true
        }
        Err(_) => {
            let detail = "does not run on this data folder; its servers are tried";
            findings.note("platform", detail);
            false
        }
    }
}

async fn ask(url: &str) -> anyhow::Result<Health> {
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build()?;
    Ok(client
        .get(format!("{url}/readyz"))
        .send()
        .await?
        .json()
        .await?)
}

fn report(health: &Health, findings: &mut Findings) {
    match health.status {
        Status::Ok => findings.ok("readiness", "ready"),
        Status::Degraded => findings.note("readiness", "ready, but degraded"),
        Status::Down => findings.note("readiness", "not ready"),
    }
    for part in health
        .components
        .iter()
        .filter(|it| it.status != Status::Ok)
    {
        let detail = part.detail.as_deref().unwrap_or("it does not say why");
        findings.fail(&part.name, detail, action(part));
    }
}

/// What helps. Every part that readiness knows is here.
fn action(part: &Component) -> &'static str {
    let name = part.name.split(' ').next().unwrap_or_default();
    match (name, part.name.as_str()) {
        ("start", _) => "wait; if it stays, `greffe projection list` says which one is not moving",
        ("process", _) => "start it again once it has stopped",
        ("disk", _) => "make room on the file system of the data folder, or move GREFFE_DATA_DIR",
        ("postgresql", _) => "start PostgreSQL, or correct DATABASE_URL; its log says more",
        ("migrations", _) => {
            "run one release everywhere: stop the older processes, or `greffe migrate`"
        }
        (_, "log") => {
            "restore the database that belongs to the stream, or `greffe log reset-stream --yes`"
        }
        (_, "log reader") => {
            "PostgreSQL is read instead: let NATS have more consumers, or see why PostgreSQL is slow"
        }
        ("nats", _) => "start nats-server, or correct NATS_URL and NATS_CREDS",
        ("jetstream", _) => "raise the account's storage limit, or give nats-server more disk",
        ("relay", _) => {
            "see that a process with role `relay` runs, and that nats-server has room on its disk; after \
             a full disk, one that `greffe up` does not run must be started again"
        }
        ("projection" | "projections", _) => {
            "see that a process with role `projector` runs; a stuck one names its event in the log \
             and needs a corrected build"
        }
        ("clerk", _) => "see that a process with role `workflows` runs; its log says why it waits",
        ("leases", _) => {
            "start a process with the roles that are missing: relay, projector or workflows"
        }
        _ => "look at the platform's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_own_advice() {
        let general = action(&Component::new("unheard of", Status::Down, None));
        for name in [
            "start",
            "process",
            "disk",
            "postgresql",
            "migrations",
            "log",
            "log reader",
            "nats",
            "jetstream",
            "relay",
            "projections",
            "projection audit",
            "clerk",
            "leases",
        ] {
            let said = action(&Component::new(name, Status::Down, None));
            assert_ne!(said, general, "{name}");
        }
    }
}
