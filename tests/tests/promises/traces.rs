//! One trace per request, from the client through HTTP, the broker, the transaction and the event
//! (design §7), as a real OTLP receiver sees it.

mod spans;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, OtlpReceiver, eventually};
use muster_tests::{
    Client, Process, System, SystemOptions,
    client::{Answer, send},
    events::EventConsumer,
    jobs,
    setup::{Mode, Setup},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use self::spans::{
    EVENT, QUERY, START_ROUTE, check_start, child_of, has_attributes, is_complete, names, one,
};

/// Requests that are traced at the same time.
const REQUESTS: i64 = 50;

/// Runs the body with an OTLP receiver that every process is told about.
async fn with_receiver(
    setup: Setup,
    body: impl AsyncFnOnce(&mut System, Setup, &OtlpReceiver) -> Result<()>,
) -> Result<()> {
    let receiver = OtlpReceiver::start()?;
    let options = |options: SystemOptions| {
        options.with("MUSTER__TELEMETRY__OTLP_ENDPOINT", receiver.endpoint())
    };
    setup
        .run("traces", options, async |system, setup| {
            body(system, setup, &receiver).await
        })
        .await
}

/// A trace that is the client's own: the header and its two ids. The number is not 0, as no id may be.
fn traceparent(number: i64) -> (String, String, String) {
    let (trace, span) = (format!("{number:032x}"), format!("{number:016x}"));
    (format!("00-{trace}-{span}-01"), trace, span)
}

async fn start(client: &Client, job_id: i64, traceparent: Option<&str>) -> Result<Answer> {
    let mut request = client
        .request(Method::POST, START_ROUTE)
        .body(jobs::start(job_id).to_string());
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let answer = send(request).await?;
    ensure!(answer.status == StatusCode::CREATED, "{}", answer.text());
    Ok(answer)
}

async fn one_request_body(
    system: &mut System,
    setup: Setup,
    receiver: &OtlpReceiver,
) -> Result<()> {
    let consumer = EventConsumer::start(system).await?;
    let client = system.alpha()?;
    start(&client, 1, None).await?;
    let spans = receiver
        .wait_for_trace(DEADLINE, "the trace of a start", is_complete)
        .await?;
    check_start(&spans, setup)?;
    let root = one(&spans, "SERVER", &format!("POST {START_ROUTE}"))?;
    ensure!(root.parent_span_id.is_none(), "{root:?}");
    // The event carries on the trace, under the span that sent it, to whoever takes it.
    let event = eventually(DEADLINE, "the event", async || {
        consumer.events().into_iter().next()
    })
    .await?;
    let template = EVENT.replace("alpha", "{project}");
    let sent = one(&spans, "PRODUCER", &format!("send {template}"))?;
    let id = sent.attributes.get("messaging.message.id");
    ensure!(id == Some(&json!(event.message_id)), "{id:?}");
    let carried = format!("00-{}-{}-01", sent.trace_id, sent.span_id);
    ensure!(
        event.traceparent.as_deref() == Some(&carried),
        "{:?}",
        event.traceparent
    );

    // The log says which trace its lines belong to.
    let front = match setup.mode {
        Mode::OneProcess => Process::Everything,
        Mode::Parts => Process::Ingress,
    };
    let running = system.process(front)?;
    let line = eventually(DEADLINE, "the request's log line", async || {
        running
            .stderr_lines()
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line.get("route") == Some(&json!(START_ROUTE)))
    })
    .await?;
    ensure!(
        line.get("trace_id") == Some(&json!(root.trace_id)),
        "{line}"
    );
    ensure!(line.get("span_id") == Some(&json!(root.span_id)), "{line}");

    // What the client has begun is continued.
    let (header, trace, span) = traceparent(1);
    start(&client, 2, Some(&header)).await?;
    eventually(DEADLINE, "the trace of the client", async || {
        is_complete(&receiver.trace(&trace)).then_some(())
    })
    .await?;
    let spans = receiver.trace(&trace);
    check_start(&spans, setup)?;
    let server = one(&spans, "SERVER", &format!("POST {START_ROUTE}"))?;
    ensure!(server.parent_span_id == Some(span), "{server:?}");

    // What the client does not want traced is not.
    let (header, trace, _) = traceparent(2);
    let header = header.replace("-01", "-00");
    start(&client, 3, Some(&header)).await?;
    list_is_traced(&client, receiver, traceparent(3)).await?;
    ensure!(
        receiver.trace(&trace).is_empty(),
        "{:?}",
        receiver.trace(&trace)
    );
    Ok(())
}

