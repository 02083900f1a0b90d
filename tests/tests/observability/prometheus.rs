//! A real Prometheus with the shipped configuration, but for its targets and its pace.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{
    ChildProcess, DEADLINE, LastSignal, ReservedPort, TemporaryDirectory, eventually, programs,
};
use serde_json::Value;

/// How often it asks, here: two answers are needed for a rate.
const PACE: &str = "1s";

/// Longest time until each expression has an answer: Muster reads its levels every five seconds.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Prometheus {
    _process: ChildProcess,
    _port: ReservedPort,
    url: String,
    client: reqwest::Client,
    // Dropped last: it writes there.
    _directory: TemporaryDirectory,
}

/// The files as they are shipped.
fn shipped() -> std::path::PathBuf {
    programs::repository().join("deploy/prometheus")
}

/// What `promtool` says of the shipped files, which has to be nothing bad.
pub(crate) fn accepted_by_promtool(programs: &Path) -> Result<()> {
    for (what, file) in [("rules", "alerts.yml"), ("config", "prometheus.yml")] {
        let output = Command::new(programs.join("promtool"))
            .args(["check", what])
            .arg(shipped().join(file))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{file}: {text}{errors}");
        ensure!(text.contains("SUCCESS"), "{file}: {text}");
    }
    Ok(())
}

impl Prometheus {
    /// Starts it; it asks these addresses.
    pub(crate) async fn start(programs: &Path, targets: &[String]) -> Result<Self> {
        let directory = TemporaryDirectory::new("prometheus")?;
        let configuration = fs::read_to_string(shipped().join("prometheus.yml"))?;
        let (head, _) = configuration
            .split_once("      - targets:")
            .context("no targets")?;
        let list = targets.iter().map(|target| format!("          - {target}"));
        let list = list.collect::<Vec<_>>().join("\n");
        let configuration = format!("{}      - targets:\n{list}\n", head.replace("15s", PACE));
        fs::write(directory.join("prometheus.yml"), configuration)?;
        fs::copy(shipped().join("alerts.yml"), directory.join("alerts.yml"))?;
        let port = ReservedPort::new()?;
        let mut command = Command::new(programs.join("prometheus"));
        command
            .arg("--config.file=prometheus.yml")
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("data").display()
            ))
            .arg(format!("--web.listen-address={}", port.address()))
            .current_dir(directory.path())
            .stdout(fs::File::create(directory.join("output"))?)
            .stderr(fs::File::create(directory.join("log"))?);
        let process = ChildProcess::spawn("prometheus", command, LastSignal::Kill)?;
        let started = Self {
            _process: process,
            url: format!("http://{}", port.address()),
            _port: port,
            client: reqwest::Client::new(),
            _directory: directory,
        };
        eventually(DEADLINE, "Prometheus to reach all parts", async || {
            let reached = started.query("count(up == 1)").await.ok()?;
            let count = reached.first()?["value"][1].as_str()?.parse::<usize>();
            (count.ok()? == targets.len()).then_some(())
        })
        .await?;
        Ok(started)
    }

    /// What an expression gives at this moment: one object for each series.
    pub(crate) async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let mut url = reqwest::Url::parse(&format!("{}/api/v1/query", self.url))?;
        url.query_pairs_mut().append_pair("query", expression);
        let answer: Value = self.client.get(url).send().await?.json().await?;
        ensure!(answer["status"] == "success", "{expression}: {answer}");
        let result = answer["data"]["result"].as_array();
        Ok(result.context("no result")?.clone())
    }

    /// The rules as it has read them.
    pub(crate) async fn rules(&self) -> Result<Vec<Value>> {
        let url = format!("{}/api/v1/rules", self.url);
        let answer: Value = self.client.get(url).send().await?.json().await?;
        let groups = answer["data"]["groups"].as_array().context("no groups")?;
        let rules = groups
            .iter()
            .filter_map(|group| group["rules"].as_array())
            .flatten();
        Ok(rules.cloned().collect())
    }

    /// Waits until every expression has data; says which has not.
    pub(crate) async fn have_data(&self, expressions: &[(String, String)]) -> Result<()> {
        let mut empty: Vec<&(String, String)> = expressions.iter().collect();
        let all = eventually(PATIENCE, "data for every expression", async || {
            let mut left = Vec::new();
            for pair in &empty {
                match self.query(&pair.1).await {
                    Ok(series) if !series.is_empty() => {}
                    _ => left.push(*pair),
                }
            }
            empty = left;
            empty.is_empty().then_some(())
        });
        match all.await {
            Ok(()) => Ok(()),
            Err(error) => {
                let mut answers = Vec::new();
                for (place, expression) in expressions {
                    match self.query(expression).await {
                        Ok(series) if !series.is_empty() => {}
                        Ok(_) => answers.push(format!("{place}: no data: {expression}")),
                        Err(error) => answers.push(format!("{place}: {error}")),
                    }
                }
                Err(error.context(answers.join("\n")))
            }
        }
    }
}
