//! Without an endpoint. In a process of its own: only with a single subscriber does a call site
//! know for good that it is off.

use std::time::Duration;

use muster_telemetry::{LogFormat, Telemetry, TelemetryError, TelemetryOptions};

#[tokio::test]
async fn without_an_endpoint_spans_are_disabled_and_metrics_are_there() {
    let options = TelemetryOptions {
        service_name: "muster-test".to_owned(),
        instance: "one".to_owned(),
        otlp_endpoint: None,
        sampling_ratio: 1.0,
        log: "trace".to_owned(),
        log_format: LogFormat::Json,
    };
    let telemetry = Telemetry::start(&options).unwrap();
    assert!(tracing::info_span!("own").is_disabled());
    assert!(tracing::error_span!(target: "sqlx", "theirs").is_disabled());
    assert!(
        tracing::enabled!(tracing::Level::TRACE),
        "log lines are not spans"
    );

    let _waiter = telemetry.metrics().waiters().enter();
    let text = telemetry.metrics_text().unwrap();
    assert!(text.contains("muster_ingress_waiters 1"), "{text}");

    let again = Telemetry::start(&options).unwrap_err();
    assert!(
        matches!(again, TelemetryError::AlreadyStarted(_)),
        "{again}"
    );
    telemetry.shutdown(Duration::from_secs(5)).await.unwrap();
}
