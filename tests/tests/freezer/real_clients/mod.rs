//! Every command of the real clients: `freezer` 6.5 of v2, `freezer` 6.3 of v1, and `openstack backup`.

mod jobs;
mod sessions;
mod small_things;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::program::{Program, Tool};

/// Makes a test of an `async fn(&Program, &House) -> Result<()>` with each program, and with the newest on PostgreSQL too.
macro_rules! with_every_tool {
    ($name:ident) => {
        mod $name {
            use muster_tests::Engine;

            use crate::{
                house,
                program::{Program, Tool},
            };

            async fn with(tool: Tool, engine: Engine) -> anyhow::Result<()> {
                let test = stringify!($name);
                let body = async |house: &mut house::House| match Program::find(tool, house, test)?
                {
                    Some(program) => super::$name(&program, house).await,
                    None => Ok(()),
                };
                house::run(engine, test, |options| options, body).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn freezer_v2_on_sqlite() -> anyhow::Result<()> {
                with(Tool::FreezerV2, Engine::Sqlite).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn freezer_v2_on_postgresql() -> anyhow::Result<()> {
                with(Tool::FreezerV2, Engine::Postgres).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn freezer_v1() -> anyhow::Result<()> {
                with(Tool::FreezerV1, Engine::Sqlite).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn openstack() -> anyhow::Result<()> {
                with(Tool::OpenStack, Engine::Sqlite).await
            }
        }
    };
}
use with_every_tool;

/// The text in a column of what a client shows.
fn text<'a>(row: &'a Value, column: &str) -> Result<&'a str> {
    row[column]
        .as_str()
        .with_context(|| format!("no text in {column}: {row}"))
}

/// A session as `session-show` has it.
async fn session(program: &Program, session: &str) -> Result<Value> {
    program.show("session-show", &[session]).await
}

/// Registers the client `node1` and makes a job for it.
async fn job(program: &Program, description: &str) -> Result<String> {
    let job = crate::documents::job("node1", description);
    program
        .create("job-create", &["--client", "node1"], &job, "Job ID")
        .await
}

/// Whether the program can ask for what is in all projects.
fn knows_projects(program: &Program) -> bool {
    program.tool != Tool::FreezerV1
}
