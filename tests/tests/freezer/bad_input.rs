//! Bad input gets a 4xx that says what is wrong, never a 5xx (the original has 500 and 753), and changes nothing.

mod mistakes;

use anyhow::{Context as _, Result, ensure};
use muster_tests::{Answer, client::send, site};
use reqwest::Method;
use serde_json::{Value, json};

use self::mistakes::{ACTIONS, BODIES, FILTERS, JOBS, ODD, OTHERS, SESSIONS};
use crate::{
    documents,
    house::{Api, House, on_both},
};

const KINDS: [&str; 5] = ["sessions", "jobs", "clients", "actions", "backups"];

/// One of each.
struct Things {
    session: String,
    job: String,
    ids: [String; 5],
}

impl Things {
    async fn make(api: &Api) -> Result<Self> {
        let client = api.create("/clients", &documents::client("node1")).await?;
        let action = api.create("/actions", &documents::action("etc")).await?;
        let backup = api.create("/backups", &documents::backup("etc")).await?;
        let job = api.jobs("node1", 1).await?.remove(0);
        let session = api
            .create("/sessions", &documents::session("nightly"))
            .await?;
        api.add(&session, &job).await?;
        Ok(Self {
            ids: [session.clone(), job.clone(), client, action, backup],
            session,
            job,
        })
    }
}

async fn everything(api: &Api) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for kind in KINDS {
        all.extend(api.list(&format!("/{kind}?limit=500"), None).await?);
    }
    Ok(all)
}

/// Calls, and what was wrong with the answers to them.
struct Calls<'a> {
    house: &'a House,
    prefix: &'a str,
    count: usize,
    faults: Vec<String>,
}

impl Calls<'_> {
    async fn call(&mut self, method: &Method, path: &str, body: Vec<u8>) -> Result<Answer> {
        self.count += 1;
        let client = self.house.client.with_token(site::ALPHA_API);
        let request = client
            .request(method.clone(), &format!("{}{path}", self.prefix))
            .header("Content-Type", "application/json");
        let sent = send(request.body(body)).await;
        sent.with_context(|| format!("{method} {path}"))
    }

    /// Has to be refused, with words.
    async fn refused(
        &mut self,
        method: &Method,
        path: &str,
        body: impl Into<Vec<u8>>,
    ) -> Result<()> {
        let body = body.into();
        let shown = String::from_utf8_lossy(&body)
            .chars()
            .take(200)
            .collect::<String>();
        let answer = self.call(method, path, body).await?;
        let said = answer.json().unwrap_or_default();
        let has_words = said["title"].is_string() && said["description"].is_string();
        // What is not there is not there, without a word.
        let is_silent = answer.status == 404 && answer.body.is_empty() && *method == Method::GET;
        if !(answer.status.is_client_error() && (has_words || is_silent)) {
            let text = answer.text();
            self.faults
                .push(format!("{method} {path} {shown}: {} {text}", answer.status));
        }
        Ok(())
    }
}

on_both!(bad_requests_change_nothing);

async fn bad_requests_change_nothing(house: &mut House) -> Result<()> {
    let api = house.alpha();
    let things = Things::make(&api).await?;
    let before = everything(&api).await?;
    for prefix in ["/v2/alpha", "/v1"] {
        let mut calls = Calls {
            house,
            prefix,
            count: 0,
            faults: Vec::new(),
        };
        bodies(&mut calls, &things).await?;
        members(&mut calls, &things).await?;
        paths(&mut calls, &things).await?;
        ensure!(calls.count >= 300, "{} calls", calls.count);
        ensure!(
            calls.faults.is_empty(),
            "{} of {} calls:\n{}",
            calls.faults.len(),
            calls.count,
            calls.faults.join("\n")
        );
        let after = everything(&api).await?;
        ensure!(
            after == before,
            "{prefix}: {after:#?} instead of {before:#?}"
        );
    }
    // It still works.
    let said = api.start(&things.session, &things.job, 0).await?;
    ensure!(said["session_tag"] == 1, "{said}");
    Ok(())
}

