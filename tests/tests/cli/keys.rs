//! `muster key`.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use muster_testkit::{MusterProcess, TemporaryDirectory, programs};
use muster_tests::{Client, client::send, jobs, site, token};
use reqwest::Method;
use serde_json::json;

use crate::{failed, succeeded, text};

/// A key pair, tokens signed with it and a hashed fixed token, all made by the commands, let in.
#[tokio::test]
async fn keys_and_tokens_let_in() -> Result<()> {
    let directory = TemporaryDirectory::new("keys")?;
    let data = directory.join("data");
    let pair = succeeded(&["key", "pair"], &[], &data)?;
    let half = |name: &str| {
        let line = pair.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::to_owned).with_context(|| pair.clone())
    };
    let (public, private) = (half("JWT_PUBLIC_KEY=")?, half("JWT_PRIVATE_KEY=")?);
    ensure!(
        succeeded(&["key", "pair"], &[], &data)? != pair,
        "the same pair twice"
    );
    let key_file = directory.join("key");
    fs::write(&key_file, format!("{private}\n"))?;
    let key_file = key_file.to_string_lossy().into_owned();

    site::write(directory.path(), "")?;
    let hash = hashed("fixed-token-of-dora", &data)?;
    let site = format!(
        "[[project]]\nname = \"demo\"\n\n[[principal]]\nname = \"dora\"\nproject = \"demo\"\nroles = [\"api\"]\n{hash}\n\
         [[cluster]]\nfile = \"test.cluster.json\"\n\n\
         [clustercockpit]\njwt_public_key = \"{public}\"\ndefault_project = \"demo\"\n"
    );
    let path = directory.join("keys.toml");
    fs::write(&path, site)?;
    let path = path.to_string_lossy().into_owned();
    let muster = MusterProcess::start(["up", "--site", &path], &[], &data).await?;
    let url = muster.base_url().context("not ready")?;
    let address = url.trim_start_matches("http://").parse()?;

    let signed = |arguments: &[&str]| -> Result<String> {
        let mut all = vec![
            "key",
            "token",
            "--private-key-file",
            &key_file,
            "--user",
            "carol",
        ];
        all.extend_from_slice(arguments);
        Ok(succeeded(&all, &[], &data)?.trim().to_owned())
    };
    let let_in = [
        "fixed-token-of-dora".to_owned(),
        signed(&[])?,
        signed(&["--expires", "1h"])?,
        signed(&["--role", "user", "--role", "api"])?,
    ];
    for (job_id, token) in (1..).zip(&let_in) {
        let (status, answer) = Client::new(address, token)?
            .start_job(&jobs::start(job_id))
            .await?;
        ensure!(status == 201, "{token}: {status} {answer}");
    }
    let refused = [
        (403, signed(&["--role", "user"])?),
        (401, token::good("carol", &["api"])),
        (401, hash.split('"').nth(1).unwrap_or_default().to_owned()),
    ];
    for (wanted, token) in refused {
        let (status, answer) = Client::new(address, &token)?
            .start_job(&jobs::start(9))
            .await?;
        ensure!(status == wanted, "{token}: {status} {answer}");
    }
    let nowhere = [
        "key",
        "token",
        "--user",
        "carol",
        "--private-key-file",
        "nowhere",
    ];
    ensure!(failed(&nowhere, &[], &data)?.contains("nowhere"));
    fs::write(directory.join("key"), "bm8ga2V5")?;
    let damaged = [
        "key",
        "token",
        "--user",
        "carol",
        "--private-key-file",
        &key_file,
    ];
    ensure!(failed(&damaged, &[], &data)?.contains("key"));
    Ok(())
}

/// What `muster key hash` prints of a token on its input.
fn hashed(token: &str, data: &Path) -> Result<String> {
    let line = told("hash", token, data)?;
    ensure!(
        line.starts_with("token_sha256 = \"") && !line.contains(token),
        "{line}"
    );
    Ok(line)
}

/// What `muster key COMMAND` prints of a secret on its input.
fn told(command: &str, secret: &str, data: &Path) -> Result<String> {
    fs::create_dir_all(data)?;
    let mut child = Command::new(programs::muster()?)
        .args(["key", command])
        .current_dir(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no input")?;
    input.write_all(format!("{secret}\n").as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", output.status);
    Ok(text(&output).trim().to_owned())
}

/// Signs in at `url` as principal `admin`; the status.
async fn signs_in(url: &str, password: &str) -> Result<u16> {
    let client = Client::new(url.trim_start_matches("http://").parse()?, "")?;
    let user = json!({ "name": "admin", "password": password });
    let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
    let request = client.anonymous(Method::POST, "/v3/auth/tokens");
    Ok(send(request.json(&body)).await?.status.as_u16())
}

/// The password of a first start, and one that an operator hashes.
#[tokio::test]
async fn passwords_sign_in() -> Result<()> {
    let directory = TemporaryDirectory::new("keys")?;
    let data = directory.join("data");
    let muster = MusterProcess::start(["up"], &[], &data).await?;
    let url = muster.base_url().context("not ready")?.clone();
    let credentials = fs::read_to_string(data.join("credentials.toml"))?;
    let password = credentials
        .lines()
        .find_map(|line| line.strip_prefix("password = \""))
        .context("no password")?
        .trim_end_matches('"');
    let site = fs::read_to_string(data.join("site.toml"))?;
    ensure!(!site.contains(password) && site.contains("$argon2id$"));
    ensure!(signs_in(&url, password).await? == 201);
    ensure!(signs_in(&url, "another").await? == 401);
    drop(muster);

    let line = told("password", "an other one", &data)?;
    ensure!(
        line.starts_with("password = \"$argon2id$") && !line.contains("other"),
        "{line}"
    );
    let changed: Vec<&str> = site
        .lines()
        .map(|old| {
            if old.starts_with("password = ") {
                line.as_str()
            } else {
                old
            }
        })
        .collect();
    fs::write(data.join("site.toml"), changed.join("\n"))?;
    let muster = MusterProcess::start(["up"], &[], &data).await?;
    let url = muster.base_url().context("not ready")?.clone();
    ensure!(signs_in(&url, "an other one").await? == 201);
    ensure!(signs_in(&url, password).await? == 401);
    Ok(())
}

/// The token of a data directory's first start is signed with the key kept there.
#[tokio::test]
async fn tokens_are_signed_with_the_first_starts_key() -> Result<()> {
    let directory = TemporaryDirectory::new("keys")?;
    let data = directory.join("data");
    ensure!(failed(&["key", "token", "--user", "eve"], &[], &data)?.contains("credentials"));
    let muster = MusterProcess::start(["up"], &[], &data).await?;
    let token = succeeded(&["key", "token", "--user", "eve"], &[], &data)?;
    let url = muster.base_url().context("not ready")?;
    let client = Client::new(url.trim_start_matches("http://").parse()?, token.trim())?;
    ensure!(client.jobs("").await?.is_empty());
    Ok(())
}
