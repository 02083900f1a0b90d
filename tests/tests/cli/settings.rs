//! `muster config show`, and what is refused at every start: wrong settings, a wrong site.

use std::fs;

use anyhow::{Context, Result, ensure};
use muster_testkit::TemporaryDirectory;
use serde_json::Value;

use crate::{failed, succeeded};

#[test]
fn settings_are_shown_with_their_sources() -> Result<()> {
    let directory = TemporaryDirectory::new("settings")?;
    let data = directory.join("data");
    fs::create_dir(&data)?;
    fs::write(
        data.join("muster.toml"),
        "[job_archive]\nbatch_limit = 32\n",
    )?;
    let environment = [
        ("MUSTER__INGRESS__BODY_LIMIT", "1MiB"),
        (
            "MUSTER__STORAGE__URL",
            "postgres://muster:s3cr3t@db/muster?password=s3cr3t",
        ),
        ("MUSTER__NATS__URL", "nats://token-s3cr3t@broker:4222"),
    ];
    let arguments = ["config", "show", "--json", "--listen", "127.0.0.1:1"];
    let shown = succeeded(&arguments, &environment, &data)?;
    ensure!(!shown.contains("s3cr3t"), "{shown}");
    let settings: Vec<Value> = serde_json::from_str(&shown)?;
    let setting = |key: &str| {
        let found = settings.iter().find(|setting| setting["key"] == key);
        found.with_context(|| format!("{key} is not shown"))
    };
    for (key, value, source) in [
        ("job_archive.batch_limit", "32", "muster.toml"),
        ("ingress.body_limit", "1", "MUSTER__INGRESS__BODY_LIMIT"),
        ("listen", "127.0.0.1:1", "--listen"),
        ("ingress.waiter_limit", "4096", "default"),
        (
            "storage.url",
            "postgres://muster:***@db/muster",
            "MUSTER__STORAGE__URL",
        ),
        ("nats.url", "nats://***@broker:4222", "MUSTER__NATS__URL"),
    ] {
        let setting = setting(key)?;
        let shown = setting["value"].as_str().unwrap_or_default();
        ensure!(shown.starts_with(value), "{setting}");
        ensure!(
            setting["source"]
                .as_str()
                .unwrap_or_default()
                .contains(source),
            "{setting}"
        );
    }
    ensure!(setting("telemetry.otlp_endpoint")?["value"].is_null());

    let table = succeeded(&["config", "show"], &environment, &data)?;
    ensure!(!table.contains("s3cr3t"), "{table}");
    for setting in &settings {
        let key = setting["key"].as_str().unwrap_or_default();
        ensure!(
            table
                .lines()
                .any(|line| line.split_whitespace().next() == Some(key)),
            "{key}"
        );
    }
    Ok(())
}

#[test]
fn settings_nobody_knows_are_refused_with_the_nearest() -> Result<()> {
    let directory = TemporaryDirectory::new("settings")?;
    let data = directory.join("data");
    fs::create_dir(&data)?;
    fs::write(
        data.join("muster.toml"),
        "lisen = \"127.0.0.1:1\"\n\n[ingress]\nbodylimit = \"1MiB\"\n",
    )?;
    let environment = [
        ("MUSTER__NATS__ULR", "nats://x"),
        ("MUSTER__JOB_ARCHIVE__BATCH_LIMIT", "many"),
    ];
    // Whatever is asked for, nothing is started with settings that are not what was meant.
    for arguments in [
        &["config", "show"][..],
        &["up"],
        &["migrate"],
        &["job-archive"],
    ] {
        let said = failed(arguments, &environment, &data)?;
        for wanted in [
            "lisen",
            "did you mean listen?",
            "did you mean nats.url?",
            "did you mean ingress.body_limit?",
            "job_archive.batch_limit cannot be \"many\"",
            "MUSTER__JOB_ARCHIVE__BATCH_LIMIT",
            "muster.toml",
        ] {
            ensure!(said.contains(wanted), "{wanted} is not in {said}");
        }
    }
    let missing = ["config", "show", "--config", "nowhere.toml"];
    let said = failed(&missing, &[], &directory.join("other"))?;
    ensure!(said.contains("nowhere.toml"), "{said}");
    Ok(())
}

#[test]
fn a_site_that_is_wrong_is_refused_with_all_that_is_wrong() -> Result<()> {
    let directory = TemporaryDirectory::new("site")?;
    let path = directory.join("site.toml");
    fs::write(
        &path,
        "[[principal]]\nname = \"a\"\nproject = \"nowhere\"\nroles = [\"apy\"]\n\n[[projct]]\nname = \"b\"\n",
    )?;
    let site = path.to_string_lossy().into_owned();
    let said = failed(&["up", "--site", &site], &[], &directory.join("data"))?;
    ensure!(
        said.contains("projct") && said.contains("project"),
        "{said}"
    );
    fs::write(
        &path,
        "[[principal]]\nname = \"a\"\nproject = \"nowhere\"\nroles = [\"apy\"]\n\n[[cluster]]\nfile = \"none.json\"\n",
    )?;
    let said = failed(&["up", "--site", &site], &[], &directory.join("data"))?;
    ensure!(
        said.contains("no such project") && said.contains("apy"),
        "{said}"
    );
    fs::write(&path, "[[cluster]]\nfile = \"none.json\"\n")?;
    let said = failed(&["up", "--site", &site], &[], &directory.join("data"))?;
    ensure!(said.contains("none.json"), "{said}");
    fs::write(directory.join("none.json"), "{\"name\": 7}")?;
    let said = failed(&["up", "--site", &site], &[], &directory.join("data"))?;
    ensure!(said.contains("none.json"), "{said}");
    Ok(())
}
