//! Dashboards and their provisioning, as files.

use std::{collections::BTreeSet, fs};

use anyhow::{Result, ensure};
use muster_testkit::programs;
use serde_json::Value;

use crate::expressions::Dashboard;

/// The data sources that are provisioned.
const SOURCES: [&str; 2] = ["prometheus", "tempo"];

#[test]
fn dashboards_are_whole() -> Result<()> {
    let mut uids = BTreeSet::new();
    for dashboard in Dashboard::all()? {
        let name = &dashboard.name;
        let uid = dashboard.document["uid"].as_str().unwrap_or_default();
        ensure!(uids.insert(uid.to_owned()), "{name}: {uid} is another's");
        for panel in dashboard.panels() {
            if panel["type"] == "row" {
                continue;
            }
            let title = panel["title"].as_str().unwrap_or_default();
            ensure!(!title.is_empty(), "{name}: a panel without a title");
            let description = panel["description"].as_str().unwrap_or_default();
            ensure!(
                !description.is_empty(),
                "{name}: {title} says nothing of itself"
            );
            ensure!(
                panel["targets"]
                    .as_array()
                    .is_some_and(|all| !all.is_empty())
            );
        }
        let mut asked = 0;
        for (place, target) in dashboard.targets() {
            let source = target["datasource"]["uid"].as_str().unwrap_or_default();
            ensure!(SOURCES.contains(&source), "{place}: {source}");
            asked += 1;
        }
        ensure!(asked >= 5, "{name} asks {asked} times");
    }
    Ok(())
}

#[test]
fn data_sources_have_the_names_that_dashboards_use() -> Result<()> {
    let directory = programs::repository().join("deploy/grafana/provisioning");
    let sources = fs::read_to_string(directory.join("datasources/muster.yaml"))?;
    for source in SOURCES {
        ensure!(sources.contains(&format!("uid: {source}\n")), "{source}");
    }
    let provider = fs::read_to_string(directory.join("dashboards/muster.yaml"))?;
    let compose = fs::read_to_string(programs::repository().join("deploy/compose.yaml"))?;
    let mounted = "./grafana/dashboards:/etc/muster/dashboards";
    ensure!(compose.contains(mounted) && provider.contains("path: /etc/muster/dashboards"));
    Ok(())
}

#[test]
fn one_session_is_found_by_its_id() -> Result<()> {
    let all = Dashboard::all()?;
    let one = all
        .iter()
        .find(|dashboard| dashboard.name == "one-session")
        .map(|dashboard| &dashboard.document);
    let variable = one.map_or(
        &Value::Null,
        |board| &board["templating"]["list"][0]["name"],
    );
    ensure!(variable == "session", "{variable}");
    Ok(())
}
