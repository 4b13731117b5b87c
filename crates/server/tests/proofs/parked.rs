//! What an operator does about an event that cannot be applied, on the real program, and its trace in
//! the trail.

use std::collections::BTreeSet;

use eventlog::Append;
use events::safeguard::{ApprovalEvent, ApprovalLapsed};
use kernel::{Actor, AggregateId, Clock, Metadata, SystemClock, new_id};
use serde_json::Value;

use crate::place::{
    Place,
    caller::Caller,
    cluster::{MASTER_KEY, create_user, open_log, settings, succeeded},
    eventually, output,
};

fn projection(place: &Place, arguments: &[&str]) -> String {
    let mut command = place.command(&["projection"]);
    command.args(arguments).envs(settings());
    succeeded(&output(command, ""))
}

/// Something happened to a request that nobody made: no build can show that.
async fn poison(log: &eventlog::EventLog) -> u64 {
    let lapsed = ApprovalEvent::Lapsed(ApprovalLapsed {
        lapsed_at: SystemClock.now(),
        version: 2,
    });
    let append = Append::new(
        log.vault(),
        ("safeguard.approval", &AggregateId::from(new_id())),
        0,
        &[lapsed],
        &Metadata::new(Actor::system("clerk"), new_id()),
        None,
        &Value::Null,
    )
    .await
    .unwrap();
    log.append(append).await.unwrap().position
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_deals_with_a_parked_event_and_the_trail_tells() {
    let place = Place::new();
    create_user(&place, "admin", &settings());
    let up = place.up_with(&settings());
    let database = place.endpoints()["database"].as_str().unwrap().to_owned();
    let log = open_log(&database, &MASTER_KEY).await;
    let position = poison(&log).await.to_string();

    let listed = eventually("it is parked", || async {
        let listed = projection(&place, &["parked"]);
        (listed != "nothing is parked\n").then_some(listed)
    })
    .await;
    assert!(
        listed.starts_with(&format!("approvals  {position}  safeguard.approval.lapsed")),
        "{listed}"
    );
    let shown = projection(
        &place,
        &["parked", "show", "approvals", &position, "--data"],
    );
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["data"]["version"], 2);
    assert!(shown["error"].as_str().unwrap().contains("never requested"));

    // Tried again it fails again; passed over, it is gone.
    projection(&place, &["parked", "retry", "approvals", &position]);
    let wrong = [
        "parked",
        "discard",
        "approvals",
        "1",
        "--reason",
        "mauvais numéro",
    ];
    let mut command = place.command(&["projection"]);
    command.args(wrong).envs(settings());
    let refused = output(command, "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not_parked"));
    let discard = ["parked", "discard", "approvals", &position, "--reason"];
    let discard: Vec<&str> = discard.into_iter().chain(["doublon"]).collect();
    projection(&place, &discard);
    eventually("it is passed over", || async {
        (projection(&place, &["parked"]) == "nothing is parked\n").then_some(())
    })
    .await;

    projection(&place, &["rebuild", "approvals"]);
    projection(&place, &["rollback", "approvals"]);
    let head = log.head().await.unwrap();
    let admin = Caller::sign_in(&place.address, "admin").await;
    let trail = admin
        .read_as_of(
            "/api/users/audit?target_type=operations.projection",
            &head.into(),
        )
        .await;
    let actions: BTreeSet<&str> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        BTreeSet::from([
            "operations.projection.event_discarded",
            "operations.projection.rebuilt",
            "operations.projection.retry_ordered",
            "operations.projection.rolled_back",
        ])
    );
    let reads = admin
        .read("/api/users/audit?action=show_parked_event")
        .await;
    assert_eq!(reads["items"][0]["target_id"], position.as_str());
    up.stop();
}
