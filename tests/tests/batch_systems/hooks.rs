//! What the hooks of a real one-node Slurm 22.05 saw and sent (`../shared/data/slurm_events`), told to Muster the way a
//! hand-written script does: `curl -d`, with the content type of a form.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use anyhow::{Context, Result, ensure};
use muster_testkit::{programs::repository, skip};
use muster_tests::{Client, Engine, System, SystemOptions, site};
use serde_json::{Value, json};

/// A recorded call of a hook: when, which, and the environment it had.
struct Call {
    /// Seconds since 1970 UTC.
    time: i64,
    hook: String,
    environment: BTreeMap<String, String>,
}

#[tokio::test]
async fn what_the_hooks_of_a_real_slurm_sent_is_taken() -> Result<()> {
    let directory = repository().join("../shared/data/slurm_events");
    if !directory.is_dir() {
        skip(
            "the hooks of a real Slurm",
            "../shared/data/slurm_events is not there",
        );
        return Ok(());
    }
    let system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let client = system.alpha()?;
    environments(&client, &directory).await?;
    log_of_posts(&client, &directory).await
}

/// Each `PrologSlurmctld` starts a job, each record of `jobcomp/script` stops one: of the two ends it alone knows the
/// state and the times.
async fn environments(client: &Client, directory: &Path) -> Result<()> {
    let calls = calls(directory)?;
    let mut ended = BTreeMap::new();
    for Call {
        time,
        hook,
        environment,
    } in &calls
    {
        let number = |name: &str| -> Result<i64> {
            let text = environment.get(name).with_context(|| name.to_owned())?;
            text.parse().with_context(|| format!("{name}={text}"))
        };
        let text = |name: &str| environment.get(name).cloned().unwrap_or_default();
        match hook.as_str() {
            "prolog" => {
                let start = json!({
                    "jobId": number("SLURM_JOB_ID")?,
                    "arrayJobId": number("SLURM_ARRAY_JOB_ID").unwrap_or_default(),
                    "user": text("SLURM_JOB_USER"),
                    "project": text("SLURM_JOB_ACCOUNT"),
                    "partition": text("SLURM_JOB_PARTITION"),
                    "cluster": site::TEST_CLUSTER,
                    "numNodes": number("SLURM_JOB_NUM_NODES")?,
                    "startTime": time,
                    "resources": [{ "hostname": "t001" }],
                    "metaData": { "jobName": text("SLURM_JOB_NAME") },
                });
                let (status, answer) = client.start_job(&start).await?;
                ensure!(status == 201, "{start}: {status} {answer}");
            }
            "jobcomp" => {
                let state = text("JOBSTATE").to_lowercase();
                let (job_id, start, end) = (number("JOBID")?, number("START")?, number("END")?);
                let stop = json!({
                    "jobId": job_id, "cluster": site::TEST_CLUSTER, "startTime": start,
                    "stopTime": end, "jobState": state,
                });
                let (status, answer) = client.stop_job(&stop).await?;
                ensure!(status == 200, "{stop}: {status} {answer}");
                ended.insert(job_id, (state, end - start));
            }
            // It knows neither the state nor the times.
            _ => {}
        }
    }
    ensure!(ended.len() == 7, "{ended:?}");
    let jobs = client.jobs("items-per-page=-1").await?;
    let told: BTreeMap<i64, (String, i64)> = jobs
        .iter()
        .filter_map(|job| {
            let state = job["jobState"].as_str()?.to_owned();
            Some((job["jobId"].as_i64()?, (state, job["duration"].as_i64()?)))
        })
        .collect();
    ensure!(told == ended, "{told:?} instead of {ended:?}");
    // The elements of the array, one of which has the array's own number.
    let elements = jobs.iter().filter(|job| job["arrayJobId"] == 3).count();
    ensure!(elements == 3, "{jobs:#?}");
    Ok(())
}

/// The requests that a hook sent, in their order. One stop was refused by the server of that time: the last element of an
/// array has the array's number, and the hook read another element's start. Here it comes to the job that runs.
async fn log_of_posts(client: &Client, directory: &Path) -> Result<()> {
    let log = fs::read_to_string(directory.join("hook_post_log.txt"))?;
    let mut started = BTreeMap::new();
    let mut counted = (0, 0, 0);
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let mut word = || words.next().with_context(|| line.to_owned());
        let (time, path) = (word()?.parse::<f64>()?, word()?);
        let (job_id, status) = (word()?.parse::<i64>()?, word()?);
        #[expect(clippy::cast_possible_truncation, reason = "seconds")]
        let time = time as i64;
        if path == "start_job/" {
            started.insert(job_id, time);
            let start = json!({
                "jobId": job_id, "user": "root", "project": "", "cluster": site::TEST_CLUSTER,
                "partition": "main", "startTime": time, "numNodes": 1, "resources": [{ "hostname": "t001" }],
            });
            let (answered, answer) = client.start_job(&start).await?;
            ensure!(answered == 201, "{line}: {answered} {answer}");
            counted.0 += 1;
            continue;
        }
        let own = started.get(&job_id).copied().unwrap_or(time);
        // The one that was refused named the start of another element.
        let start_time = if status == "422" { own - 1 } else { own };
        let stop = json!({
            "jobId": job_id, "cluster": site::TEST_CLUSTER, "startTime": start_time,
            "stopTime": time.max(own), "jobState": "completed",
        });
        let (answered, answer) = client.stop_job(&stop).await?;
        ensure!(answered == 200, "{line}: {answered} {answer}");
        counted.1 += 1;
        counted.2 += i32::from(status == "422");
    }
    ensure!(counted == (41, 41, 1), "{counted:?}");
    let running: Vec<Value> = client.jobs("state=running").await?;
    ensure!(running.is_empty(), "{running:#?}");
    Ok(())
}

fn calls(directory: &Path) -> Result<Vec<Call>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "env") {
            files.push(path);
        }
    }
    // Their names begin with the time.
    files.sort();
    files
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let mut parts = name.split('-');
            let time = parts.next().and_then(|time| time.split('.').next());
            let environment = fs::read_to_string(path)?;
            Ok(Call {
                time: time.context("no time")?.parse()?,
                hook: parts.next().context("no hook")?.to_owned(),
                environment: environment
                    .lines()
                    .filter_map(|line| line.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            })
        })
        .collect()
}
