//! Starting telemetry for a process, and stopping it without losing what was recorded last.
//!
//! Spans go to OpenTelemetry alone and log lines are written of events alone, so that with tracing
//! off every span is disabled at its call site, and a log filter never takes spans away.

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, fmt};

use crate::error::TelemetryError;
use crate::log_line::JsonLines;
use crate::metrics::Metrics;
use crate::names;
use crate::sampling::{self, FirstSpans};

/// Spans waiting to be sent, at most; further ones are dropped and counted by the SDK. Room for
/// about two seconds at 16,000 spans a second. The SDK's own 2,048 drop at a few thousand.
const SPAN_QUEUE: usize = 32_768;
/// Spans sent in one go: below the 4 MiB that gRPC receivers take by default.
const SPAN_BATCH: usize = 4_096;
/// How long spans wait for their batch to fill.
const SPAN_DELAY: Duration = Duration::from_millis(500);

/// Spans and events of our own code; those of libraries would cost more than they tell.
const OWN_TARGETS: &str = "muster";

/// What to start.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// `service.name`, such as `muster-ingress`.
    pub service_name: String,
    /// `service.instance.id`: tells replicas of one service apart.
    pub instance: String,
    /// Where to send traces and metrics by OTLP over gRPC, such as `http://127.0.0.1:4317`. Without
    /// it spans are off, and metrics are there for [`Telemetry::metrics_text`] only.
    pub otlp_endpoint: Option<String>,
    /// The share of traces begun here that is recorded, 0 to 1. A trace begun elsewhere is recorded
    /// if its beginner records it.
    pub sampling_ratio: f64,
    /// What is logged: a level, or directives by target such as `info,muster_messaging=debug`.
    /// Directives on spans have no effect.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
}

/// How log lines look. They are written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, see [`log_line`](crate::log_line).
    Json,
    /// For reading at a terminal.
    Text,
}

/// The telemetry of a process.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Metrics,
}

impl Telemetry {
    /// Starts logging, and tracing if there is an endpoint. Once in a process.
    ///
    /// With an endpoint this has to be called inside a tokio runtime, which does the sending. That
    /// the endpoint answers is not waited for.
    ///
    /// # Errors
    /// The log filter or the endpoint cannot be used, or telemetry has been started already.
    pub fn start(options: &TelemetryOptions) -> Result<Self, TelemetryError> {
        sampling::set_ratio(options.sampling_ratio);
        let resource = resource(options);
        let (traces, metrics) = match &options.otlp_endpoint {
            Some(endpoint) => {
                let wrong_endpoint = |reason| TelemetryError::Endpoint {
                    endpoint: endpoint.clone(),
                    reason,
                };
                let spans = SpanExporter::builder()
                    .with_tonic()
                    .with_endpoint(endpoint)
                    .build()
                    .map_err(wrong_endpoint)?;
                let metrics = MetricExporter::builder()
                    .with_tonic()
                    .with_endpoint(endpoint)
                    .build()
                    .map_err(wrong_endpoint)?;
                let traces = tracer_provider(resource.clone(), options.sampling_ratio, spans);
                (Some(traces), Metrics::sending(resource, metrics)?)
            }
            None => (None, Metrics::with_resource(resource)?),
        };
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        subscribe(options, traces.as_ref())?;
        Ok(Self { traces, metrics })
    }

    /// The instruments.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All metrics in the text form of Prometheus, for `/metrics`.
    ///
    /// # Errors
    /// See [`Metrics::text`].
    pub fn metrics_text(&self) -> Result<String, TelemetryError> {
        self.metrics.text()
    }

    /// Sends what has been recorded and stops; waits no longer than `deadline`. Log lines are
    /// written on afterwards.
    ///
    /// # Errors
    /// Something could not be sent, or not in time.
    pub async fn shutdown(self, deadline: Duration) -> Result<(), TelemetryError> {
        // The SDK blocks its caller until the runtime has sent, so a runtime thread could wait for
        // itself. Nor one of its blocking threads: for those a stopping runtime waits, however long.
        let (done, outcome) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let traces = self
                .traces
                .map_or(Ok(()), |traces| traces.shutdown_with_timeout(deadline));
            let metrics = self.metrics.shutdown(deadline);
            // Nobody listens any more when the deadline has passed.
            let _ = done.send(traces.map_err(TelemetryError::from).and(metrics));
        });
        match tokio::time::timeout(deadline, outcome).await {
            Ok(Ok(outcome)) => outcome,
            // Too late, or the thread is gone without an outcome: either way it was not sent.
            Ok(Err(_)) | Err(_) => Err(TelemetryError::FlushTimedOut(deadline)),
        }
    }
}

