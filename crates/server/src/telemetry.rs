//! Traces: spans of this process, sent to a collector (OpenTelemetry, OTLP over HTTP) if one is
//! configured. Else nothing is installed, and spans cost nothing.

use std::time::Duration;

use anyhow::{Context, bail};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::{Layer, filter::dynamic_filter_fn, registry::LookupSpan};

use crate::config::Config;

/// Whose spans are sent.
const OURS: &[&str] = &["api", "eventlog", "workflows", "greffe"];
const NAME: &str = "greffe";
/// A collector that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends what is still waiting when it is dropped, within the SDK's time limits.
pub struct Telemetry(SdkTracerProvider);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

impl Telemetry {
    /// Of this configuration; `None` if no collector is set. `runtime` does the sending.
    pub fn new(config: &Config, runtime: &Handle) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(None);
        };
        if !endpoint.starts_with("http://") {
            bail!(
                "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http://: put a collector beside greffe \
                 if traces go further"
            );
        }
        let client = Sender {
            // Spans go to the collector that was named, and nowhere else.
            client: reqwest::Client::builder()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()
                .context("traces cannot be sent")?,
            runtime: runtime.clone(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .context("traces cannot be sent")?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(NAME);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Self(provider)))
    }

    /// Turns spans of `tracing` into spans of the trace.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(NAME))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_level(false)
            // Lines of the log stay in the log. Asked every time: what is remembered per call site
            // goes wrong in tracing-subscriber 0.3 after an `enabled!`, which sqlx uses.
            .with_filter(dynamic_filter_fn(|about, _| {
                let ours = about.target().split("::").next().unwrap_or_default();
                about.is_span() && OURS.contains(&ours)
            }))
    }
}

/// Sends on the runtime: the SDK asks from a thread of its own.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let send = async move {
            let answer = client.execute(reqwest::Request::try_from(request)?).await?;
            let status = answer.status();
            let body = answer.bytes().await?;
            Ok::<_, HttpError>(Response::builder().status(status).body(body)?)
        };
        self.runtime.spawn(send).await?
    }
}
