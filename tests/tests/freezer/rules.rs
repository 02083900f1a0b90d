//! What a session does over HTTP, where it is better than the original (`api/freezer.md` §5).

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    documents,
    house::{Api, House, on_both},
};

/// A session of two jobs.
async fn of_two(api: &Api, hold_off: i64) -> Result<(String, String, String)> {
    api.register("node1").await?;
    let session = api.session(hold_off).await?;
    let jobs = api.jobs("node1", 2).await?;
    for job in &jobs {
        api.add(&session, job).await?;
    }
    let [first, second] = jobs.as_slice() else {
        unreachable!()
    };
    Ok((session, first.clone(), second.clone()))
}

fn says(answer: &Value, result: &str, tag: i64) -> Result<()> {
    ensure!(
        answer["result"] == result && answer["session_tag"] == tag,
        "{answer} instead of {result} {tag}"
    );
    Ok(())
}

on_both!(a_start_has_five_outcomes);

async fn a_start_has_five_outcomes(house: &mut House) -> Result<()> {
    let api = house.alpha();
    let (session, first, second) = of_two(&api, 3600).await?;
    let path = format!("/sessions/{session}/action");
    says(&api.start(&session, &first, 0).await?, "success", 1)?;
    says(&api.start(&session, &second, 0).await?, "success", 1)?;
    let body = json!({ "start": { "job_id": first, "current_tag": 1 } });
    let answer = api.expect(Method::POST, &path, Some(&body), 202).await?;
    let said = answer.json()?;
    says(&said, "hold-off", 1)?;
    let left = said["hold_off_remaining"].as_i64();
    let left = left.context("it does not say how long")?;
    ensure!((1..=3601).contains(&left), "{said}");
    ensure!(answer.header("retry-after").parse::<i64>()? >= 1);
    let body = json!({ "start": { "job_id": first, "current_tag": 2 } });
    let answer = api.expect(Method::POST, &path, Some(&body), 400).await?;
    let said = answer.json()?;
    ensure!(said["title"].is_string(), "{said}");
    ensure!(
        said["description"]
            .as_str()
            .is_some_and(|text| text.contains("tag")),
        "{said}"
    );

    // A window that is over: the whole of second 0 belongs to it.
    let (session, first, second) = of_two(&api, 0).await?;
    says(&api.start(&session, &first, 0).await?, "success", 1)?;
    let next = eventually(DEADLINE, "the window to be over", async || {
        let said = api.start(&session, &second, 1).await.ok()?;
        (said["result"] == "success").then_some(said)
    });
    says(&next.await?, "success", 2)?;
    let late = eventually(DEADLINE, "the next window to be over", async || {
        let said = api.start(&session, &first, 1).await.ok()?;
        (said["result"] == "out-of-sync").then_some(said)
    });
    says(&late.await?, "out-of-sync", 2)
}

on_both!(a_run_has_results_of_its_own);

