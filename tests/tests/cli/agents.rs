//! `muster key agent` and `muster agent`.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, MusterProcess, TemporaryDirectory, eventually, run_muster};

use crate::{errors, failed, succeeded};

/// As on two machines: the agent's has its key, the other one the site file with the public half.
#[tokio::test]
async fn an_agent_on_another_machine_is_let_in_by_its_key() -> Result<()> {
    let directory = TemporaryDirectory::new("agents")?;
    let (here, there) = (directory.join("here"), directory.join("there"));
    let entry = succeeded(&["key", "agent", "n1.dusty"], &[], &there)?;
    ensure!(entry.starts_with("[[agent]]"), "{entry}");
    let again = succeeded(&["key", "agent", "n1.dusty"], &[], &there)?;
    ensure!(again == entry, "{again}");
    let other = succeeded(&["key", "agent", "n2.dusty"], &[], &there)?;
    ensure!(other != entry, "{other}");
    let site = directory.join("site.toml");
    fs::write(&site, &entry)?;
    let site = site.to_string_lossy().into_owned();
    let _muster = MusterProcess::start(["up", "--site", &site], &[], &here).await?;

    let address = fs::read_to_string(here.join("nats/address"))?;
    let url = format!("nats://{}", address.trim());
    let hooks = directory.join("hooks");
    fs::create_dir(&hooks)?;
    let hooks = hooks.to_string_lossy().into_owned();
    let arguments = ["agent", "--name", "n1.dusty", "--hooks", &hooks];
    let environment = [("MUSTER__NATS__URL", url.as_str())];
    let mut agent = MusterProcess::spawn(arguments, &environment, &there)?;
    let ready = async || {
        let lines = agent.stdout_lines();
        lines
            .contains(&"agent n1.dusty is ready".to_owned())
            .then_some(())
    };
    let ready = eventually(DEADLINE, "the agent", ready).await;
    ready.with_context(|| agent.output())?;
    // A second one would run the same hooks beside it.
    let second = errors(&run_muster(arguments, &environment, &there)?);
    ensure!(second.contains("another agent uses"), "{second}");
    agent.terminate()?;
    let status = agent.wait(DEADLINE).await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

#[test]
fn what_an_agent_lacks_is_said() -> Result<()> {
    let directory = TemporaryDirectory::new("agents")?;
    let data = directory.join("data");
    for (arguments, expected) in [
        (&["agent"][..], "which agent is it?"),
        (&["agent", "--name", "a"], "no broker: nats.url is not set"),
        (&["agent", "--name", "../a"], "is no name of one"),
    ] {
        let said = failed(arguments, &[], &data)?;
        ensure!(said.contains(expected), "{arguments:?}: {said}");
    }
    Ok(())
}
