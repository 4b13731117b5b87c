//! A cursor belongs to the list and the filters that gave it: every list refuses all others.
#![allow(clippy::unwrap_used)]

mod common;

use common::TestApp;
use events::users::Role;
use kernel::AccreditationLevel::N4;
use serde_json::{Value, json};

/// Every route with a cursor, its path filled in.
fn lists() -> Vec<String> {
    let document: Value = serde_json::from_str(api::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let lists = paths.filter(|(_, item)| {
        let parameters = item["get"]["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|it| it["name"] == "cursor"))
    });
    lists
        .map(|(path, _)| path.replace("{name}", "approvals"))
        .collect()
}

#[tokio::test]
async fn a_cursor_is_of_one_list_and_its_filters() {
    let app = TestApp::start().await;
    let admin = app.user("admin", N4, Role::Admin).await;
    for number in ["41", "42", "43"] {
        let body = json!({ "id": number, "name": "EHPAD Les Jardins", "critical": false });
        admin.keyed("/api/clients", number, &body).await.ok();
    }
    app.settle().await;
    let first = admin.get("/api/clients?limit=2&q=jardins").await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = async |filters: &str, cursor: &str| {
        let path = format!("/api/clients?{filters}&cursor={cursor}");
        admin.get(&path).await
    };
    // The order of the filters and how many are asked for are free.
    for filters in ["q=jardins", "limit=1&q=jardins"] {
        let page = next(filters, cursor).await.ok();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{page}");
        assert_eq!(items[0]["id"], "43");
        assert_eq!(page["next_cursor"], Value::Null);
    }
    let (place, signature) = cursor.rsplit_once('.').unwrap();
    for (filters, altered) in [
        ("q=jardins", format!("1{place}.{signature}")),
        (
            "q=jardins",
            format!("{place}.{}", "0".repeat(signature.len())),
        ),
        ("q=jardins", place.to_owned()),
        ("q=ehpad", cursor.to_owned()),
        ("limit=2", cursor.to_owned()),
        ("q=jardins&cursor=x", cursor.to_owned()),
    ] {
        let problem = next(filters, &altered).await.refused(422, "invalid");
        let expected = json!([{ "field": "cursor", "code": "invalid" }]);
        assert_eq!(problem["errors"], expected, "{filters} {altered}");
    }

    let lists = lists();
    assert!(lists.len() > 10, "{lists:?}");
    for path in lists {
        let format = if path.ends_with("/export") {
            "&format=csv"
        } else {
            ""
        };
        for altered in ["x", "", "0", "1700000000000_1", "%00", cursor] {
            let answer = admin.get(&format!("{path}?cursor={altered}{format}")).await;
            let problem = answer.refused(422, "invalid");
            let expected = json!([{ "field": "cursor", "code": "invalid" }]);
            assert_eq!(problem["errors"], expected, "{path} {altered}");
        }
    }
}
