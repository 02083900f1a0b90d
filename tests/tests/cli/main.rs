//! The operator's commands.
#![cfg(test)]

mod agents;
mod keys;
mod nodes;
mod settings;
mod tables;
mod topology;

use std::{path::Path, process::Output};

use anyhow::{Result, ensure};
use muster_testkit::{TemporaryDirectory, run_muster};
use muster_tests::{Engine, System, SystemOptions};

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn succeeded(
    arguments: &[&str],
    environment: &[(&str, &str)],
    data: &Path,
) -> Result<String> {
    let output = run_muster(arguments, environment, data)?;
    ensure!(
        output.status.success(),
        "{arguments:?}: {}",
        errors(&output)
    );
    Ok(text(&output))
}

pub(crate) fn failed(
    arguments: &[&str],
    environment: &[(&str, &str)],
    data: &Path,
) -> Result<String> {
    let output = run_muster(arguments, environment, data)?;
    ensure!(
        output.status.code() == Some(1),
        "{arguments:?}: {}",
        text(&output)
    );
    let said = errors(&output);
    ensure!(said.starts_with("muster: "), "{said}");
    Ok(said)
}

#[tokio::test]
async fn a_running_system_has_its_streams_and_no_dead_letters() -> Result<()> {
    let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let output = system.cli(&["topology", "check"]).await?;
    ensure!(
        output.status.success(),
        "{} {}",
        text(&output),
        errors(&output)
    );
    let output = system.cli(&["dead-letters", "list"]).await?;
    ensure!(
        text(&output).ends_with("0 waiting in job-archive\n"),
        "{}",
        text(&output)
    );
    let output = system.cli(&["dead-letters", "list", "--json"]).await?;
    ensure!(
        output.status.success() && output.stdout.is_empty(),
        "{}",
        text(&output)
    );
    let output = system.cli(&["dead-letters", "replay", "--all"]).await?;
    ensure!(
        output.status.success() && output.stdout.is_empty(),
        "{}",
        text(&output)
    );
    for action in ["show", "replay", "discard"] {
        let output = system.cli(&["dead-letters", action, "7"]).await?;
        ensure!(
            output.status.code() == Some(1),
            "{action}: {}",
            text(&output)
        );
        ensure!(
            errors(&output).contains('7'),
            "{action}: {}",
            errors(&output)
        );
    }
    Ok(())
}

#[test]
fn what_is_missing_is_named() -> Result<()> {
    let directory = TemporaryDirectory::new("missing")?;
    let data = directory.join("data");
    for arguments in [
        &["dead-letters", "list"][..],
        &["topology", "check"],
        &["ingress"],
    ] {
        let said = failed(arguments, &[], &data)?;
        ensure!(said.contains("no broker: nats.url is not set"), "{said}");
    }
    let environment = [("MUSTER__NATS__SERVER_BINARY", "/does/not/exist")];
    let said = failed(&["up"], &environment, &data)?;
    ensure!(said.contains("/does/not/exist"), "{said}");
    for arguments in [&["--help"][..], &["up", "--help"], &["--version"]] {
        let said = succeeded(arguments, &[], &data)?;
        ensure!(said.contains("muster"), "{said}");
    }
    let output = run_muster(["upp"], &[], &data)?;
    ensure!(output.status.code() == Some(2), "{}", output.status);
    ensure!(errors(&output).contains("'up'"), "{}", errors(&output));
    Ok(())
}
