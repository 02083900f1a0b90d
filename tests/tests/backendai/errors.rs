//! Whatever a client gets wrong is answered with 4xx and a problem document (`api/backendai.md` §1, and `bad_bodies_refused` of §8).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use muster_platform::{Clock as _, SystemClock};
use muster_tests::{
    Client,
    backendai::{KeyPair, Signed, VERSION, is_problem, signature},
    client::send,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    house::{House, Rules, on_both},
    site::{ALICE, NOBODY, SHELL},
};

on_both!(bad_bodies_are_refused, Rules::EMPTY);

async fn bad_bodies_are_refused(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let with = |key: &str, value: Value| json!({ "name": "good-name", "image": SHELL, key: value });
    let config = |key: &str, value: Value| with("config", json!({ key: value }));
    let mut bodies = vec![
        json!([]),
        json!("text"),
        json!(null),
        json!({}),
        json!({ "name": "good-name" }),
        with("config", json!([])),
        with("config", json!("text")),
        with("image", json!(5)),
        with("type", json!("other")),
        with("enqueueOnly", json!("perhaps")),
        with("reuseIfExists", json!([])),
        with("maxWaitSeconds", json!(-1)),
        with("maxWaitSeconds", json!("soon")),
        with("tag", json!("x".repeat(65))),
        with("tag", json!(5)),
        with("bootstrap_script", json!("no base64 !")),
        with("group", json!("nowhere")),
        with("domain", json!("nowhere")),
        with("dependencies", json!("text")),
        config("environ", json!({ "A": 5 })),
        config("environ", json!([])),
        config("environ", json!({ "A=B": "c" })),
        config("environ", json!({ "A": "\u{0}" })),
        config("clusterSize", json!(0)),
        config("clusterSize", json!(-1)),
        config("clusterSize", json!("many")),
        config("resources", json!([])),
        config("resources", json!({ "cpu": "many" })),
        config("resources", json!({ "cpu": "-1" })),
        config("resources", json!({ "cpu": "nan" })),
        config("resources", json!({ "mem": "1q" })),
        config(
            "resources",
            json!({ "mem": "99999999999999999999999999999999y" }),
        ),
        config("preopen_ports", json!([80])),
        config("preopen_ports", json!([65536])),
        config("preopen_ports", json!("1234")),
        config("mounts", json!("text")),
        config("mount_map", json!({ "a": "/etc" })),
    ];
    for name in [
        json!("abc"),
        json!("x".repeat(65)),
        json!("-abc"),
        json!("abc-"),
        json!("a b c"),
        json!("a/bc"),
        json!("späti"),
        json!("a\u{0}bc"),
        json!(["abcd"]),
        json!("from-template"),
    ] {
        bodies.push(json!({ "name": name, "image": SHELL }));
    }
    for body in bodies {
        let answer = alice.call(Method::POST, "/session", Some(&body)).await?;
        ensure!(
            answer.status == 400,
            "{body}: {} {}",
            answer.status,
            answer.text()
        );
        let problem = answer.json()?;
        ensure!(
            problem["type"].is_string() && problem["title"].is_string(),
            "{body}: {problem}"
        );
    }
    let answer = alice.create("good-name", "nothing:9", json!({})).await?;
    ensure!(answer.status == 404, "{}", answer.text());
    is_problem(&answer, "image-not-found")?;
    ensure!(house.living().await?.is_empty());
    Ok(())
}

on_both!(other_mistakes_are_refused, Rules::EMPTY);

