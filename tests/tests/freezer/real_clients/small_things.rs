//! `action-…`, `client-…` and `backup-…`

use anyhow::{Result, ensure};
use serde_json::json;

use super::{text, with_every_tool};
use crate::{
    documents,
    house::House,
    program::{Program, Tool},
};

with_every_tool!(actions_are_kept);

async fn actions_are_kept(program: &Program, _house: &House) -> Result<()> {
    ensure!(program.rows("action-list", &[]).await?.is_empty());
    let mut ids = Vec::new();
    for name in ["etc", "home"] {
        let document = documents::action(name);
        ids.push(
            program
                .create("action-create", &[], &document, "Action ID")
                .await?,
        );
    }
    let [etc, home] = ids.as_slice() else {
        unreachable!()
    };
    let rows = program.rows("action-list", &[]).await?;
    ensure!(rows.len() == 2 && rows[1]["Name"] == "home", "{rows:?}");
    let search = ["--search", r#"[{"backup_name": "home"}]"#];
    let rows = program.rows("action-list", &search).await?;
    ensure!(
        rows.len() == 1 && rows[0]["Action ID"] == **home,
        "{rows:?}"
    );
    let shown = program.show("action-show", &[etc]).await?;
    for (column, value) in [
        ("Name", json!("etc")),
        ("Action", json!("backup")),
        ("Mode", json!("fs")),
        ("Path to Backup or Restore", json!("/etc")),
        ("Storage", json!("local")),
        ("Container", json!("/srv/backups")),
    ] {
        ensure!(shown[column] == value, "{column}: {shown}");
    }
    let change = json!({ "freezer_action": { "action": "backup", "backup_name": "etc2" } });
    program.update("action-update", etc, &change).await?;
    let shown = program.show("action-show", &[etc]).await?;
    ensure!(text(&shown, "Name")? == "etc2", "{shown}");
    program.good("action-delete", &[etc]).await?;
    program.bad("action-show", &[etc], "Action not found").await
}

with_every_tool!(clients_are_kept);

async fn clients_are_kept(program: &Program, _house: &House) -> Result<()> {
    for client in ["node1", "node2", "node1"] {
        let document = documents::client(client);
        let id = program
            .create("client-register", &[], &document, "Client ID")
            .await?;
        ensure!(id == client, "{id}");
    }
    let rows = program.rows("client-list", &[]).await?;
    ensure!(
        rows.len() == 2 && rows[0]["Client ID"] == "node1",
        "{rows:?}"
    );
    let rows = program
        .rows("client-list", &["--search", r#"[{"client_id": "node2"}]"#])
        .await?;
    ensure!(
        rows.len() == 1 && rows[0]["hostname"] == "node2.example.org",
        "{rows:?}"
    );
    let shown = program.show("client-show", &["node2"]).await?;
    ensure!(text(&shown, "hostname")? == "node2.example.org", "{shown}");
    ensure!(text(&shown, "Client UUID")?.len() >= 32, "{shown}");
    program.good("client-delete", &["node2"]).await?;
    program
        .bad("client-show", &["node2"], "Client not found")
        .await?;
    let rows = program.rows("client-list", &[]).await?;
    ensure!(rows.len() == 1, "{rows:?}");
    Ok(())
}

with_every_tool!(backups_are_kept);

async fn backups_are_kept(program: &Program, _house: &House) -> Result<()> {
    for name in ["etc", "home"] {
        let file = program.file(&documents::backup(name))?;
        let made = program.good("backup-create", &["--file", &file]).await?;
        ensure!(
            program.tool == Tool::FreezerV1 || made.output.contains("'backup_name': '"),
            "{made:?}"
        );
    }
    // All but when it was made, which the clients cannot show as JSON.
    let columns = ["-c", "Backup ID", "-c", "Hostname", "-c", "Path"];
    let list = async |search: &[&str]| {
        let arguments: Vec<&str> = columns.iter().chain(search).copied().collect();
        program.rows("backup-list", &arguments).await
    };
    program.good("backup-list", &[]).await?;
    let rows = list(&[]).await?;
    ensure!(rows.len() == 2, "{rows:?}");
    let id = text(&rows[0], "Backup ID")?.to_owned();
    ensure!(
        text(&rows[0], "Hostname")? == "node1.example.org" && text(&rows[0], "Path")? == "/etc",
        "{rows:?}"
    );
    let search = ["--search", r#"[{"backup_name": "home"}]"#];
    let found = list(&search).await?;
    ensure!(found.len() == 1, "{found:?}");
    let shown = program.show("backup-show", &[&id]).await?;
    ensure!(
        text(&shown, "Metadata")?.contains("'container': '/srv/backups'"),
        "{shown}"
    );
    program.good("backup-delete", &[&id]).await?;
    program
        .bad("backup-show", &[&id], "Backup not found")
        .await?;
    ensure!(list(&[]).await?.len() == 1);
    Ok(())
}
