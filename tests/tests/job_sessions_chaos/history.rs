//! Holds what schedulers were told against the history, the history against its own rules, and both against the events and
//! the job archive.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::eventually;
use muster_tests::{System, client::send, events::EventConsumer, site};
use reqwest::Method;
use serde_json::Value;

use crate::{
    HOLD_OFF,
    scheduler::{Diary, Place},
};

/// Until all is at rest again: what nobody ends is ended when its time is over.
const SETTLE_DEADLINE: Duration = Duration::from_mins(2);

/// Runs of a page.
const PAGE: usize = 100;

/// The runs of each session in order, when all is at rest.
pub(crate) struct History {
    sessions: BTreeMap<String, (Value, Vec<Value>)>,
}

async fn get(system: &System, path: &str) -> Result<Value> {
    let client = system.client(site::ALPHA_API)?;
    let answer = send(client.request(Method::GET, &format!("/v2/alpha{path}"))).await?;
    ensure!(
        answer.status == 200,
        "{path}: {} {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

/// All runs of a session, in order.
async fn runs(system: &System, session: &str) -> Result<Vec<Value>> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let path = format!("/sessions/{session}/runs?limit={PAGE}&offset={}", all.len());
        let page = get(system, &path).await?;
        let page = page["runs"].as_array().context("no runs")?.clone();
        if page.is_empty() {
            all.reverse();
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Waits until nothing runs, and reads it.
pub(crate) async fn read(system: &System, sessions: &BTreeSet<&str>) -> Result<History> {
    let mut read = BTreeMap::new();
    for session in sessions {
        let path = format!("/sessions/{session}");
        let shown = eventually(SETTLE_DEADLINE, "a session to be at rest", async || {
            let shown = get(system, &path).await.ok()?;
            (shown["status"] == "completed").then_some(shown)
        });
        let shown = match shown.await {
            Ok(shown) => shown,
            Err(error) => return Err(error.context(get(system, &path).await?)),
        };
        let runs = runs(system, session).await?;
        read.insert((*session).to_owned(), (shown, runs));
    }
    Ok(History { sessions: read })
}

fn jobs_of(run: &Value) -> impl Iterator<Item = (&String, &Value)> {
    run["jobs"].as_object().into_iter().flatten()
}

impl History {
    fn runs(&self) -> impl Iterator<Item = (&String, &Value)> {
        let sessions = self.sessions.iter();
        sessions.flat_map(|(session, (_, runs))| runs.iter().map(move |run| (session, run)))
    }

    /// Of runs and of what became of their jobs.
    pub(crate) fn counts(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, run) in self.runs() {
            *counts
                .entry(run["status"].as_str().unwrap_or("?"))
                .or_default() += 1;
            for (_, job) in jobs_of(run) {
                *counts
                    .entry(job["reason"].as_str().unwrap_or("by itself"))
                    .or_default() += 1;
            }
        }
        format!("{counts:?}")
    }

    /// The job in that run.
    fn job(&self, (session, tag, job): &Place) -> Result<&Value> {
        let (_, runs) = self.sessions.get(session).context("no such session")?;
        let run = usize::try_from(*tag - 1)
            .ok()
            .and_then(|place| runs.get(place));
        let run = run.with_context(|| format!("{session} has no run {tag}"))?;
        let found = run["jobs"].get(job);
        found.with_context(|| format!("{job} is not in run {tag}: {run:#}"))
    }

    pub(crate) fn check(&self, diary: &Diary) -> Result<()> {
        for (session, (shown, runs)) in &self.sessions {
            check_runs(shown, runs).with_context(|| format!("{session}: {shown:#}"))?;
        }
        let starts = diary.starts.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, end) in starts.iter() {
            let job = self.job(place)?;
            let told = format!("{place:?}, told {end:?}: {job}");
            // One that left after the run had begun, and came again, has ended there before it could start.
            let had_left = job["reason"] == "left the session";
            let has_started = job["time_started"].as_i64() > Some(0);
            ensure!(has_started || had_left, "never started: {told}");
            let by_itself = job["reason"].is_null();
            match end {
                // What was taken counts, unless it was ended on its behalf before.
                Some((result, answer)) if answer["result"] == "success" && by_itself => {
                    ensure!(job["result"] == *result, "{told}");
                }
                // Another run had begun, or it had been ended before.
                _ => ensure!(!by_itself, "{told}"),
            }
        }
        // Nobody is said to have ended by itself who has not told so.
        for (session, run) in self.runs() {
            for (job, ended) in jobs_of(run) {
                if ended["reason"].is_null() {
                    let tag = run["session_tag"].as_i64().unwrap_or_default();
                    let place = (session.clone(), tag, job.clone());
                    ensure!(
                        starts.get(&place).is_some_and(Option::is_some),
                        "{place:?}: {ended}"
                    );
                }
            }
        }
        Ok(())
    }

    /// Each run began once, each job of it ended once, and each run that was completed was once.
    pub(crate) async fn check_events(&self, events: &EventConsumer) -> Result<()> {
        let mut expected = BTreeMap::new();
        for (session, run) in self.runs() {
            let tag = run["session_tag"].as_i64().unwrap_or_default();
            let of_run = |fact: &str| (fact.to_owned(), session.clone(), tag, String::new());
            expected.insert(of_run("run.started"), 1);
            if run["status"] == "completed" {
                expected.insert(of_run("run.completed"), 1);
            }
            for (job, _) in jobs_of(run) {
                expected.insert(
                    ("job.ended".to_owned(), session.clone(), tag, job.clone()),
                    1,
                );
            }
        }
        let seen = || {
            let mut seen = BTreeMap::new();
            for event in events.events() {
                let facts = ["run.started", "run.completed", "job.ended"];
                let of_sessions = event.subject.contains(".evt.session.");
                let Some(fact) = facts
                    .into_iter()
                    .find(|fact| of_sessions && event.subject.ends_with(fact))
                else {
                    continue;
                };
                let text = |member: &str| event.body[member].as_str().unwrap_or("").to_owned();
                let job = if fact == "job.ended" {
                    text("job_id")
                } else {
                    String::new()
                };
                let tag = event.body["tag"].as_i64().unwrap_or_default();
                let place = (fact.to_owned(), text("session_id"), tag, job);
                *seen.entry(place).or_insert(0) += 1;
            }
            seen
        };
        let all = eventually(SETTLE_DEADLINE, "every event", async || {
            let seen = seen();
            expected
                .keys()
                .all(|place| seen.contains_key(place))
                .then_some(())
        });
        let all = all.await;
        let seen = seen();
        let missing: Vec<_> = expected
            .keys()
            .filter(|place| !seen.contains_key(place))
            .collect();
        all.with_context(|| format!("{} are missing: {:?}", missing.len(), missing.first()))?;
        for (place, count) in &seen {
            ensure!(
                expected.get(place) == Some(count),
                "{count} times {place:?}"
            );
        }
        ensure!(events.strange().is_empty(), "{:?}", events.strange());
        Ok(())
    }

    /// Each job of each run is a job of the archive.
    pub(crate) async fn check_archive(&self, system: &System) -> Result<()> {
        let mut expected: BTreeSet<(String, String, String)> = BTreeSet::new();
        for (session, run) in self.runs() {
            for (job, ended) in jobs_of(run) {
                let state = match ended["result"].as_str() {
                    Some("success") => "completed",
                    Some("aborted") => "cancelled",
                    _ => "failed",
                };
                let run = format!("{session}/{}", run["session_tag"]);
                expected.insert((run, job.clone(), state.to_owned()));
            }
        }
        let client = system.alpha()?;
        let read = async || {
            let jobs = client
                .jobs("cluster=freezer&items-per-page=-1&with-metadata")
                .await?;
            let count = jobs.len();
            let jobs = jobs.into_iter().map(|job| {
                let data = &job["metaData"];
                let text = |value: &Value| {
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned)
                };
                let run = format!(
                    "{}/{}",
                    text(&data["session_id"]),
                    text(&data["session_tag"])
                );
                (run, text(&data["job_id"]), text(&job["jobState"]))
            });
            anyhow::Ok((count, jobs.collect::<BTreeSet<_>>()))
        };
        let all = eventually(SETTLE_DEADLINE, "every job in the archive", async || {
            let (count, jobs) = read().await.ok()?;
            (count == expected.len() && jobs == expected).then_some(())
        });
        if let Err(error) = all.await {
            let (count, jobs) = read().await?;
            let missing = expected.difference(&jobs).next();
            let strange = jobs.difference(&expected).next();
            let text = format!(
                "{count} of {}; missing {missing:?}, strange {strange:?}",
                expected.len()
            );
            return Err(error.context(text));
        }
        Ok(())
    }
}

