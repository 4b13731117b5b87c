//! The dashboards, the lists behind their numbers, the feed, and exports, over real PostgreSQL and NATS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use common::{Answer, Session, TestApp, ask, socket, stage};
use eventlog::Append;
use events::{
    knowledge::*,
    sentinel::*,
    support::*,
    users::{Role, Scope},
    workflow::*,
};
use kernel::{
    AccreditationLevel::{N2, N3, N4},
    Actor, AggregateId, EventType, Metadata,
};
use reqwest::Method;
use serde_json::{Value, json};

/// As if a workflow had told it.
async fn tell<E: EventType>(
    app: &TestApp,
    of: (&'static str, &AggregateId),
    sequence: u64,
    event: E,
) {
    let log = &app.app.log;
    let metadata = Metadata::new(Actor::service("support"), kernel::new_id());
    let events = [event];
    let append = Append::new(
        log.vault(),
        of,
        sequence,
        &events,
        &metadata,
        None,
        &Value::Null,
    );
    log.append(append.await.unwrap()).await.unwrap();
}

fn now(app: &TestApp) -> DateTime<Utc> {
    kernel::Clock::now(&app.platform.clock)
}

async fn ticket(app: &TestApp, number: i64, sequence: u64, outcome: TicketOutcome, title: &str) {
    let event = TicketProcessed {
        ticket_id: number,
        title: Some(title.into()),
        category: TicketCategory::ResetMdp,
        outcome,
        automatic: true,
        client_id: Some("44".into()),
        client_name: Some("ehpad music".into()),
        duration_ms: Some(1_500),
        occurred_at: now(app) - TimeDelta::minutes(1),
    };
    let id = ticket_id(number);
    let event = TicketEvent::Processed(event);
    tell(app, ("support.ticket", &id), sequence, event).await;
}

fn raised(app: &TestApp, external_id: &str, client_id: Option<&str>) -> AlertEvent {
    AlertEvent::Raised(Box::new(AlertRaised {
        episode: 1,
        source: "observium".into(),
        external_id: external_id.into(),
        device: "SWITCH-CLI-001".into(),
        client_id: client_id.map(str::to_owned),
        client_name: None,
        severity: Severity::Critical,
        message: "lien coupé".into(),
        responsibility: Responsibility::Fai,
        confidence: Some(75),
        occurred_at: now(app) - TimeDelta::minutes(2),
    }))
}

async fn raise(app: &TestApp, external_id: &str, client_id: Option<&str>) -> AggregateId {
    let id = alert_id("observium", external_id);
    let event = raised(app, external_id, client_id);
    tell(app, ("sentinel.alert", &id), 0, event).await;
    id
}

const DASHBOARDS: [&str; 5] = [
    "overview",
    "support",
    "sentinel",
    "enrichisseur",
    "safeguard",
];

#[tokio::test]
async fn every_number_leads_to_the_list_behind_it() {
    let app = TestApp::start_with(|config| {
        config.glpi_base_url = Some("https://glpi.example.fr/".into());
    })
    .await;
    let stage = stage(&app).await;
    let paul = &stage.paul;
    ticket(&app, 1234, 0, TicketOutcome::InProgress, "Reset MDP").await;
    ticket(
        &app,
        1234,
        1,
        TicketOutcome::Resolved,
        "Reset MDP - Jean Dupont",
    )
    .await;
    ticket(&app, 1235, 0, TicketOutcome::Failed, "=cmd|' /C calc'!A0").await;
    let known = raise(&app, "1", Some("44")).await;
    raise(&app, "2", Some("999")).await;
    raise(&app, "3", None).await;
    ask(&stage).await;
    app.settle().await;

    let support = paul.get("/api/supervision/support?range=24h").await.ok();
    assert_eq!(support["total"]["value"], 2, "the latest report counts");
    assert_eq!(support["mean_duration_ms"], 1_500.0);
    assert_eq!(support["by_client"][0]["client"]["name"], "EHPAD Music Art");
    assert_eq!(support["by_category"].as_array().unwrap().len(), 4);
    assert_eq!(support["by_category"][2]["automatic_percent"], Value::Null);
    let listed = paul.get("/api/supervision/tickets?range=24h").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let found = paul.get("/api/supervision/tickets?q=dupont").await.ok();
    assert_eq!(found["items"][0]["ticket_id"], 1234);
    assert_eq!(found["items"][0]["reports"], 2);
    let url = "https://glpi.example.fr/front/ticket.form.php?id=1234";
    assert_eq!(found["items"][0]["url"], url);
    let failed = paul
        .get("/api/supervision/tickets?outcome=failed&client_id=44")
        .await;
    assert_eq!(failed.ok()["items"][0]["ticket_id"], 1235);

    let sentinel = paul.get("/api/supervision/sentinel?range=24h").await.ok();
    assert_eq!(
        (&sentinel["total"]["value"], &sentinel["active_now"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(sentinel["clients_to_identify"], 1);
    let clients: Vec<_> = sentinel["impacted_clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["client"]["id"].as_str().unwrap(),
                it["client"]["critical"].clone(),
            )
        })
        .collect();
    assert_eq!(clients, [("44", json!(false)), ("999", Value::Null)]);
    let count = async |query: &str| {
        let page = paul
            .get(&format!("/api/supervision/alerts?{query}"))
            .await
            .ok();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count("status=active&range=today").await, 3);
    assert_eq!(count("known_client=false").await, 1);
    assert_eq!(count("known_client=true").await, 1);
    assert_eq!(count("client_id=-").await, 1);
    assert_eq!(
        count("responsibility=fai&severity=critical&device=SWITCH-CLI-001").await,
        3
    );
    assert_eq!(count("flapping=true").await, 0);
    assert_eq!(
        count("flapping=false&awaiting_diag=false&acknowledged=false").await,
        3
    );
    assert_eq!(count("q=lien%20coup").await, 3);
    let first = paul.get("/api/supervision/alerts?limit=2").await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(count(&format!("limit=2&cursor={cursor}")).await, 1);
    let alert = paul
        .get(&format!("/api/supervision/alerts/{}", known.as_str()))
        .await
        .ok();
    assert_eq!(
        (&alert["version"], &alert["client"]["name"]),
        (&json!(1), &json!("EHPAD Music Art"))
    );
    let other = format!("/api/supervision/alerts/{}?episode=2", known.as_str());
    paul.get(&other).await.refused(404, "not_found");

    let overview = paul.get("/api/supervision/overview").await.ok();
    assert_eq!(overview["period"]["range"], "24h");
    assert_eq!(
        (&overview["tickets"], &overview["alerts"]),
        (&support["total"], &sentinel["total"])
    );
    assert_eq!(overview["pending_approvals"]["value"], 1);
    let names: Vec<_> = overview["health"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["component"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["glpi", "nats", "postgresql", "observium", "mcp", "models"]
    );
    let lines = overview["activity"].as_array().unwrap();
    let kinds: Vec<_> = lines
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "approval_requested",
            "alert_raised",
            "alert_raised",
            "alert_raised",
            "ticket_processed",
            "ticket_processed",
            "ticket_processed"
        ]
    );
    assert_eq!(lines[0]["label"], "ad_reset_password");
    // From a line to the audit history of what it is about.
    let trail = format!(
        "/api/users/audit?target_type={}&target_id={}",
        lines[6]["target_type"].as_str().unwrap(),
        lines[6]["target_id"].as_str().unwrap()
    );
    let trail = stage.admin.get(&trail).await.ok();
    assert_eq!(
        trail["items"][1]["action"], "support.ticket.processed",
        "{trail}"
    );

    let safeguard = paul.get("/api/supervision/safeguard").await.ok();
    assert_eq!(safeguard["pending"].as_array().unwrap().len(), 1);
    assert_eq!(safeguard["stats"]["total"], 1);
    paul.get("/api/supervision/enrichisseur").await.ok();
}

#[tokio::test]
async fn periods_and_positions_are_checked() {
    let app = TestApp::start().await;
    let paul = app.user("paul", N3, Role::Tech).await;
    let marie = app.user("marie", N2, Role::Tech).await;
    app.user("admin.n4", N4, Role::Admin).await;
    let bot = app
        .service(
            "support",
            "admin.n4",
            &[Scope::Intake, Scope::SafeguardRead],
        )
        .await;
    app.settle().await;
    for dashboard in DASHBOARDS {
        let path = format!("/api/supervision/{dashboard}");
        for who in [&marie, &bot] {
            who.get(&path).await.refused(403, "forbidden");
        }
        for query in [
            "range=year",
            "from=2026-01-01T00:00:00Z",
            "to=2026-01-01T00:00:00Z",
            "from=x&to=y",
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        ] {
            paul.get(&format!("{path}?{query}"))
                .await
                .refused(422, "invalid");
        }
        let night = "from=2026-03-28T23:00:00Z&to=2026-03-29T22:00:00Z";
        let answer = paul.get(&format!("{path}?{night}")).await.ok();
        assert_eq!(answer["period"]["step"], "hour");
        if let Some(series) = answer.get("series") {
            assert_eq!(series.as_array().unwrap().len(), 23, "the day has 23 hours");
        }
        let head = app.head().await;
        app.settle().await;
        let seen = paul
            .request(Method::GET, &path)
            .header("greffe-min-position", head);
        let seen = Answer::read(seen.send().await.unwrap()).await;
        let position: u64 = seen.headers["greffe-position"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(position >= head);
        let beyond = paul
            .request(Method::GET, &path)
            .header("greffe-min-position", head + 1_000);
        Answer::read(beyond.send().await.unwrap())
            .await
            .refused(422, "invalid");
    }
    for query in ["cursor=x", "client_id=a%00b", "limit=0", "category=other"] {
        paul.get(&format!("/api/supervision/tickets?{query}"))
            .await
            .refused(422, "invalid");
    }
}

/// Opens the feed of SUPERVISION.
async fn open(app: &TestApp, who: &Session<'_>) -> socket::Socket {
    let headers = socket::bearer(who.token.as_deref().unwrap());
    let (socket, _) = socket::connect_to(app, "/api/supervision/ws", &headers)
        .await
        .unwrap();
    socket
}

#[tokio::test]
async fn the_feed_shows_what_get_shows() {
    let app = TestApp::start_with(|config| {
        config.glpi_base_url = Some("https://glpi.example.fr".into());
    })
    .await;
    let stage = stage(&app).await;
    let paul = &stage.paul;
    let refused = socket::connect_to(
        &app,
        "/api/supervision/ws",
        &socket::bearer(stage.marie.token.as_deref().unwrap()),
    )
    .await;
    assert!(refused.is_err(), "N2 may not");
    let mut feed = open(&app, paul).await;
    let ready = socket::frame(&mut feed).await;
    assert_eq!(ready["type"], "feed:ready");
    ticket(
        &app,
        1234,
        0,
        TicketOutcome::Resolved,
        "Reset MDP - Jean Dupont",
    )
    .await;
    let frame = socket::frame(&mut feed).await;
    assert_eq!(frame["type"], "workflow:ticket_processed");
    let shown = paul.get("/api/supervision/tickets").await.ok();
    assert_eq!(frame["data"], shown["items"][0]);
    let id = raise(&app, "1", Some("44")).await;
    let frame = socket::frame(&mut feed).await;
    assert_eq!(frame["type"], "workflow:alert_detected");
    let path = format!("/api/supervision/alerts/{}", id.as_str());
    assert_eq!(frame["data"], paul.get(&path).await.ok());
    let step = AlertEvent::StepRecorded(AlertStep {
        episode: 1,
        kind: StepKind::TicketCreated,
        ticket_id: Some(4567),
        detail: Some("ouvert".into()),
        by: "service:support".into(),
        occurred_at: now(&app),
        subject: "client:44".into(),
    });
    tell(&app, ("sentinel.alert", &id), 1, step).await;
    let frame = socket::frame(&mut feed).await;
    assert_eq!(frame["type"], "workflow:alert_updated");
    assert_eq!(frame["data"], paul.get(&path).await.ok());
    assert!(
        frame["data"]["steps"][0]["url"]
            .as_str()
            .unwrap()
            .ends_with("=4567")
    );
    let run = EnrichmentEvent::Finished(EnrichmentFinished {
        run_id: "nuit".into(),
        started_at: now(&app) - TimeDelta::minutes(9),
        finished_at: now(&app),
        next_run_at: None,
        added: 7,
        updated: 1,
        failed: 0,
        by_source: [("tickets".to_owned(), 7)].into(),
    });
    tell(&app, ("knowledge.enrichment", &run_id("nuit")), 0, run).await;
    let frame = socket::frame(&mut feed).await;
    assert_eq!(frame["type"], "workflow:enrichment_finished");
    let shown = paul.get("/api/supervision/runs").await.ok();
    assert_eq!(frame["data"], shown["items"][0]);
    let change = ComponentEvent::HealthChanged(HealthChanged {
        component: "glpi".into(),
        status: HealthStatus::Down,
        previous: Some(HealthStatus::Ok),
        detail: Some("ne répond pas".into()),
        latency_ms: Some(2_000),
        occurred_at: now(&app),
    });
    tell(
        &app,
        ("workflow.component", &component_id("glpi")),
        0,
        change,
    )
    .await;
    let frame = socket::frame(&mut feed).await;
    assert_eq!(frame["type"], "workflow:health_change");
    let shown = paul.get("/api/supervision/health").await.ok();
    assert_eq!(frame["data"], shown["components"][0]);
    assert_eq!(shown["changes"][0]["previous"], "ok");
    let error = WorkflowErrorEvent::Reported(WorkflowErrorReported {
        workflow: "SUPPORT".into(),
        message: "AD ne répond pas".into(),
        tool: Some("ad_check_user".into()),
        ticket_id: Some(1234),
        attempts: Some(3),
        recovered: false,
        occurred_at: now(&app),
    });
    tell(&app, ("workflow.error", &kernel::new_id().into()), 0, error).await;
    let frame = socket::frame(&mut feed).await;
    assert_eq!(frame["type"], "workflow:error");
    let shown = paul
        .get("/api/supervision/errors?recovered=false")
        .await
        .ok();
    assert_eq!(frame["data"], shown["items"][0]);
    // The same by polling, for where no socket can be had.
    let polled = paul
        .get(&format!(
            "/api/supervision/feed?after={}",
            ready["position"]
        ))
        .await
        .ok();
    let polled = polled["items"].as_array().unwrap();
    assert_eq!((polled.len(), &polled[5]["data"]), (6, &frame["data"]));
}

#[tokio::test]
async fn exports_hold_the_list_and_no_formula_and_are_in_the_trail() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    let title = "=cmd|' /C calc'!A0";
    ticket(&app, 1234, 0, TicketOutcome::Resolved, title).await;
    ticket(&app, 1235, 0, TicketOutcome::Failed, "Déblocage").await;
    raise(&app, "1", Some("44")).await;
    app.settle().await;
    let path = "/api/supervision/tickets/export?outcome=resolved&format=csv";
    let csv = stage.paul.get(path).await;
    assert!(
        csv.headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains("tickets.csv")
    );
    let text = csv.ok();
    let lines: Vec<&str> = text.as_str().unwrap().lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("ticket_id,title,category"));
    assert!(lines[1].starts_with("1234,'=cmd"), "{}", lines[1]);
    let at = now(&app).to_rfc3339_opts(SecondsFormat::Secs, true);
    assert!(lines[1].contains(&at[..13]), "{}", lines[1]);
    for list in ["tickets", "alerts", "errors", "runs"] {
        let path = format!("/api/supervision/{list}/export?format=xlsx");
        let answer = stage.paul.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["greffe-truncated"], "false");
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(&bytes[..4], b"PK\x03\x04", "a spreadsheet is a zip file");
        stage.marie.get(&path).await.refused(403, "forbidden");
        let path = format!("/api/supervision/{list}/export");
        for (query, code) in [("", "required"), ("?format=pdf", "invalid")] {
            let answer = stage.paul.get(&format!("{path}{query}")).await;
            let problem = answer.refused(422, "invalid");
            assert_eq!(
                problem["errors"],
                json!([{ "field": "format", "code": code }])
            );
        }
    }
    app.settle().await;
    let trail = stage
        .admin
        .get("/api/users/audit?action=export_tickets")
        .await
        .ok();
    let outcomes: Vec<_> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["outcome"])
        .collect();
    assert_eq!(
        outcomes.iter().filter(|it| **it == "accepted").count(),
        2,
        "{trail}"
    );
}
