//! A saga is one trace: number of spans, parents, no orphan, also when a service dies in the middle; and what goes on later, or is set
//! off by somebody else, goes on in the trace of the request that it answers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, ReceivedSpan, eventually};
use muster_tests::Process;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{ClientTrace, IMAGE, KEY, World};

const OPEN: &str = "muster.cmd.session.v1.open-node-session";
const ALLOCATE: &str = "muster.cmd.node-allocation.v1.allocate-nodes";
const ORDER: &str = "muster.agt.{agent}.order.run-node-hook";
const REPORT: &str = "muster.agt.{agent}.report.node-hook-finished";
const GRANTED: &str = "muster.evt.node-allocation.v1.{project}.nodes.granted";
const OPENED: &str = "muster.evt.session.v1.{project}.node-session.opened";
const START: &str = "muster.agt.{agent}.order.start-container";
const STOP: &str = "muster.agt.{agent}.order.stop-container";

/// The spans of a node session that is opened with one node that has to be prepared, each with its parent; `""` = the client's own.
/// A transaction is a child of the message that is processed in it.
fn wanted() -> Vec<(String, String)> {
    let (send, process) = (
        |what: &str| format!("send {what}"),
        |what: &str| format!("process {what}"),
    );
    vec![
        ("GET /Node/get".to_owned(), String::new()),
        (send(OPEN), "GET /Node/get".to_owned()),
        (process(OPEN), send(OPEN)),
        ("transaction session".to_owned(), process(OPEN)),
        (send(ALLOCATE), process(OPEN)),
        (process(ALLOCATE), send(ALLOCATE)),
        ("transaction node_allocation".to_owned(), process(ALLOCATE)),
        (send(ORDER), process(ALLOCATE)),
        (process(ORDER), send(ORDER)),
        ("run contextualize".to_owned(), process(ORDER)),
        (send(REPORT), process(ORDER)),
        (process(REPORT), send(REPORT)),
        ("transaction node_allocation".to_owned(), process(REPORT)),
        (send(GRANTED), process(REPORT)),
        (process(GRANTED), send(GRANTED)),
        ("transaction session".to_owned(), process(GRANTED)),
        (send(OPENED), process(GRANTED)),
    ]
}

/// A session is opened while the session service is killed and started again: its id.
pub(crate) async fn opened_over_a_restart(world: &mut World) -> Result<String> {
    let trace = ClientTrace::new(1);
    world.hold_hooks(true)?;
    let path = format!("/Node/get?key={KEY}&count=1");
    let client = world.client.clone();
    let header = trace.header.clone();
    let request = tokio::spawn(async move {
        let request = client.anonymous(Method::GET, &path);
        muster_tests::client::send(request.header("traceparent", header)).await
    });
    world.hooks_have_begun(1).await?;
    // What the service has seen so far is told; the rest comes from the one that takes its place.
    let (sent, begun) = (format!("send {ALLOCATE}"), format!("process {OPEN}"));
    world
        .trace_with(&trace, &[&sent, &begun, "transaction session"])
        .await?;
    world.system.restart(Process::Session).await?;
    world.hold_hooks(false)?;
    let answer = request.await??;
    ensure!(answer.status == 200, "{}", answer.text());
    let session = answer.json()?["ssid"].as_str().context("no id")?.to_owned();

    let wanted = wanted();
    let found = eventually(DEADLINE, "all spans of the saga", async || {
        let spans = sent_once(world.receiver.trace(&trace.id));
        (spans.len() >= wanted.len()).then_some(spans)
    });
    let spans = found.await.with_context(|| {
        format!(
            "{:#?}",
            with_parents(&world.receiver.trace(&trace.id), &trace)
        )
    })?;
    ensure!(
        counted(with_parents(&spans, &trace)) == counted(wanted.clone()),
        "{:#?} instead of {wanted:#?}",
        with_parents(&spans, &trace)
    );
    world.whole_trace(&trace).await?;
    ensure!(spans.iter().all(|span| !span.is_error), "{spans:#?}");
    // Where it matters they say which session it is: by that it is found.
    for name in [
        &sent,
        &format!("process {GRANTED}"),
        &format!("process {ORDER}"),
    ] {
        let span = spans.iter().find(|span| span.name == **name);
        let id = span.and_then(|span| span.attributes.get("muster.session.id"));
        ensure!(id == Some(&json!(session)), "{name}: {id:?}");
    }
    // Of one that took long it can be told whether it waited or was at work, and how often it was tried.
    for name in [format!("process {ORDER}"), format!("process {REPORT}")] {
        let span = spans.iter().find(|span| span.name == name);
        for attribute in [
            "muster.waited",
            "nats.delivery_count",
            "nats.stream_sequence",
        ] {
            let value = span.and_then(|span| span.attributes.get(attribute));
            ensure!(value.is_some_and(Value::is_number), "{name}: {attribute}");
        }
    }
    let parts: BTreeSet<_> = spans
        .iter()
        .filter_map(|span| span.resource.get("service.name")?.as_str())
        .collect();
    let all = [
        "muster-agent",
        "muster-ingress",
        "muster-node-allocation",
        "muster-session",
    ];
    ensure!(parts == BTreeSet::from(all), "{parts:?}");
    Ok(session)
}

