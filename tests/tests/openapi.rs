//! The OpenAPI documents that are served are the committed ones, and the page to browse them needs no
//! network.
#![cfg(test)]

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use muster_testkit::programs::repository;
use muster_tests::{Client, Engine, System, SystemOptions, client::send};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn documents_and_page() -> Result<()> {
    let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let client = system.alpha()?;
    documents(&client).await?;
    page(&client).await?;
    endpoints(&client).await
}

/// Each committed document, and no other.
async fn documents(client: &Client) -> Result<()> {
    let directory = repository().join("services/ingress/openapi");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&directory)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let answer = send(client.anonymous(Method::GET, &format!("/openapi/{name}"))).await?;
        ensure!(answer.status == 200, "{name}: {}", answer.text());
        ensure!(
            answer.header("Content-Type") == "application/json",
            "{name}"
        );
        ensure!(
            answer.text().trim_end() == fs::read_to_string(&path)?.trim_end(),
            "{name} is another than the committed one (just spec writes it anew)"
        );
        let document = answer.json()?;
        ensure!(
            document["openapi"].as_str().unwrap_or("").starts_with("3."),
            "{name}"
        );
        resolved(&document, &document).context(name.clone())?;
        names.insert(name);
    }
    ensure!(
        ["clustercockpit.json", "duffy.json"]
            .iter()
            .all(|name| names.contains(*name))
            && names.contains("muster.json"),
        "{names:?}"
    );
    for name in ["nothing.json", "clustercockpit", "..%2fCargo.toml", "%00"] {
        let answer = send(client.anonymous(Method::GET, &format!("/openapi/{name}"))).await?;
        ensure!(answer.status == 404, "{name}: {}", answer.status);
    }
    Ok(())
}

/// Every reference leads somewhere.
fn resolved(value: &Value, document: &Value) -> Result<()> {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').context("a foreign reference")?;
                ensure!(
                    document.pointer(pointer).is_some(),
                    "{reference} leads nowhere"
                );
            }
            members
                .values()
                .try_for_each(|value| resolved(value, document))
        }
        Value::Array(values) => values
            .iter()
            .try_for_each(|value| resolved(value, document)),
        _ => Ok(()),
    }
}

/// The page and everything it loads come from here.
async fn page(client: &Client) -> Result<()> {
    let answer = send(client.anonymous(Method::GET, "/docs/")).await?;
    ensure!(answer.status == 200, "{}", answer.status);
    ensure!(
        answer.header("Content-Type").starts_with("text/html"),
        "{:?}",
        answer.headers
    );
    let html = answer.text();
    let mut assets = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in html.split(attribute).skip(1) {
            let target = rest.split('"').next().unwrap_or_default();
            ensure!(!target.contains("//"), "{target} is loaded from elsewhere");
            let path = format!("/docs/{}", target.trim_start_matches("./"));
            let asset = send(client.anonymous(Method::GET, &path)).await?;
            ensure!(
                asset.status == 200 && !asset.body.is_empty(),
                "{path}: {}",
                asset.status
            );
            assets += 1;
        }
    }
    ensure!(assets >= 3, "{html}");
    let script = send(client.anonymous(Method::GET, "/docs/swagger-initializer.js"))
        .await?
        .text();
    ensure!(script.contains("/openapi/clustercockpit.json"), "{script}");
    // A newcomer types it without the slash.
    let answer = send(client.anonymous(Method::GET, "/docs")).await?;
    ensure!(answer.status == 200, "/docs: {}", answer.status);
    Ok(())
}

/// The other endpoints of our own.
async fn endpoints(client: &Client) -> Result<()> {
    let get = async |path: &str| send(client.anonymous(Method::GET, path)).await;
    let root = get("/").await?.json()?;
    ensure!(
        root["muster"]["dialects"]
            == serde_json::json!(["duffy", "clustercockpit", "freezer", "backendai"]),
        "{root}"
    );
    let health = get("/healthz").await?;
    ensure!(health.status == 200, "{}", health.text());
    let readiness = get("/readyz").await?;
    ensure!(
        readiness.status == 200 && readiness.json()?["ready"] == true,
        "{}",
        readiness.text()
    );
    let metrics = get("/metrics").await?;
    ensure!(metrics.status == 200, "{}", metrics.text());
    ensure!(
        metrics.header("Content-Type").starts_with("text/plain"),
        "{:?}",
        metrics.headers
    );
    ensure!(
        metrics.text().contains("http_server_request_duration"),
        "{}",
        metrics.text()
    );
    let nothing = get("/nothing").await?;
    ensure!(nothing.status == 404, "{}", nothing.status);
    ensure!(
        nothing.header("Content-Type") == "application/problem+json",
        "{:?}",
        nothing.headers
    );
    Ok(())
}
