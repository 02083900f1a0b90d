//! `muster up` on one machine: the first start, the second, two at once, and every way it ends.
#![cfg(test)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use muster_testkit::{DEADLINE, MusterProcess, TemporaryDirectory, eventually, programs, skip};
use muster_tests::{
    Client, Engine, Process, System, SystemOptions,
    backendai::{Api, KeyPair},
    containers::{EndedWithTest, processes_of},
    jobs,
};
use reqwest::Method;
use serde_json::Value;

/// The cluster and a node of it that the first start makes.
const DEMO: (&str, &str) = ("demo", "demo01");

fn address(muster: &MusterProcess) -> Result<std::net::SocketAddr> {
    let url = muster.base_url().context("it is not ready")?;
    Ok(url.trim_start_matches("http://").parse()?)
}

fn demo_start(job_id: i64) -> Value {
    let (cluster, node) = DEMO;
    jobs::with(
        jobs::start(job_id),
        &serde_json::json!({ "cluster": cluster, "resources": [{ "hostname": node }] }),
    )
}

/// The token that the first start printed.
fn printed_token(muster: &MusterProcess) -> Option<String> {
    let lines = muster.stdout_lines();
    lines
        .iter()
        .find_map(|line| line.trim().strip_prefix("export TOKEN=").map(str::to_owned))
}

#[tokio::test]
async fn a_newcomer_can_start_it_twice_in_a_directory_with_spaces() -> Result<()> {
    let directory = TemporaryDirectory::new("one machine")?;
    let data = directory.join("a new \"data\" directory");
    let mut muster = MusterProcess::start(["up"], &[], &data).await?;
    let token = printed_token(&muster).with_context(|| muster.output())?;
    for name in ["credentials.toml", "site.toml"] {
        check_mode(&data.join(name))?;
    }
    check_modes(&data, &token)?;
    try_what_is_printed(&muster)?;
    let client = Client::new(address(&muster)?, &token)?;
    ensure!(
        client.jobs("").await?.len() == 1,
        "what was printed did not start a job"
    );
    let (status, answer) = client.start_job(&demo_start(2)).await?;
    ensure!(status == 201, "{answer}");
    let before = client.jobs("items-per-page=-1").await?;
    stop_in_order(&mut muster).await?;
    drop(muster);

    let muster = MusterProcess::start(["up"], &[], &data).await?;
    ensure!(
        printed_token(&muster).is_none(),
        "secrets are shown again:\n{}",
        muster.output()
    );
    ensure!(
        !muster.output().contains(&token),
        "secrets are shown again:\n{}",
        muster.output()
    );
    let client = Client::new(address(&muster)?, &token)?;
    let after = client.jobs("items-per-page=-1").await?;
    ensure!(ids(&before) == ids(&after), "{before:?} {after:?}");
    let (status, answer) = client.start_job(&demo_start(3)).await?;
    ensure!(status == 201, "{answer}");
    Ok(())
}

/// What the first start printed behind `NAME=`.
fn printed(muster: &MusterProcess, name: &str) -> Option<&'static str> {
    let lines = muster.stdout_lines();
    let mut words = lines.iter().flat_map(|line| line.split_whitespace());
    let value = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.to_owned().leak())
}

#[tokio::test]
async fn a_newcomers_session_runs_on_this_machine_and_goes_on_without_muster() -> Result<()> {
    let directory = TemporaryDirectory::new("first session")?;
    let data = directory.join("data");
    let _containers = EndedWithTest::of(&data);
    let mut muster = MusterProcess::start(["up"], &[], &data).await?;
    let key = |name| printed(&muster, name).with_context(|| muster.output());
    let key = KeyPair {
        access_key: key("BACKEND_ACCESS_KEY")?,
        secret_key: key("BACKEND_SECRET_KEY")?,
    };
    let api = Api::new(&Client::new(address(&muster)?, "")?, key);
    let first = api
        .created_id("first", "python", Value::Null, "RUNNING")
        .await?;
    let run = serde_json::json!({ "mode": "query", "code": "print(6 * 7)", "runId": "one" });
    let answer = api
        .expect(Method::POST, "/session/first", Some(&run), 200)
        .await?;
    ensure!(answer.text().contains("42"), "{}", answer.text());
    muster.interrupt()?;
    let status = muster.wait(DEADLINE).await?;
    ensure!(status.success(), "{status}\n{}", muster.output());
    ensure!(
        !processes_of(&first).is_empty(),
        "the session went with the process that started it"
    );

    // The first is kept: what it had started is ended with it.
    let next = MusterProcess::start(["up"], &[], &data).await?;
    let api = Api::new(&Client::new(address(&next)?, "")?, key);
    let told = api.get("/session/first").await?;
    ensure!(told["status"] == "RUNNING", "{told}");
    let shell = serde_json::json!({ "mode": "query", "code": "echo $((6 * 7))", "runId": "two" });
    api.destroy("first").await?;
    api.created_id("second", "shell", Value::Null, "RUNNING")
        .await?;
    let answer = api
        .expect(Method::POST, "/session/second", Some(&shell), 200)
        .await?;
    ensure!(answer.text().contains("42"), "{}", answer.text());
    api.destroy("second").await?;
    ensure!(
        processes_of(&first).is_empty(),
        "{:?}",
        processes_of(&first)
    );
    Ok(())
}

