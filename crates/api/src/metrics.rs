//! What this process counts and measures. The table in `docs/operating.md` is this table.
//!
//! Invariant: no label has values that callers choose, so the number of series is bounded.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Seconds; from a cached read to the longest answer that is waited for.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];
/// Requests in a batch, up to the writer's most.
const BATCH: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Their counters are there from the beginning too.
const FEEDS: &[&str] = &["safeguard", "supervision"];

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric of ours.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

const fn metric(
    kind: Kind,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        help,
    }
}

use Kind::{Counter, Gauge, Histogram};

/// Every metric of ours. Those of the process (`process_…`) are beside it.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    metric(Counter, "greffe_commands_total", &["operation", "outcome", "code"], "Commands over HTTP and NATS: accepted, refused (with the code) or failed"),
    metric(Histogram, "greffe_command_seconds", &["operation"], "From a command's arrival to its answer"),
    metric(Counter, "greffe_command_conflicts_total", &[], "Decisions taken again because somebody else appended first"),
    metric(Counter, "greffe_refusals_repeated_total", &[], "Refusals that were not recorded because their like was within the minute"),
    metric(Counter, "greffe_http_requests_total", &["operation", "status"], "Requests over HTTP by status class"),
    metric(Histogram, "greffe_http_request_seconds", &["operation"], "From a request's head to the head of its answer"),
    metric(Counter, "greffe_nats_requests_total", &["operation", "outcome"], "Requests over NATS"),
    metric(Histogram, "greffe_nats_request_seconds", &["operation"], "From a request over NATS to its reply, the wait for a turn included"),
    metric(Counter, "greffe_nats_service_reconnects_total", &[], "Connections made again to read requests over NATS: lost with the server, or by a message that nobody can read"),
    metric(Histogram, "greffe_append_seconds", &[], "One call of append_batch, retries included"),
    metric(Histogram, "greffe_append_batch_size", &[], "Requests in one call of append_batch"),
    metric(Counter, "greffe_append_retries_total", &[], "Batches sent again after a lost connection or a lock that was not to be had"),
    metric(Gauge, "greffe_log_head_position", &[], "Position of the last event in PostgreSQL"),
    metric(Gauge, "greffe_relay_position", &[], "Position up to which this process has published, while it relays"),
    metric(Gauge, "greffe_relay_lag_events", &[], "Events that the stream does not hold yet"),
    metric(Gauge, "greffe_relay_lag_seconds", &[], "Age of the oldest event that the stream does not hold yet"),
    metric(Counter, "greffe_relay_errors_total", &[], "Times the relay had to start again"),
    metric(Gauge, "greffe_reader_position", &[], "Position of the last event this process has read"),
    metric(Gauge, "greffe_reader_lag_seconds", &[], "Since when this process has not seen all that PostgreSQL holds"),
    metric(Gauge, "greffe_projection_position", &["projection"], "Checkpoint of a projection that this process runs"),
    metric(Gauge, "greffe_projection_lag_events", &["projection"], "Events that a projection or reaction has not read"),
    metric(Gauge, "greffe_projection_lag_seconds", &["projection"], "Age of the oldest event that a projection or reaction has not read"),
    metric(Gauge, "greffe_projection_parked_events", &["projection"], "Events that could not be applied because of what they hold"),
    metric(Gauge, "greffe_feed_sockets", &["feed"], "Open sockets of a live feed"),
    metric(Counter, "greffe_feed_frames_sent_total", &["feed"], "Frames sent to sockets"),
    metric(Counter, "greffe_feed_slow_readers_total", &["feed"], "Sockets closed because they read too slowly or were silent"),
    metric(Counter, "greffe_feed_resets_total", &["feed"], "Readers told to fetch everything again"),
    metric(Histogram, "greffe_clerk_late_seconds", &[], "How late something due was done"),
    metric(Gauge, "greffe_clerk_overdue_seconds", &[], "For how long the oldest thing due has not been done"),
    metric(Counter, "greffe_decisions_published_total", &["status"], "Decisions published on DECISIONS"),
    metric(Counter, "greffe_intake_received_total", &[], "Facts that JetStream delivered to this process, a repeated delivery included"),
    metric(Counter, "greffe_intake_accepted_total", &[], "Facts taken into the log"),
    metric(Counter, "greffe_intake_rejected_total", &["code"], "Facts put aside in REJECTED, by why"),
    metric(Counter, "greffe_intake_retries_total", &[], "Facts that had to wait because PostgreSQL or NATS was away"),
    metric(Gauge, "greffe_intake_unfinished_facts", &[], "Facts in INTAKE, while this process reads it"),
    metric(Gauge, "greffe_intake_oldest_seconds", &[], "Age of the oldest fact in INTAKE, while this process reads it"),
    metric(Gauge, "greffe_lease_held", &["lease"], "1 while this process has the lease"),
    metric(Gauge, "greffe_lease_unheld", &["lease"], "1 while no process has the lease"),
    metric(Counter, "greffe_leases_lost_total", &[], "Leases lost with their connection"),
    metric(Gauge, "greffe_database_pool_connections", &["state"], "Connections to PostgreSQL in the pool: idle or used"),
    metric(Gauge, "greffe_database_pool_wait_seconds", &[], "How long the last look waited for a connection of the pool"),
    metric(Gauge, "greffe_nats_connected", &[], "1 while NATS is connected"),
    metric(Gauge, "greffe_jetstream_stored_bytes", &[], "What JetStream stores for the platform"),
    metric(Gauge, "greffe_ready", &[], "1 if readiness was true at the last look"),
];

/// Beside [`METRICS`] where Greffe has its servers on its own disk.
#[rustfmt::skip]
pub const DISK: Metric =
    metric(Gauge, "greffe_disk_free_bytes", &[], "Free on the file system of the data folder, with an embedded server");

/// Starts counting; once per process.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let matching = |end: &str| Matcher::Suffix(end.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(matching("_seconds"), SECONDS)?
        .set_buckets_for_metric(matching("_batch_size"), BATCH)?
        .install_recorder()?;
    METRICS.iter().for_each(announce);
    for counter in METRICS
        .iter()
        .filter(|it| it.kind == Counter && it.labels == ["feed"])
    {
        for feed in FEEDS {
            ::metrics::counter!(counter.name, "feed" => *feed).increment(0);
        }
    }
    metrics_process::Collector::default().describe();
    Ok(handle)
}

/// What has no labels is there from the beginning: a sum that appears late hides its first step.
fn announce(metric: &Metric) {
    let (name, has_labels) = (metric.name, !metric.labels.is_empty());
    match metric.kind {
        Kind::Counter => {
            ::metrics::describe_counter!(name, metric.help);
            if !has_labels {
                ::metrics::counter!(name).increment(0);
            }
        }
        Kind::Gauge => ::metrics::describe_gauge!(name, metric.help),
        Kind::Histogram => {
            ::metrics::describe_histogram!(name, metric.help);
            if !has_labels {
                drop(::metrics::histogram!(name));
            }
        }
    }
}

/// Counts a command: accepted, refused with a code, or failed on our side.
pub(crate) fn count_command(
    operation: &'static str,
    refusal: Option<(u16, &'static str)>,
    took: std::time::Duration,
) {
    let (outcome, code) = match refusal {
        None => ("accepted", ""),
        Some((500.., code)) => ("failed", code),
        Some((_, code)) => ("refused", code),
    };
    ::metrics::counter!("greffe_commands_total",
        "operation" => operation, "outcome" => outcome, "code" => code)
    .increment(1);
    ::metrics::histogram!("greffe_command_seconds", "operation" => operation)
        .record(took.as_secs_f64());
}
