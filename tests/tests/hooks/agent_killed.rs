//! The agent is killed in the middle of a hook.

use anyhow::{Result, ensure};

use crate::{
    house::{House, Rules, on_both},
    site::ALL_HOOKS,
};

const RULES: Rules<'_> = Rules {
    pool: ALL_HOOKS,
    project: "",
    otlp: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_in_the_middle_of_a_hook_runs_it_once_more_and_the_session_comes()
-> Result<()> {
    on_both("agent_killed", RULES, async |house| killed(house).await).await
}

async fn killed(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    house.put("hold-contextualize")?;
    let request = house.request_nodes("count=1");
    house.wait_for("contextualize n1.dusty", 1).await?;
    house.kill_agent()?;
    house.start_agent().await?;
    house.wait_for("contextualize n1.dusty", 2).await?;
    house.take("hold-contextualize")?;
    let (hosts, ssid) = request.await??;
    ensure!(hosts == ["n1.dusty"], "{hosts:?}");
    // The first run was ended before the second began, so just one has come to its end.
    ensure!(house.times("contextualize n1.dusty done") == 1);
    ensure!(house.times("contextualize n1.dusty") == 2);
    house.done(&ssid).await?;
    house.wait_until_ready().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_told_to_stop_lets_a_short_hook_finish() -> Result<()> {
    on_both("agent_stopped", RULES, async |house| stopped(house).await).await
}

async fn stopped(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    house.put("hold-contextualize")?;
    let request = house.request_nodes("count=1");
    house.wait_for("contextualize n1.dusty", 1).await?;
    house.terminate_agent()?;
    house.take("hold-contextualize")?;
    house.agent_has_ended().await?;
    let (hosts, _) = request.await??;
    ensure!(hosts == ["n1.dusty"], "{hosts:?}");
    ensure!(house.times("contextualize n1.dusty") == 1);
    Ok(())
}
