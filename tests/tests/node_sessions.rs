//! Node sessions from the ingress's side, without HTTP: the session service and node allocation together, as processes.
#![cfg(test)]

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use async_nats::Subscriber;
use futures_util::StreamExt as _;
use muster_contract::{
    Command, Message as _, Outcome, Service,
    node_allocation::{
        AllocationRefusal, ListNodes, Node, NodeDemand, NodeSelector, NodeState, SlotsGranted,
        SlotsLost, SlotsQueued, SlotsRefused,
    },
    session::{
        CloseNodeSession, ComputeSessionChanged, EndReason, GrowNodeSession, HoldNodeSession,
        JobReference, ListNodeSessions, NodeSession, NodeSessionState, NodeSessionTearDownFailed,
        OpenNodeSession, OpenNodeSessionRefusal, SessionJobEnded, SessionReference,
        SessionRunCompleted, SessionRunStarted, ShrinkNodeSession,
    },
    table::{Kind, entries},
};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    Engine, Process, System, SystemOptions,
    caller::Caller,
    jobs, on_every_setup,
    setup::{Mode, Setup},
    site,
};
use serde_json::Value;

/// Nodes of the pool.
const NODES: u32 = 4;

fn options(mut options: SystemOptions) -> SystemOptions {
    options.site_extra.push_str(
        "[[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\nlifetime = \"6h\"\n",
    );
    for number in 1..=NODES {
        let node = format!(
            "[[node]]\nhostname = \"n{number}.dusty\"\npool = \"metal\"\nip = \"192.0.2.{number}\"\n"
        );
        options.site_extra.push_str(&node);
    }
    options
}

fn demands(count: u32) -> Vec<NodeDemand> {
    vec![NodeDemand {
        selector: NodeSelector::Pool {
            name: "metal".to_owned(),
        },
        minimum: count,
        maximum: count,
        excluded_hosts: vec![],
    }]
}

fn open(count: u32) -> OpenNodeSession {
    OpenNodeSession {
        alias: None,
        demands: if count == 0 { vec![] } else { demands(count) },
        wait_until: None,
        job: None,
        rate: None,
    }
}

fn by_name(name: &str) -> SessionReference {
    SessionReference::Name(name.to_owned())
}

/// Sends the command as alpha, which must be carried out.
async fn done<C: Command>(caller: &Caller, command: &C) -> Result<C::Reply>
where
    C::Refusal: std::fmt::Debug,
{
    match caller.send(site::ALPHA, command).await? {
        Outcome::Done(reply) => Ok(reply),
        Outcome::Refused(refusal) => bail!("refused: {refusal:?}"),
    }
}

/// What node allocation says of the session's nodes, at once.
async fn nodes_of(caller: &Caller, session: &str) -> Result<Vec<Node>> {
    let question = ListNodes {
        session: Some(session.to_owned()),
        ..ListNodes::default()
    };
    Ok(caller.ask(&question).await?.nodes)
}

/// Every node is ready, at once.
async fn all_ready(caller: &Caller) -> Result<()> {
    let nodes = caller.ask(&ListNodes::default()).await?.nodes;
    let ready = nodes.iter().filter(|node| node.state == NodeState::Ready);
    ensure!(ready.count() == NODES as usize, "{nodes:#?}");
    Ok(())
}

