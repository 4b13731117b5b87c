//! The lists behind the numbers find what they say.

use events::{sentinel::*, support::*, workflow::*};
use projections::supervision::{
    AlertFilter, AlertStatus, MaintenanceStatus, TicketFilter, find_components, list_alerts,
    list_maintenance, list_tickets,
};

use crate::{
    World,
    history::{Fact, Happening, at, client_id, tell},
};

/// What an alert is in an episode at a time: of a client, and down or up.
fn alert(number: &str, client_id: Option<&str>, event: &str, at_time: &str) -> Fact {
    let (id, at) = (alert_id("observium", number), at(at_time));
    let subject = alert_subject(&id, client_id);
    let (severity, message) = (Severity::Critical, "lien coupé".to_owned());
    let (episode, by) = (1, "service:sentinel".to_owned());
    let event = match event {
        "raised" => AlertEvent::Raised(Box::new(AlertRaised {
            episode,
            source: "observium".into(),
            external_id: number.into(),
            device: "SWITCH-1".into(),
            client_id: client_id.map(str::to_owned),
            client_name: None,
            severity,
            message,
            responsibility: Responsibility::Fai,
            confidence: None,
            occurred_at: at,
        })),
        "flapping" => AlertEvent::FlappingStarted(AlertFlapping {
            episode,
            downs: 4,
            occurred_at: at,
        }),
        "awaiting" => AlertEvent::StepRecorded(AlertStep {
            episode,
            kind: StepKind::AwaitingDiag,
            ticket_id: None,
            detail: None,
            by,
            occurred_at: at,
            subject,
        }),
        "up" => AlertEvent::Resolved(AlertResolved {
            episode,
            resolution: None,
            by,
            occurred_at: at,
            subject,
        }),
        _ => AlertEvent::Reopened(AlertReopened {
            episode,
            severity,
            message,
            occurred_at: at,
            subject,
        }),
    };
    Fact::Alert(id, event)
}

#[tokio::test]
async fn flapping_is_over_after_half_an_hour_of_quiet() {
    let world = World::new().await;
    for fact in [
        alert("1", None, "raised", "2026-03-02T11:40:00Z"),
        alert("1", None, "flapping", "2026-03-02T12:00:00Z"),
        alert("1", None, "up", "2026-03-02T12:20:00Z"),
        alert("1", None, "down", "2026-03-02T12:55:00Z"),
        alert("1", None, "up", "2026-03-02T13:05:00Z"),
    ] {
        world.tell(&fact).await;
    }
    world.catch_up().await;
    let (pool, vault) = (world.log.pool(), world.log.vault());
    for (now, is_flapping) in [
        ("2026-03-02T12:49:59Z", true),
        ("2026-03-02T12:50:00Z", false),
        ("2026-03-02T12:56:00Z", false),
        ("2026-03-02T13:06:00Z", false),
    ] {
        let count = async |flapping| {
            let filter = AlertFilter {
                flapping: Some(flapping),
                limit: 10,
                ..AlertFilter::default()
            };
            let page = list_alerts(pool, vault, &filter, at(now)).await.unwrap();
            page.items.len()
        };
        let found = (count(true).await == 1, count(false).await == 1);
        assert_eq!(found, (is_flapping, !is_flapping), "{now}");
    }
}