/// A request waits for nodes that the session gives back: it goes on in its own trace, linked to what set it off. The id of its session.
pub(crate) async fn waited_for_nodes(world: &World, session: &str) -> Result<String> {
    let (waiting, closing) = (ClientTrace::new(2), ClientTrace::new(3));
    let path = format!("/Node/get?key={KEY}&count=2&wait=40");
    let request = world.duffy(&path, &waiting);
    let release = async {
        // It waits.
        world
            .trace_with(&waiting, &[&format!("process {ALLOCATE}")])
            .await?;
        let path = format!("/Session/done?key={KEY}&ssid={session}");
        world.duffy(&path, &closing).await
    };
    let (answer, closed) = tokio::join!(request, release);
    let (answer, closed) = (answer?, closed?);
    ensure!(closed.status == 200, "{}", closed.text());
    ensure!(answer.status == 200, "{}", answer.text());
    let next = answer.json()?["ssid"].as_str().context("no id")?.to_owned();
    world
        .trace_with(
            &waiting,
            &[&format!("send {ORDER}"), &format!("send {OPENED}")],
        )
        .await?;
    let spans = world.whole_trace(&waiting).await?;
    let orders: Vec<_> = spans
        .iter()
        .filter(|span| span.name == format!("send {ORDER}"))
        .collect();
    ensure!(!orders.is_empty());
    for order in orders {
        ensure!(
            order.links.iter().any(|(trace, _)| *trace == closing.id),
            "{order:#?}"
        );
    }
    Ok(next)
}

/// A compute session waits for another one to be over: when it begins, by a timer, that is in the trace of the request that made it.
pub(crate) async fn waited_for_a_session(world: &World) -> Result<()> {
    let first = world
        .alice
        .created_id("first", IMAGE, json!({}), "RUNNING")
        .await?;
    let trace = ClientTrace::new(4);
    let body = json!({
        "name": "second", "image": IMAGE, "dependencies": [first], "enqueueOnly": true,
    });
    let request = world.alice.request(Method::POST, "/session", Some(&body));
    let answer = muster_tests::client::send(request.header("traceparent", &trace.header)).await?;
    ensure!(answer.status == 201, "{}", answer.text());
    world.alice.destroy("first").await?;
    world
        .trace_with(
            &trace,
            &[
                &format!("process {START}"),
                "process muster.agt.{agent}.report.container-started",
            ],
        )
        .await?;
    world.whole_trace(&trace).await?;
    // What ends a session can be found by it too.
    let stop = format!("process {STOP}");
    eventually(DEADLINE, "the end of the first session", async || {
        let spans = world.receiver.spans();
        let of_session = |span: &&ReceivedSpan| {
            span.name == stop && span.attributes.get("muster.session.id") == Some(&json!(first))
        };
        spans.iter().find(of_session).map(|_| ())
    })
    .await?;
    eventually(DEADLINE, "the second session to run", async || {
        let told = world.alice.get("/session/second").await.ok()?;
        (told["status"] == "RUNNING").then_some(())
    })
    .await
}

/// Without what a service sends again that was started anew: from a work queue a message that was carried out looks like one that was
/// lost. It takes effect once.
fn sent_once(spans: Vec<ReceivedSpan>) -> Vec<ReceivedSpan> {
    let mut sent = BTreeSet::new();
    let mut once = spans;
    once.retain(|span| {
        let id = span.attributes.get("messaging.message.id");
        let is_new = id.is_none_or(|id| sent.insert((span.name.clone(), id.to_string())));
        is_new || !span.name.starts_with("send ")
    });
    once
}

/// Each span's name and that of its parent.
fn with_parents(spans: &[ReceivedSpan], trace: &ClientTrace) -> Vec<(String, String)> {
    let names: BTreeMap<&str, &str> = spans
        .iter()
        .map(|span| (span.span_id.as_str(), span.name.as_str()))
        .collect();
    let pairs = spans.iter().map(|span| {
        let parent = span.parent_span_id.as_deref().unwrap_or("nobody");
        let parent = if parent == trace.span {
            ""
        } else {
            names.get(parent).copied().unwrap_or("unknown")
        };
        (span.name.clone(), parent.to_owned())
    });
    pairs.collect()
}

fn counted(pairs: Vec<(String, String)>) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for pair in pairs {
        *counts.entry(pair).or_default() += 1;
    }
    counts
}
