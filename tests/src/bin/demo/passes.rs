//! What is sent, and what is said about what came back.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use muster_tests::{Client, real_data::RealJob};
use reqwest::StatusCode;
use serde_json::Value;

/// What became of all reports of one pass.
#[derive(Default)]
pub(crate) struct Pass {
    started: usize,
    stopped: usize,
    refused: usize,
    times: Vec<Duration>,
}

impl Pass {
    pub(crate) fn refused(&self) -> usize {
        self.refused
    }

    /// A few words and figures.
    pub(crate) fn print(&self) {
        let mut times = self.times.clone();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let longest = times.last().copied().unwrap_or_default();
        println!(
            "   {} started, {} stopped, {} refused; a report took {median:.1?} (median), {longest:.1?} (longest)",
            self.started, self.stopped, self.refused
        );
    }

    fn count(&mut self, (status, answer): (StatusCode, Value), began: Instant) -> Result<()> {
        self.times.push(began.elapsed());
        match status {
            StatusCode::CREATED => self.started += 1,
            StatusCode::OK => self.stopped += 1,
            StatusCode::UNPROCESSABLE_ENTITY => self.refused += 1,
            other => bail!("{other}: {answer}"),
        }
        Ok(())
    }
}

/// Reports start and end of each job, one after the other.
pub(crate) async fn report_all(client: &Client, jobs: &[RealJob]) -> Result<Pass> {
    let mut pass = Pass::default();
    let style = ProgressStyle::with_template("   {bar:40} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(jobs.len() as u64).with_style(style);
    for job in jobs {
        bar.set_message(job.file.clone());
        let began = Instant::now();
        pass.count(client.start_job(&job.start()).await?, began)?;
        let began = Instant::now();
        pass.count(client.stop_job(&job.stop()).await?, began)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(pass)
}

/// Compares every member of every job with what the archive lists.
pub(crate) async fn compare(client: &Client, jobs: &[RealJob]) -> Result<()> {
    let began = Instant::now();
    let listed = client.jobs("items-per-page=-1&with-metadata").await?;
    let took = began.elapsed();
    let mut members = 0;
    for job in jobs {
        let key = |other: &Value| {
            let same = |member| other.get(member) == job.document.get(member);
            same("jobId") && same("cluster") && same("startTime")
        };
        let Some(found) = listed.iter().find(|listed| key(listed)) else {
            bail!("{} is not in the archive", job.file);
        };
        let differences = job.differences(found);
        if !differences.is_empty() {
            bail!("{} came back different: {differences:#?}", job.file);
        }
        members += job.document.as_object().map_or(0, serde_json::Map::len);
    }
    println!(
        "   {} jobs listed in {took:.1?}; all {members} members of {} jobs are equal",
        listed.len(),
        jobs.len()
    );
    Ok(())
}

/// Prints a few jobs as a table.
pub(crate) async fn show(client: &Client) -> Result<()> {
    let text = |job: &Value, member: &str| match job.get(member) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let columns = [
        "id",
        "jobId",
        "cluster",
        "subCluster",
        "user",
        "startTime",
        "duration",
        "jobState",
    ];
    println!(
        "   {}",
        columns.map(|column| format!("{column:>11}")).join(" ")
    );
    for job in client.jobs("items-per-page=5").await? {
        println!(
            "   {}",
            columns
                .map(|column| format!("{:>11}", text(&job, column)))
                .join(" ")
        );
    }
    Ok(())
}
