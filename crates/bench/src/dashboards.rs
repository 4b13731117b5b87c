//! The dashboards over a large log: events are written and sealed as always, then repeated under
//! other ids and on other days; the read model is filled from them by a rebuild; the questions are
//! asked over HTTP.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use eventlog::{Append, EventLog, Vault};
use events::{
    sentinel::{
        AlertEvent, AlertRaised, AlertRepeated, AlertResolved, AlertStep, Responsibility, Severity,
        StepKind, alert_id, alert_subject,
    },
    support::{TicketCategory, TicketEvent, TicketOutcome, TicketProcessed, ticket_id},
};
use kernel::{Actor, AggregateId, Clock, EventType, Metadata, SystemClock, new_id};
use serde_json::Value;
use sqlx::PgPool;

use crate::{
    platform::{Platform, Setting, command},
    report::Row,
};

/// Written and sealed one by one; the rest of the log repeats them.
const TICKETS: u64 = 800;
const ALERTS: u64 = 160;
/// The copies are spread over so many days before today.
const DAYS: i64 = 400;
/// Thirty are registered.
const CLIENTS: u64 = 32;
/// Of these alerts one is not resolved, in each copy.
const UNRESOLVED: u64 = ALERTS;
const ASKED: usize = 40;
const MASTER_KEY: [u8; 32] = [7; 32];

/// A question, and how long answers take (ms).
struct Asked {
    path: String,
    p50_ms: f64,
    p95_ms: f64,
}

/// On a fresh database, with about so many events.
pub async fn rows(url: &str, events: i64) -> anyhow::Result<Vec<Row>> {
    let key: String = MASTER_KEY
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let settings: Vec<Setting> = vec![
        ("DATABASE_URL", url.to_owned()),
        ("JWT_SECRET", key.clone()),
        ("GREFFE_MASTER_KEY", key),
    ];
    // Makes the tables, the person who asks and the clients.
    let platform = Platform::start_with(settings).await?;
    for nth in 0..CLIENTS - 2 {
        let name = format!("Client de mesure {nth}");
        platform
            .register_client(&(100 + nth).to_string(), &name)
            .await?;
    }
    let (folder, settings) = platform.leave().await?;
    let began = Instant::now();
    let log = fill(url, events).await?;
    println!(
        "  {} events in {:.0} s",
        log.head().await?,
        began.elapsed().as_secs_f64()
    );

    let began = Instant::now();
    let status = command(
        &folder,
        &settings,
        &["projection", "rebuild", "supervision"],
    )?
    .stdout(std::process::Stdio::null())
    .status()
    .await?;
    ensure!(status.success(), "the rebuild failed");
    let rebuilt = events as f64 / began.elapsed().as_secs_f64();
    println!("  rebuilt with {rebuilt:.0} events/s");
    for settle in ["VACUUM ANALYZE", "CHECKPOINT"] {
        sqlx::query(settle).execute(log.pool()).await?;
    }

    // What the rebuild put on record is applied before the start is over; nothing is relayed.
    let words = ["serve", "--roles", "api,projector"];
    let platform = Platform::start_in(folder, settings, &words).await?;
    let dashboards = ask(&platform, dashboards(SystemClock.now())).await?;
    let lists = ask(&platform, lists()).await?;
    platform.stop().await?;
    let (dashboard, list) = (slowest(&dashboards)?, slowest(&lists)?);
    println!("  slowest: {} and {}", dashboard.path, list.path);
    let name = match events {
        5_000_000 => "dashboards at 5 million events: slowest p95".to_owned(),
        events => format!("dashboards at {events} events: slowest p95"),
    };
    Ok(vec![
        Row::within(&name, dashboard.p95_ms, 50.0, "ms"),
        Row::alone("lists behind them: slowest p95", list.p95_ms, "ms"),
        Row::alone("rebuild of `supervision`", rebuilt, "events/s"),
    ])
}

/// The slowest of some.
fn slowest(asked: &[Asked]) -> anyhow::Result<&Asked> {
    asked
        .iter()
        .max_by(|one, other| one.p95_ms.total_cmp(&other.p95_ms))
        .context("nothing was asked")
}