async fn a_run_has_results_of_its_own(house: &mut House) -> Result<()> {
    let api = house.alpha();
    let (session, first, second) = of_two(&api, 3600).await?;
    says(&api.start(&session, &first, 0).await?, "success", 1)?;
    says(&api.start(&session, &second, 0).await?, "success", 1)?;
    // The first that was added fails: the run goes on until the other has ended.
    says(&api.end(&session, &first, 1, "fail").await?, "success", 1)?;
    let shown = api.get(&format!("/sessions/{session}")).await?;
    ensure!(shown["status"] == "running", "{shown}");
    // An end of a run that was.
    says(
        &api.end(&session, &second, 0, "success").await?,
        "out-of-sync",
        1,
    )?;
    for _ in 0..2 {
        says(
            &api.end(&session, &second, 1, "success").await?,
            "success",
            1,
        )?;
    }
    let shown = api.get(&format!("/sessions/{session}")).await?;
    ensure!(
        shown["status"] == "completed" && shown["result"] == "fail",
        "{shown}"
    );
    let change = json!({ "hold_off": 0 });
    let path = format!("/sessions/{session}");
    api.expect(Method::PATCH, &path, Some(&change), 200).await?;
    let next = eventually(DEADLINE, "the next run", async || {
        let said = api.start(&session, &second, 1).await.ok()?;
        (said["result"] == "success").then_some(said)
    });
    says(&next.await?, "success", 2)?;
    let shown = api.get(&path).await?;
    ensure!(shown["jobs"][&first]["status"] == "scheduled", "{shown}");
    ensure!(shown["jobs"][&first]["result"] == "", "{shown}");

    let runs = api.runs(&session).await?;
    ensure!(runs.len() == 2, "{runs:?}");
    ensure!(runs[0]["session_tag"] == 2 && runs[1]["session_tag"] == 1);
    ensure!(runs[1]["result"] == "fail", "{runs:?}");
    ensure!(runs[1]["jobs"][&first]["result"] == "fail", "{runs:?}");
    ensure!(runs[1]["jobs"][&second]["result"] == "success", "{runs:?}");
    api.expect(Method::DELETE, &path, None, 204).await?;
    ensure!(
        api.runs(&session).await?.len() == 2,
        "gone with its session"
    );

    // The archive has each job of the run.
    let archived = eventually(DEADLINE, "the jobs in the archive", async || {
        let jobs = house.system.alpha().ok()?.jobs("cluster=freezer").await;
        let jobs = jobs.ok()?;
        (jobs.len() >= 2).then_some(jobs)
    });
    let archived = archived.await?;
    for state in ["failed", "completed"] {
        ensure!(
            archived.iter().any(|job| job["jobState"] == state),
            "{archived:?}"
        );
    }
    let theirs = house.system.client(muster_tests::site::BETA_API)?;
    ensure!(theirs.jobs("cluster=freezer").await?.is_empty());
    Ok(())
}

on_both!(who_missed_a_run_learns_of_it);

/// A scheduler that missed a run would be out of sync for ever if nobody else began the next one.
async fn who_missed_a_run_learns_of_it(house: &mut House) -> Result<()> {
    let api = house.alpha();
    let (session, first, second) = of_two(&api, 1).await?;
    let path = format!("/jobs/{second}");
    says(&api.start(&session, &first, 0).await?, "success", 1)?;
    let tag = async || anyhow::Ok(api.get(&path).await?["session_tag"].clone());
    ensure!(tag().await? == 0, "it can still join");
    let missed = eventually(DEADLINE, "the run to be over for the second", async || {
        (tag().await.ok()? == 1).then_some(())
    });
    missed.await?;
    let stale = json!({ "job_schedule": {}, "session_id": session, "session_tag": 0 });
    api.expect(Method::PATCH, &path, Some(&stale), 200).await?;
    ensure!(tag().await? == 1, "forgotten again");
    says(&api.start(&session, &second, 1).await?, "success", 2)
}

on_both!(a_job_has_its_own_times_back);

async fn a_job_has_its_own_times_back(house: &mut House) -> Result<()> {
    let api = house.alpha();
    api.register("node1").await?;
    let session = api
        .create("/sessions/", &documents::session("nightly"))
        .await?;
    let job = api.jobs("node1", 1).await?.remove(0);
    let schedule = async || {
        let job = api.get(&format!("/jobs/{job}")).await?;
        anyhow::Ok(job["job_schedule"].clone())
    };
    let own = schedule().await?;
    ensure!(
        own["event"] == "" && own["schedule_interval"] == "1 hours",
        "{own}"
    );
    let change = json!({ "description": "another name" });
    let path = format!("/jobs/{job}");
    api.expect(Method::PATCH, &path, Some(&change), 200).await?;
    ensure!(schedule().await? == own, "a name is no schedule");
    api.add(&session, &job).await?;
    let taken = schedule().await?;
    ensure!(
        taken["schedule_interval"] == "10 minutes" && taken["event"] == "",
        "{taken}"
    );
    ensure!(taken.get("schedule_start_date").is_none(), "{taken}");
    // A change of the session's schedule reaches its jobs.
    let change = json!({ "schedule": { "schedule_interval": "5 minutes" } });
    let path = format!("/sessions/{session}");
    api.expect(Method::PATCH, &path, Some(&change), 200).await?;
    ensure!(schedule().await?["schedule_interval"] == "5 minutes");
    // What a scheduler writes back, which knows nothing of the session yet, does not undo it.
    let stale = json!({ "job_schedule": own, "session_id": "", "session_tag": 0 });
    let path = format!("/jobs/{job}");
    api.expect(Method::PATCH, &path, Some(&stale), 200).await?;
    let shown = api.get(&path).await?;
    ensure!(shown["session_id"] == session, "{shown}");
    ensure!(
        shown["job_schedule"]["schedule_interval"] == "5 minutes",
        "{shown}"
    );
    let leave = format!("/sessions/{session}/jobs/{job}");
    for _ in 0..2 {
        api.expect(Method::DELETE, &leave, None, 204).await?;
    }
    let back = schedule().await?;
    for key in ["schedule_interval", "schedule_start_date"] {
        ensure!(back[key] == own[key], "{back}");
    }
    ensure!(back["event"] == "stop", "{back}");
    Ok(())
}

