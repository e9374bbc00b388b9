//! Logs and metrics of the process.

use crate::config::{Log, LogFormat, Telemetry};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use std::io::IsTerminal;
use std::time::Duration;
use tracing_subscriber::{EnvFilter, fmt};

/// How often histograms are drained into their buckets; between two drains they grow by 8 bytes a request.
const UPKEEP: Duration = Duration::from_secs(1);

/// Spans that wait to be sent; further ones are dropped.
const SPANS_WAITING: usize = 8_192;
const EXPORT_EVERY: Duration = Duration::from_secs(1);
const EXPORT_WITHIN: Duration = Duration::from_secs(5);
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Upper bounds of what is measured in seconds: from a cached read to a disk that hangs.
const SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of what is counted: batches, rows.
const COUNTS: [f64; 14] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0, 16_384.0];

/// Starts logging to standard error. Standard output belongs to what a command answers. A second call changes nothing.
pub fn start_logs(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Already set (by a test's own subscriber) is as good.
    let _already = match log.format {
        LogFormat::Pretty => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
}

/// Starts to send spans to an OpenTelemetry collector by OTLP over HTTP, from a thread of its own; a collector that is away
/// costs spans and nothing else. Nothing where no collector is named. What it returns sends the rest when it is shut down.
///
/// # Errors
/// A URL that cannot be meant.
pub fn start_traces(telemetry: &Telemetry) -> Result<Option<SdkTracerProvider>, ExporterBuildError> {
    if telemetry.otlp_url.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", telemetry.otlp_url.trim_end_matches('/')))
        .with_timeout(EXPORT_WITHIN)
        .build()?;
    let batch = BatchConfigBuilder::default().with_max_queue_size(SPANS_WAITING).with_scheduled_delay(EXPORT_EVERY);
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batch.build()).build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(telemetry.sample)));
    let resource =
        Resource::builder().with_service_name("koi").with_attribute(KeyValue::new("service.version", VERSION));
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(sampler)
        .with_resource(resource.build())
        .build();
    opentelemetry::global::set_tracer_provider(provider.clone());
    app::trace::turn_on();
    Ok(Some(provider))
}

/// Starts collecting metrics, once a process.
///
/// # Errors
/// A recorder was installed before.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets(&COUNTS)?
        .install_recorder()
}

/// Keeps the histograms small for as long as the process runs.
pub async fn keep_up(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}
