//! `job-…`

use anyhow::{Result, ensure};
use serde_json::json;

use super::{job, knows_projects, text, with_every_tool};
use crate::{documents, house::House, program::Program};

with_every_tool!(jobs_are_kept);

async fn jobs_are_kept(program: &Program, _house: &House) -> Result<()> {
    let document = documents::job("node1", "etc");
    let file = program.file(&document)?;
    let arguments = ["--file", file.as_str(), "--client", "node1"];
    program.bad("job-create", &arguments, "422").await?;
    for client in ["node1", "node2"] {
        let document = documents::client(client);
        program
            .create("client-register", &[], &document, "Client ID")
            .await?;
    }
    let (etc, home) = (job(program, "etc").await?, job(program, "home").await?);
    let document = documents::job("node2", "var");
    let var = program
        .create("job-create", &["-C", "node2"], &document, "Job ID")
        .await?;

    let rows = program.rows("job-list", &[]).await?;
    let ids: Vec<&str> = rows
        .iter()
        .map(|row| text(row, "Job ID"))
        .collect::<Result<_>>()?;
    ensure!(ids == [&etc, &home, &var], "{rows:?}");
    ensure!(rows[0]["# Actions"] == 1, "{rows:?}");
    for (arguments, expected) in [
        (vec!["-C", "node2"], vec![&var]),
        (vec!["--limit", "2"], vec![&etc, &home]),
        (vec!["--limit", "2", "--offset", "1"], vec![&home, &var]),
        (
            vec!["-C", "node1", "--search", r#"[{"description": "home"}]"#],
            vec![&home],
        ),
        (vec!["--search", r#"[{"description": "none"}]"#], vec![]),
    ] {
        let rows = program.rows("job-list", &arguments).await?;
        let ids: Vec<&str> = rows
            .iter()
            .map(|row| text(row, "Job ID"))
            .collect::<Result<_>>()?;
        ensure!(ids == expected, "{arguments:?}: {rows:?}");
    }
    if knows_projects(program) {
        program.bad("job-list", &["--all-projects"], "403").await?;
    }

    let shown = program.show("job-show", &[&etc]).await?;
    for (column, value) in [
        ("Job ID", json!(etc)),
        ("Client ID", json!("node1")),
        ("Session ID", json!("")),
        ("Description", json!("etc")),
        ("Start Date", json!("2030-01-02T03:04:05")),
        ("Interval", json!("1 hours")),
        ("Status", json!("")),
        ("Result", json!("")),
        ("Event", json!("")),
    ] {
        ensure!(shown[column] == value, "{column}: {shown}");
    }
    let actions = text(&shown, "Actions")?;
    for part in [
        "'action_id':",
        "'path_to_backup': '/etc'",
        "'max_retries': 2",
    ] {
        ensure!(actions.contains(part), "{part}: {actions}");
    }
    for arguments in [vec![etc.as_str()], vec!["--no-format", etc.as_str()]] {
        let printed = program.good("job-get", &arguments).await?;
        let said = format!("'job_id': '{etc}'");
        ensure!(printed.output.contains(&said), "{printed:?}");
    }

    // A new name is nothing but a new name.
    let change = json!({ "description": "all of /etc" });
    program.update("job-update", &etc, &change).await?;
    let shown = program.show("job-show", &[&etc]).await?;
    ensure!(text(&shown, "Description")? == "all of /etc", "{shown}");
    ensure!(text(&shown, "Interval")? == "1 hours", "{shown}");

    for (command, event) in [
        ("job-start", "start"),
        ("job-stop", "stop"),
        ("job-abort", "abort"),
        ("job-abort", "abort"),
    ] {
        program.good(command, &[&etc]).await?;
        let shown = program.show("job-show", &[&etc]).await?;
        ensure!(text(&shown, "Event")? == event, "{command}: {shown}");
    }
    program.bad("job-start", &["nothing"], "400").await?;

    program.good("job-delete", &[&etc]).await?;
    program.bad("job-show", &[&etc], "Job not found").await?;
    program.bad("job-get", &[&etc], "Job not found").await?;
    let rows = program.rows("job-list", &[]).await?;
    ensure!(rows.len() == 2, "{rows:?}");
    Ok(())
}
