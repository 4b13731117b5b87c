//! Given events, expect rows; redelivery and rebuild give identical rows; nothing personal in clear.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use domain::{clients::*, safeguard::*, users::*};
use eventlog::{
    CommandContext, EventLog, FeedHub, FeedItem, Leases, LogReader, Progress, Projector, Rebuilder,
    Vault,
};
use events::{
    ERASED,
    safeguard::RequestContext,
    users::{RevocationCause, Role, Scope},
};
use kernel::{
    AccreditationLevel::{self, *},
    ActionLevel, Actor, AggregateId, LogAggregate, Metadata, Origin, new_id,
};
use projections::{audit::*, clients::*, safeguard::*, users::*};
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::TestDatabase;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const NAMES: [&str; 6] = [
    "approvals",
    "tools",
    "clients",
    "users",
    "supervision",
    "audit",
];
const TABLES: [&str; 8] = [
    "approvals",
    "approval_postponements",
    "tools",
    "clients",
    "users",
    "sessions",
    "service_accounts",
    "audit_items",
];

fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

struct World {
    database: TestDatabase,
    log: EventLog,
}

/// A projector that runs until it is dropped.
struct Running {
    progress: Progress,
    stop: CancellationToken,
    _leases: Leases,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    async fn new() -> Self {
        let database = testkit::fresh_database().await;
        eventlog::migrate(&database.pool).await.unwrap();
        let log = Self::open(&database.url).await;
        Self { database, log }
    }

    async fn open(url: &str) -> EventLog {
        let options = eventlog::search_path(url.parse().unwrap(), &projections::all());
        let pool = PgPool::connect_with(options).await.unwrap();
        EventLog::open(pool.clone(), Vault::new(pool, &[7; 32]))
            .await
            .unwrap()
    }

    fn pool(&self) -> &PgPool {
        self.log.pool()
    }

    fn vault(&self) -> &Vault {
        self.log.vault()
    }

    async fn project(&self) -> Running {
        let stop = CancellationToken::new();
        let log = Self::open(&self.database.url).await;
        let leases = Leases::start(log.pool());
        let reader = LogReader::start(log.clone(), None, stop.clone())
            .await
            .unwrap();
        let progress = Progress::new(log.pool().clone());
        let projector = Projector {
            log,
            reader,
            progress: progress.clone(),
            orders: |_| None,
        };
        projector.start(projections::all(), &leases, &stop);
        Running {
            progress,
            stop,
            _leases: leases,
        }
    }

    async fn settle(&self, running: &Running) {
        let head = self.log.head().await.unwrap();
        let settled = running
            .progress
            .wait_for(&NAMES, head, Duration::from_secs(60))
            .await
            .unwrap();
        assert!(settled, "{:?}", running.progress.here());
    }

    /// Runs the projections until they have everything, then stops them.
    async fn catch_up(&self) {
        let running = self.project().await;
        self.settle(&running).await;
    }

    /// Fills every read model anew, and compares it with what the log says.
    async fn rebuild(&self) {
        let rebuilder = Rebuilder {
            log: self.log.clone(),
            orders: |_| None,
        };
        for projection in projections::all() {
            let name = projection.name();
            rebuilder.rebuild(projection.clone(), |_| {}).await.unwrap();
            let check = rebuilder.check(projection, |_| {}).await.unwrap();
            assert_eq!(check.difference, None, "{name}");
        }
    }

    async fn run<A>(&self, id: &AggregateId, actor: Actor, command: A::Command)
    where
        A: LogAggregate + cqrs_es::Aggregate<Services = ()>,
        A::Command: Clone,
    {
        let mut metadata = Metadata::new(actor, new_id());
        metadata.origin = Some(Origin {
            ip_address: Some("192.0.2.1".into()),
            user_agent: Some("Firefox".into()),
        });
        let context = CommandContext {
            metadata,
            key: None,
        };
        if let Err(error) = self.log.execute::<A>(id, command, &(), &context).await {
            panic!("{error}");
        }
    }

    async fn approval(&self, id: Uuid, actor: Actor, command: ApprovalCommand) {
        self.run::<Approval>(&id.into(), actor, command).await;
    }

