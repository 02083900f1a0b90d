//! With an endpoint: a real OTLP receiver gets spans and metrics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_telemetry::{LogFormat, Telemetry, TelemetryOptions};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// More spans than the SDK's own queue holds.
const MANY: usize = 10_000;

/// The names of what arrived.
#[derive(Debug, Clone, Default)]
struct Receiver {
    spans: Arc<Mutex<Vec<String>>>,
    metrics: Arc<Mutex<Vec<String>>>,
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let groups = request.into_inner().resource_spans;
        let scopes = groups.into_iter().flat_map(|group| group.scope_spans);
        let names = scopes.flat_map(|scope| scope.spans).map(|span| span.name);
        let mut spans = self.spans.lock().map_err(|_| Status::internal("lock"))?;
        spans.extend(names);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let groups = request.into_inner().resource_metrics;
        let scopes = groups.into_iter().flat_map(|group| group.scope_metrics);
        let names = scopes
            .flat_map(|scope| scope.metrics)
            .map(|metric| metric.name);
        let mut metrics = self.metrics.lock().map_err(|_| Status::internal("lock"))?;
        metrics.extend(names);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

// One thread, as a small process would have: shutting down must not wait for itself.
#[tokio::test(flavor = "current_thread")]
async fn spans_and_metrics_arrive_before_shutdown_returns() {
    let receiver = Receiver::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(
        Server::builder()
            .add_service(TraceServiceServer::new(receiver.clone()))
            .add_service(MetricsServiceServer::new(receiver.clone()))
            .serve_with_incoming(TcpIncoming::from(listener)),
    );

    let telemetry = Telemetry::start(&TelemetryOptions {
        service_name: "muster-test".to_owned(),
        instance: "one".to_owned(),
        otlp_endpoint: Some(format!("http://{address}")),
        sampling_ratio: 1.0,
        log: "error".to_owned(),
        log_format: LogFormat::Text,
    })
    .unwrap();
    for _ in 0..MANY {
        tracing::info_span!(target: "muster_test", "process", otel.name = "process a.b", otel.kind = "consumer")
            .in_scope(|| {});
    }
    assert!(tracing::info_span!(target: "sqlx", "theirs").is_disabled());
    let _waiters = telemetry.metrics().waiters();
    telemetry.shutdown(Duration::from_secs(30)).await.unwrap();

    let spans = receiver.spans.lock().unwrap().clone();
    assert_eq!(spans.len(), MANY);
    assert!(spans.iter().all(|name| name == "process a.b"));
    let metrics = receiver.metrics.lock().unwrap().clone();
    assert!(
        metrics.contains(&"muster.ingress.waiters".to_owned()),
        "{metrics:?}"
    );
    server.abort();
}
