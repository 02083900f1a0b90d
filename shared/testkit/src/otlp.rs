//! A real OTLP receiver: what a collector or Grafana Tempo would be sent.

mod span;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    metrics::v1::Metric,
};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

pub use self::span::ReceivedSpan;
use self::span::{attributes, received_span};
use crate::{background::Background, eventually};

/// A gRPC server for traces and metrics on a free port.
#[derive(Debug)]
pub struct OtlpReceiver {
    address: SocketAddr,
    received: Received,
    _background: Background,
}

#[derive(Debug, Clone, Default)]
struct Received {
    spans: Arc<Mutex<Vec<ReceivedSpan>>>,
    metrics: Arc<Mutex<Vec<Metric>>>,
}

impl OtlpReceiver {
    /// Starts one.
    pub fn start() -> Result<Self> {
        let received = Received::default();
        let services = received.clone();
        let (background, address) =
            Background::serve("OTLP receiver", move |listener| async move {
                let server = Server::builder()
                    .add_service(TraceServiceServer::new(services.clone()))
                    .add_service(MetricsServiceServer::new(services))
                    .serve_with_incoming(TcpIncoming::from(listener));
                // An error shows as spans that never come.
                let _ = server.await;
            })?;
        Ok(Self {
            address,
            received,
            _background: background,
        })
    }

    /// `http://127.0.0.1:PORT`, for the setting `telemetry.otlp_endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans received so far, in the order they came.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.received
            .spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The spans of one trace, oldest start first.
    #[must_use]
    pub fn trace(&self, trace_id: &str) -> Vec<ReceivedSpan> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id == trace_id);
        spans.sort_by_key(|span| span.start_nanoseconds);
        spans
    }

    /// Waits until some trace has all of what is wanted: `complete` is asked with each trace's
    /// spans so far, oldest start first. Returns that trace's spans.
    ///
    /// # Errors
    ///
    /// At the deadline; the error lists the names of the spans that did come.
    pub async fn wait_for_trace(
        &self,
        deadline: Duration,
        what: &str,
        complete: impl Fn(&[ReceivedSpan]) -> bool,
    ) -> Result<Vec<ReceivedSpan>> {
        let found = eventually(deadline, what, async || {
            let traces: BTreeSet<_> = self.spans().into_iter().map(|span| span.trace_id).collect();
            traces
                .iter()
                .map(|trace_id| self.trace(trace_id))
                .find(|spans| complete(spans))
        });
        found.await.with_context(|| {
            let names: Vec<_> = self.spans().into_iter().map(|span| span.name).collect();
            format!("{} spans came: {}", names.len(), names.join(", "))
        })
    }

    /// All metrics received so far, in the order they came: the latest value of each is its last.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        self.received
            .metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The names of all metrics received so far.
    #[must_use]
    pub fn metric_names(&self) -> BTreeSet<String> {
        self.metrics()
            .into_iter()
            .map(|metric| metric.name)
            .collect()
    }

    /// Forgets everything received so far.
    pub fn clear(&self) {
        let Received { spans, metrics } = &self.received;
        spans.lock().unwrap_or_else(PoisonError::into_inner).clear();
        metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = Vec::new();
        for sender in request.into_inner().resource_spans {
            let resource = attributes(sender.resource.unwrap_or_default().attributes);
            for scoped in sender.scope_spans {
                let scope = scoped.scope.unwrap_or_default().name;
                let received = scoped.spans.into_iter();
                spans.extend(received.map(|span| received_span(span, &resource, &scope)));
            }
        }
        self.spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let metrics = request
            .into_inner()
            .resource_metrics
            .into_iter()
            .flat_map(|sender| sender.scope_metrics)
            .flat_map(|scoped| scoped.metrics);
        self.metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(metrics);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::{
            metrics::v1::metrics_service_client::MetricsServiceClient,
            trace::v1::trace_service_client::TraceServiceClient,
        },
        common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
        metrics::v1::{ResourceMetrics, ScopeMetrics},
        resource::v1::Resource,
        trace::v1::{ResourceSpans, ScopeSpans, Span, span},
    };

    use super::*;
    use crate::DEADLINE;

    fn attribute(key: &str, value: any_value::Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    }

    fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
        let service = any_value::Value::StringValue("muster".to_owned());
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![attribute("service.name", service)],
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(InstrumentationScope {
                        name: "a scope".to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        }
    }

    #[tokio::test]
    async fn spans_arrive_with_all_that_tests_ask_for() {
        let receiver = OtlpReceiver::start().unwrap();
        let mut client = TraceServiceClient::connect(receiver.endpoint())
            .await
            .unwrap();
        let child = Span {
            trace_id: vec![0xab; 16],
            span_id: vec![2; 8],
            parent_span_id: vec![1; 8],
            name: "process".to_owned(),
            kind: span::SpanKind::Consumer.into(),
            attributes: vec![attribute("count", any_value::Value::IntValue(3))],
            start_time_unix_nano: 2,
            ..Span::default()
        };
        let parent = Span {
            trace_id: vec![0xab; 16],
            span_id: vec![1; 8],
            name: "POST".to_owned(),
            kind: span::SpanKind::Server.into(),
            start_time_unix_nano: 1,
            ..Span::default()
        };
        client.export(request(vec![child])).await.unwrap();
        client.export(request(vec![parent])).await.unwrap();

        let spans = receiver
            .wait_for_trace(DEADLINE, "both spans", |spans| spans.len() == 2)
            .await
            .unwrap();
        let [parent, child] = &spans[..] else {
            panic!("{spans:?}");
        };
        assert_eq!(parent.kind, "SERVER");
        assert_eq!(parent.parent_span_id, None);
        assert_eq!(child.parent_span_id.as_ref(), Some(&parent.span_id));
        assert_eq!(child.trace_id, "ab".repeat(16));
        assert_eq!(child.attributes["count"], 3);
        assert_eq!(child.resource["service.name"], "muster");
        assert_eq!(child.scope, "a scope");

        receiver.clear();
        assert!(receiver.spans().is_empty());
    }

    #[tokio::test]
    async fn what_did_come_is_named_when_the_rest_does_not() {
        let receiver = OtlpReceiver::start().unwrap();
        let mut client = TraceServiceClient::connect(receiver.endpoint())
            .await
            .unwrap();
        let span = Span {
            name: "lonely".to_owned(),
            ..Span::default()
        };
        client.export(request(vec![span])).await.unwrap();
        let error = receiver
            .wait_for_trace(Duration::from_millis(20), "two spans", |spans| {
                spans.len() == 2
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "1 spans came: lonely");
    }

    #[tokio::test]
    async fn metrics_arrive() {
        let receiver = OtlpReceiver::start().unwrap();
        let mut client = MetricsServiceClient::connect(receiver.endpoint())
            .await
            .unwrap();
        let metric = Metric {
            name: "muster.commands".to_owned(),
            ..Metric::default()
        };
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                scope_metrics: vec![ScopeMetrics {
                    metrics: vec![metric],
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        client.export(request).await.unwrap();
        assert!(receiver.metric_names().contains("muster.commands"));
    }
}
