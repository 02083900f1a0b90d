//! The job archive is killed at each of the moments between which a job's files and what the tables say of them could part, and
//! in the middle of many: no file is torn, and every job is archived after the restart, with what was told of it later. The
//! operator's commands then find nothing wrong.

use std::{fs, path::Path, process::Output};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{DEADLINE, eventually};
use muster_tests::{
    System,
    client::send,
    jobs,
    setup::{Setup, stopped_at},
    site::TEST_CLUSTER,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Each with whether the job's `meta.json` is there by then.
const BREAKPOINTS: [(&str, bool); 3] = [
    ("archive-before-data", false),
    ("archive-before-meta", false),
    ("archive-after-meta", true),
];

/// Where what is told of an archived job later is being written.
const DESCRIBING: [&str; 2] = ["archive-before-meta", "archive-after-meta"];

/// Jobs whose files are being written when the service is killed without a breakpoint.
const MANY: i64 = 40;

#[tokio::test]
async fn jobs_are_archived_whatever_the_moment_of_a_kill() -> Result<()> {
    let setup = Setup::SQLITE_IN_PARTS;
    setup.run("archiving", |options| options, body).await
}

async fn body(system: &mut System, setup: Setup) -> Result<()> {
    let archive = system.data().join("job-archive");
    for (job_id, (breakpoint, described)) in (1..).zip(BREAKPOINTS) {
        let failpoint = format!("{breakpoint}=return");
        let process = setup.restart_with_breakpoint(system, &failpoint).await?;
        run_job(system, job_id).await?;
        stopped_at(system, process, breakpoint).await?;
        ensure!(
            meta(&archive, job_id)?.is_some() == described,
            "{breakpoint}: meta.json"
        );
        setup.kill_archives(system)?;
        whole(&archive)?;
        ensure!(status(system, job_id).await? == 1, "{breakpoint}");
        setup.start_archives(system).await?;
        archived(system, &archive, job_id).await?;
    }
    for breakpoint in DESCRIBING {
        tagged(system, setup, &archive, breakpoint).await?;
    }
    let first = i64::try_from(BREAKPOINTS.len())? + 1;
    for job_id in first..first + MANY {
        run_job(system, job_id).await?;
    }
    setup.kill_archives(system)?;
    whole(&archive)?;
    setup.start_archives(system).await?;
    for job_id in first..first + MANY {
        archived(system, &archive, job_id).await?;
    }
    whole(&archive)?;
    setup.kill_archives(system)?;
    commands(system, first + MANY - 1).await
}

async fn run_job(system: &System, job_id: i64) -> Result<()> {
    let client = system.alpha()?;
    let (status, answer) = client.start_job(&jobs::start(job_id)).await?;
    ensure!(status == 201, "start: {status} {answer}");
    let (status, answer) = client.stop_job(&jobs::stop(job_id)).await?;
    ensure!(status == 200, "stop: {status} {answer}");
    Ok(())
}

/// The first job, which is archived, is tagged with the breakpoint's name; its file says so after the restart.
async fn tagged(system: &mut System, setup: Setup, archive: &Path, breakpoint: &str) -> Result<()> {
    let failpoint = format!("{breakpoint}=return");
    let process = setup.restart_with_breakpoint(system, &failpoint).await?;
    let client = system.alpha()?;
    let jobs = client.jobs("items-per-page=100").await?;
    let mut jobs = jobs.iter();
    let job = jobs.find(|job| job.get("jobId") == Some(&json!(1)));
    let id = job.and_then(|job| job.get("id")?.as_i64());
    let path = format!("/api/jobs/tag_job/{}", id.context("the job is gone")?);
    let tags = json!([{ "type": "killed", "name": breakpoint }]);
    let request = client.request(Method::POST, &path).body(tags.to_string());
    let answer = send(request).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    stopped_at(system, process, breakpoint).await?;
    setup.kill_archives(system)?;
    whole(archive)?;
    setup.start_archives(system).await?;
    eventually(DEADLINE, "the tag in the file", async || {
        let meta = meta(archive, 1).ok()??;
        let tags = meta.get("tags")?.as_array()?.clone();
        let named = |tag: &Value| tag.get("name") == Some(&json!(breakpoint));
        tags.iter().any(named).then_some(())
    })
    .await?;
    Ok(())
}

/// The job's `meta.json`; an error if it is torn.
fn meta(archive: &Path, job_id: i64) -> Result<Option<Value>> {
    let directory = format!("{TEST_CLUSTER}/0/{job_id:03}/{}", jobs::START_TIME);
    match fs::read(archive.join(directory).join("meta.json")) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(_) => Ok(None),
    }
}

