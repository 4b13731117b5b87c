//! Nothing personal and no secret is in the log, however much is logged.

use serde_json::{Value, json};

use crate::{
    place::caller::{Caller, PASSWORD},
    stage::{COMMENT, PERSON, Stage, TITLE},
};

const ADDRESS: &str = "203.0.113.77";
const BROWSER: &str = "Browser of Jean Dupont";
const WRONG: &str = "not the password of anybody";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_traces_and_nobody() {
    let ours = [
        "greffe",
        "api",
        "eventlog",
        "workflows",
        "projections",
        "domain",
        "embedded",
    ];
    let debug = ours.map(|it| format!("{it}=debug")).join(",");
    let settings = [
        ("RUST_LOG", format!("info,{debug}")),
        ("RUST_LOG_FORMAT", "json".to_owned()),
        ("GREFFE_TRUST_FORWARDED_FOR", "true".to_owned()),
    ];
    let stage = Stage::start(&settings).await;
    let asked = stage.traffic(async_nats::HeaderMap::new()).await;
    stage.told().await;
    let path = format!("/api/safeguard/{}/approve", asked["id"].as_str().unwrap());
    let body = json!({ "version": 1, "comment": COMMENT });
    let request = stage
        .admin
        .request(reqwest::Method::POST, &path)
        .json(&body);
    let request = request
        .header("X-Forwarded-For", ADDRESS)
        .header("User-Agent", BROWSER);
    let (status, problem) = Caller::send(request).await.unwrap();
    assert!(status.is_client_error(), "{problem}");
    let (status, _) = stage.place.sign_in(PERSON, WRONG).await;
    assert_eq!(status, 401);
    let bad = Caller::with_key(&stage.place.address, "grf_support_wrong-key-of-somebody");
    let (status, _) = bad
        .post("/api/safeguard/requests", &json!({}))
        .await
        .unwrap();
    assert_eq!(status, 401);
    let secrets = [
        stage.key.clone(),
        stage.admin.token.clone(),
        "wrong-key-of-somebody".into(),
    ];
    let place = stage.place;
    stage.up.stop();

    let text = std::fs::read_to_string(place.log()).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    let named = |line: &&Value| line["trace_id"] == problem["trace_id"];
    let of_refusal: Vec<_> = lines.iter().filter(named).collect();
    assert!(
        of_refusal
            .iter()
            .any(|line| line["code"] == problem["code"]),
        "{problem}: {of_refusal:?}"
    );
    assert!(
        lines.iter().any(|line| line["level"] == "DEBUG"),
        "debug is on"
    );
    let personal = [
        PERSON,
        "Jean Dupont",
        TITLE,
        COMMENT,
        ADDRESS,
        BROWSER,
        PASSWORD,
        WRONG,
    ];
    for value in personal
        .into_iter()
        .chain(secrets.iter().map(String::as_str))
    {
        let found = text.lines().find(|line| line.contains(value));
        assert_eq!(found, None, "{value} is in the log");
    }
}