fn ids(jobs: &[Value]) -> Vec<i64> {
    jobs.iter().filter_map(|job| job["id"].as_i64()).collect()
}

fn check_mode(path: &Path) -> Result<()> {
    let mode = fs::metadata(path)
        .with_context(|| path.display().to_string())?
        .permissions()
        .mode();
    ensure!(
        mode.trailing_zeros() >= 6,
        "{} has mode {mode:o}",
        path.display()
    );
    Ok(())
}

/// Nothing with a secret in it, and nothing of a client's, can be read by anybody else.
fn check_modes(directory: &Path, token: &str) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            check_modes(&path, token)?;
            continue;
        }
        let content = fs::read(&path)?;
        let has_token = content
            .windows(token.len())
            .any(|part| part == token.as_bytes());
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        ensure!(
            !has_token || name == "credentials.toml",
            "{name} has the token in it"
        );
        let secret = [
            ".nk",
            ".conf",
            ".toml",
            ".sqlite",
            ".sqlite-wal",
            ".sqlite-shm",
        ];
        if secret.iter().any(|ending| name.ends_with(ending)) {
            check_mode(&path)?;
        }
    }
    Ok(())
}

/// Types what the first start tells a newcomer to type.
fn try_what_is_printed(muster: &MusterProcess) -> Result<()> {
    let lines = muster.stdout_lines();
    let commands: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .skip_while(|line| !line.trim_start().starts_with("export TOKEN="))
        .take_while(|line| !line.is_empty() && !line.starts_with("muster is ready"))
        .collect();
    ensure!(
        commands.iter().filter(|line| line.contains("curl")).count() >= 2,
        "{lines:#?}"
    );
    if Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        skip("what the first start prints", "curl is not installed");
        return Ok(());
    }
    let output = Command::new("sh")
        .args(["-ec", &commands.join("\n")])
        .stdin(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{commands:#?}: {}", output.status);
    ensure!(
        text.contains("\"id\":1") && text.contains("\"jobs\":["),
        "{text}"
    );
    Ok(())
}

/// SIGINT ends it with success and leaves no nats-server.
async fn stop_in_order(muster: &mut MusterProcess) -> Result<()> {
    let children = muster.child_pids();
    ensure!(!children.is_empty(), "it has no nats-server");
    muster.interrupt()?;
    let status = muster.wait(DEADLINE).await?;
    ensure!(status.success(), "{status}\n{}", muster.output());
    for pid in children {
        ensure!(
            !is_running(pid),
            "process {pid} is left\n{}",
            muster.output()
        );
    }
    Ok(())
}

fn is_running(pid: u32) -> bool {
    // A process that has ended and that nobody has looked after yet runs no more.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}

#[tokio::test]
async fn two_copies_run_side_by_side_and_a_third_in_the_same_place_is_refused() -> Result<()> {
    let directory = TemporaryDirectory::new("copies")?;
    let (one, other) = (directory.join("one"), directory.join("other"));
    let mut first = MusterProcess::spawn(["up"], &[], &one)?;
    let mut second = MusterProcess::spawn(["up"], &[], &other)?;
    first.ready().await?;
    second.ready().await?;
    for (muster, data) in [(&first, &one), (&second, &other)] {
        let token = printed_token(muster).context("no token")?;
        let client = Client::new(address(muster)?, &token)?;
        let (status, answer) = client.start_job(&demo_start(1)).await?;
        ensure!(status == 201, "{}: {answer}", data.display());
        ensure!(client.jobs("").await?.len() == 1);
    }

    let mut third = MusterProcess::spawn(["up"], &[], &one)?;
    let status = third.wait(DEADLINE).await?;
    ensure!(status.code() == Some(1), "{status}\n{}", third.output());
    let said = third.stderr_lines().join("\n");
    ensure!(
        said.contains("another muster uses the data directory"),
        "{said}"
    );
    ensure!(said.contains(&*one.to_string_lossy()), "{said}");

    // A port that is taken is named too.
    let occupied = address(&first)?.to_string();
    let elsewhere = directory.join("elsewhere");
    let mut fourth = MusterProcess::spawn(["up", "--listen", &occupied], &[], &elsewhere)?;
    let status = fourth.wait(DEADLINE).await?;
    ensure!(status.code() == Some(1), "{status}\n{}", fourth.output());
    let said = fourth.stderr_lines().join("\n");
    ensure!(said.contains(&occupied), "{said}");

    let token = printed_token(&first).context("no token")?;
    let client = Client::new(address(&first)?, &token)?;
    let (status, answer) = client.start_job(&demo_start(2)).await?;
    ensure!(status == 201, "the first was disturbed: {answer}");
    stop_in_order(&mut first).await?;
    second.terminate()?;
    let status = second.wait(DEADLINE).await?;
    ensure!(status.success(), "SIGTERM: {status}\n{}", second.output());
    Ok(())
}

#[tokio::test]
async fn a_killed_muster_leaves_nothing_that_blocks_the_next_start() -> Result<()> {
    let mut system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let client = system.alpha()?;
    for job_id in 0..5 {
        let (status, answer) = client.start_job(&jobs::start(job_id)).await?;
        ensure!(status == 201, "start {job_id}: {status} {answer}");
        let nats = system.nats_pid()?;
        system.kill(Process::Everything)?;
        eventually(DEADLINE, "the end of nats-server", async || {
            (!is_running(nats)).then_some(())
        })
        .await?;
        system.start(Process::Everything).await?;
        let found = client.jobs("items-per-page=-1").await?;
        ensure!(found.len() == usize::try_from(job_id)? + 1, "{found:#?}");
    }
    system.stop(Process::Everything).await
}

#[tokio::test]
async fn a_killed_broker_heals() -> Result<()> {
    let mut system = System::up(SystemOptions::new(Engine::Sqlite)).await?;
    let client = system.alpha()?;
    let mut job_id = 0;
    for _ in 0..3 {
        let pid = system.nats_pid()?;
        let number = i32::try_from(pid)?;
        let nats = rustix::process::Pid::from_raw(number).context("no process id")?;
        rustix::process::kill_process(nats, rustix::process::Signal::KILL)?;
        eventually(DEADLINE, "another nats-server", async || {
            (system.nats_pid().ok()? != pid).then_some(())
        })
        .await?;
        // Answers of this time are success, or "try again" with the time to wait; each 201 counts.
        eventually(DEADLINE, "a start", async || {
            job_id += 1;
            let (status, answer) = client.start_job(&jobs::start(job_id)).await.ok()?;
            assert!(
                [201, 503, 504].contains(&status.as_u16()),
                "{status} {answer}"
            );
            (status == 201).then_some(())
        })
        .await?;
        let found = client.jobs("items-per-page=1").await?;
        ensure!(found.len() == 1);
    }
    ensure!(system.process(Process::Everything)?.is_running());
    system.stop(Process::Everything).await
}

/// Every part, in the order in which they are stopped.
const PARTS: [Process; 5] = [
    Process::Ingress,
    Process::Session,
    Process::NodeAllocation,
    Process::JobArchive(0),
    Process::Broker,
];

#[tokio::test]
async fn a_second_job_archive_on_sqlite_is_refused() -> Result<()> {
    let mut system = System::parts(SystemOptions::new(Engine::Sqlite), 1).await?;
    system.spawn(Process::JobArchive(1))?;
    let second = system.process(Process::JobArchive(1))?;
    let status = second.wait(DEADLINE).await?;
    ensure!(status.code() == Some(1), "{status}\n{}", second.output());
    let said = second.stderr_lines().join("\n");
    ensure!(
        said.contains(
            "is already open by another replica; several replicas need PostgreSQL: set storage.url"
        ),
        "{said}"
    );
    let (status, answer) = system.alpha()?.start_job(&jobs::start(1)).await?;
    ensure!(status == 201, "the first was disturbed: {answer}");
    for process in PARTS {
        system.stop(process).await?;
    }
    Ok(())
}

#[tokio::test]
async fn parts_start_in_any_order_and_stop_in_order() -> Result<()> {
    let mut system = System::parts(SystemOptions::new(Engine::Sqlite), 1).await?;
    let client = system.alpha()?;
    for process in PARTS {
        system.stop(process).await?;
    }
    // The parts wait for the broker.
    let others = PARTS.iter().filter(|process| **process != Process::Broker);
    for process in others.clone() {
        system.spawn(*process)?;
    }
    system.start(Process::Broker).await?;
    for process in others {
        system.ready(*process).await?;
    }
    let (status, answer) = client.start_job(&jobs::start(1)).await?;
    ensure!(status == 201, "{answer}");
    ensure!(client.jobs("").await?.len() == 1);
    Ok(())
}

#[test]
fn the_binary_is_there() -> Result<()> {
    // Else every test here fails with the same words: this one says how to get it.
    programs::muster().map(|_| ())
}
