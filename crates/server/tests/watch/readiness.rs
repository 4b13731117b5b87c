//! Readiness of processes with and without an API, while roles are missing and once they are there.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::{Up, caller::Caller, cluster::Cluster, eventually, free_address};

/// So long a role may be held by no process.
const UNHELD_AFTER: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_does_is_said_by_every_process() {
    let cluster = Cluster::new().await;
    let begun = Instant::now();
    let (mut api, _) = spawn(&cluster, "api");
    let (mut projector, health) = spawn(&cluster, "projector");
    projector.until_ready();
    api.until_ready();
    let caller = Caller::with_key(&api.address, "");
    // No false alarm: nobody has missed anything yet, unless the machine was too slow to ask in time.
    for who in [&caller, &health] {
        let (_, found) = eventually("an answer", || readyz(who)).await;
        let is_early = begun.elapsed() < UNHELD_AFTER;
        let leases = found["components"].as_array().unwrap().iter();
        let leases = leases.filter(|it| it["name"] == "leases");
        assert!(
            !is_early || leases.clone().all(|it| it["status"] == "ok"),
            "{found}"
        );
    }
    let metrics = reqwest::get(format!("http://{}/metrics", health.address))
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("greffe_projection_lag_events{projection=\"approvals\"}"),
        "{metrics}"
    );

    for who in [&caller, &health] {
        let leases = part(who, "leases", "degraded").await;
        for missing in ["relay", "clerk", "reaction decisions"] {
            assert!(leases.contains(missing), "{leases}");
        }
        assert!(!leases.contains("projection"), "{leases}");
        part(who, "relay", "down").await;
        assert_eq!(status(who).await, 503);
    }
    let found = cluster
        .command(&["doctor"])
        .env("GREFFE_HEALTH_LISTEN", &health.address)
        .output();
    let found = found.unwrap();
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(found.status.code(), Some(1), "{said}");
    for finding in ["FAIL  relay: ", "FAIL  leases: held by no process"] {
        assert!(said.contains(finding), "{said}");
    }

    let (mut rest, _) = spawn(&cluster, "relay,workflows");
    rest.until_ready();
    for who in [&caller, &health] {
        part(who, "leases", "ok").await;
        part(who, "relay", "ok").await;
        eventually("ready", || async {
            (status(who).await == 200).then_some(())
        })
        .await;
    }
    [api, projector, rest].into_iter().for_each(Up::stop);
}

/// A process, and its address for operators.
fn spawn(cluster: &Cluster, roles: &str) -> (Up, Caller) {
    let (listen, health) = (free_address(), free_address());
    let mut command = cluster.command(&["serve", "--roles", roles]);
    command
        .env("GREFFE_LISTEN", &listen)
        .env("GREFFE_HEALTH_LISTEN", &health);
    let up = Up::spawn(command, &cluster.place.log(), &listen);
    (up, Caller::with_key(&health, ""))
}

async fn readyz(who: &Caller) -> Option<(u16, Value)> {
    let asked = who.request(reqwest::Method::GET, "/readyz");
    let (status, health) = Caller::send(asked).await.ok()?;
    Some((status.as_u16(), health))
}

/// The status of the answer.
async fn status(who: &Caller) -> u16 {
    eventually("an answer", || readyz(who)).await.0
}

/// Waits until a part has a status; its detail.
async fn part(who: &Caller, name: &str, status: &str) -> String {
    eventually(&format!("{name} is {status}"), || async {
        let (_, health) = readyz(who).await?;
        let part = health["components"]
            .as_array()?
            .iter()
            .find(|it| it["name"] == name)?
            .clone();
        let is = part["status"] == status;
        is.then(|| part["detail"].as_str().unwrap_or_default().to_owned())
    })
    .await
}