async fn other_mistakes_are_refused(house: &mut House) -> Result<()> {
    let alice = house.alice();
    let calls = [
        (Method::PUT, "/session", None, 405),
        (Method::DELETE, "/session", None, 405),
        (Method::GET, "/session/nowhere", None, 404),
        (Method::GET, "/session/%00", None, 404),
        (Method::GET, "/session/%ff", None, 400),
        (Method::DELETE, "/session/nowhere", None, 404),
        (Method::PATCH, "/session/nowhere", None, 404),
        (Method::GET, "/session/nowhere/logs", None, 404),
        (
            Method::POST,
            "/session/nowhere",
            Some(json!({ "mode": "query", "code": "1", "runId": null })),
            404,
        ),
        (Method::POST, "/session/nowhere", Some(json!({})), 400),
        (Method::POST, "/session/nowhere", Some(json!([])), 400),
        (Method::GET, "/session/a/b/c", None, 404),
        (Method::GET, "/kernel/nowhere", None, 404),
    ];
    for (method, path, body, status) in calls {
        let answer = alice.call(method.clone(), path, body.as_ref()).await?;
        // Which of the two it is that is wrong is a matter of taste.
        let other = if status == 400 { 404 } else { status };
        ensure!(
            answer.status == status || answer.status == other,
            "{method} {path}: {} {}",
            answer.status,
            answer.text()
        );
        ensure!(
            answer
                .header("content-type")
                .starts_with("application/problem+json"),
            "{method} {path}: {}",
            answer.header("content-type")
        );
    }
    // No JSON at all.
    for text in ["", "{", "\u{0}", "[[[[[[", "{\"name\": \"a"] {
        let request = alice.request(Method::POST, "/session", Some(&json!({})));
        let answer = send(request.body(text)).await?;
        ensure!(
            answer.status == 400,
            "{text:?}: {} {}",
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

/// How a request is signed that is to be refused.
#[derive(Clone)]
struct Forged {
    key: KeyPair,
    date: Option<String>,
    version: Option<&'static str>,
    /// In place of the header.
    authorization: Option<&'static str>,
    /// Signed as if it were for this path.
    path: &'static str,
}

/// The path that is asked for.
const PATH: &str = "/session/_/match?id=x";

/// What is signed, the status, and the problem, if that is told.
fn forgeries() -> Vec<(Forged, u16, &'static str)> {
    let now = SystemClock.now();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let good = Forged {
        key: ALICE,
        date: Some(now.to_rfc3339()),
        version: Some(VERSION),
        authorization: None,
        path: PATH,
    };
    let dated = |date: String| Forged {
        date: Some(date),
        ..good.clone()
    };
    let with = |authorization| Forged {
        authorization: Some(authorization),
        ..good.clone()
    };
    let other_secret = KeyPair {
        secret_key: "another secret",
        ..ALICE
    };
    let as_somebody = |key| Forged {
        key,
        ..good.clone()
    };
    let of_version = |version| Forged {
        version,
        ..good.clone()
    };
    let undated = Forged {
        date: None,
        ..good.clone()
    };
    let of_another_path = Forged {
        path: "/session/_/match?id=y",
        ..good.clone()
    };
    let (wrong, failed) = ("invalid-auth-params", "auth-failed");
    vec![
        (good.clone(), 200, ""),
        (dated(now.minus(minutes(14)).to_rfc3339()), 200, ""),
        (dated(now.plus(minutes(14)).to_rfc3339()), 200, ""),
        (dated(now.minus(minutes(16)).to_rfc3339()), 400, wrong),
        (dated(now.plus(minutes(16)).to_rfc3339()), 400, wrong),
        (dated("yesterday".to_owned()), 400, wrong),
        (undated, 400, wrong),
        (of_version(None), 400, wrong),
        (of_version(Some("v9.20990101")), 400, ""),
        (as_somebody(NOBODY), 401, failed),
        (as_somebody(other_secret), 401, failed),
        (of_another_path, 401, failed),
        (with(""), 401, failed),
        (with("Basic YTpi"), 400, wrong),
        (
            with("BackendAI signMethod=HMAC-NONSENSE, credential=a:b"),
            400,
            wrong,
        ),
        (with("BackendAI credential=a"), 400, wrong),
    ]
}

on_both!(who_cannot_prove_who_it_is_is_refused, Rules::EMPTY);

async fn who_cannot_prove_who_it_is_is_refused(house: &mut House) -> Result<()> {
    for (number, (forged, status, problem)) in forgeries().into_iter().enumerate() {
        let answer = send(forged.request(&house.client)).await?;
        ensure!(
            answer.status == status,
            "case {number}: {} {}",
            answer.status,
            answer.text()
        );
        if !problem.is_empty() {
            is_problem(&answer, problem).with_context(|| format!("case {number}"))?;
        }
    }
    Ok(())
}

impl Forged {
    fn request(&self, client: &Client) -> reqwest::RequestBuilder {
        let host = client.address().to_string();
        let signed = Signed {
            method: "GET",
            path: self.path,
            host: &host,
            content_type: "text/plain",
            date: self.date.as_deref().unwrap_or_default(),
            version: self.version.unwrap_or_default(),
        };
        let signature = signature(self.key.secret_key, &signed);
        let access_key = self.key.access_key;
        let genuine =
            format!("BackendAI signMethod=HMAC-SHA256, credential={access_key}:{signature}");
        let mut request = client
            .anonymous(Method::GET, PATH)
            .header("Content-Type", "text/plain");
        match self.authorization {
            Some("") => {}
            Some(other) => request = request.header("Authorization", other),
            None => request = request.header("Authorization", genuine),
        }
        if let Some(date) = &self.date {
            request = request.header("Date", date);
        }
        if let Some(version) = self.version {
            request = request.header("X-BackendAI-Version", version);
        }
        request
    }
}

on_both!(what_every_client_asks_first, Rules::EMPTY);

async fn what_every_client_asks_first(house: &mut House) -> Result<()> {
    let answer = send(house.client.anonymous(Method::GET, "/")).await?;
    let told = answer.json()?;
    let version = told["version"].as_str().unwrap_or_default();
    let (major, date) = version.split_once('.').unwrap_or_default();
    ensure!(
        major.starts_with('v') && date.len() == 8 && told["manager"].is_string(),
        "{told}"
    );
    let told = house.alice().get("/manager/announcement").await?;
    ensure!(told == json!({ "enabled": false, "message": "" }), "{told}");
    Ok(())
}