/// Each dashboard over each range that one can choose, and over a long one with crooked ends.
fn dashboards(now: DateTime<Utc>) -> Vec<String> {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let crooked = TimeDelta::seconds(13 * 60 + 7);
    let long = format!(
        "from={}&to={}",
        text(now - TimeDelta::days(390) - crooked),
        text(now - crooked)
    );
    let ranges = ["today", "24h", "7d", "30d"].map(|range| format!("range={range}"));
    let ranges: Vec<String> = ranges.into_iter().chain([long]).collect();
    let names = [
        "overview",
        "support",
        "sentinel",
        "enrichisseur",
        "safeguard",
    ];
    let of = |name: &&str| {
        let path = format!("/api/supervision/{name}");
        let paths = ranges.iter().map(move |range| format!("{path}?{range}"));
        paths.collect::<Vec<_>>()
    };
    names.iter().flat_map(of).collect()
}

/// The lists behind the numbers, as the dashboards link to them.
fn lists() -> Vec<String> {
    [
        "tickets?range=today",
        "tickets?range=30d&category=DIAG&outcome=escalated",
        "tickets?range=30d&client_id=104",
        "tickets?range=7d&automatic=true",
        "tickets?range=30d&q=jean.dupont",
        "alerts?status=active",
        "alerts?range=30d&responsibility=fai",
        "alerts?range=7d&severity=critical&client_id=104",
        "alerts?status=active&awaiting_diag=true",
        "alerts?awaiting_diag=true",
        "alerts?flapping=true",
        "alerts?known_client=false",
        "tickets?known_client=false",
        "errors?range=7d",
        "activity?range=24h",
        "health",
    ]
    .map(|path| format!("/api/supervision/{path}"))
    .into()
}

async fn ask(platform: &Platform, paths: Vec<String>) -> anyhow::Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for path in paths {
        let mut times = Vec::with_capacity(ASKED);
        // The first few find the pages.
        for nth in 0..ASKED + 5 {
            let (time, _) = platform.get(&path).await?;
            if nth >= 5 {
                times.push(time);
            }
        }
        times.sort();
        let ms = |quantile: usize| {
            let time = times.get(times.len() * quantile / 100);
            time.map_or(f64::NAN, |time: &Duration| time.as_secs_f64() * 1_000.0)
        };
        let one = Asked {
            p50_ms: ms(50),
            p95_ms: ms(95),
            path,
        };
        println!("  {:>8.1} {:>8.1} ms  {}", one.p50_ms, one.p95_ms, one.path);
        asked.push(one);
    }
    Ok(asked)
}

/// A log of about so many events about tickets and alerts.
async fn fill(url: &str, events: i64) -> anyhow::Result<EventLog> {
    let pool = PgPool::connect(url).await?;
    let log = EventLog::open(pool.clone(), Vault::new(pool, &MASTER_KEY)).await?;
    let first = log.head().await? as i64;
    let now = SystemClock.now();
    for nth in 0..TICKETS {
        let id = ticket_id(nth as i64 + 1);
        append(&log, "support.ticket", &id, &ticket(nth, now)).await?;
    }
    for nth in 0..ALERTS {
        let id = alert_id("observium", &nth.to_string());
        append(&log, "sentinel.alert", &id, &alert(nth, now)).await?;
    }
    repeat(&log, first, events).await?;
    Ok(log)
}

async fn append<E: EventType>(
    log: &EventLog,
    kind: &'static str,
    id: &AggregateId,
    events: &[E],
) -> anyhow::Result<()> {
    let metadata = Metadata::new(Actor::service("mesure"), new_id());
    let (vault, outcome) = (log.vault(), Value::Null);
    let append = Append::new(vault, (kind, id), 0, events, &metadata, None, &outcome).await?;
    log.append(append).await?;
    Ok(())
}

