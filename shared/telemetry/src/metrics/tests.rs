use super::*;
use crate::names::metric;

const MOMENT: Duration = Duration::from_millis(3);

fn metrics() -> Metrics {
    Metrics::new("muster-test", "one").unwrap()
}

/// The value of the line that begins with `name` and has all `labels`.
fn value(text: &str, name: &str, labels: &[&str]) -> f64 {
    let mut found = text.lines().filter(|line| {
        line.split(['{', ' ']).next() == Some(name)
            && labels.iter().all(|label| line.contains(label))
    });
    let line = found
        .next()
        .unwrap_or_else(|| panic!("{name} {labels:?} is not in\n{text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn counters_and_gauges_are_there_at_zero_before_anything_happens() {
    let metrics = metrics();
    let _publisher = metrics.publisher("muster.cmd.job-archive.v1.start");
    let _consumer = metrics.consumer("MUSTER_COMMANDS_JOB_ARCHIVE", "job-archive");
    let _outbox = metrics.outbox("job-archive");
    let _waiters = metrics.waiters();
    let text = metrics.text().unwrap();
    for name in [
        "messaging_client_sent_messages_total",
        "messaging_client_consumed_messages_total",
        "muster_inbox_duplicates_total",
        "muster_dead_letters_total",
        "muster_messages_dropped_total",
        "muster_outbox_unpublished",
        "muster_outbox_oldest_age_seconds",
        "muster_ingress_waiters",
    ] {
        assert!(value(&text, name, &[]).abs() < f64::EPSILON, "{name}");
    }
}

#[test]
fn every_metric_is_emitted_under_its_name() {
    let metrics = metrics();
    metrics.http_request(
        HttpRequest {
            method: "GET".into(),
            route: "/api/jobs/{id}".into(),
            status: 200,
            dialect: "clustercockpit",
        },
        MOMENT,
    );
    metrics.publisher("subject").sent(2, MOMENT);
    let consumer = metrics.consumer("stream", "group");
    consumer.consumed(3);
    consumer.processed(3, MOMENT);
    metrics
        .command("job-archive.start")
        .finished(CommandOutcome::Done, MOMENT);
    metrics
        .outbox("job-archive")
        .waiting(4, Duration::from_secs(9));
    let _waiter = metrics.waiters().enter();
    consumer.step("job-archive.start/1", MOMENT);
    metrics.periodic("session", "expiry").ran(None, MOMENT);
    metrics.queues().granted("nodes", MOMENT);
    let levels = metrics.levels("job-archive");
    for name in metric::ALL {
        if super::levels::is_read(name) {
            levels.set(name, vec![Reading::new([], 1.0)]);
        }
    }
    let text = metrics.text().unwrap();
    for name in metric::ALL {
        let name = name.replace('.', "_");
        assert!(
            text.contains(&format!("# TYPE {name}")),
            "{name} is not in\n{text}"
        );
    }
    let http = [
        "http_route=\"/api/jobs/{id}\"",
        "http_response_status_code=\"200\"",
        "muster_dialect=\"clustercockpit\"",
    ];
    assert!(
        (value(&text, "http_server_request_duration_seconds_count", &http) - 1.0).abs()
            < f64::EPSILON
    );
    assert!((value(&text, "http_server_request_duration_seconds_sum", &http) - 0.003).abs() < 1e-9);
    assert!(
        (value(
            &text,
            "muster_outbox_oldest_age_seconds",
            &["muster_part=\"job-archive\""]
        ) - 9.0)
            .abs()
            < f64::EPSILON
    );
    assert!((value(&text, "muster_batch_size_bucket", &["le=\"4\""]) - 1.0).abs() < f64::EPSILON);
    assert!((value(&text, "muster_batch_size_bucket", &["le=\"2\""])).abs() < f64::EPSILON);
    assert!(text.contains("service_name=\"muster-test\""), "{text}");
    assert!(!text.contains("otel_scope"), "{text}");
}

#[test]
fn failures_are_told_apart_by_their_kind() {
    let metrics = metrics();
    metrics.publisher("subject").failed(1, "timeout", MOMENT);
    metrics
        .consumer("stream", "group")
        .failed("storage", MOMENT);
    metrics
        .command("job-archive.start")
        .finished(CommandOutcome::TimedOut, MOMENT);
    metrics.http_request(
        HttpRequest {
            method: "BREW".into(),
            route: "".into(),
            status: 503,
            dialect: "muster",
        },
        MOMENT,
    );
    let text = metrics.text().unwrap();
    for (name, labels) in [
        (
            "messaging_client_sent_messages_total",
            [
                "error_type=\"timeout\"",
                "messaging_destination_name=\"subject\"",
            ],
        ),
        (
            "messaging_process_duration_seconds_count",
            [
                "error_type=\"storage\"",
                "messaging_consumer_group_name=\"group\"",
            ],
        ),
        (
            "muster_command_duration_seconds_count",
            [
                "muster_outcome=\"timed_out\"",
                "muster_command=\"job-archive.start\"",
            ],
        ),
        (
            "http_server_request_duration_seconds_count",
            ["error_type=\"503\"", "http_request_method=\"_OTHER\""],
        ),
    ] {
        assert!(
            (value(&text, name, &labels) - 1.0).abs() < f64::EPSILON,
            "{name}"
        );
    }
}

#[test]
fn a_waiter_counts_until_it_is_dropped() {
    let metrics = metrics();
    let waiters = metrics.waiters();
    let first = waiters.enter();
    let second = waiters.enter();
    drop(first);
    assert!(
        (value(&metrics.text().unwrap(), "muster_ingress_waiters", &[]) - 1.0).abs() < f64::EPSILON
    );
    drop(second);
    assert!(value(&metrics.text().unwrap(), "muster_ingress_waiters", &[]).abs() < f64::EPSILON);
}
