//! Two hundred at once on one session: nothing is lost (`api/freezer.md` §5, where 20 at once lose most).

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::house::{Api, House, on_both};

/// Calls at once, and jobs of the session.
const AT_ONCE: usize = 200;

/// Jobs that are made at once, before it counts.
const MADE_AT_ONCE: usize = 16;

/// So many jobs of one client.
async fn jobs(api: &Api) -> Result<Vec<String>> {
    api.register("node1").await?;
    let make = |number: usize| async move {
        let job = crate::documents::job("node1", &format!("job {number}"));
        api.create("/jobs", &job).await
    };
    let jobs = stream::iter(0..AT_ONCE).map(make);
    jobs.buffer_unordered(MADE_AT_ONCE).try_collect().await
}

/// All calls at once; what is said to each.
async fn at_once<T>(
    jobs: &[String],
    call: impl AsyncFn(usize, &str) -> Result<T>,
) -> Result<Vec<T>> {
    let call = &call;
    let calls = jobs.iter().enumerate();
    let calls = stream::iter(calls).map(|(number, job)| call(number, job));
    calls.buffer_unordered(AT_ONCE).try_collect().await
}

/// How often each result was said, each with this tag.
fn counted(answers: &[Value], tag: i64) -> Result<BTreeMap<&str, usize>> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        ensure!(answer["session_tag"] == tag, "{answer}");
        *counts
            .entry(answer["result"].as_str().unwrap_or("?"))
            .or_insert(0) += 1;
    }
    Ok(counts)
}

/// How many jobs of a session or a run have this in that member.
fn jobs_with(of: &Value, member: &str, value: &str) -> usize {
    let jobs = of["jobs"].as_object();
    let values = jobs.into_iter().flat_map(|jobs| jobs.values());
    values.filter(|job| job[member] == value).count()
}

/// Every seventh job fails.
fn result_of(number: usize) -> &'static str {
    if number.is_multiple_of(7) {
        "fail"
    } else {
        "success"
    }
}

on_both!(two_hundred_at_once);

async fn two_hundred_at_once(house: &mut House) -> Result<()> {
    let api = house.alpha();
    let session = api.session(3600).await?;
    let path = format!("/sessions/{session}");
    let jobs = jobs(&api).await?;

    at_once(&jobs, async |_, job| api.add(&session, job).await).await?;
    let shown = api.get(&path).await?;
    ensure!(
        shown["jobs"]
            .as_object()
            .is_some_and(|jobs| jobs.len() == AT_ONCE)
    );

    // One of them begins the run, all others join it.
    let said = at_once(&jobs, async |_, job| api.start(&session, job, 0).await).await?;
    ensure!(counted(&said, 1)? == BTreeMap::from([("success", AT_ONCE)]));
    let shown = api.get(&path).await?;
    ensure!(
        shown["session_tag"] == 1 && jobs_with(&shown, "status", "running") == AT_ONCE,
        "{shown:#}"
    );
    let said = at_once(&jobs, async |_, job| api.start(&session, job, 1).await).await?;
    ensure!(counted(&said, 1)? == BTreeMap::from([("hold-off", AT_ONCE)]));

    // What belongs to no run, and what does.
    let stale = at_once(&jobs, async |_, job| {
        api.end(&session, job, 0, "fail").await
    })
    .await?;
    ensure!(counted(&stale, 1)? == BTreeMap::from([("out-of-sync", AT_ONCE)]));
    for _ in 0..2 {
        let said = at_once(&jobs, async |number, job| {
            api.end(&session, job, 1, result_of(number)).await
        });
        ensure!(counted(&said.await?, 1)? == BTreeMap::from([("success", AT_ONCE)]));
    }
    let shown = api.get(&path).await?;
    ensure!(
        shown["status"] == "completed" && shown["result"] == "fail",
        "{shown:#}"
    );
    let failed = (0..AT_ONCE)
        .filter(|&number| result_of(number) == "fail")
        .count();
    let runs = api.runs(&session).await?;
    ensure!(runs.len() == 1, "{runs:#?}");
    for of in [&shown, &runs[0]] {
        ensure!(jobs_with(of, "status", "completed") == AT_ONCE, "{of:#}");
        ensure!(jobs_with(of, "result", "fail") == failed, "{of:#}");
        for (number, job) in jobs.iter().enumerate() {
            ensure!(
                of["jobs"][job]["result"] == result_of(number),
                "{job}: {of:#}"
            );
        }
    }

    // And out of it.
    at_once(&jobs, async |_, job| {
        let path = format!("/sessions/{session}/jobs/{job}");
        api.expect(reqwest::Method::DELETE, &path, None, 204).await
    })
    .await?;
    let shown = api.get(&path).await?;
    ensure!(
        shown["jobs"]
            .as_object()
            .is_none_or(serde_json::Map::is_empty),
        "{shown:#}"
    );
    Ok(())
}