async fn life_body(system: &mut System, _setup: Setup) -> Result<()> {
    let caller = Caller::start(system).await?;
    let nats = system.nats().await?;
    let events = nats.subscribe("muster.evt.>").await?;
    nats.flush().await?;

    // With nodes at once; the inventory is never behind an answer.
    let session = done(&caller, &open(2)).await?;
    ensure!(
        session.state == NodeSessionState::Active && session.nodes.len() == 2,
        "{session:?}"
    );
    let inventory = nodes_of(&caller, &session.id).await?;
    ensure!(
        inventory.len() == 2
            && inventory
                .iter()
                .all(|node| node.tenant.as_deref() == Some(site::ALPHA)),
        "{inventory:?}"
    );
    // More than there are: nothing.
    let outcome = caller.send(site::ALPHA, &open(3)).await?;
    ensure!(
        matches!(
            outcome,
            Outcome::Refused(OpenNodeSessionRefusal::Allocation(
                AllocationRefusal::InsufficientNodes {
                    wanted: 3,
                    ready: 2,
                    ..
                }
            ))
        ),
        "{outcome:?}"
    );
    // A stack that is built up and torn down by its name (seed 3).
    let stack = OpenNodeSession {
        alias: Some("stack".to_owned()),
        ..open(0)
    };
    let stack = done(&caller, &stack).await?;
    let grow = GrowNodeSession {
        session: by_name("stack"),
        demands: demands(2),
        wait_until: None,
    };
    let grown = done(&caller, &grow).await?;
    ensure!(
        grown.added.len() == 2 && grown.session.nodes == grown.added,
        "{grown:?}"
    );
    let hostname = grown.added.first().context("no node")?.hostname.clone();
    let shrink = ShrinkNodeSession {
        session: by_name("stack"),
        hostname: hostname.clone(),
    };
    let smaller = done(&caller, &shrink).await?;
    ensure!(smaller.nodes.len() == 1, "{smaller:?}");
    let inventory = nodes_of(&caller, &stack.id).await?;
    ensure!(
        inventory.len() == 1 && inventory.iter().all(|node| node.hostname != hostname),
        "{inventory:?}"
    );
    // Kept for a look.
    let hold = HoldNodeSession {
        session: by_name("stack"),
        held_nodes_limit: Some(5),
        prolonged_by: 6 * 3_600,
    };
    let kept = done(&caller, &hold).await?;
    ensure!(kept.state == NodeSessionState::Held, "{kept:?}");
    let inventory = nodes_of(&caller, &stack.id).await?;
    ensure!(
        inventory.iter().all(|node| node.state == NodeState::Held),
        "{inventory:?}"
    );

    operators_see(system, &session, 2).await?;
    for session in [by_name("stack"), SessionReference::Number(session.number)] {
        let closed = done(&caller, &CloseNodeSession { session }).await?;
        ensure!(closed.state == NodeSessionState::Closed, "{closed:?}");
    }
    all_ready(&caller).await?;

    every_event_is_told(events).await
}

/// Every event of the two services is told, but for that of an agent's failure (`services/session/tests`), those of job sessions
/// (`job_sessions_chaos`), and those of compute sessions and their slots (`tests` of the two services).
async fn every_event_is_told(mut events: Subscriber) -> Result<()> {
    let of_interest = [Service::Session, Service::NodeAllocation];
    let elsewhere = [
        NodeSessionTearDownFailed::NAME,
        SessionRunStarted::NAME,
        SessionJobEnded::NAME,
        SessionRunCompleted::NAME,
        ComputeSessionChanged::NAME,
        SlotsQueued::NAME,
        SlotsGranted::NAME,
        SlotsRefused::NAME,
        SlotsLost::NAME,
    ];
    let mut missing: BTreeSet<String> = entries(Kind::Event)
        .filter(|entry| of_interest.contains(&entry.service))
        .filter(|entry| !elsewhere.contains(&entry.name))
        .map(|entry| entry.schema.clone())
        .collect();
    while !missing.is_empty() {
        let message = tokio::time::timeout(DEADLINE, events.next())
            .await
            .with_context(|| format!("nobody emits {missing:?}"))?
            .context("the subscription has ended")?;
        let headers = message.headers.unwrap_or_default();
        let schema = headers.get(muster_contract::headers::SCHEMA);
        missing.remove(
            schema
                .map(async_nats::HeaderValue::as_str)
                .unwrap_or_default(),
        );
    }
    Ok(())
}