async fn bodies(calls: &mut Calls<'_>, things: &Things) -> Result<()> {
    let (post, patch) = (Method::POST, Method::PATCH);
    let mut places = vec![
        (&post, format!("/sessions/{}/action", things.session)),
        (&post, format!("/jobs/{}/event", things.job)),
    ];
    for (kind, id) in KINDS.iter().zip(&things.ids) {
        places.push((&post, format!("/{kind}/")));
        if ["sessions", "jobs", "actions"].contains(kind) {
            places.push((&post, format!("/{kind}/{id}")));
            places.push((&patch, format!("/{kind}/{id}")));
        }
    }
    let deep = "[".repeat(20_000);
    let deep_object = "{\"a\":".repeat(20_000);
    let long = format!(
        r#"{{"schedule": {{}}, "description": "{}"}}"#,
        "x".repeat(8 << 20)
    );
    for (method, path) in &places {
        for body in BODIES {
            // A change of nothing is one.
            calls.refused(method, path, body).await?;
        }
        for body in [&deep, &deep_object] {
            calls.refused(method, path, body.as_str()).await?;
        }
        calls
            .refused(method, path, b"{\"a\": \"\xff\"}".to_vec())
            .await?;
    }
    // Too long to be read: whoever sends on may find the connection closed.
    let answer = calls.call(&post, "/sessions/", long.into_bytes()).await;
    if let Ok(answer) = answer {
        ensure!(answer.status == 413, "{}", answer.status);
    }
    Ok(())
}

async fn members(calls: &mut Calls<'_>, things: &Things) -> Result<()> {
    let (post, patch) = (Method::POST, Method::PATCH);
    let (session, job) = (&things.session, &things.job);
    calls.refused(&post, "/sessions", "{}").await?;
    let long = json!({ "schedule": {}, "description": "x".repeat(256) }).to_string();
    for body in SESSIONS.iter().copied().chain([long.as_str()]) {
        calls.refused(&post, "/sessions", body).await?;
        calls
            .refused(&patch, &format!("/sessions/{session}"), body)
            .await?;
    }
    calls.refused(&post, "/jobs", "{}").await?;
    let large = json!({ "client_id": "node1", "job_actions": [{
        "freezer_action": { "action": "backup", "backup_name": "x".repeat(70_000) },
    }] });
    let large = large.to_string();
    for body in JOBS.iter().copied().chain([large.as_str()]) {
        calls.refused(&post, "/jobs", body).await?;
    }
    for body in &JOBS[9..] {
        let mut change: Value = serde_json::from_str(body)?;
        let members = change.as_object_mut().context("no object")?;
        members.remove("client_id");
        if members["job_actions"] == json!([]) {
            members.remove("job_actions");
        }
        calls
            .refused(&patch, &format!("/jobs/{job}"), change.to_string())
            .await?;
    }
    for body in ACTIONS {
        let body = body.replace("JOB", job);
        calls
            .refused(&post, &format!("/sessions/{session}/action"), body)
            .await?;
    }
    for (path, body) in OTHERS {
        calls
            .refused(&post, &path.replace("JOB", job), body)
            .await?;
    }
    for kind in KINDS {
        for filter in FILTERS.iter().chain(&BODIES[2..7]) {
            calls
                .refused(&Method::GET, &format!("/{kind}/"), *filter)
                .await?;
        }
        for query in [
            "limit=x",
            "limit=-1",
            "offset=-1",
            "limit=1.5",
            "offset=1e9",
            "limit=%00",
        ] {
            calls
                .refused(&Method::GET, &format!("/{kind}/?{query}"), "")
                .await?;
        }
    }
    calls
        .refused(&Method::GET, "/jobs/?all_projects=perhaps", "")
        .await
}

async fn paths(calls: &mut Calls<'_>, things: &Things) -> Result<()> {
    for id in ODD.into_iter().chain(["unknown"]) {
        for kind in KINDS {
            calls
                .refused(&Method::GET, &format!("/{kind}/{id}"), "")
                .await?;
        }
        let change = json!({ "description": "new" }).to_string();
        for kind in ["sessions", "jobs"] {
            calls
                .refused(&Method::PATCH, &format!("/{kind}/{id}"), change.as_str())
                .await?;
        }
        let start = json!({ "start": { "job_id": things.job, "current_tag": 0 } });
        let path = format!("/sessions/{id}/action");
        calls
            .refused(&Method::POST, &path, start.to_string())
            .await?;
        let (session, job) = (&things.session, &things.job);
        for path in [
            format!("/sessions/{session}/jobs/{id}"),
            format!("/sessions/{id}/jobs/{job}"),
        ] {
            calls.refused(&Method::PUT, &path, "").await?;
        }
    }
    let unmeant = [
        (Method::PUT, format!("/sessions/{}", things.session)),
        (Method::DELETE, "/sessions".to_owned()),
        (Method::HEAD, "/sessions".to_owned()),
        (Method::GET, format!("/sessions/{}/action", things.session)),
        (Method::PATCH, format!("/jobs/{}/event", things.job)),
        (
            Method::POST,
            format!("/sessions/{}/jobs/{}", things.session, things.job),
        ),
    ];
    for (method, path) in unmeant {
        let answer = calls.call(&method, &path, Vec::new()).await?;
        let allows = !answer.header("allow").is_empty();
        if answer.status != 405 || !allows {
            calls
                .faults
                .push(format!("{method} {path}: {}", answer.status));
        }
    }
    Ok(())
}
