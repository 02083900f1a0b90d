//! The OpenAPI documents that are served are the committed ones, and the page to browse them needs no
//! network.
#![cfg(test)]

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use muster_contract::Service;
use muster_testkit::{
    programs::{PythonEnvironment, repository},
    skip,
};
use muster_tests::{Client, Engine, System, SystemOptions, client::send, site};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn documents_and_page() -> Result<()> {
    let mut options = SystemOptions::new(Engine::Sqlite);
    options.site_extra = DUFFY.to_owned();
    let system = System::up(options).await?;
    let client = system.alpha()?;
    documents(&client).await?;
    messages(&client).await?;
    page(&client).await?;
    endpoints(&client).await?;
    keeps_to_its_documents(&system, &client).await
}

/// The AsyncAPI documents, one for each service; and all of ours under its own prefix too.
async fn messages(client: &Client) -> Result<()> {
    for service in Service::ALL {
        let path = repository().join(format!("shared/contract/asyncapi/{service}.json"));
        let committed = fs::read_to_string(&path)?;
        for prefix in ["", "/muster/v1"] {
            let path = format!("{prefix}/asyncapi/{service}.json");
            let answer = send(client.anonymous(Method::GET, &path)).await?;
            ensure!(answer.status == 200, "{path}: {}", answer.text());
            ensure!(
                answer.text() == committed,
                "{path} is another than the committed one (just spec writes it anew)"
            );
        }
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi/muster.json"] {
        let answer = send(client.anonymous(Method::GET, &format!("/muster/v1{path}"))).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
    }
    for path in ["/asyncapi/nothing.json", "/muster/v1/nothing"] {
        let answer = send(client.anonymous(Method::GET, path)).await?;
        ensure!(answer.status == 404, "{path}: {}", answer.status);
        ensure!(
            answer.header("Content-Type") == "application/problem+json",
            "{path}"
        );
    }
    Ok(())
}

/// Seconds that are spent on each document.
const SECONDS_EACH: &str = "6";

/// schemathesis makes requests of each document, good and bad ones: none is answered with an error of the server, or with anything
/// that the document does not say.
async fn keeps_to_its_documents(system: &System, client: &Client) -> Result<()> {
    let programs = match PythonEnvironment::Schemathesis.directory() {
        Ok(programs) => programs,
        Err(why) => {
            skip("the OpenAPI documents by schemathesis", &why);
            return Ok(());
        }
    };
    for (name, credential) in [
        ("muster", Credential::None),
        ("clustercockpit", Credential::Token),
        ("freezer", Credential::Token),
        ("duffy", Credential::Header(DUFFY_KEY)),
        ("backendai", Credential::None),
        ("backendai", Credential::Signature),
    ] {
        let report = system.directory().join("schemathesis.ndjson");
        let mut command = tokio::process::Command::new(programs.join("schemathesis"));
        command
            .args(["--no-color", "run"])
            .arg(client.url(&format!("/openapi/{name}.json")))
            .arg("--url")
            .arg(client.url(""))
            .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
            .args(["--max-examples", "4", "--max-time", SECONDS_EACH])
            .args(["--seed", "1", "--no-shrink", "--warnings", "off"])
            .args(["--report", "ndjson", "--report-ndjson-path"])
            .arg(&report)
            .current_dir(system.directory())
            .kill_on_drop(true);
        match credential {
            Credential::None => {}
            Credential::Token => {
                command.args(["--header", &format!("X-Auth-Token:{}", site::ADMIN)]);
            }
            Credential::Header(header) => {
                command.args(["--header", header]);
            }
            Credential::Signature => {
                command
                    .env("PYTHONPATH", repository().join("tests/schemathesis"))
                    .env("SCHEMATHESIS_HOOKS", "backendai_signature")
                    .env("BACKENDAI_ACCESS_KEY", ACCESS_KEY)
                    .env("BACKENDAI_SECRET_KEY", SECRET_KEY);
            }
        }
        let output = command.output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{name}: {said}");
        ensure!(said.contains("No issues found"), "{name}: {said}");
        // Who is let in has seen more than refusals.
        let answers = fs::read_to_string(&report)?;
        let expected = match credential {
            Credential::None if name == "backendai" => "400",
            _ => "200",
        };
        ensure!(
            answers.contains(&format!("\"status_code\":{expected}"))
                || answers.contains(&format!("\"status_code\": {expected}")),
            "{name}: no answer was {expected}"
        );
        fs::remove_file(&report)?;
    }
    Ok(())
}

/// How requests prove who sends them.
enum Credential {
    /// They do not.
    None,
    /// By the token of the site's administrator.
    Token,
    /// By this header.
    Header(&'static str),
    /// Each is signed: `tests/schemathesis/backendai_signature.py`.
    Signature,
}

/// The key pair of [`DUFFY`]'s principal.
const ACCESS_KEY: &str = "AKIACICICICICICICICI";
const SECRET_KEY: &str = "ci-secret-ci-secret-ci-secret-ci-secret1";

/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// With `ci:` and the key of [`DUFFY`], in base64.
const DUFFY_KEY: &str = "Authorization:Basic Y2k6YTFiNWZmMmItMGQwYy00YTZlLTlkMzgtMWQ0ZjVhMWYwYzEx";

/// Nodes, and who may have them.
const DUFFY: &str = r#"
[[project]]
name = "ci"

[[principal]]
name = "ci"
project = "ci"
roles = ["admin"]
duffy_key = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11"
access_key = "AKIACICICICICICICICI"
secret_key = "ci-secret-ci-secret-ci-secret-ci-secret1"

[[pool]]
name = "metal-7-x86_64"
version = "7"
arch = "x86_64"

[[node]]
hostname = "n[1-3].dusty"
pool = "metal-7-x86_64"

[duffy]
rate_limit = 0
"#;

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