/// Copies of the first events under other ids, on days before: what is sealed opens there too.
async fn repeat(log: &EventLog, first: i64, events: i64) -> anyhow::Result<()> {
    let originals = log.head().await? as i64 - first;
    sqlx::query(
        "INSERT INTO events
         SELECT e.position + $1 * n, gen_random_uuid(), e.aggregate_type,
                md5(e.aggregate_id || n)::uuid::text, e.sequence, e.event_type, e.event_version,
                e.payload || jsonb_strip_nulls(jsonb_build_object(
                    'occurred_at', to_char((e.payload ->> 'occurred_at')::timestamptz AT TIME ZONE 'UTC'
                        - make_interval(days => n % $4, secs => n / $4),
                        'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
                    'external_id', (e.payload ->> 'external_id') || '-' || n,
                    'ticket_id', CASE e.aggregate_type WHEN 'support.ticket'
                        THEN (e.payload ->> 'ticket_id')::bigint + n * 1000 END)),
                e.metadata, e.recorded_at
         FROM generate_series(1, ($2 / $1 - 1)::int) n, events e WHERE e.position > $3
         ORDER BY 1",
    )
    .bind(originals)
    .bind(events)
    .bind(first)
    .bind(DAYS as i32)
    .execute(log.pool())
    .await?;
    // The other read models want none of them, and need not look.
    sqlx::query("UPDATE projection_checkpoints SET position = (SELECT max(position) FROM events)")
        .execute(log.pool())
        .await?;
    for settle in ["VACUUM ANALYZE events", "CHECKPOINT"] {
        sqlx::query(settle).execute(log.pool()).await?;
    }
    Ok(())
}

/// A time of the day that ends now; the same for the same number.
fn spread(nth: u64, now: DateTime<Utc>) -> DateTime<Utc> {
    // A large prime scatters them.
    let ms = nth.wrapping_mul(7_919 * 1_000_003) % 86_400_000;
    now - TimeDelta::milliseconds(ms as i64)
}

fn client(nth: u64) -> Option<String> {
    (!nth.is_multiple_of(19)).then(|| (100 + nth % CLIENTS).to_string())
}

/// One report, or three until it is resolved.
fn ticket(nth: u64, now: DateTime<Utc>) -> Vec<TicketEvent> {
    use TicketCategory::{Autre, Deblocage, Diag, ResetMdp};
    use TicketOutcome::{Escalated, Failed, InProgress, Resolved};
    let category = [ResetMdp, ResetMdp, Deblocage, Diag, Autre][(nth % 5) as usize];
    let outcomes: &[TicketOutcome] = match nth % 7 {
        0 => &[InProgress, InProgress, Resolved],
        1 => &[Failed, Escalated],
        _ => &[Resolved],
    };
    let at = spread(nth, now);
    let reports = outcomes.iter().enumerate().map(|(report, outcome)| {
        TicketEvent::Processed(TicketProcessed {
            ticket_id: nth as i64 + 1,
            title: Some("Reset MDP - jean.dupont".into()),
            category,
            outcome: *outcome,
            automatic: outcomes.len() == 1 && category != Diag,
            client_id: client(nth),
            client_name: None,
            duration_ms: Some(4_000 + nth * 10),
            occurred_at: at + TimeDelta::minutes(report as i64),
        })
    });
    reports.collect()
}

/// Raised, told again, looked after and resolved.
fn alert(nth: u64, now: DateTime<Utc>) -> Vec<AlertEvent> {
    use Responsibility::{Fai, Indetermine, Local, Widip};
    let external_id = nth.to_string();
    let id = alert_id("observium", &external_id);
    let client_id = client(nth);
    let subject = alert_subject(&id, client_id.as_deref());
    let severity = [Severity::Critical, Severity::Warning, Severity::Info][(nth % 3) as usize];
    let at = spread(nth * 31, now);
    let message = "Équipement injoignable (SNMP et ping)".to_owned();
    let mut events = vec![
        AlertEvent::Raised(Box::new(AlertRaised {
            episode: 1,
            source: "observium".into(),
            external_id,
            device: format!("SWITCH-CLI-{nth:03}"),
            client_id,
            client_name: None,
            severity,
            message: message.clone(),
            responsibility: [Fai, Local, Widip, Indetermine][(nth % 4) as usize],
            confidence: Some(75),
            occurred_at: at,
        })),
        AlertEvent::Repeated(AlertRepeated {
            episode: 1,
            severity,
            message,
            occurred_at: at + TimeDelta::minutes(5),
            subject: subject.clone(),
        }),
    ];
    for (minutes, kind) in [(1, StepKind::TicketCreated), (2, StepKind::AwaitingDiag)] {
        events.push(AlertEvent::StepRecorded(AlertStep {
            episode: 1,
            kind,
            ticket_id: Some(nth as i64 + 1),
            detail: None,
            by: "service:mesure".into(),
            occurred_at: at + TimeDelta::minutes(minutes),
            subject: subject.clone(),
        }));
    }
    if !nth.is_multiple_of(UNRESOLVED) {
        events.push(AlertEvent::Resolved(AlertResolved {
            episode: 1,
            resolution: Some("Alimentation rebranchée sur site".into()),
            by: "service:mesure".into(),
            occurred_at: at + TimeDelta::minutes(20),
            subject,
        }));
    }
    events
}
