//! The life of a node: provision, contextualize, deployed, deprovision, provision.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    house::{House, Rules, on_both},
    site::{ALL_HOOKS, KEY, NODES},
};

const RULES: Rules<'_> = Rules {
    pool: ALL_HOOKS,
    project: "",
    otlp: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_through_all_hooks_and_each_is_seen() -> Result<()> {
    on_both("node_life", RULES, async |house| life(house).await).await
}

async fn life(house: &mut House) -> Result<()> {
    house.wait_until_ready().await?;
    for node in NODES {
        ensure!(house.times(&format!("provision {node} done")) == 1);
    }

    // The answer waits for all of its nodes.
    house.put("hold-contextualize")?;
    let preparing = async {
        for node in ["n1.dusty", "n2.dusty"] {
            house.wait_for_state(node, "Contextualizing").await?;
        }
        // The third is free, these two are not.
        let text = house.said(&format!("/Node/get?key={KEY}&count=2")).await?;
        ensure!(text == "Insufficient Nodes in READY State", "{text}");
        house.take("hold-contextualize")
    };
    let (got, prepared) = tokio::join!(house.nodes("count=2"), preparing);
    prepared?;
    let (hosts, ssid) = got?;
    ensure!(hosts == ["n1.dusty", "n2.dusty"], "{hosts:?}");
    let states = house.states().await?;
    for host in &hosts {
        ensure!(states[host] == "Deployed", "{states:?}");
        ensure!(house.times(&format!("contextualize {host} done")) == 1);
    }

    // The answer does not wait for a node to be wiped, and nobody gets it before.
    house.put("hold-deprovision")?;
    house.done(&ssid).await?;
    for host in &hosts {
        house.wait_for_state(host, "Deprovision").await?;
    }
    let text = house.said(&format!("/Node/get?key={KEY}&count=2")).await?;
    ensure!(text == "Insufficient Nodes in READY State", "{text}");
    house.put("hold-provision")?;
    house.take("hold-deprovision")?;
    for host in &hosts {
        house.wait_for_state(host, "Provisioning").await?;
    }
    house.take("hold-provision")?;
    house.wait_until_ready().await?;
    let log = house.log();
    for host in &hosts {
        let of_host = log.iter().filter(|line| line.contains(host.as_str()));
        let hooks: Vec<_> = of_host.map(|line| line.replace(host, "")).collect();
        let expected = [
            "provision ",
            "provision  done",
            "contextualize ",
            "contextualize  done",
            "deprovision ",
            "deprovision  done",
            "provision ",
            "provision  done",
        ];
        ensure!(hooks == expected, "{hooks:?}");
    }
    let session = house.session(&ssid).await?;
    ensure!(session["state"] == json!("closed"), "{session}");
    Ok(())
}
