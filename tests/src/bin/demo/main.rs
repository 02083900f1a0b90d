//! Sends real jobs through a running Muster and shows what happens (`just demo`).

mod passes;

use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use muster_testkit::{MusterProcess, TemporaryDirectory};
use muster_tests::{
    Client, jobs,
    real_data::{self, RealJob},
    site,
};

/// Jobs that are made up where the real ones are missing.
const MADE_UP: i64 = 50;

/// Sends real jobs through Muster: start, stop, list, and all of it once more.
#[derive(Debug, Parser)]
struct Arguments {
    /// A system that runs already, such as `http://127.0.0.1:8080`; it has to know the jobs' clusters.
    /// Without it the demonstration starts one of its own, and stops it at the end
    #[arg(long, requires = "token")]
    url: Option<String>,
    /// A token of that system, with the role api
    #[arg(long, requires = "url")]
    token: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let jobs = jobs_to_send()?;
    let target = Target::new(arguments).await?;
    let client = &target.client;

    println!(
        "\n1. Each job is reported when it starts and when it ends, in the order of 2020 to 2023."
    );
    let first = passes::report_all(client, &jobs).await?;
    first.print();
    println!("\n2. The archive is asked for all of them; every member is compared with its file.");
    passes::compare(client, &jobs).await?;
    println!("\n3. Everything is reported once more: the archive refuses what it has.");
    let second = passes::report_all(client, &jobs).await?;
    second.print();
    if second.refused() != 2 * jobs.len() {
        bail!(
            "{} of {} reports were refused",
            second.refused(),
            2 * jobs.len()
        );
    }
    passes::compare(client, &jobs).await?;
    println!("\n4. Some of them, as GET /api/jobs/?items-per-page=5 lists them:\n");
    passes::show(client).await?;
    target.end().await
}

fn jobs_to_send() -> Result<Vec<RealJob>> {
    match real_data::directory() {
        Ok(directory) => {
            let jobs = real_data::jobs(&directory)?;
            println!("{} real jobs from {}", jobs.len(), directory.display());
            Ok(jobs)
        }
        Err(reason) => {
            println!("skipped: real jobs: {reason}; {MADE_UP} made-up ones take their place");
            Ok((1..=MADE_UP).map(made_up).collect())
        }
    }
}

fn made_up(number: i64) -> RealJob {
    let changes = serde_json::json!({
        "startTime": jobs::START_TIME + number, "duration": 60 * number, "jobState": "completed",
    });
    RealJob {
        file: format!("job {number}"),
        document: jobs::with(jobs::start(number), &changes),
    }
}

/// The system the jobs go to.
struct Target {
    client: Client,
    own: Option<(MusterProcess, TemporaryDirectory)>,
}

impl Target {
    async fn new(arguments: Arguments) -> Result<Self> {
        if let (Some(url), Some(token)) = (arguments.url, arguments.token) {
            let address = url.trim_start_matches("http://").trim_end_matches('/');
            let address = address
                .parse()
                .with_context(|| format!("{url} is not like http://127.0.0.1:8080"))?;
            println!("to the system at {url}");
            let client = Client::new(address, &token)?;
            return Ok(Self { client, own: None });
        }
        let directory = TemporaryDirectory::new("demo")?;
        site::write(directory.path(), "")?;
        let site = directory.join("site.toml").to_string_lossy().into_owned();
        let environment = [
            ("MUSTER__SITE", site.as_str()),
            ("MUSTER__TELEMETRY__LOG", "warn"),
        ];
        let began = Instant::now();
        let muster = MusterProcess::start(["up"], &environment, &directory.join("data")).await?;
        let url = muster.base_url().context("no address")?;
        println!(
            "to a system of its own at {url}, ready after {:.1?}",
            began.elapsed()
        );
        let client = Client::new(url.trim_start_matches("http://").parse()?, site::ALPHA_API)?;
        let own = Some((muster, directory));
        Ok(Self { client, own })
    }

    /// Stops what was started.
    async fn end(self) -> Result<()> {
        if let Some((mut muster, _directory)) = self.own {
            muster.interrupt()?;
            let status = muster.wait(muster_testkit::DEADLINE).await?;
            println!("\nThe system was stopped in order ({status}).");
        }
        Ok(())
    }
}
