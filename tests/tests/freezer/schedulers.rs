//! Two real schedulers on one session, for more than five runs; one of them is killed in the middle of a run.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{
    ChildProcess, LastSignal, TemporaryDirectory, eventually, programs::PythonEnvironment, skip,
};
use muster_tests::Engine;
use serde_json::{Value, json};

use crate::{
    documents,
    house::{self, Api, House, PASSWORD, USER},
};

/// When the session's jobs are to be started: each full ten seconds, wherever a scheduler runs.
const PERIOD: &str = "*/10";

/// Seconds in which the second job may join the first.
const HOLD_OFF: i64 = 4;

/// How long a job may run until it is ended on its scheduler's behalf.
const LIMIT: &str = "6s";

/// Until so many more runs have been: a run is ten seconds, and the first begins when both schedulers have started.
const RUNS_DEADLINE: Duration = Duration::from_mins(3);

/// Runs before the kill, and after the scheduler is back.
const RUNS: usize = 2;

/// An agent that has made a backup as soon as nobody holds it.
const AGENT: &str = r#"#!/bin/sh
while [ -e "$AGENT_HOLD" ]; do sleep 0.1; done
echo '{"action": "backup", "container": "/srv/backups", "hostname": "node", "backup_name": "etc", "time_stamp": 1893553445}'
"#;

/// A real `freezer-scheduler` for one client.
struct Scheduler {
    client: &'static str,
    programs: PathBuf,
    home: TemporaryDirectory,
    process: Option<ChildProcess>,
}

impl Scheduler {
    fn new(client: &'static str, programs: &Path, house: &House) -> Result<Self> {
        let home = TemporaryDirectory::new("scheduler")?;
        let agent = home.join("freezer-agent");
        fs::write(&agent, AGENT)?;
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755))?;
        let settings = format!(
            "[scheduler]\nclient_id = {client}\ninterval = 1\njobs_dir = {}\nno_daemon = true\n\
             [service_auth]\nos_auth_url = {}\nos_username = {USER}\nos_password = {PASSWORD}\n\
             os_project_name = alpha\nos_user_domain_name = default\nos_project_domain_name = default\n",
            home.join("jobs").display(),
            house.client.url("/v3"),
        );
        fs::write(home.join("scheduler.conf"), settings)?;
        let mut scheduler = Self {
            client,
            programs: programs.to_owned(),
            home,
            process: None,
        };
        scheduler.start()?;
        Ok(scheduler)
    }

    fn start(&mut self) -> Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.home.join("log"))?;
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(self.programs.join("freezer-scheduler"));
        command
            .arg("--config-file")
            .arg(self.home.join("scheduler.conf"))
            .arg("start")
            .env_clear()
            .env("PATH", format!("{}:{path}", self.home.path().display()))
            .env("HOME", self.home.path())
            .env("AGENT_HOLD", self.hold())
            .stdout(log.try_clone()?)
            .stderr(log);
        let name = format!("the scheduler of {}", self.client);
        self.process = Some(ChildProcess::spawn(name, command, LastSignal::Kill)?);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        let process = self.process.as_mut().context("it does not run")?;
        process.kill_hard()?;
        self.process = None;
        Ok(())
    }

    /// While this file is there, its agent is not done.
    fn hold(&self) -> PathBuf {
        self.home.join("hold")
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.home.join("log")).unwrap_or_default();
        format!("=== the scheduler of {}\n{log}\n", self.client)
    }
}

/// A run whose jobs all did it.
fn is_good(run: &Value) -> bool {
    let jobs = run["jobs"].as_object();
    run["status"] == "completed"
        && run["result"] == "success"
        && jobs.is_some_and(|jobs| {
            jobs.len() == 2 && jobs.values().all(|job| job["result"] == "success")
        })
}

/// Waits for `count` good runs after the one of that tag, and gives the tag of the last.
async fn good_runs(api: &Api, session: &str, after: i64, count: usize) -> Result<i64> {
    let what = format!("{count} good runs after {after}");
    let seen = eventually(RUNS_DEADLINE, &what, async || {
        let mut runs = api.runs(session).await.ok()?;
        runs.retain(|run| is_good(run) && run["session_tag"].as_i64() > Some(after));
        let last = runs.first()?["session_tag"].as_i64()?;
        (runs.len() >= count).then_some(last)
    });
    match seen.await {
        Ok(tag) => Ok(tag),
        Err(error) => {
            let runs = api.runs(session).await?;
            Err(error.context(format!("{runs:#?}")))
        }
    }
}

