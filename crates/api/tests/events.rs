//! `/api/events/catalogue`: what events look like, for people who read them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::TestApp;
use events::users::Role;
use kernel::AccreditationLevel::{N0, N1};
use serde_json::json;

#[tokio::test]
async fn the_catalogue_has_every_event_with_an_example() {
    let app = TestApp::start().await;
    let chatter = app.user("marie.martin", N0, Role::Tech).await;
    let technician = app.user("jean.dupont", N1, Role::Tech).await;
    let auditor = app.user("paul.durand", N0, Role::Auditor).await;
    chatter
        .get("/api/events/catalogue")
        .await
        .refused(403, "forbidden");
    auditor.get("/api/events/catalogue").await.ok();
    let catalogue = technician.get("/api/events/catalogue").await.ok();
    let items = catalogue["items"].as_array().unwrap();
    assert_eq!(catalogue["next_cursor"], json!(null));
    let names: Vec<_> = items
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    let known = events::AGGREGATES.iter().flat_map(|it| it.type_names);
    assert_eq!(names, known.copied().collect::<Vec<_>>());

    let rejected = items
        .iter()
        .find(|it| it["type"] == "safeguard.approval.rejected")
        .unwrap();
    assert_eq!(rejected["subject"], "events.safeguard.approval.rejected");
    assert_eq!(rejected["emitted_by"], json!(["user"]));
    assert!(rejected["example"]["reason"]["sealed"].is_string());
    let reason = rejected["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "reason")
        .unwrap();
    assert_eq!(
        reason["personal_of"],
        json!(["person", "client", "approval"])
    );
    assert_eq!(reason["required"], true);
}