/// Every file that has its final name can be read.
fn whole(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            whole(&path)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            let bytes = fs::read(&path)?;
            serde_json::from_slice::<Value>(&bytes).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

async fn status(system: &System, job_id: i64) -> Result<i64> {
    let rows = system.tables().jobs().await?;
    let of_job = |row: &&muster_tests::tables::Record| {
        row.get("job_id").and_then(Value::as_i64) == Some(job_id)
    };
    let row = rows.iter().find(of_job).context("the job is gone")?;
    let status = row.get("monitoring_status").and_then(Value::as_i64);
    status.context("no monitoring_status")
}

async fn archived(system: &System, archive: &Path, job_id: i64) -> Result<()> {
    let what = format!("job {job_id} to be archived");
    eventually(DEADLINE, &what, async || {
        (status(system, job_id).await.ok()? == 3).then_some(())
    })
    .await?;
    let meta = meta(archive, job_id)?.context("no meta.json")?;
    ensure!(meta.get("jobState").and_then(Value::as_str) == Some("completed"));
    ensure!(meta.get("duration").and_then(Value::as_i64) == Some(600));
    Ok(())
}

/// What operators see of it, and how they take it elsewhere and back.
async fn commands(system: &System, jobs: i64) -> Result<()> {
    let run = async |arguments: &[&str]| -> Result<(bool, String)> {
        let Output {
            status,
            stdout,
            stderr,
        } = system.cli(arguments).await?;
        let text = [stdout, stderr].concat();
        Ok((
            status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        ))
    };
    let says = async |arguments: &[&str], expected: &str| {
        let (success, said) = run(arguments).await?;
        ensure!(success && said.contains(expected), "{arguments:?}: {said}");
        Ok(())
    };
    says(&["archive", "verify"], &format!("{jobs} jobs, 0 problems")).await?;
    says(&["archive", "info", "--json"], &format!("\"jobs\":{jobs}")).await?;
    let elsewhere = system.directory().join("elsewhere");
    let place = elsewhere.display().to_string();
    let exported = format!("{jobs} jobs exported");
    says(&["archive", "export", &place, "--format", "1"], &exported).await?;
    let verified = format!("{jobs} jobs, 0 problems");
    says(&["archive", "verify", &place], &verified).await?;
    let known = format!("0 jobs imported, {jobs} were there already, 0 problems");
    says(&["archive", "import"], &known).await?;
    says(&["archive", "import", &place], &known).await?;

    fs::write(elsewhere.join("lost.txt"), "")?;
    let (success, said) = run(&["archive", "verify", &place]).await?;
    ensure!(!success && said.contains("lost.txt"), "{said}");
    let (success, said) = run(&["archive", "export", &place, "--format", "3"]).await?;
    ensure!(!success && said.contains("version 1"), "{said}");
    let (success, said) = run(&["archive", "export", &place, "--format", "4"]).await?;
    ensure!(!success && said.contains("1, 2 and 3"), "{said}");
    let nowhere = system.directory().join("nowhere").display().to_string();
    let (success, said) = run(&["archive", "import", &nowhere]).await?;
    ensure!(!success && said.contains("no archive"), "{said}");
    Ok(())
}