/// A list is one trace too: the server asks, the owner answers.
async fn list_is_traced(
    client: &Client,
    receiver: &OtlpReceiver,
    (header, trace, span): (String, String, String),
) -> Result<()> {
    let request = client.request(Method::GET, "/api/jobs/");
    let answer = send(request.header("traceparent", header)).await?;
    ensure!(answer.status == StatusCode::OK, "{}", answer.text());
    let spans = eventually(DEADLINE, "the trace of a list", async || {
        let spans = receiver.trace(&trace);
        (spans.len() >= 3).then_some(spans)
    })
    .await?;
    ensure!(spans.len() == 3, "{:?}", names(&spans));
    let server = one(&spans, "SERVER", "GET /api/jobs/")?;
    let asking = one(&spans, "CLIENT", &format!("send {QUERY}"))?;
    let answering = one(&spans, "SERVER", &format!("process {QUERY}"))?;
    ensure!(server.parent_span_id == Some(span), "{server:?}");
    child_of(asking, server)?;
    child_of(answering, asking)?;
    has_attributes(server, &json!({ "http.response.status_code": 200 }))?;
    for (span, operation) in [(asking, "send"), (answering, "process")] {
        has_attributes(
            span,
            &json!({
                "messaging.system": "nats",
                "messaging.operation.name": operation,
                "messaging.destination.name": QUERY,
            }),
        )?;
    }
    Ok(())
}

/// Requests that share batches keep their traces apart.
async fn many_requests_body(
    system: &mut System,
    setup: Setup,
    receiver: &OtlpReceiver,
) -> Result<()> {
    let client = system.alpha()?;
    let tasks: Vec<_> = (1..=REQUESTS)
        .map(|job_id| {
            let client = client.clone();
            tokio::spawn(async move {
                let (header, ..) = traceparent(job_id);
                start(&client, job_id, Some(&header)).await
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let mut batches: BTreeMap<i64, usize> = BTreeMap::new();
    for job_id in 1..=REQUESTS {
        let (_, trace, span) = traceparent(job_id);
        let what = format!("the trace of job {job_id}");
        let spans = eventually(DEADLINE, &what, async || {
            let spans = receiver.trace(&trace);
            is_complete(&spans).then_some(spans)
        })
        .await
        .with_context(|| format!("{:?}", names(&receiver.trace(&trace))))?;
        check_start(&spans, setup)?;
        // No orphans: every parent is there, but for the client's own span.
        let known: BTreeSet<_> = spans.iter().map(|span| span.span_id.as_str()).collect();
        for child in &spans {
            let parent = child.parent_span_id.as_deref().context("a second root")?;
            ensure!(
                known.contains(parent) || parent == span,
                "{} is an orphan",
                child.name
            );
        }
        let transaction = one(&spans, "CLIENT", "transaction job_archive")?;
        let size = transaction.attributes.get("db.operation.batch.size");
        let size = size.and_then(Value::as_i64).context("no batch size")?;
        *batches.entry(size).or_default() += 1;
    }
    ensure!(
        batches.keys().any(|size| *size > 1),
        "no two requests shared a batch: {batches:?}"
    );
    let roots = receiver
        .spans()
        .into_iter()
        .filter(|span| span.parent_span_id.is_none());
    let roots: Vec<_> = roots.collect();
    ensure!(
        roots.is_empty(),
        "spans of nobody's request: {:?}",
        names(&roots)
    );
    Ok(())
}

mod one_request_is_one_trace {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_in_one_process() -> Result<()> {
        with_receiver(Setup::SQLITE_IN_ONE_PROCESS, one_request_body).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_in_parts() -> Result<()> {
        with_receiver(Setup::SQLITE_IN_PARTS, one_request_body).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_in_one_process() -> Result<()> {
        with_receiver(Setup::POSTGRES_IN_ONE_PROCESS, one_request_body).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_in_parts() -> Result<()> {
        with_receiver(Setup::POSTGRES_IN_PARTS, one_request_body).await
    }
}

mod many_requests_are_many_traces {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_in_one_process() -> Result<()> {
        with_receiver(Setup::SQLITE_IN_ONE_PROCESS, many_requests_body).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_in_parts() -> Result<()> {
        with_receiver(Setup::POSTGRES_IN_PARTS, many_requests_body).await
    }
}

/// Without an endpoint in Muster's own settings nothing is sent, whatever else the environment says.
async fn without_endpoint_body(system: &mut System, _setup: Setup) -> Result<()> {
    start(&system.alpha()?, 1, Some(&traceparent(1).0)).await?;
    let receiver_of_the_environment = system
        .environment()
        .into_iter()
        .any(|(name, _)| name == "OTEL_EXPORTER_OTLP_ENDPOINT");
    ensure!(receiver_of_the_environment);
    // What was recorded would be sent at the end.
    let mut processes = system.names();
    processes.reverse();
    for process in processes {
        system.stop(process).await?;
    }
    Ok(())
}

async fn without_endpoint(setup: Setup) -> Result<()> {
    let receiver = OtlpReceiver::start()?;
    let options =
        |options: SystemOptions| options.with("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint());
    setup
        .run("no traces", options, without_endpoint_body)
        .await?;
    ensure!(
        receiver.spans().is_empty(),
        "{:?}",
        names(&receiver.spans())
    );
    ensure!(receiver.metrics().is_empty());
    Ok(())
}

mod nothing_is_sent_without_an_endpoint {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_in_one_process() -> Result<()> {
        without_endpoint(Setup::SQLITE_IN_ONE_PROCESS).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_in_parts() -> Result<()> {
        without_endpoint(Setup::SQLITE_IN_PARTS).await
    }
}
