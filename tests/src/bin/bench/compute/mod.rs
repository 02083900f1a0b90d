//! Compute sessions, in the loads that the original was measured with (`api/backendai.md` §7), with an agent whose containers
//! start in no time.

mod caller;
mod graphql;
mod history;
mod lists;
mod pairs;
mod queue;

use std::{fs::OpenOptions, io::Write as _, time::Duration};

use anyhow::Result;
use muster_testkit::{DEADLINE, TemporaryDirectory, eventually};
use muster_tests::{
    backendai::KeyPair,
    null_agent::{NullAgent, NullAgentOptions},
};
use serde_json::json;

use self::caller::Caller;
use super::system::{Database, Engine, Muster, write_site};

/// Who calls.
const KEY: KeyPair = KeyPair {
    access_key: "AKIABENCHBENCHBENCH1",
    secret_key: "bench-secret-bench-secret-bench-secret-1",
};

/// What runs.
const IMAGE: &str = "null:1";

/// The agent.
const AGENT: &str = "null";

/// Prints the tables of one engine.
pub(crate) async fn measure(engine: Engine, duration: Duration, sessions: usize) -> Result<()> {
    let muster = start(engine).await?;
    let agent = agent(&muster, "1000000").await?;
    pairs::measure(engine, &muster, duration).await?;
    agent.check()?;
    drop(agent);

    let muster = start(engine).await?;
    queue::measure(engine, &muster, duration).await?;

    let muster = start(engine).await?;
    let agent = self::agent(&muster, "1000000").await?;
    lists::measure(engine, &muster, duration, sessions).await?;
    agent.check()
}

/// Prints the tables of lists over GraphQL.
pub(crate) async fn lists(engine: Engine, duration: Duration, sessions: usize) -> Result<()> {
    let muster = start(engine).await?;
    let agent = agent(&muster, "1000000").await?;
    graphql::measure(engine, &muster, duration, sessions).await?;
    agent.check()
}

async fn start(engine: Engine) -> Result<Muster> {
    let directory = TemporaryDirectory::new("bench")?;
    write_site(&directory)?;
    let path = directory.path().join("site.toml");
    let mut site = OpenOptions::new().append(true).open(path)?;
    writeln!(
        site,
        "\n[[principal]]\nname = \"caller\"\nproject = \"bench\"\nroles = [\"user\"]\n\
         access_key = {:?}\nsecret_key = {:?}\n\n\
         [[image]]\nname = {IMAGE:?}\ncommand = [\"true\"]\nminimum = {{ cpu = \"1\", mem = \"64m\" }}\n\n\
         [[agent]]\nname = {AGENT:?}",
        KEY.access_key, KEY.secret_key
    )?;
    Muster::start_in(directory, Database::new(engine).await?).await
}

/// An agent with so many cores, which is known.
async fn agent(muster: &Muster, cores: &str) -> Result<NullAgent> {
    let agent = start_agent(muster, cores).await?;
    let mut caller = Caller::open(muster.address).await?;
    // Before it has shown, whoever creates a session waits.
    eventually(DEADLINE, "the agent to be there", async || {
        let answer = caller.create("first", json!({ "maxWaitSeconds": 5 })).await;
        answer
            .is_ok_and(|told| told.status == "RUNNING")
            .then_some(())
    })
    .await?;
    caller.destroy("first").await?;
    Ok(agent)
}

async fn start_agent(muster: &Muster, cores: &str) -> Result<NullAgent> {
    let slots = [("cpu", cores), ("mem", "1000000000000000000")];
    let slots = slots
        .iter()
        .map(|(slot, amount)| Ok(((*slot).to_owned(), amount.parse()?)))
        .collect::<Result<_>>()?;
    let options = NullAgentOptions {
        name: AGENT.to_owned(),
        scaling_group: "default".to_owned(),
        slots,
    };
    NullAgent::start(&muster.data(), options).await
}