#[tokio::test]
async fn lists_find_clients_to_identify_and_alerts_that_wait() {
    let world = World::new().await;
    world.register().await;
    let (known, unknown) = (client_id(0), client_id(3));
    let time = "2026-03-02T12:00:00Z";
    world.tell(&alert("1", Some(&known), "raised", time)).await;
    world.tell(&alert("2", None, "raised", time)).await;
    world.catch_up().await;
    let (pool, vault) = (world.log.pool(), world.log.vault());
    let found = async |filter: AlertFilter| {
        let filter = AlertFilter {
            limit: 10,
            ..filter
        };
        let page = list_alerts(pool, vault, &filter, at(time)).await.unwrap();
        let mut ids: Vec<String> = page.items.into_iter().map(|it| it.external_id).collect();
        ids.sort();
        ids
    };
    let known_client = |is_known| AlertFilter {
        known_client: Some(is_known),
        ..AlertFilter::default()
    };
    let awaiting_diag = |is_waiting| AlertFilter {
        awaiting_diag: Some(is_waiting),
        ..AlertFilter::default()
    };
    assert_eq!(found(known_client(false)).await, [""; 0]);
    assert_eq!(found(awaiting_diag(true)).await, [""; 0]);

    for (number, client_id) in [("3", &unknown), ("4", &unknown), ("5", &client_id(2))] {
        world
            .tell(&alert(number, Some(client_id), "raised", time))
            .await;
    }
    world
        .tell(&alert("1", Some(&known), "awaiting", time))
        .await;
    world
        .tell(&alert("3", Some(&unknown), "awaiting", time))
        .await;
    world.tell(&alert("3", Some(&unknown), "up", time)).await;
    world.catch_up().await;
    assert_eq!(found(known_client(false)).await, ["3", "4", "5"]);
    assert_eq!(found(known_client(true)).await, ["1"]);
    assert_eq!(found(awaiting_diag(true)).await, ["1"]);
    assert_eq!(found(awaiting_diag(false)).await, ["2", "3", "4", "5"]);
    let resolved = AlertFilter {
        status: Some(AlertStatus::Resolved),
        ..awaiting_diag(true)
    };
    assert_eq!(found(resolved).await, [""; 0]);
    let first = AlertFilter {
        limit: 2,
        ..known_client(false)
    };
    let page = list_alerts(pool, vault, &first, at(time)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    let rest = AlertFilter {
        cursor: page.next_cursor,
        ..known_client(false)
    };
    assert_eq!(found(rest).await.len(), 1);
    let tickets = TicketFilter {
        known_client: Some(false),
        limit: 10,
        ..TicketFilter::default()
    };
    let page = list_tickets(pool, vault, &tickets).await.unwrap();
    assert_eq!(page.items.len(), 0);
    let ticket = |ticket_id, number| {
        Fact::Ticket(TicketProcessed {
            ticket_id,
            title: None,
            category: TicketCategory::Autre,
            outcome: TicketOutcome::Resolved,
            automatic: true,
            client_id: Some(client_id(number)),
            client_name: None,
            duration_ms: None,
            occurred_at: at(time),
        })
    };
    world.tell(&ticket(1, 0)).await;
    world.tell(&ticket(2, 3)).await;
    world.catch_up().await;
    let page = list_tickets(pool, vault, &tickets).await.unwrap();
    let ids: Vec<i64> = page.items.iter().map(|it| it.ticket_id).collect();
    assert_eq!(ids, [2]);
}

#[tokio::test]
async fn a_window_that_was_cancelled_says_when() {
    let world = World::new().await;
    let plan = Happening::Plan {
        client: Some(0),
        device: None,
        minutes: 60,
    };
    let (begin, cancelled) = (at("2026-03-02T12:00:00Z"), at("2026-03-02T12:20:00Z"));
    let facts = [
        (plan.clone(), begin),
        (Happening::Cancel(0), cancelled),
        (plan, begin),
    ];
    for fact in tell(&facts) {
        world.tell(&fact).await;
    }
    world.catch_up().await;
    let (pool, vault) = (world.log.pool(), world.log.vault());
    let now = at("2026-03-02T12:30:00Z");
    let page = list_maintenance(pool, vault, 10, None, now).await.unwrap();
    let found: Vec<_> = page
        .items
        .iter()
        .map(|it| (it.status, it.cancelled_at))
        .collect();
    let expected = [
        (MaintenanceStatus::Running, None),
        (MaintenanceStatus::Cancelled, Some(cancelled)),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn of_many_components_those_that_are_not_well_are_shown() {
    let world = World::new().await;
    let heard_at = at("2026-03-02T12:00:00Z");
    let others = (0..110).map(|nth| (format!("capteur-{nth:03}"), HealthStatus::Ok));
    let others = others.chain([
        ("wazo".to_owned(), HealthStatus::Down),
        ("nats".to_owned(), HealthStatus::Ok),
    ]);
    for (component, status) in others {
        let fact = Fact::Health(HealthChanged {
            component,
            status,
            previous: None,
            detail: None,
            latency_ms: None,
            occurred_at: heard_at,
        });
        world.tell(&fact).await;
    }
    world.catch_up().await;
    let found = find_components(world.log.pool(), world.log.vault())
        .await
        .unwrap();
    // Six are always shown.
    assert_eq!((found.components.len(), found.total), (100, 6 + 111));
    let names: Vec<_> = found
        .components
        .iter()
        .map(|it| it.component.as_str())
        .collect();
    assert_eq!(names[1], "nats");
    assert_eq!(
        (names[6], names[98], names[99]),
        ("capteur-000", "capteur-092", "wazo")
    );
}
