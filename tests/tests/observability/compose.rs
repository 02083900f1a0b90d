//! `deploy/compose.yaml` and what it mounts. Docker is not started here; what can be checked without it is.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{TemporaryDirectory, programs, programs::PythonEnvironment, run_muster, skip};
use serde_json::Value;

/// The file as JSON, with merges and anchors resolved, by the YAML parser of a Python environment that is there anyway.
fn compose() -> Result<Option<Value>> {
    let python = match PythonEnvironment::Schemathesis.directory() {
        Ok(directory) => directory.join("python"),
        Err(why) => {
            skip("deploy/compose.yaml", &why);
            return Ok(None);
        }
    };
    let path = programs::repository().join("deploy/compose.yaml");
    let output = Command::new(python)
        .args([
            "-c",
            "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))",
        ])
        .arg(path)
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{errors}");
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[test]
fn what_it_names_is_there() -> Result<()> {
    let Some(compose) = compose()? else {
        return Ok(());
    };
    let services: BTreeSet<&String> = members(&compose["services"])
        .map(|(name, _)| name)
        .collect();
    let volumes: BTreeSet<&String> = members(&compose["volumes"]).map(|(name, _)| name).collect();
    for name in [
        "nats",
        "postgres",
        "ingress",
        "session",
        "node-allocation",
        "job-archive",
        "agent",
        "collector",
        "tempo",
        "prometheus",
        "grafana",
    ] {
        ensure!(services.contains(&name.to_owned()), "no service {name}");
    }
    let deploy = programs::repository().join("deploy");
    for (name, service) in members(&compose["services"]) {
        ensure!(service["image"].is_string(), "{name} has no image");
        let depends = match &service["depends_on"] {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            other => members(other)
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
        };
        for other in depends {
            ensure!(
                services.contains(&other.to_owned()),
                "{name} depends on {other}"
            );
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let volume = volume.as_str().context("a volume of another form")?;
            // Given by whoever starts it.
            if volume.starts_with("${") {
                continue;
            }
            let source = volume.split(':').next().unwrap_or_default();
            let is_there = match source.strip_prefix("./") {
                Some(path) => deploy.join(path).exists(),
                None => volumes.contains(&source.to_owned()),
            };
            ensure!(is_there, "{name} mounts {source}");
        }
    }
    // Prometheus asks what is started.
    let asked = fs::read_to_string(deploy.join("prometheus/prometheus.yml"))?;
    for target in asked
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
    {
        if let Some((host, _)) = target.split_once(":9000").or(target.split_once(":8080")) {
            ensure!(
                services.contains(&host.to_owned()),
                "nobody is called {host}"
            );
        }
    }
    Ok(())
}

#[test]
fn its_settings_and_commands_are_musters() -> Result<()> {
    let Some(compose) = compose()? else {
        return Ok(());
    };
    let directory = TemporaryDirectory::new("compose")?;
    let site = directory.path().join("site.toml");
    fs::write(
        &site,
        "[[project]]\nname = \"demo\"\n[[agent]]\nname = \"local\"\n",
    )?;
    let site = site.to_string_lossy().into_owned();
    let mut started = 0;
    for (name, service) in members(&compose["services"]) {
        if service["image"] != "muster" {
            continue;
        }
        started += 1;
        let environment: Vec<(&str, String)> = members(&service["environment"])
            .map(|(key, value)| {
                let value = value.as_str().unwrap_or_default();
                let value = match key.as_str() {
                    "MUSTER__SITE" => site.clone(),
                    _ => value.replace("${POSTGRES_PASSWORD:?a password for the database}", "x"),
                };
                (key.as_str(), value)
            })
            .collect();
        let environment: Vec<(&str, &str)> = environment
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let output = run_muster(["config", "show", "--json"], &environment, directory.path())?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{name}: {errors}");
        let settings: Value = serde_json::from_slice(&output.stdout)?;
        let from_environment = settings
            .as_array()
            .into_iter()
            .flatten()
            .filter(|setting| setting["source"].to_string().contains("MUSTER__"));
        ensure!(
            from_environment.count() >= environment.len() - 1,
            "{name}: {settings}"
        );
        let command: Vec<&str> = service["command"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if let Some(first) = command.first() {
            let output = run_muster([*first, "--help"], &environment, directory.path())?;
            ensure!(output.status.success(), "{name}: no command {first}");
        }
    }
    ensure!(started == 7, "{started} services run Muster");
    Ok(())
}

#[test]
fn nats_server_accepts_its_configuration() -> Result<()> {
    let directory = TemporaryDirectory::new("nats")?;
    let site = directory.path().join("site.toml");
    fs::write(
        &site,
        "[[project]]\nname = \"demo\"\n[[agent]]\nname = \"local\"\n",
    )?;
    let site = site.to_string_lossy().into_owned();
    let output = run_muster(
        ["topology", "permissions"],
        &[("MUSTER__SITE", &site)],
        directory.path(),
    )?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{errors}");
    fs::create_dir(directory.path().join("generated"))?;
    fs::write(
        directory.path().join("generated/authorization.conf"),
        &output.stdout,
    )?;
    let shipped = programs::repository().join("deploy/nats/nats-server.conf");
    let configuration = directory.path().join("nats-server.conf");
    fs::copy(shipped, &configuration)?;
    let output = Command::new(programs::nats_server()?)
        .arg("-t")
        .arg("-c")
        .arg(&configuration)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}");
    Ok(())
}