on_both!(versions_and_slashes);

async fn versions_and_slashes(house: &mut House) -> Result<()> {
    let api = house.alpha();
    let session = api
        .create("/sessions", &documents::session("nightly"))
        .await?;
    let path = format!("/sessions/{session}");
    let change = |version: Value| json!({ "description": "new", "_version": version });
    let answer = api
        .expect(
            Method::PATCH,
            &path,
            Some(&json!({ "description": "b" })),
            200,
        )
        .await?;
    let version = answer.json()?["version"].clone();
    ensure!(version.is_i64(), "{version}");
    let next = change(version.clone());
    api.expect(Method::PATCH, &path, Some(&next), 200).await?;
    api.expect(Method::PATCH, &path, Some(&next), 409).await?;

    let token = muster_tests::site::ALPHA_API;
    for prefix in ["/v1", "/v2/alpha"] {
        let api = house.api(prefix, token);
        for kind in ["sessions", "jobs", "clients", "actions", "backups"] {
            let with = api.list(&format!("/{kind}/"), None).await?;
            let without = api.list(&format!("/{kind}"), None).await?;
            ensure!(with == without && with.len() == usize::from(kind == "sessions"));
            let unknown = format!("/{kind}/0123456789abcdef");
            let answer = api.expect(Method::GET, &unknown, None, 404).await?;
            ensure!(answer.body.is_empty(), "{}", answer.text());
            let answer = api.call(Method::PUT, &unknown, None).await?;
            ensure!(answer.status == 405 && !answer.header("allow").is_empty());
        }
    }
    // What is not in the project is not there.
    let theirs = house.beta();
    theirs.expect(Method::GET, &path, None, 404).await?;
    ensure!(theirs.list("/sessions", None).await?.is_empty());
    let other = house.api("/v2/alpha", muster_tests::site::BETA_API);
    other.expect(Method::GET, "/sessions", None, 403).await?;
    Ok(())
}

on_both!(pages_are_stable);

async fn pages_are_stable(house: &mut House) -> Result<()> {
    let api = house.alpha();
    api.register("node1").await?;
    api.register("node2").await?;
    let mut all = Vec::new();
    for number in 0..23 {
        let client = if number % 3 == 0 { "node2" } else { "node1" };
        all.push((client, api.jobs(client, 1).await?.remove(0)));
    }
    ensure!(
        api.list("/jobs/", None).await?.len() == 10,
        "ten by default"
    );
    let filter = json!({
        "match": [{ "client_id": "node1" }],
        "match_not": [{ "status": "completed" }],
    });
    let of_node1: Vec<Value> = all
        .iter()
        .filter(|(client, _)| *client == "node1")
        .map(|(_, job)| json!(job))
        .collect();
    let mut seen = Vec::new();
    loop {
        let path = format!("/jobs/?limit=10&offset={}&all_projects=False", seen.len());
        let page = api.list(&path, Some(&filter)).await?;
        let last = page.len() < 10;
        seen.extend(page.into_iter().map(|job| job["job_id"].clone()));
        if last {
            break;
        }
    }
    ensure!(seen == of_node1, "{seen:?}");
    for nonsense in ["limit=abc", "limit=-1", "offset=-1", "offset=x"] {
        let path = format!("/jobs/?{nonsense}");
        api.expect(Method::GET, &path, None, 400).await?;
    }
    Ok(())
}