/// What the operator's commands show while `session` has `count` nodes.
async fn operators_see(system: &System, session: &NodeSession, count: usize) -> Result<()> {
    let run = async |arguments: &[&str]| -> Result<String> {
        let output = system.cli(arguments).await?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{arguments:?}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    };
    let text = run(&["session", "list"]).await?;
    ensure!(
        text.contains(&session.id) && text.contains("stack"),
        "{text}"
    );
    let text = run(&["session", "list", "--json", "--state", "active"]).await?;
    let listed: Value = serde_json::from_str(text.trim())?;
    ensure!(listed["id"] == session.id.as_str(), "{listed}");
    let number = session.number.to_string();
    let shown: Value = serde_json::from_str(&run(&["session", "show", &number, "--json"]).await?)?;
    ensure!(
        shown["nodes"]
            .as_array()
            .is_some_and(|nodes| nodes.len() == count),
        "{shown}"
    );
    let text = run(&["node", "list", "--session", &session.id, "--json"]).await?;
    ensure!(text.lines().count() == count, "{text}");
    let text = run(&["node", "list"]).await?;
    ensure!(
        text.contains("n1.dusty") && text.contains("metal"),
        "{text}"
    );
    let text = run(&["pool", "list", "--json"]).await?;
    let pool: Value = serde_json::from_str(text.trim())?;
    ensure!(
        pool["name"] == "metal" && pool["lifetime"] == 6 * 3_600,
        "{pool}"
    );
    ensure!(run(&["pool", "list"]).await?.contains("6h"));
    Ok(())
}

on_every_setup!(a_session_from_open_to_close, options, life_body);

async fn job_body(system: &mut System, _setup: Setup) -> Result<()> {
    let caller = Caller::start(system).await?;
    let client = system.alpha()?;
    let (status, answer) = client.start_job(&jobs::start(7)).await?;
    ensure!(status == 201, "{answer}");
    let tied = OpenNodeSession {
        job: Some(JobReference {
            cluster: site::TEST_CLUSTER.to_owned(),
            job_id: 7,
        }),
        ..open(1)
    };
    let session = done(&caller, &tied).await?;
    ensure!(session.expires_at.is_none(), "{session:?}");
    let (status, answer) = client.stop_job(&jobs::stop(7)).await?;
    ensure!(status == 200, "{answer}");
    let question = ListNodeSessions {
        session: Some(by_name(&session.id)),
        limit: 1,
        ..ListNodeSessions::default()
    };
    let over = eventually(DEADLINE, "the session to end with its job", async || {
        let page = caller.ask(&question).await.ok()?;
        let session = page.sessions.into_iter().next()?;
        (session.state == NodeSessionState::Closed).then_some(session)
    })
    .await?;
    ensure!(over.end_reason == Some(EndReason::JobStopped), "{over:?}");
    all_ready(&caller).await
}

on_every_setup!(a_session_ends_with_its_job, options, job_body);

/// While sessions are opened and closed, each of the two services is killed again and again: every command comes to its
/// end, and no node is lost.
async fn killed_body(system: &mut System, setup: Setup) -> Result<()> {
    ensure!(
        setup.mode == Mode::Parts,
        "each service has a process of its own"
    );
    let caller = Caller::start(system).await?;
    for round in 0..3 {
        let opened = async { done(&caller, &open(2)).await };
        let victim = if round % 2 == 0 {
            Process::Session
        } else {
            Process::NodeAllocation
        };
        let (session, restarted) = tokio::join!(opened, system.restart(victim));
        restarted?;
        let session = session?;
        ensure!(
            nodes_of(&caller, &session.id).await?.len() == 2,
            "{session:?}"
        );
        let close = CloseNodeSession {
            session: by_name(&session.id),
        };
        let victim = if round % 2 == 0 {
            Process::NodeAllocation
        } else {
            Process::Session
        };
        let closed = async { done(&caller, &close).await };
        let (closed, restarted) = tokio::join!(closed, system.restart(victim));
        restarted?;
        ensure!(closed?.state == NodeSessionState::Closed);
    }
    all_ready(&caller).await
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_killed_on_sqlite() -> Result<()> {
    let test = "services_are_killed";
    Setup::SQLITE_IN_PARTS.run(test, options, killed_body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_killed_on_postgresql() -> Result<()> {
    let test = "services_are_killed";
    let setup = Setup {
        engine: Engine::Postgres,
        mode: Mode::Parts,
    };
    setup.run(test, options, killed_body).await
}
