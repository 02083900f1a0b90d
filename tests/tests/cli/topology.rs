//! `muster topology`.

use std::fs;

use anyhow::{Result, ensure};
use async_nats::jetstream;
use muster_testkit::{NatsOptions, NatsServer, TemporaryDirectory, run_muster};

use crate::{failed, succeeded, text};

/// A public key of an agent.
const NKEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

/// Agents of a site: one that brings its key, and two that get theirs.
const AGENTS: &str = r#"
[[agent]]
name = "provisioner"
nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
[[agent]]
name = "n[1-2].dusty"
"#;

/// On a broker of one's own: users from `permissions`, streams from `apply`, `check` sees what differs.
#[tokio::test]
async fn a_broker_of_ones_own_is_set_up() -> Result<()> {
    let directory = TemporaryDirectory::new("topology")?;
    let data = directory.join("data");
    let parts_alone = succeeded(&["topology", "permissions"], &[], &data)?;
    fs::write(data.join("site.toml"), AGENTS)?;
    let configuration = succeeded(&["topology", "permissions"], &[], &data)?;
    ensure!(!parts_alone.contains("# agent ") && configuration.contains("# agent provisioner"));
    ensure!(configuration.contains(NKEY));
    ensure!(configuration.contains("muster.agt.n2%2Edusty.report.node-hook-finished"));
    // Whoever brings a key keeps the other half.
    ensure!(data.join("nats/agent-n1.dusty.nk").exists());
    ensure!(!data.join("nats/agent-provisioner.nk").exists());
    ensure!(configuration == succeeded(&["topology", "permissions"], &[], &data)?);
    let options = NatsOptions {
        configuration,
        ..NatsOptions::default()
    };
    let server = NatsServer::start_with(options).await?;
    let url = server.url();
    let environment = [("MUSTER__NATS__URL", url.as_str())];
    let check = || run_muster(["topology", "check"], &environment, &data);

    let output = check()?;
    ensure!(output.status.code() == Some(1), "{}", text(&output));
    for stream in [
        "MUSTER_COMMANDS_JOB_ARCHIVE: missing",
        "MUSTER_EVENTS: missing",
    ] {
        ensure!(text(&output).contains(stream), "{}", text(&output));
    }
    for _ in 0..2 {
        let said = succeeded(&["topology", "apply"], &environment, &data)?;
        ensure!(said.contains("MUSTER_EVENTS: in place"), "{said}");
        let output = check()?;
        ensure!(output.status.success(), "{}", text(&output));
    }

    let seed = fs::read_to_string(data.join("nats/operator.nk"))?;
    let operator = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned());
    let context = jetstream::new(operator.connect(&url).await?);
    let mut stream = context.get_stream("MUSTER_EVENTS").await?;
    let mut config = stream.info().await?.config.clone();
    config.max_age /= 2;
    context.update_stream(&config).await?;
    let commands = context.get_stream("MUSTER_COMMANDS_JOB_ARCHIVE").await?;
    commands.delete_consumer("job-archive").await?;
    let orders = context.get_stream("MUSTER_AGENTS").await?;
    ensure!(orders.delete_consumer("n2%2Edusty").await?.success);
    let output = check()?;
    ensure!(output.status.code() == Some(1), "{}", text(&output));
    for stream in [
        "MUSTER_COMMANDS_JOB_ARCHIVE",
        "MUSTER_EVENTS",
        "MUSTER_AGENTS: consumer n2%2Edusty is missing",
    ] {
        ensure!(text(&output).contains(stream), "{}", text(&output));
    }
    succeeded(&["topology", "apply"], &environment, &data)?;
    ensure!(check()?.status.success());

    // `muster up` brings its own broker and says so.
    let said = failed(&["up"], &environment, &data)?;
    ensure!(said.contains("nats.url is set"), "{said}");
    Ok(())
}
