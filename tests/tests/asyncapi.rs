//! The AsyncAPI documents: committed as they are made from the contract table, and valid to the AsyncAPI
//! project's own parser.
#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use muster_contract::{
    Service, asyncapi,
    table::{CONTRACT, Kind},
};
use muster_testkit::{TemporaryDirectory, programs, skip};

fn path(service: Service) -> PathBuf {
    programs::repository().join(format!("shared/contract/asyncapi/{service}.json"))
}

#[test]
fn the_committed_documents_are_those_of_the_contract() -> Result<()> {
    for service in Service::ALL {
        let path = path(*service);
        let committed =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        ensure!(
            committed == asyncapi::text(*service),
            "{} is out of date (just spec writes it anew)",
            path.display()
        );
    }
    Ok(())
}

#[test]
fn the_documents_are_valid() -> Result<()> {
    let modules = match programs::asyncapi_modules() {
        Ok(modules) => modules,
        Err(reason) => {
            skip(
                "the check of the AsyncAPI documents by their own parser",
                &reason,
            );
            return Ok(());
        }
    };
    // The parser does look: a reference that leads nowhere makes a document invalid.
    let directory = TemporaryDirectory::new("asyncapi")?;
    let broken = directory.join("broken.json");
    let text = asyncapi::text(Service::JobArchive);
    fs::write(&broken, text.replacen("#/channels/", "#/nowhere/", 1))?;
    let mut documents: Vec<PathBuf> = Service::ALL.iter().map(|service| path(*service)).collect();
    documents.push(broken.clone());

    let findings = validate(&modules, &documents)?;
    for service in Service::ALL {
        // Its own messages, and the events of others that it reacts to.
        let messages = CONTRACT.iter().filter(|entry| {
            entry.service == *service
                || entry.kind == Kind::Event && entry.consumers.contains(&service.part())
        });
        let wanted = format!(
            "valid: {}: {} operations",
            path(*service).display(),
            messages.count()
        );
        ensure!(findings.lines().any(|line| line == wanted), "{findings}");
    }
    ensure!(
        findings.contains(&format!("invalid: {}", broken.display())),
        "{findings}"
    );
    Ok(())
}

fn validate(modules: &Path, documents: &[PathBuf]) -> Result<String> {
    let output = Command::new("node")
        .arg(programs::repository().join("tests/asyncapi/validate.cjs"))
        .args(documents)
        .env("NODE_PATH", modules)
        .output()
        .context("running node")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{text}{errors}");
    Ok(text)
}
