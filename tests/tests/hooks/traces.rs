//! One trace from the HTTP request over the agent to the answer.

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, OtlpReceiver, ReceivedSpan, eventually};
use muster_tests::Engine;

use crate::{
    house::{House, Rules, got, on},
    site::{AGENT, KEY},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn a_get_is_one_trace_over_the_agent_to_the_answer() -> Result<()> {
    let receiver = OtlpReceiver::start()?;
    let endpoint = receiver.endpoint();
    let rules = Rules {
        pool: r#"hooks = { agent = "provisioner", contextualize = "1m" }"#,
        project: "",
        otlp: Some(&endpoint),
    };
    let body = async |house: &mut House| traced(house, &receiver).await;
    on(Engine::Sqlite, "traces", rules, body).await
}

/// The chain from the report back to the client, each the child of the next; of spans by kind and name.
const CHAIN: [(&str, &str); 5] = [
    (
        "CONSUMER",
        "process muster.agt.{agent}.report.node-hook-finished",
    ),
    (
        "PRODUCER",
        "send muster.agt.{agent}.report.node-hook-finished",
    ),
    ("CONSUMER", "process muster.agt.{agent}.order.run-node-hook"),
    ("PRODUCER", "send muster.agt.{agent}.order.run-node-hook"),
    (
        "CONSUMER",
        "process muster.cmd.node-allocation.v1.allocate-nodes",
    ),
];

async fn traced(house: &mut House, receiver: &OtlpReceiver) -> Result<()> {
    house.wait_until_ready().await?;
    let path = format!("/Node/get?key={KEY}&count=1");
    got(&house.get_traced(&path, PARENT).await?)?;
    let spans = eventually(DEADLINE, "the whole trace", async || {
        let spans = receiver.trace(TRACE);
        let has = |part: &str| spans.iter().any(|span| span.name.contains(part));
        let whole = CHAIN.iter().all(|(_, name)| has(name))
            && has("GET /Node/get")
            && has("run contextualize")
            && has("node-session.opened");
        whole.then_some(spans)
    })
    .await
    .with_context(|| format!("{:?}", names(&receiver.trace(TRACE))))?;

    let chain: Result<Vec<_>> = CHAIN
        .iter()
        .map(|(kind, name)| one(&spans, kind, name))
        .collect();
    for pair in chain?.windows(2) {
        ensure!(
            pair[0].parent_span_id.as_deref() == Some(&pair[1].span_id),
            "{} is no child of {}",
            pair[0].name,
            pair[1].name
        );
    }
    let order = one(&spans, CHAIN[2].0, CHAIN[2].1)?;
    let run = one(&spans, "INTERNAL", "run contextualize")?;
    ensure!(run.parent_span_id.as_ref() == Some(&order.span_id));
    ensure!(run.attributes.get("muster.hook") == Some(&"contextualize".into()));
    ensure!(run.resource.get("service.name") == Some(&"muster-agent".into()));
    ensure!(order.attributes.get("messaging.consumer.group.name") == Some(&AGENT.into()));
    // The client's own span is the root of it all.
    let server = one(&spans, "SERVER", "GET /Node/get")?;
    ensure!(server.parent_span_id.as_deref() == Some("b7ad6b7169203331"));
    Ok(())
}

fn one<'a>(spans: &'a [ReceivedSpan], kind: &str, name: &str) -> Result<&'a ReceivedSpan> {
    let mut found = spans
        .iter()
        .filter(|span| span.kind == kind && span.name == name);
    let first = found.next();
    ensure!(
        found.next().is_none(),
        "several {kind} {name}: {:?}",
        names(spans)
    );
    first.with_context(|| format!("no {kind} {name} among {:?}", names(spans)))
}

fn names(spans: &[ReceivedSpan]) -> Vec<String> {
    let names = spans
        .iter()
        .map(|span| format!("{} {}", span.kind, span.name));
    names.collect()
}
