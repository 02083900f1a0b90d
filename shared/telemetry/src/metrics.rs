//! The instruments, behind handles that hold their labels ready, and their text for `/metrics`.

mod command;
mod consumer;
mod http;
mod instruments;
mod levels;
mod outbox;
mod periodic;
mod publisher;
mod queue;
mod waiters;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::StringValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader, SdkMeterProvider};
use prometheus::{Registry, TextEncoder};

pub use command::{CommandMetrics, CommandOutcome};
pub use consumer::ConsumerMetrics;
pub use http::HttpRequest;
pub use levels::{LevelMetrics, Reading};
pub use outbox::OutboxMetrics;
pub use periodic::PeriodicMetrics;
pub use publisher::PublisherMetrics;
pub use queue::QueueMetrics;
pub use waiters::{Waiter, WaiterMetrics};

use crate::error::TelemetryError;
use crate::names;
use instruments::Instruments;
use levels::Readings;

/// How often metrics are sent when there is an endpoint.
const SENDING_INTERVAL: Duration = Duration::from_secs(15);

/// The content type of [`Metrics::text`].
pub const TEXT_CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The metrics of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    provider: SdkMeterProvider,
    registry: Registry,
    instruments: Arc<Instruments>,
    readings: Readings,
}

impl Metrics {
    /// Metrics for [`Metrics::text`] alone, independent of any other: for tests, and for processes
    /// that do not start [`Telemetry`](crate::Telemetry).
    ///
    /// # Errors
    /// The SDK refused, which no input of ours leads to.
    pub fn new(
        service_name: impl Into<StringValue>,
        instance: impl Into<StringValue>,
    ) -> Result<Self, TelemetryError> {
        let resource = Resource::builder_empty()
            .with_service_name(service_name.into())
            .with_attribute(KeyValue::new(names::SERVICE_INSTANCE_ID, instance.into()))
            .build();
        Self::with_resource(resource)
    }

    pub(crate) fn with_resource(resource: Resource) -> Result<Self, TelemetryError> {
        Self::build(resource, |builder| builder)
    }

    /// Metrics that are also sent by `exporter`.
    pub(crate) fn sending(
        resource: Resource,
        exporter: impl PushMetricExporter,
    ) -> Result<Self, TelemetryError> {
        let reader = PeriodicReader::builder(exporter)
            .with_interval(SENDING_INTERVAL)
            .build();
        Self::build(resource, |builder| builder.with_reader(reader))
    }

    fn build(
        resource: Resource,
        add_readers: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
    ) -> Result<Self, TelemetryError> {
        let registry = Registry::new();
        let text = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()?;
        let builder = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(text);
        let provider = add_readers(builder).build();
        let readings = Readings::default();
        let meter = provider.meter(env!("CARGO_PKG_NAME"));
        let instruments = Arc::new(Instruments::new(&meter, &readings));
        Ok(Self {
            provider,
            registry,
            instruments,
            readings,
        })
    }

    /// All metrics in the text form of Prometheus ([`TEXT_CONTENT_TYPE`]).
    ///
    /// # Errors
    /// The encoder found something it cannot write, which no instrument of ours leads to.
    pub fn text(&self) -> Result<String, TelemetryError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// Counts and times an HTTP request that has been answered.
    pub fn http_request(&self, request: HttpRequest, elapsed: Duration) {
        http::record(&self.instruments, request, elapsed);
    }

    /// What is published to `destination`: a subject without ids. Make it once and keep it.
    #[must_use]
    pub fn publisher(&self, destination: impl Into<StringValue>) -> PublisherMetrics {
        PublisherMetrics::new(Arc::clone(&self.instruments), destination.into())
    }

    /// What `group` (the durable consumer) takes from `destination`: a stream, or a subject without
    /// ids. Make it once and keep it.
    #[must_use]
    pub fn consumer(
        &self,
        destination: impl Into<StringValue>,
        group: impl Into<StringValue>,
    ) -> ConsumerMetrics {
        ConsumerMetrics::new(
            Arc::clone(&self.instruments),
            destination.into(),
            group.into(),
        )
    }

    /// How long `command` (its schema name, such as `job-archive.start`) takes from end to end.
    /// Make it once and keep it.
    #[must_use]
    pub fn command(&self, command: impl Into<StringValue>) -> CommandMetrics {
        CommandMetrics::new(Arc::clone(&self.instruments), command.into())
    }

    /// The outbox of `part`, such as `job-archive`. Make it once and keep it.
    #[must_use]
    pub fn outbox(&self, part: impl Into<StringValue>) -> OutboxMetrics {
        OutboxMetrics::new(Arc::clone(&self.instruments), part.into())
    }

    /// Work of `part` that is done again and again, by its name. Make it once and keep it.
    #[must_use]
    pub fn periodic(
        &self,
        part: impl Into<StringValue>,
        work: impl Into<StringValue>,
    ) -> PeriodicMetrics {
        PeriodicMetrics::new(Arc::clone(&self.instruments), part.into(), work.into())
    }

    /// Levels as `part` reads them. Make it once and keep it.
    #[must_use]
    pub fn levels(&self, part: &'static str) -> LevelMetrics {
        LevelMetrics::new(self.readings.clone(), part)
    }

    /// What comes out of the queues for nodes and slots.
    #[must_use]
    pub fn queues(&self) -> QueueMetrics {
        QueueMetrics::new(Arc::clone(&self.instruments))
    }

    /// The requests waiting for an outcome.
    #[must_use]
    pub fn waiters(&self) -> WaiterMetrics {
        WaiterMetrics::new(Arc::clone(&self.instruments))
    }

    pub(crate) fn shutdown(&self, deadline: Duration) -> Result<(), TelemetryError> {
        Ok(self.provider.shutdown_with_timeout(deadline)?)
    }
}

#[cfg(test)]
mod tests;