    /// Every row of every table, its personal parts opened.
    async fn rows(&self) -> Vec<(String, Vec<Value>)> {
        let mut tables = Vec::new();
        for table in TABLES {
            let mut rows: Vec<Value> =
                sqlx::query_scalar(&format!("SELECT to_jsonb(t) FROM {table} t"))
                    .fetch_all(self.pool())
                    .await
                    .unwrap();
            self.vault()
                .open_all(rows.iter_mut().collect())
                .await
                .unwrap();
            rows.sort_by_key(Value::to_string);
            tables.push((table.to_owned(), rows));
        }
        tables
    }

    async fn find(&self, id: Uuid, now: DateTime<Utc>) -> ApprovalItem {
        find_approval(self.pool(), self.vault(), id, Some(user(1)), now)
            .await
            .unwrap()
            .unwrap()
    }
}

fn user(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn person(
    number: u128,
    username: &str,
    display_name: &str,
    level: AccreditationLevel,
) -> UserCommand {
    UserCommand::Register(RegisterUser {
        user_id: user(number),
        username: username.into(),
        display_name: display_name.into(),
        accreditation_level: level,
        role: Role::Tech,
        credential_id: Some(Uuid::from_u128(1000 + number)),
        must_change_password: false,
        now: minute(-60),
    })
}

fn request(number: u128, tool: &str, client: &str, at: i64) -> ApprovalCommand {
    ApprovalCommand::Request(Box::new(RequestApproval {
        approval_id: approval(number),
        requester: Requester {
            actor: Actor::service("support"),
            owner_id: Some(user(3)),
        },
        tool_name: tool.into(),
        arguments: json!({"username": "jean.dupont"}),
        asked_level: Some(ActionLevel::L3),
        is_misspelt: false,
        registry_level: Some(ActionLevel::L3),
        context: RequestContext {
            ticket_id: Some(1234),
            ticket_title: Some("Reset MDP - Jean Dupont".into()),
            ticket_description: Some("Mot de passe oublié".into()),
            client_id: Some(client.into()),
            client_name: Some("EHPAD Les Jardins".into()),
            client_critical: false,
            workflow: Some("SUPPORT".into()),
            confidence: Some(95),
        },
        client: Some(RegisteredClient {
            name: "EHPAD Les Jardins".into(),
            critical: false,
        }),
        on_behalf_of: Some("jean.dupont".into()),
        expires_in_seconds: Some(3_600),
        now: minute(at),
    }))
}

fn approval(number: u128) -> Uuid {
    Uuid::from_u128(0xa000 + number)
}

fn martin() -> Decider {
    Decider {
        user_id: user(1),
        username: "marie.martin".into(),
        level: N2,
    }
}

fn approve(at: i64) -> ApprovalCommand {
    ApprovalCommand::Approve(Approve {
        by: martin(),
        version: 1,
        comment: Some("vu avec Jean Dupont".into()),
        claim_window: CLAIM_WINDOW,
        now: minute(at),
    })
}

fn reject(at: i64) -> ApprovalCommand {
    let reason = "compte partagé".into();
    ApprovalCommand::Reject(Reject {
        by: martin(),
        version: 1,
        reason,
        now: minute(at),
    })
}

async fn story(world: &World) {
    registers(world).await;
    desk(world).await;
}

/// People, clients, tools, a service account, sessions.
async fn registers(world: &World) {
    let admin = || Actor::system("test");
    for (number, username, name, level) in [
        (1, "marie.martin", "Marie Martin", N2),
        (3, "paul.durand", "Paul Durand", N4),
    ] {
        world
            .run::<User>(
                &user(number).into(),
                admin(),
                person(number, username, name, level),
            )
            .await;
    }
    for (name, critical) in [("EHPAD Jardins", false), ("EHPAD Les Jardins", true)] {
        let entry = ClientEntry {
            client_id: "42".into(),
            name: name.into(),
            critical,
        };
        let command = ClientCommand::Put {
            entry,
            version: None,
            now: minute(-50),
        };
        world
            .run::<Client>(&Client::id("42"), admin(), command)
            .await;
    }
    for entry in seed() {
        let id = Tool::id(&entry.name);
        world
            .run::<Tool>(
                &id,
                admin(),
                ToolCommand::Seed {
                    entry,
                    now: minute(-40),
                },
            )
            .await;
    }
    let create = ServiceAccountCommand::Create {
        name: "support".into(),
        owner_id: user(3),
        scopes: vec![Scope::SafeguardRequest],
        credential_id: Uuid::from_u128(5),
        now: minute(-30),
    };
    let support = AggregateId::new("support").unwrap();
    world.run::<ServiceAccount>(&support, admin(), create).await;
    for number in [1, 2] {
        let open = SessionCommand::Open {
            user_id: user(1),
            ip_address: Some("192.0.2.7".into()),
            user_agent: Some("Firefox".into()),
            token_lifetime: TOKEN_LIFETIME,
            now: minute(-20 + number as i64),
        };
        let id = AggregateId::from(Uuid::from_u128(0x5e55 + number));
        world.run::<Session>(&id, Actor::user(user(1)), open).await;
    }
    let revoke = SessionCommand::Revoke {
        cause: RevocationCause::SignedOut,
        now: minute(-10),
    };
    let first = AggregateId::from(Uuid::from_u128(0x5e55 + 1));
    world
        .run::<Session>(&first, Actor::user(user(1)), revoke)
        .await;
}

/// A day at the desk: 1 executed, 2 rejected, 3 postponed and pending, 4 expired, 5 cancelled.
async fn desk(world: &World) {
    let service = || Actor::service("support");
    let marie = || Actor::user(user(1));
    for number in 1..=5 {
        let tool = if number == 2 {
            "glpi_close_ticket"
        } else {
            "ad_reset_password"
        };
        let client = if number == 4 { "77" } else { "42" };
        world
            .approval(
                approval(number),
                service(),
                request(number, tool, client, number as i64),
            )
            .await;
    }
    world.approval(approval(1), marie(), approve(11)).await;
    let claim = Claim {
        by: service(),
        arguments_hash: arguments_hash("ad_reset_password", &json!({"username": "jean.dupont"}))
            .unwrap(),
        grant_id: Uuid::from_u128(9),
        execution_window: EXECUTION_WINDOW,
        now: minute(12),
    };
    world
        .approval(approval(1), service(), ApprovalCommand::Claim(claim))
        .await;
    let record = RecordExecution {
        by: service(),
        grant_id: Uuid::from_u128(9),
        outcome: ExecutionOutcome::Succeeded,
        detail: Some("mot de passe remis à Jean Dupont".into()),
        now: minute(13),
    };
    world
        .approval(
            approval(1),
            service(),
            ApprovalCommand::RecordExecution(record),
        )
        .await;
    world.approval(approval(2), marie(), reject(22)).await;
    let postpone = Postpone {
        by: martin(),
        version: 1,
        minutes: 10,
        reason: None,
        now: minute(10),
    };
    world
        .approval(approval(3), marie(), ApprovalCommand::Postpone(postpone))
        .await;
    let expire = ApprovalCommand::Expire { now: minute(64) };
    world
        .approval(approval(4), Actor::system("clerk"), expire)
        .await;
    let cancel = Cancel {
        by: service(),
        level: None,
        reason: None,
        now: minute(6),
    };
    world
        .approval(approval(5), service(), ApprovalCommand::Cancel(cancel))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivery_and_rebuild_give_identical_rows() {
    let world = World::new().await;
    story(&world).await;
    world.catch_up().await;
    let first = world.rows().await;
    for (table, rows) in &first {
        assert!(!rows.is_empty(), "{table} has rows");
    }
    // Redelivery: everything once more on the same rows.
    sqlx::query("UPDATE projection_checkpoints SET position = 0")
        .execute(world.pool())
        .await
        .unwrap();
    world.catch_up().await;
    assert_eq!(world.rows().await, first);
    world.rebuild().await;
    assert_eq!(world.rows().await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_do_not_depend_on_how_events_are_batched() {
    let world = World::new().await;
    let running = world.project().await;
    story(&world).await;
    world.settle(&running).await;
    let live = world.rows().await;
    drop(running);
    world.rebuild().await;
    assert_eq!(world.rows().await, live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_are_read_as_the_contract_says() {
    let world = World::new().await;
    story(&world).await;
    world.catch_up().await;
    let done = world.find(approval(1), minute(20)).await;
    assert_eq!(
        (done.status, done.version, done.urgency),
        (Status::Executed, 2, None)
    );
    assert_eq!(done.arguments, json!({"username": "jean.dupont"}));
    assert_eq!(
        (
            done.decisions[0].kind.as_str(),
            done.decisions[0].by.as_str()
        ),
        ("approved", "marie.martin")
    );
    assert_eq!(
        done.decisions[0].comment.as_deref(),
        Some("vu avec Jean Dupont")
    );
    assert_eq!(
        done.execution.as_ref().unwrap().outcome,
        Some(ExecutionOutcome::Succeeded)
    );
    let kinds: Vec<_> = done
        .timeline
        .iter()
        .map(|entry| entry.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        ["requested", "approved", "execution_claimed", "executed"]
    );
    assert_eq!(done.timeline[0].by, "service:support");
    let json = serde_json::to_value(&done).unwrap();
    assert_eq!(json["requested_at"], "2026-01-15T09:01:00.000Z");
    for field in [
        "id",
        "reference",
        "arguments_hash",
        "security_level",
        "context",
        "requested_by",
        "expires_at",
        "postponed_until",
        "required_approvals",
        "execution",
        "urgency",
    ] {
        assert!(json.get(field).is_some(), "{field}");
    }
    // Postponed for her who did it, until it wakes; for nobody else, and not in the timeline.
    let hidden = world.find(approval(3), minute(15)).await;
    assert_eq!(hidden.postponed_until, Some(minute(20)));
    assert_eq!((hidden.urgency, hidden.version), (Some(Urgency::Green), 1));
    assert_eq!(hidden.timeline.len(), 1);
    assert_eq!(
        world.find(approval(3), minute(20)).await.postponed_until,
        None
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_requests_come_by_urgency_and_filters() {
    let world = World::new().await;
    for number in 1..=5 {
        let tool = if number == 2 {
            "glpi_close_ticket"
        } else {
            "ad_reset_password"
        };
        let command = request(number, tool, "42", 10 - number as i64);
        world
            .approval(approval(number), Actor::service("support"), command)
            .await;
    }
    let postpone = Postpone {
        by: martin(),
        version: 1,
        minutes: 10,
        reason: None,
        now: minute(10),
    };
    world
        .approval(
            approval(4),
            Actor::user(user(1)),
            ApprovalCommand::Postpone(postpone),
        )
        .await;
    world.catch_up().await;
    let list = async |filter: PendingFilter, reader, at| {
        let (pool, vault) = (world.pool(), world.vault());
        let page = list_pending(pool, vault, &filter, user(reader), minute(at))
            .await
            .unwrap();
        let numbers: Vec<u128> = page.items.iter().map(|i| i.id.as_u128() - 0xa000).collect();
        (numbers, page.next_cursor)
    };
    let all = || PendingFilter {
        limit: 50,
        ..Default::default()
    };
    // Number n expires at minute 70 - n.
    assert_eq!(list(all(), 1, 11).await.0, [5, 3, 2, 1]);
    assert_eq!(list(all(), 2, 11).await.0, [5, 4, 3, 2, 1]);
    assert_eq!(list(all(), 1, 20).await.0, [5, 4, 3, 2, 1], "it wakes");
    assert_eq!(
        list(
            PendingFilter {
                include_postponed: true,
                ..all()
            },
            1,
            11
        )
        .await
        .0
        .len(),
        5
    );
    assert_eq!(
        list(all(), 2, 66).await.0,
        [3, 2, 1],
        "what expired is not pending"
    );
    assert_eq!(
        count_pending(world.pool(), user(1), minute(11))
            .await
            .unwrap(),
        4
    );
    let urgent = |urgency| PendingFilter {
        urgency: Some(urgency),
        ..all()
    };
    assert_eq!(list(urgent(Urgency::Red), 2, 52).await.0, [5, 4, 3]);
    assert_eq!(list(urgent(Urgency::Yellow), 2, 52).await.0, [2, 1]);
    assert_eq!(list(urgent(Urgency::Green), 2, 52).await.0, [0; 0]);
    let tool = PendingFilter {
        tool: Some("glpi_close_ticket".into()),
        ..all()
    };
    assert_eq!(list(tool, 2, 11).await.0, [2]);
    let client = PendingFilter {
        client: Some("43".into()),
        ..all()
    };
    assert_eq!(list(client, 2, 11).await.0, [0; 0]);
    for (q, count) in [
        ("dup jean", 5),
        ("APR-2026-0003", 1),
        ("OUBLIE", 5),
        ("martin", 0),
    ] {
        let found = list(
            PendingFilter {
                q: Some(q.into()),
                ..all()
            },
            2,
            11,
        )
        .await
        .0;
        assert_eq!(found.len(), count, "{q}");
    }
    let (first, cursor) = list(PendingFilter { limit: 2, ..all() }, 2, 11).await;
    assert_eq!(first, [5, 4]);
    let (second, cursor) = list(
        PendingFilter {
            limit: 2,
            cursor,
            ..all()
        },
        2,
        11,
    )
    .await;
    assert_eq!(second, [3, 2]);
    let (third, cursor) = list(
        PendingFilter {
            limit: 2,
            cursor,
            ..all()
        },
        2,
        11,
    )
    .await;
    assert_eq!((third, cursor), (vec![1], None));
    let bad = PendingFilter {
        cursor: Some("x".into()),
        ..all()
    };
    let refused = list_pending(world.pool(), world.vault(), &bad, user(2), minute(11)).await;
    assert!(matches!(
        refused,
        Err(projections::ReadError::InvalidCursor)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_statistics_tell_what_became_of_requests() {
    let world = World::new().await;
    story(&world).await;
    world.catch_up().await;
    let list = async |filter: HistoryFilter| {
        let page = list_history(world.pool(), world.vault(), &filter, None, minute(70))
            .await
            .unwrap();
        page.items
            .iter()
            .map(|i| i.id.as_u128() - 0xa000)
            .collect::<Vec<_>>()
    };
    let all = || HistoryFilter {
        limit: 50,
        ..Default::default()
    };
    assert_eq!(
        list(all()).await,
        [5, 4, 2, 1],
        "the pending one is not history"
    );
    assert_eq!(
        list(HistoryFilter {
            status: Some(Status::Rejected),
            ..all()
        })
        .await,
        [2]
    );
    assert_eq!(
        list(HistoryFilter {
            status: Some(Status::Pending),
            ..all()
        })
        .await,
        [3]
    );
    assert_eq!(
        list(HistoryFilter {
            client: Some("77".into()),
            ..all()
        })
        .await,
        [4]
    );
    assert_eq!(
        list(HistoryFilter {
            from: Some(minute(2)),
            to: Some(minute(5)),
            ..all()
        })
        .await,
        [4, 2]
    );
    assert_eq!(
        list(HistoryFilter {
            q: Some("compte partage".into()),
            ..all()
        })
        .await,
        [2]
    );
    let filter = HistoryFilter { limit: 3, ..all() };
    let page = list_history(world.pool(), world.vault(), &filter, None, minute(70))
        .await
        .unwrap();
    assert_eq!(
        list(HistoryFilter {
            cursor: page.next_cursor,
            ..filter
        })
        .await,
        [1]
    );

    let stats = find_stats(world.pool(), world.vault(), minute(0), minute(60))
        .await
        .unwrap();
    assert_eq!(
        (
            stats.total,
            stats.approved,
            stats.rejected,
            stats.expired,
            stats.cancelled
        ),
        (5, 1, 1, 1, 1)
    );
    // Decided after 10 and 20 minutes.
    assert_eq!(stats.mean_response_seconds, Some(900.0));
    assert_eq!(stats.p90_response_seconds, Some(1140.0));
    assert_eq!(
        stats.top_actions[0],
        ToolCount {
            tool_name: "ad_reset_password".into(),
            count: 4
        }
    );
    assert_eq!(
        stats.by_client[0].client_name.as_deref(),
        Some("EHPAD Les Jardins")
    );
    assert_eq!(
        (
            stats.by_client[1].client_id.as_deref(),
            &stats.by_client[1].client_name
        ),
        (Some("77"), &None)
    );
    assert_eq!(
        stats.by_workflow,
        [WorkflowCount {
            workflow: Some("SUPPORT".into()),
            count: 5
        }]
    );
    let none = find_stats(world.pool(), world.vault(), minute(60), minute(61))
        .await
        .unwrap();
    assert_eq!((none.total, none.mean_response_seconds), (0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registries_and_people_are_read_back() {
    let world = World::new().await;
    story(&world).await;
    world.catch_up().await;
    let (pool, vault) = (world.pool(), world.vault());
    assert_eq!(list_tools(pool).await.unwrap().len(), seed().len());
    let tool = find_tool(pool, "ad_reset_password").await.unwrap().unwrap();
    assert_eq!((tool.level, tool.version), (ActionLevel::L3, 1));
    let client = find_client(pool, vault, "42").await.unwrap().unwrap();
    assert_eq!(
        (client.name.as_str(), client.critical, client.version),
        ("EHPAD Les Jardins", true, 3)
    );
    let filter = ClientFilter {
        q: Some("jard".into()),
        limit: 10,
        ..Default::default()
    };
    assert_eq!(
        list_clients(pool, vault, &filter)
            .await
            .unwrap()
            .items
            .len(),
        1
    );

    let marie = find_user_by_name(pool, vault, "WIDIP\\Marie.Martin")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (marie.id, marie.display_name.as_str()),
        (user(1), "Marie Martin")
    );
    assert_eq!(marie.last_sign_in_at, Some(minute(-18)));
    assert!(
        !serde_json::to_string(&marie)
            .unwrap()
            .contains("credential")
    );
    let filter = UserFilter {
        limit: 1,
        ..Default::default()
    };
    let page = list_users(pool, vault, &filter).await.unwrap();
    let next = UserFilter {
        cursor: page.next_cursor,
        ..filter
    };
    assert_eq!(
        list_users(pool, vault, &next).await.unwrap().items[0].id,
        user(3)
    );
    assert_eq!(count_enabled_n4(pool).await.unwrap(), 1);
    let sessions = list_sessions(pool, vault, user(1), minute(0))
        .await
        .unwrap();
    assert_eq!(sessions.len(), 1, "the other one was revoked");
    assert_eq!(sessions[0].ip_address.as_deref(), Some("192.0.2.7"));
    let account = find_service_account(pool, "support")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (account.owner_id, account.scopes),
        (user(3), vec![Scope::SafeguardRequest])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_says_who_what_when_and_why() {
    let world = World::new().await;
    story(&world).await;
    world.catch_up().await;
    let list = async |filter: AuditFilter| {
        list_audit_items(world.pool(), world.vault(), &filter)
            .await
            .unwrap()
    };
    let all = || AuditFilter {
        limit: 200,
        ..Default::default()
    };
    let everything = list(all()).await;
    assert_eq!(everything.len() as u64, world.log.head().await.unwrap());
    assert!(everything.is_sorted_by(|a, b| a.position > b.position));
    let rejected = AuditFilter {
        action: Some("safeguard.approval.rejected".into()),
        ..all()
    };
    let [item] = &list(rejected).await[..] else {
        panic!("one")
    };
    assert_eq!(item.actor.name.as_deref(), Some("marie.martin"));
    assert_eq!(item.reason.as_deref(), Some("compte partagé"));
    assert_eq!(item.ip_address.as_deref(), Some("192.0.2.1"));
    assert_eq!(
        (item.target_type.as_str(), item.target_id.as_str()),
        ("safeguard.approval", approval(2).to_string().as_str())
    );
    assert_eq!(item.details["by"], format!("user:{}", user(1)));
    let marie = AuditFilter {
        actor: Some(Actor::user(user(1))),
        ..all()
    };
    assert_eq!(list(marie).await.len(), 6);
    assert_eq!(
        list(AuditFilter {
            action: Some("clients.".into()),
            ..all()
        })
        .await
        .len(),
        3
    );
    assert_eq!(
        list(AuditFilter {
            target_id: Some("42".into()),
            ..all()
        })
        .await
        .len(),
        3
    );
    assert_eq!(
        list(AuditFilter {
            q: Some("partage".into()),
            ..all()
        })
        .await
        .len(),
        1
    );
    assert_eq!(
        list(AuditFilter {
            correlation_id: Some(item.correlation_id),
            ..all()
        })
        .await
        .len(),
        1
    );
    let older = list(AuditFilter {
        before: Some(3),
        ..all()
    })
    .await;
    assert_eq!(older.iter().map(|i| i.position).collect::<Vec<_>>(), [2, 1]);
    let newer = list(AuditFilter {
        after: Some(3),
        limit: 2,
        ..all()
    })
    .await;
    assert_eq!(newer.iter().map(|i| i.position).collect::<Vec<_>>(), [4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_in_clear_and_an_erased_person_is_gone() {
    let world = World::new().await;
    story(&world).await;
    world.catch_up().await;
    for table in TABLES
        .into_iter()
        .chain(["events", "feed_frames", "commands"])
    {
        let rows: Vec<String> =
            sqlx::query_scalar(&format!("SELECT to_jsonb(t)::text FROM {table} t"))
                .fetch_all(world.pool())
                .await
                .unwrap();
        for row in rows {
            let row = row.to_lowercase();
            for name in [
                "dupont", "martin", "durand", "jardins", "oublié", "192.0.2", "firefox",
            ] {
                assert!(!row.contains(name), "{table} tells {name}: {row}");
            }
        }
    }
    world.vault().destroy("person:jean.dupont").await.unwrap();
    // At once, before any rebuild; and the rest of the row is still there.
    let check = async || {
        let item = world.find(approval(1), minute(70)).await;
        assert_eq!(item.arguments, json!(ERASED));
        assert_eq!(item.on_behalf_of.as_deref(), Some(ERASED));
        assert_eq!(item.context.ticket_title.as_deref(), Some(ERASED));
        assert_eq!(item.decisions[0].comment.as_deref(), Some(ERASED));
        assert_eq!(
            item.execution.as_ref().unwrap().detail.as_deref(),
            Some(ERASED)
        );
        assert_eq!(
            (item.status, item.decisions[0].by.as_str()),
            (Status::Executed, "marie.martin")
        );
        assert!(
            !serde_json::to_string(&item)
                .unwrap()
                .to_lowercase()
                .contains("dupont")
        );
    };
    // Keys are remembered for a moment by whoever used them: a fresh process has none.
    check().await;
    world.rebuild().await;
    check().await;
    let q = Some("dupont".to_owned());
    let filter = HistoryFilter {
        q,
        limit: 50,
        ..Default::default()
    };
    let found = list_history(world.pool(), world.vault(), &filter, None, minute(70))
        .await
        .unwrap();
    assert_eq!(
        found.items.len(),
        0,
        "the rebuilt index does not know the name"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_shows_what_a_get_would() {
    let world = World::new().await;
    let running = world.project().await;
    let stop = CancellationToken::new();
    let feeds = [("safeguard", "approvals")];
    let (pool, vault) = (world.pool().clone(), world.vault().clone());
    let hub = FeedHub::start(pool, vault, running.progress.clone(), &feeds, &stop)
        .await
        .unwrap();
    // A frame names people as far as the users' rows are.
    registers(&world).await;
    world.settle(&running).await;
    let start = world.log.head().await.unwrap();
    let mut feed = hub.subscribe("safeguard", Some(start)).await.unwrap();
    desk(&world).await;
    world.settle(&running).await;
    let mut frames = Vec::new();
    while frames.len() < 11 {
        let next = tokio::time::timeout(Duration::from_secs(60), feed.next())
            .await
            .unwrap();
        match next.unwrap().unwrap() {
            FeedItem::Frame(frame) => {
                frames.push((
                    frame.audience.clone(),
                    serde_json::from_str::<Value>(&frame.json).unwrap(),
                ));
            }
            FeedItem::Reset { .. } => panic!("reset"),
        }
    }
    let kinds: Vec<_> = frames
        .iter()
        .map(|(_, f)| f["type"].as_str().unwrap().trim_start_matches("safeguard:"))
        .collect();
    assert_eq!(
        kinds,
        [
            "new_request",
            "new_request",
            "new_request",
            "new_request",
            "new_request",
            "request_approved",
            "request_executing",
            "request_executed",
            "request_rejected",
            "request_postponed",
            "request_expired"
        ]
    );
    assert_eq!(frames[9].0, eventlog::Audience::User(user(1).to_string()));
    assert_eq!(
        frames[9].1["data"]["postponed_until"],
        "2026-01-15T09:20:00.000Z"
    );
    assert_eq!(frames[8].0, eventlog::Audience::Level(N1));
    let read = world.find(approval(2), minute(70)).await;
    assert_eq!(frames[8].1["data"], serde_json::to_value(read).unwrap());
    stop.cancel();
}
