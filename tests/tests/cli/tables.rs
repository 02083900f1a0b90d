//! `muster migrate`.

use anyhow::{Result, ensure};
use muster_testkit::{PostgresServer, TemporaryDirectory};
use muster_tests::{Engine, System, SystemOptions, Tables, jobs};

use crate::{errors, failed, succeeded, text};

/// What is said of the tables of all services.
const UP_TO_DATE: &str =
    "session: up to date\nnode-allocation: up to date\njob-archive: up to date\n";

#[tokio::test]
async fn tables_are_brought_up_to_date() -> Result<()> {
    let directory = TemporaryDirectory::new("migrate")?;
    let data = directory.join("data");
    for _ in 0..2 {
        let said = succeeded(&["migrate"], &[], &data)?;
        ensure!(said == UP_TO_DATE, "{said}");
    }
    let tables = Tables::Sqlite(data.join("job-archive.sqlite"));
    ensure!(tables.jobs().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn tables_are_brought_up_to_date_on_postgresql() -> Result<()> {
    if !Engine::Postgres.is_available("migrate") {
        return Ok(());
    }
    let directory = TemporaryDirectory::new("migrate")?;
    let data = directory.join("data");
    let url = PostgresServer::shared().await?.create_database().await?;
    for _ in 0..2 {
        let said = succeeded(&["migrate"], &[("MUSTER__STORAGE__URL", &url)], &data)?;
        ensure!(said == UP_TO_DATE, "{said}");
    }
    ensure!(Tables::Postgres(url.clone()).jobs().await?.is_empty());
    let nowhere = "postgres://postgres:s3cr3t@127.0.0.1:1/nowhere";
    let said = failed(&["migrate"], &[("MUSTER__STORAGE__URL", nowhere)], &data)?;
    ensure!(
        said.contains("session") && !said.contains("s3cr3t"),
        "{said}"
    );
    Ok(())
}

/// A running part keeps its SQLite file to itself.
#[tokio::test]
async fn tables_in_use_are_left_alone() -> Result<()> {
    let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let output = system.cli(&["migrate"]).await?;
    ensure!(output.status.code() == Some(1), "{}", text(&output));
    ensure!(
        errors(&output).contains("already open by another replica"),
        "{}",
        errors(&output)
    );
    let (status, answer) = system.alpha()?.start_job(&jobs::start(1)).await?;
    ensure!(status == 201, "{answer}");
    Ok(())
}
