//! What has failed says in its trace why, of what kind it was, and what it was about.

use anyhow::{Context as _, Result, ensure};
use muster_contract::headers;
use muster_platform::{Ids as _, RandomIds};
use muster_testkit::ReceivedSpan;
use muster_tests::{
    Process, client,
    commands::{Sender, start_job},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{BROKEN, ClientTrace, World};

/// The agent cannot start what a session is to run: the order's span has the program's own words, and the session.
pub(crate) async fn of_a_container(world: &World) -> Result<()> {
    let trace = ClientTrace::new(5);
    let body = json!({ "name": "broken", "image": BROKEN });
    let request = world.alice.request(Method::POST, "/session", Some(&body));
    let answer = client::send(request.header("traceparent", &trace.header)).await?;
    let session = answer.json()?["sessionId"].clone();
    ensure!(session.is_string(), "{}", answer.text());
    let name = "process muster.agt.{agent}.order.start-container";
    let span = world.failed_span(&trace, name).await?;
    says(&span, "container", "/does/not/exist")?;
    has(&span, "muster.session.id", &session)
}

/// A command that cannot be read becomes a dead letter: its span says what is wrong with it, and which message it was.
pub(crate) async fn of_a_message(world: &World) -> Result<()> {
    let trace = ClientTrace::new(6);
    let context = async_nats::jetstream::new(world.system.nats().await?);
    let sender = Sender::start(&context).await?;
    let id = RandomIds.next();
    let mut envelope = sender.envelope(id, &start_job(1000));
    envelope.payload = b"{\"job_id\": ".to_vec();
    envelope
        .headers
        .insert(headers::TRACE_PARENT, trace.header.as_str());
    sender.publish(&[envelope]).await?;
    let name = "process muster.cmd.job-archive.v1.start-job";
    let span = world.failed_span(&trace, name).await?;
    says(&span, "dead_letter", "body")?;
    has(&span, "messaging.message.id", &json!(id.to_string()))?;
    has(
        &span,
        "messaging.consumer.group.name",
        &json!("job-archive"),
    )
}

/// Nobody answers a question: the request's span has the status, whose it was and where it came in; the one below says that the owner
/// was away.
pub(crate) async fn of_a_service_that_is_away(world: &mut World) -> Result<()> {
    let trace = ClientTrace::new(7);
    world.system.kill(Process::JobArchive(0))?;
    let request = world
        .system
        .alpha()?
        .request(Method::GET, "/api/jobs/")
        .header("traceparent", &trace.header);
    let answer = client::send(request).await?;
    ensure!(answer.status.is_server_error(), "{}", answer.status);
    let span = world.failed_span(&trace, "GET /api/jobs/").await?;
    says(&span, answer.status.as_str(), "is away")?;
    for (attribute, value) in [
        ("http.route", "/api/jobs/"),
        ("muster.principal", "alpha-api"),
        ("muster.project", "alpha"),
    ] {
        has(&span, attribute, &json!(value))?;
    }
    let name = "send muster.qry.job-archive.v1.list-jobs";
    let asked = world.failed_span(&trace, name).await?;
    says(&asked, "owner_away", "nobody is there to answer")?;
    ensure!(
        asked.parent_span_id.as_ref() == Some(&span.span_id),
        "{asked:?}"
    );
    world.system.start(Process::JobArchive(0)).await
}

/// Of what kind the error is, and why.
fn says(span: &ReceivedSpan, kind: &str, why: &str) -> Result<()> {
    has(span, "error.type", &json!(kind))?;
    ensure!(span.status_message.contains(why), "{span:#?}");
    Ok(())
}

fn has(span: &ReceivedSpan, attribute: &str, value: &Value) -> Result<()> {
    let found = span.attributes.get(attribute);
    let found = found.with_context(|| format!("no {attribute}: {span:#?}"))?;
    ensure!(found == value, "{attribute}: {found} instead of {value}");
    Ok(())
}