/// The rules of runs, whoever was told what.
fn check_runs(shown: &Value, runs: &[Value]) -> Result<()> {
    let last = runs.last().context("it never ran")?;
    ensure!(shown["session_tag"] == runs.len(), "{} runs", runs.len());
    ensure!(shown["result"] == last["result"], "{last:#}");
    for (number, run) in runs.iter().enumerate() {
        ensure!(
            run["session_tag"] == number + 1,
            "{} is run {number}",
            run["session_tag"]
        );
        let status = run["status"].as_str();
        let is_last = number + 1 == runs.len();
        ensure!(
            status == Some("completed") || (status == Some("superseded") && !is_last),
            "{run:#}"
        );
        let mut all_good = true;
        for (job, ended) in jobs_of(run) {
            ensure!(ended["status"] == "completed", "{job}: {run:#}");
            let good = ended["result"] == "success";
            ensure!(
                good || ended["result"] == "fail" || ended["result"] == "aborted",
                "{job}: {run:#}"
            );
            all_good &= good;
            ensure!(
                ended["time_ended"].as_i64() >= run["time_start"].as_i64(),
                "{job}: {run:#}"
            );
            ensure!(
                ended["time_ended"].as_i64() <= run["time_end"].as_i64(),
                "{job}: {run:#}"
            );
        }
        if status == Some("completed") {
            let result = if all_good { "success" } else { "fail" };
            ensure!(run["result"] == result, "{run:#}");
        }
    }
    for pair in runs.windows(2) {
        let apart = pair[1]["time_start"]
            .as_i64()
            .zip(pair[0]["time_start"].as_i64());
        let apart = apart.map(|(later, earlier)| later - earlier);
        ensure!(apart > Some(HOLD_OFF), "{apart:?} seconds: {pair:#?}");
    }
    Ok(())
}
