//! `session-…`

use anyhow::{Result, ensure};
use serde_json::json;

use super::{job, session, text, with_every_tool};
use crate::{documents, house::House, program::Program};

with_every_tool!(sessions_are_kept);

async fn sessions_are_kept(program: &Program, _house: &House) -> Result<()> {
    ensure!(program.rows("session-list", &[]).await?.is_empty());
    let mut ids = Vec::new();
    for description in ["nightly", "weekly"] {
        let document = documents::session(description);
        let id = program.create("session-create", &[], &document, "Session ID");
        ids.push(id.await?);
    }
    let [nightly, weekly] = ids.as_slice() else {
        unreachable!()
    };
    let shown = session(program, nightly).await?;
    for (column, value) in [
        ("Session ID", json!(nightly)),
        ("Session tag", json!(0)),
        ("Description", json!("nightly")),
        ("Status", json!("active")),
        ("Hold off", json!(60)),
        ("Schedule", json!("{'schedule_interval': '10 minutes'}")),
        ("Time start", json!(-1)),
        ("Time end", json!(-1)),
    ] {
        ensure!(shown[column] == value, "{column}: {shown}");
    }

    let rows = program.rows("session-list", &[]).await?;
    ensure!(rows.len() == 2, "{rows:?}");
    ensure!(rows[0]["Session ID"] == **nightly && rows[1]["Session ID"] == **weekly);
    ensure!(rows[0]["# Jobs"] == 0, "{rows:?}");
    let second = ["--limit", "1", "--offset", "1"];
    let rows = program.rows("session-list", &second).await?;
    ensure!(
        rows.len() == 1 && rows[0]["Session ID"] == **weekly,
        "{rows:?}"
    );
    for search in [r#"[{"description": "weekly"}]"#, "WEEKLY"] {
        let rows = program.rows("session-list", &["--search", search]).await?;
        ensure!(
            rows.len() == 1 && rows[0]["Session ID"] == **weekly,
            "{search}: {rows:?}"
        );
    }

    let change = json!({ "description": "every night", "hold_off": 90 });
    program.update("session-update", nightly, &change).await?;
    let shown = session(program, nightly).await?;
    ensure!(text(&shown, "Description")? == "every night", "{shown}");
    ensure!(shown["Hold off"] == 90, "{shown}");
    ensure!(
        text(&shown, "Schedule")?.contains("10 minutes"),
        "a change is no replacement: {shown}"
    );

    program.good("session-delete", &[weekly]).await?;
    let gone = "Session not found";
    program.bad("session-show", &[weekly], gone).await?;
    program.bad("session-delete", &[weekly], gone).await?;
    let rows = program.rows("session-list", &[]).await?;
    ensure!(rows.len() == 1, "{rows:?}");
    Ok(())
}

with_every_tool!(jobs_start_together);

async fn jobs_start_together(program: &Program, house: &House) -> Result<()> {
    let client = documents::client("node1");
    program
        .create("client-register", &[], &client, "Client ID")
        .await?;
    let (first, second) = (job(program, "first").await?, job(program, "second").await?);
    let document = documents::session("nightly");
    let id = program
        .create("session-create", &[], &document, "Session ID")
        .await?;
    let of = |job: &str| {
        let words = ["--session-id", &id, "--job-id", job];
        words.map(str::to_owned)
    };
    let call = async |command: &str, job: &str, rest: &[&str]| {
        let words = of(job);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(rest);
        program.good(command, &words).await
    };
    for job in [&first, &second] {
        call("session-add-job", job, &[]).await?;
    }
    let shown = session(program, &id).await?;
    let jobs = text(&shown, "Jobs")?;
    ensure!(jobs.contains(&first) && jobs.contains(&second), "{jobs}");
    let shown = program.show("job-show", &[&first]).await?;
    ensure!(text(&shown, "Session ID")? == id, "{shown}");
    ensure!(text(&shown, "Interval")? == "10 minutes", "{shown}");
    ensure!(text(&shown, "Event")?.is_empty(), "{shown}");
    let rows = program.rows("session-list", &[]).await?;
    ensure!(rows[0]["# Jobs"] == 2, "{rows:?}");

    // A run: the first begins it, the second joins it, too high a tag is refused.
    call("session-start", &first, &["--job-tag", "0"]).await?;
    call("session-start", &second, &["--job-tag", "0"]).await?;
    let shown = session(program, &id).await?;
    ensure!(
        shown["Session tag"] == 1 && shown["Status"] == "running",
        "{shown}"
    );
    ensure!(
        text(&shown, "Jobs")?.matches("'running'").count() == 2,
        "{shown}"
    );
    let mut words = of(&first).to_vec();
    words.extend(["--job-tag".to_owned(), "7".to_owned()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    program.bad("session-start", &words, "tag").await?;

    // There is no command for the end, but the library has it.
    let api = house.alpha();
    for job in [&first, &second] {
        let said = api.end(&id, job, 1, "success").await?;
        ensure!(said["result"] == "success", "{said}");
    }
    let shown = session(program, &id).await?;
    ensure!(
        shown["Status"] == "completed" && shown["Result"] == "success",
        "{shown}"
    );

    call("session-remove-job", &second, &[]).await?;
    let shown = session(program, &id).await?;
    let jobs = text(&shown, "Jobs")?;
    ensure!(jobs.contains(&first) && !jobs.contains(&second), "{jobs}");
    // Its own times are back.
    let shown = program.show("job-show", &[&second]).await?;
    ensure!(text(&shown, "Session ID")?.is_empty(), "{shown}");
    ensure!(text(&shown, "Interval")? == "1 hours", "{shown}");
    ensure!(text(&shown, "Event")? == "stop", "{shown}");
    program.good("session-delete", &[&id]).await?;
    let shown = program.show("job-show", &[&first]).await?;
    ensure!(
        text(&shown, "Session ID")?.is_empty(),
        "left dangling: {shown}"
    );
    ensure!(text(&shown, "Interval")? == "1 hours", "{shown}");
    Ok(())
}