fn subscribe(
    options: &TelemetryOptions,
    traces: Option<&SdkTracerProvider>,
) -> Result<(), TelemetryError> {
    // Not an `Option` of a layer: `None` has no filter, so it would want every span (to do nothing
    // with it), and call sites would never be off.
    match traces {
        Some(traces) => tracing_subscriber::registry()
            .with(span_layer(traces.tracer(env!("CARGO_PKG_NAME"))))
            .with(standard_error_layer(options)?)
            .try_init(),
        None => tracing_subscriber::registry()
            .with(standard_error_layer(options)?)
            .try_init(),
    }
    .map_err(TelemetryError::AlreadyStarted)
}

fn standard_error_layer<S>(
    options: &TelemetryOptions,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    log_layer(&options.log, options.log_format, std::io::stderr)
}

fn resource(options: &TelemetryOptions) -> Resource {
    Resource::builder()
        .with_service_name(options.service_name.clone())
        .with_attributes([
            KeyValue::new(names::SERVICE_INSTANCE_ID, options.instance.clone()),
            KeyValue::new(names::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
        ])
        .build()
}

fn tracer_provider(
    resource: Resource,
    sampling_ratio: f64,
    exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
) -> SdkTracerProvider {
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(SPAN_QUEUE)
        .with_max_export_batch_size(SPAN_BATCH)
        .with_scheduled_delay(SPAN_DELAY)
        .build();
    SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler(sampling_ratio))
        .with_span_processor(
            BatchSpanProcessor::builder(exporter)
                .with_batch_config(batches)
                .build(),
        )
        .build()
}

fn sampler(ratio: f64) -> Sampler {
    Sampler::ParentBased(Box::new(FirstSpans { ratio }))
}

/// Our own spans, and as their events what went wrong.
fn span_layer<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // Each of these would be an attribute of every span.
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_level(false)
        .with_target(false)
        .with_filter(filter_fn(is_own_span_or_warning).with_max_level_hint(LevelFilter::INFO))
}

fn is_own_span_or_warning(metadata: &Metadata<'_>) -> bool {
    let least = if metadata.is_span() {
        Level::INFO
    } else {
        Level::WARN
    };
    *metadata.level() <= least && metadata.target().starts_with(OWN_TARGETS)
}

// Not "is an event": `tracing::enabled!` asks with something that is neither.
fn is_no_span(metadata: &Metadata<'_>) -> bool {
    !metadata.is_span()
}

/// Log lines of the events that `directives` let through.
pub(crate) fn log_layer<S, W>(
    directives: &str,
    format: LogFormat,
    writer: W,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(directives).map_err(|reason| TelemetryError::LogFilter {
        directives: directives.to_owned(),
        reason,
    })?;
    // The hint is the highest level, so that the directives' own decides.
    let events = filter_fn(is_no_span).with_max_level_hint(LevelFilter::TRACE);
    let filter = events.and(filter);
    let layer = fmt::layer().with_writer(writer);
    Ok(match format {
        LogFormat::Json => layer.event_format(JsonLines).with_filter(filter).boxed(),
        LogFormat::Text => layer
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(filter)
            .boxed(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SpanData, SpanExporter};

    use super::*;

    /// Keeps finished spans for a test to look at.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Spans(Arc<Mutex<Vec<SpanData>>>);

    impl Spans {
        pub(crate) fn finished(&self) -> Vec<SpanData> {
            self.0.lock().unwrap().clone()
        }
    }

    impl SpanExporter for Spans {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    /// A subscriber with the span layer as [`Telemetry::start`] makes it, and where its spans go.
    pub(crate) fn recording(
        sampling_ratio: f64,
    ) -> (
        impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
        Spans,
    ) {
        let spans = Spans::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler(sampling_ratio))
            .with_simple_exporter(spans.clone())
            .build();
        let layer = span_layer(provider.tracer("test"));
        (tracing_subscriber::registry().with(layer), spans)
    }

    /// A writer that keeps what is written.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Captured {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn spans_of_libraries_and_of_debugging_are_not_recorded() {
        let (subscriber, spans) = recording(1.0);
        tracing::subscriber::with_default(subscriber, || {
            drop(tracing::info_span!(target: "sqlx::query", "theirs"));
            drop(tracing::debug_span!("detail"));
            let own = tracing::info_span!("own");
            own.in_scope(|| {
                tracing::info!("not an event of the span");
                tracing::warn!("an event of the span");
            });
        });
        let spans = spans.finished();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].name, "own");
        assert_eq!(spans[0].events.len(), 1);
    }

    #[test]
    fn a_ratio_of_nothing_records_nothing() {
        let (subscriber, spans) = recording(0.0);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("own").in_scope(|| {});
        });
        assert!(spans.finished().is_empty());
    }

    #[test]
    fn a_wrong_log_filter_is_refused_with_its_text() {
        let error = log_layer::<tracing_subscriber::Registry, _>(
            "info,=x=y",
            LogFormat::Json,
            Captured::default(),
        )
        .err()
        .unwrap();
        assert!(error.to_string().contains("info,=x=y"), "{error}");
    }
}
