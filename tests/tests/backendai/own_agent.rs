//! An agent that somebody else has written: sixty lines of Python that know the documented subjects and nothing else.

use std::{fs, process::Command};

use anyhow::{Result, ensure};
use muster_contract::node_allocation::AgentStatus;
use muster_testkit::{
    ChildProcess, DEADLINE, LastSignal, eventually, programs::PythonEnvironment, skip,
};
use muster_tests::containers::processes_of;
use serde_json::json;

use crate::{
    house::{House, Rules, on_both},
    site::SHELL,
};

/// The program.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/backendai/own_agent.py");

/// Lines that it may have.
const LINES: usize = 60;

#[test]
fn it_has_sixty_lines() -> Result<()> {
    let lines = fs::read_to_string(PROGRAM)?.lines().count();
    ensure!(lines <= LINES, "{lines}");
    Ok(())
}

on_both!(an_agent_of_sixty_lines_works, Rules::EMPTY);

async fn an_agent_of_sixty_lines_works(house: &mut House) -> Result<()> {
    let directory = match PythonEnvironment::Nats.directory() {
        Ok(directory) => directory,
        Err(reason) => {
            skip("an agent that is not ours", &reason);
            return Ok(());
        }
    };
    let nats = house.system.data().join("nats");
    let address = fs::read_to_string(nats.join("address"))?;
    let home = house.system.directory().join("own-agent");
    fs::create_dir_all(&home)?;
    let mut command = Command::new(directory.join("python"));
    command
        .arg(PROGRAM)
        .args(["a1", address.trim()])
        .arg(nats.join("agent-a1.nk"))
        .current_dir(&home);
    let agent = ChildProcess::spawn("own_agent.py", command, LastSignal::Kill)?;
    house.wait_for_agent("a1", AgentStatus::Alive).await?;
    let seen = house.agents().await?;
    ensure!(seen["a1"].version == "own/1", "{seen:?}");

    let alice = house.alice();
    let more = json!({ "config": { "environ": { "GREETING": "from afar" } } });
    let id = alice.created_id("foreign", SHELL, more, "RUNNING").await?;
    ensure!(!processes_of(&id).is_empty());
    eventually(DEADLINE, "the log", async || {
        let logs = alice.get("/session/foreign/logs").await.ok()?;
        logs.to_string().contains("up with from afar").then_some(())
    })
    .await?;
    let statistics = alice.destroy("foreign").await?;
    ensure!(statistics["status"] == "terminated", "{statistics}");
    let logs = alice.get(&format!("/session/{id}/logs")).await?;
    ensure!(logs.to_string().contains("from afar"), "{logs}");
    house.all_is_free(&[&id]).await?;

    let id = alice
        .created_id("again", SHELL, json!({}), "RUNNING")
        .await?;
    let before = processes_of(&id);
    alice
        .expect(reqwest::Method::PATCH, "/session/again", None, 204)
        .await?;
    let now = processes_of(&id);
    ensure!(!now.is_empty() && now != before, "{before:?} {now:?}");
    alice.destroy("again").await?;
    house.all_is_free(&[&id]).await?;
    drop(agent);
    Ok(())
}
