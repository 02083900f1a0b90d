//! Agents that are killed, stopped, or never come back.

use anyhow::{Context as _, Result, ensure};
use muster_contract::{node_allocation::AgentStatus, session::ComputeSessionStatus};
use muster_testkit::{DEADLINE, OtlpReceiver, ReceivedSpan};
use muster_tests::containers::processes_of;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    house::{House, Rules, on_both, on_sqlite},
    site::{PYTHON, SHELL},
};

const SLOTS: &str = "cpu=4,mem=4g";

on_both!(a_killed_agent_finds_what_it_had);

async fn a_killed_agent_finds_what_it_had(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let stays = alice
        .created_id("stays", PYTHON, json!({}), "RUNNING")
        .await?;
    let dies = alice
        .created_id("dies", SHELL, json!({}), "RUNNING")
        .await?;
    let before = processes_of(&stays);
    house.kill_agent("a1")?;
    // One ends while nobody looks.
    for pid in processes_of(&dies) {
        let pid = Pid::from_raw(pid);
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
    house.start_agent("a1", SLOTS).await?;
    let over = house
        .wait_for(&alice, &dies, ComputeSessionStatus::Terminated)
        .await?;
    ensure!(
        over.status_info.as_deref() == Some("self-terminated"),
        "{over:?}"
    );
    // The other never noticed.
    let session = house.find(&alice, &stays).await?;
    ensure!(
        session.status == ComputeSessionStatus::Running,
        "{session:?}"
    );
    ensure!(processes_of(&stays) == before);
    let url = House::service_url(&session, "http")?;
    ensure!(reqwest::get(&url).await?.status() == 200, "{url}");
    let path = "/session/stays";
    alice.expect(Method::PATCH, path, None, 204).await?;
    alice.destroy("stays").await?;
    house.all_is_free(&[&stays, &dies]).await
}

on_both!(an_agent_that_stops_in_order_leaves_its_containers);

async fn an_agent_that_stops_in_order_leaves_its_containers(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let id = alice
        .created_id("update", SHELL, json!({}), "RUNNING")
        .await?;
    let before = processes_of(&id);
    house.stop_agent("a1").await?;
    ensure!(processes_of(&id) == before, "{before:?}");
    // It is ended while the agent is away: that waits until it is back.
    let ending = {
        let alice = alice.clone();
        tokio::spawn(async move { alice.destroy("update").await })
    };
    house
        .wait_for(&alice, &id, ComputeSessionStatus::Terminating)
        .await?;
    house.start_agent("a1", SLOTS).await?;
    ending.await??;
    house.all_is_free(&[&id]).await
}

/// An agent that is lost soon.
const SOON_LOST: Rules = Rules {
    settings: &[("MUSTER__NODE_ALLOCATION__AGENT_TIMEOUT", "3s")],
    agents: &[("a1", SLOTS), ("a2", SLOTS)],
    ..Rules::USUAL
};

on_both!(a_lost_agent_ends_its_sessions, SOON_LOST);

async fn a_lost_agent_ends_its_sessions(house: &mut House) -> Result<()> {
    let alice = house.alice();
    // One on each, one on both.
    let mut ids = Vec::new();
    for name in ["on-one", "on-other"] {
        let more = json!({ "config": { "resources": { "cpu": "2" } } });
        ids.push(alice.created_id(name, SHELL, more, "RUNNING").await?);
    }
    let more = json!({ "config": { "clusterSize": 4, "resources": { "cpu": "1" } } });
    let both = alice.created_id("on-both", SHELL, more, "RUNNING").await?;
    let more = json!({ "enqueueOnly": true, "config": { "resources": { "cpu": "4" } } });
    let waits = alice.created_id("waits", SHELL, more, "PENDING").await?;

    house.kill_agent("a1")?;
    house.wait_for_agent("a1", AgentStatus::Lost).await?;
    let lost = house
        .wait_for(&alice, &both, ComputeSessionStatus::Terminated)
        .await?;
    ensure!(
        lost.status_info.as_deref() == Some("agent-lost"),
        "{lost:?}"
    );
    for id in &ids {
        let session = house.find(&alice, id).await?;
        let was_there = session.containers.iter().any(|one| one.agent == "a1");
        if was_there {
            house
                .wait_for(&alice, id, ComputeSessionStatus::Terminated)
                .await?;
        } else {
            ensure!(
                session.status == ComputeSessionStatus::Running,
                "{session:?}"
            );
            alice.destroy(id).await?;
        }
    }
    // The other agent has room for it now.
    let session = house
        .wait_for(&alice, &waits, ComputeSessionStatus::Running)
        .await?;
    ensure!(session.containers[0].agent == "a2", "{session:?}");
    house.slots_add_up().await?;

    // It comes back: what it still runs is ended, and there is room on it.
    house.start_agent("a1", SLOTS).await?;
    for id in ids.iter().chain([&both]) {
        muster_testkit::eventually(
            muster_testkit::DEADLINE,
            "old processes to end",
            async || processes_of(id).is_empty().then_some(()),
        )
        .await?;
    }
    let more = json!({ "config": { "resources": { "cpu": "4" } } });
    let id = alice.created_id("is-back", SHELL, more, "RUNNING").await?;
    ensure!(house.find(&alice, &id).await?.containers[0].agent == "a1");
    alice.destroy("is-back").await?;
    alice.destroy("waits").await?;
    house.all_is_free(&[&id, &waits, &both]).await
}

/// The trace of a request goes on to the agent that carries it out, in a process of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_a_request_reaches_the_agent() -> Result<()> {
    let receiver = OtlpReceiver::start()?;
    let endpoint: &'static str = receiver.endpoint().leak();
    let settings = vec![("MUSTER__TELEMETRY__OTLP_ENDPOINT", endpoint)];
    let rules = Rules {
        settings: settings.leak(),
        ..Rules::USUAL
    };
    on_sqlite("traces of agents", rules, async |house| {
        let alice = house.alice();
        alice
            .created_id("traced", SHELL, json!({}), "RUNNING")
            .await?;
        let started = "start-container";
        let of_agent = |span: &ReceivedSpan| {
            span.kind == "CONSUMER" && span.name.contains(started) && span.name.contains("process")
        };
        let spans = receiver
            .wait_for_trace(DEADLINE, "the agent's part of a trace", |spans| {
                let is_root = |span: &ReceivedSpan| span.name == "POST /session";
                spans.iter().any(of_agent) && spans.iter().any(is_root)
            })
            .await?;
        let taken = spans
            .iter()
            .find(|span| of_agent(span))
            .context("it is not there")?;
        // Under the span that sent the order, of another process.
        let parent = taken.parent_span_id.as_ref();
        let sent = spans.iter().find(|span| Some(&span.span_id) == parent);
        let sent = sent.context("nobody sent it")?;
        ensure!(sent.kind == "PRODUCER", "{sent:?}");
        ensure!(sent.resource != taken.resource, "{taken:?}");
        Ok(())
    })
    .await
}