async fn two_schedulers(house: &House, programs: &Path) -> Result<()> {
    let api = house.alpha();
    let mut jobs = Vec::new();
    for client in ["node1", "node2"] {
        api.register(client).await?;
        let mut job = documents::job(client, client);
        job["job_schedule"] = json!({ "schedule_second": PERIOD });
        jobs.push(api.create("/jobs/", &job).await?);
    }
    let document = json!({ "hold_off": HOLD_OFF, "schedule": { "schedule_second": PERIOD } });
    let session = api.create("/sessions/", &document).await?;
    for job in &jobs {
        api.add(&session, job).await?;
    }
    let first = Scheduler::new("node1", programs, house)?;
    let mut second = Scheduler::new("node2", programs, house)?;
    let result = runs_with_a_kill(&api, &session, &jobs, &mut second).await;
    result.with_context(|| first.log() + &second.log())?;

    // Each job that did it has told of its backup.
    let backups = api.list("/backups/?limit=100", None).await?;
    ensure!(backups.len() >= 2 * 2 * RUNS, "{}", backups.len());
    Ok(())
}

async fn runs_with_a_kill(
    api: &Api,
    session: &str,
    jobs: &[String],
    second: &mut Scheduler,
) -> Result<()> {
    let before = good_runs(api, session, 0, RUNS).await?;

    // The second is killed while its job runs.
    fs::write(second.hold(), "")?;
    let caught = eventually(RUNS_DEADLINE, "the second job to run", async || {
        let runs = api.runs(session).await.ok()?;
        let run = runs.first()?;
        let runs_now = run["jobs"][&jobs[1]]["status"] == "running";
        let tag = run["session_tag"].as_i64()?;
        (runs_now && tag > before).then_some(tag)
    });
    let caught = caught.await?;
    second.kill()?;
    fs::remove_file(second.hold())?;

    // Its run ends without it, and so does one that it is not there for.
    let missed = eventually(RUNS_DEADLINE, "a run without the second", async || {
        let runs = api.runs(session).await.ok()?;
        let later = |run: &&Value| run["session_tag"].as_i64() > Some(caught);
        let run = runs
            .iter()
            .filter(later)
            .find(|run| run["status"] == "completed");
        run?["session_tag"].as_i64()
    });
    let missed = missed.await?;
    second.start()?;
    let last = good_runs(api, session, missed, RUNS).await?;

    let runs = api.runs(session).await?;
    let tags: Vec<i64> = runs
        .iter()
        .filter_map(|run| run["session_tag"].as_i64())
        .collect();
    let all: Vec<i64> = (1..=i64::try_from(tags.len())?).rev().collect();
    ensure!(tags == all && last >= 6, "{tags:?}");
    let of = |tag: i64| {
        let found = runs.iter().find(|run| run["session_tag"] == tag);
        found.context("no such run")
    };
    for (tag, result, reason) in [
        (caught, "aborted", "has not ended"),
        (missed, "fail", "hold-off"),
    ] {
        let run = of(tag)?;
        ensure!(
            run["status"] == "completed" && run["result"] == "fail",
            "{run:#}"
        );
        let [one, two] = [&run["jobs"][&jobs[0]], &run["jobs"][&jobs[1]]];
        ensure!(one["result"] == "success", "{run:#}");
        ensure!(two["result"] == result, "{run:#}");
        let said = two["reason"].as_str().unwrap_or_default();
        ensure!(said.contains(reason), "{run:#}");
    }
    Ok(())
}

/// Alone, because jobs that are not started within seconds are late.
#[tokio::test(flavor = "multi_thread")]
async fn two_schedulers_and_a_kill_alone() -> Result<()> {
    let test = "two_schedulers_and_a_kill_alone";
    let programs = match PythonEnvironment::FreezerScheduler.directory() {
        Ok(programs) => programs,
        Err(reason) => {
            skip(test, &reason);
            return Ok(());
        }
    };
    let options = |options: muster_tests::SystemOptions| {
        options.with("MUSTER__SESSION__JOB_RUN_LIMIT", LIMIT)
    };
    house::run(Engine::Sqlite, test, options, async |house| {
        two_schedulers(house, &programs).await
    })
    .await
}
