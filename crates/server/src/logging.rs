//! Logs go to stderr: for people in a terminal, or one JSON object a line. Nothing personal in them.

use std::{fmt, io::IsTerminal};

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Json, JsonFields, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    config::{Config, LogFormat},
    telemetry::Telemetry,
};

/// Installs the logs and, if there is a collector, the traces of this process.
pub fn install(config: &Config, telemetry: Option<&Telemetry>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| anyhow::anyhow!("RUST_LOG cannot be read: {error}"))?;
    let registry = tracing_subscriber::registry();
    match telemetry {
        None => registry.with(filter).with(lines(config)).try_init(),
        Some(telemetry) => registry
            .with(lines(config).with_filter(filter))
            .with(telemetry.layer())
            .try_init(),
    }
    .map_err(|error| anyhow::anyhow!("the logs cannot be installed: {error}"))
}

fn lines<S>(config: &Config) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Json => lines
            .event_format(JsonLine(Format::default().json().flatten_event(true)))
            .fmt_fields(JsonFields::new())
            .boxed(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
    }
}

/// One JSON object a line, with the `trace_id` of the request beside its message: the one that its
/// refusal names.
struct JsonLine(Format<Json>);

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        self.0
            .format_event(context, Writer::new(&mut text), event)?;
        let mut line: Map<String, Value> = serde_json::from_str(&text).map_err(|_| fmt::Error)?;
        // The innermost span is the last of them all.
        line.remove("span");
        let spans = line.get("spans").and_then(Value::as_array);
        let named = spans.and_then(|spans| spans.iter().find_map(|span| span.get("trace_id")));
        if let Some(trace_id) = named.cloned() {
            line.insert("trace_id".into(), trace_id);
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}
