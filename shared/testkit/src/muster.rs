//! Muster itself, as a process.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{ChildProcess, LastSignal, eventually, programs};

/// How long a start may take: seconds on an idle machine, more beside a whole test suite.
pub const READY_DEADLINE: Duration = Duration::from_mins(1);

/// What a process prints when it serves, followed by its address.
const READY_LINE: &str = "muster is ready on ";
/// Settings in the environment begin with this; those of the person running the tests do not count.
const SETTINGS_PREFIX: &str = "MUSTER__";

/// A running `muster` with settings of its own. Killed, with what it has started, when dropped.
#[derive(Debug)]
pub struct MusterProcess {
    process: ChildProcess,
    stdout: Lines,
    stderr: Lines,
    /// What it had started when it was killed; ended when this value is dropped.
    children: Vec<Descendant>,
}

type Lines = Arc<Mutex<Vec<String>>>;

/// A process, told from a later one of the same number by when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Descendant {
    pid: u32,
    parent: u32,
    /// Clock ticks after the machine's start.
    began: u64,
}

impl MusterProcess {
    /// Starts `muster ARGUMENTS` with the data directory `data` (made if missing), which is its
    /// working directory too, and returns at once.
    ///
    /// `environment` is added to settings every test needs: a free port on 127.0.0.1 to listen on,
    /// the nats-server the tests use. No other `MUSTER__` variable is handed on.
    pub fn spawn<A: AsRef<OsStr>>(
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
        data: &Path,
    ) -> Result<Self> {
        Self::spawn_command(muster_command(
            &programs::muster()?,
            arguments,
            environment,
            data,
        )?)
    }

    fn spawn_command(mut command: Command) -> Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = ChildProcess::spawn("muster", command, LastSignal::Kill)?;
        let stdout = process.child().stdout.take().context("no output pipe")?;
        let stderr = process.child().stderr.take().context("no error pipe")?;
        Ok(Self {
            process,
            stdout: collect(stdout)?,
            stderr: collect(stderr)?,
            children: Vec::new(),
        })
    }

    /// [`spawn`](Self::spawn)s `muster` and waits until it serves.
    pub async fn start<A: AsRef<OsStr>>(
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
        data: &Path,
    ) -> Result<Self> {
        let mut process = Self::spawn(arguments, environment, data)?;
        process.ready().await?;
        Ok(process)
    }

    /// Waits for the line `muster is ready on http://ADDR` and returns `http://ADDR`.
    ///
    /// # Errors
    ///
    /// When the process ends before, or the line has not come within [`READY_DEADLINE`]; the error
    /// holds its output.
    pub async fn ready(&mut self) -> Result<String> {
        let found = eventually(READY_DEADLINE, "muster to be ready", async || {
            // Asked before the output is read: what an ended process printed is complete.
            let ended = !self.process.is_running();
            match self.base_url() {
                Some(url) => Some(Ok(url)),
                None if ended => Some(Err(anyhow::anyhow!("muster has ended"))),
                None => None,
            }
        });
        match found.await.and_then(|outcome| outcome) {
            Ok(url) => Ok(url),
            Err(error) => bail!("{error}\n{}", self.output()),
        }
    }

    /// `http://ADDR`, once it is ready.
    #[must_use]
    pub fn base_url(&self) -> Option<String> {
        self.stdout_lines()
            .iter()
            .find_map(|line| line.strip_prefix(READY_LINE))
            .map(|address| address.trim().to_owned())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The processes it has started and that still run, such as its nats-server.
    #[must_use]
    pub fn child_pids(&self) -> Vec<u32> {
        descendants(self.pid())
            .into_iter()
            .map(|child| child.pid)
            .collect()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// The lines it has printed so far.
    #[must_use]
    pub fn stdout_lines(&self) -> Vec<String> {
        self.stdout
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The lines of its log so far.
    #[must_use]
    pub fn stderr_lines(&self) -> Vec<String> {
        self.stderr
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All it has printed so far, for messages.
    #[must_use]
    pub fn output(&self) -> String {
        format!(
            "--- stdout\n{}\n--- stderr\n{}",
            self.stdout_lines().join("\n"),
            self.stderr_lines().join("\n")
        )
    }

    /// Kills it alone (SIGKILL), as a crash would.
    pub fn kill_hard(&mut self) -> Result<ExitStatus> {
        self.children.extend(descendants(self.pid()));
        self.process.kill_hard()
    }

    /// Asks it to stop as Ctrl-C does (SIGINT).
    pub fn interrupt(&mut self) -> Result<()> {
        self.signal(Signal::INT)
    }

    /// Asks it to stop as a service manager does (SIGTERM).
    pub fn terminate(&mut self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends any signal, such as STOP and CONT for a service that is away for a while.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.children.extend(descendants(self.pid()));
        self.process.signal(signal)
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When it still runs at the deadline; the error holds its output.
    pub async fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let status = self.process.wait(deadline).await;
        status.with_context(|| self.output())
    }
}

impl Drop for MusterProcess {
    fn drop(&mut self) {
        // What fails here has ended already, or ends with the test process.
        let _ = self.kill_hard();
        for child in &self.children {
            if began(child.pid).is_some_and(|now| now.began == child.began) {
                let pid = i32::try_from(child.pid).ok().and_then(Pid::from_raw);
                let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
            }
        }
    }
}

/// Runs `muster ARGUMENTS` to its end, such as `muster dead-letters list`, with the settings
/// [`MusterProcess::spawn`] gives. Blocks.
pub fn run_muster<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    environment: &[(&str, &str)],
    data: &Path,
) -> Result<Output> {
    muster_command(&programs::muster()?, arguments, environment, data)?
        .stdin(Stdio::null())
        .output()
        .context("running muster")
}

fn muster_command<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
    environment: &[(&str, &str)],
    data: &Path,
) -> Result<Command> {
    fs::create_dir_all(data).with_context(|| format!("creating {}", data.display()))?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(SETTINGS_PREFIX) {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        // A muster.toml of the repository's directory is not the test's.
        .current_dir(data)
        .env("MUSTER__DATA_DIRECTORY", data)
        .env("MUSTER__LISTEN", "127.0.0.1:0")
        .env("MUSTER__NATS__SERVER_BINARY", programs::nats_server()?)
        .envs(environment.iter().copied());
    Ok(command)
}

/// Collects lines in a thread of its own until the pipe closes.
fn collect(pipe: impl Read + Send + 'static) -> Result<Lines> {
    let lines = Lines::default();
    let collected = Arc::clone(&lines);
    std::thread::Builder::new()
        .name("output of muster".to_owned())
        .spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                collected
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(text);
                line.clear();
            }
        })
        .context("starting a thread for muster's output")?;
    Ok(lines)
}

/// The running children of a process, and theirs.
fn descendants(pid: u32) -> Vec<Descendant> {
    let all: Vec<Descendant> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(began)
        .collect();
    let mut found: Vec<Descendant> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|process| process.parent == parent) {
            found.push(*child);
            parents.push(child.pid);
        }
    }
    found
}

/// A process as the kernel describes it; `None` when there is none of this number, or only its
/// remains.
fn began(pid: u32) -> Option<Descendant> {
    let text = fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
    // "PID (name) state parent ... began(22nd) ...": the name may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let began = fields.nth(17)?.parse().ok()?;
    Some(Descendant { pid, parent, began })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEADLINE, TemporaryDirectory};

    /// A stand-in for the binary: says what `muster up` says, and starts a child in a process group
    /// of its own, as `muster up` does with its broker.
    const PROGRAM: &str = r#"#!/bin/sh
echo starting with "$@" in "$MUSTER__DATA_DIRECTORY" on "$MUSTER__LISTEN"
setsid sleep 600 &
echo "muster is ready on http://127.0.0.1:4711"
echo a log line >&2
wait
"#;

    fn stand_in(directory: &TemporaryDirectory, program: &str) -> MusterProcess {
        use std::os::unix::fs::PermissionsExt;
        let path = directory.join("muster");
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let data = directory.join("data");
        let environment = [("MUSTER__LISTEN", "127.0.0.1:1")];
        let command = muster_command(&path, ["up", "now"], &environment, &data).unwrap();
        MusterProcess::spawn_command(command).unwrap()
    }

    #[tokio::test]
    async fn a_process_is_ready_when_it_says_so_and_ends_with_its_children() {
        let directory = TemporaryDirectory::new("stand-in").unwrap();
        let mut muster = stand_in(&directory, PROGRAM);
        assert_eq!(muster.ready().await.unwrap(), "http://127.0.0.1:4711");
        assert_eq!(
            muster.stdout_lines()[0],
            format!(
                "starting with up now in {} on 127.0.0.1:1",
                directory.join("data").display()
            )
        );
        eventually(DEADLINE, "the log line", async || {
            (muster.stderr_lines() == ["a log line"]).then_some(())
        })
        .await
        .unwrap();
        let child = eventually(DEADLINE, "its child", async || {
            muster.child_pids().first().copied()
        })
        .await
        .unwrap();
        muster.kill_hard().unwrap();
        assert!(began(child).is_some(), "a killed process kills nobody");
        drop(muster);
        eventually(DEADLINE, "the end of its child", async || {
            began(child).is_none().then_some(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_start_that_fails_shows_what_was_printed() {
        let directory = TemporaryDirectory::new("stand-in").unwrap();
        let mut muster = stand_in(&directory, "#!/bin/sh\necho 'no such site' >&2\nexit 3\n");
        let error = muster.ready().await.unwrap_err().to_string();
        assert!(error.contains("muster has ended"), "{error}");
        assert!(error.contains("no such site"), "{error}");
        assert_eq!(muster.wait(DEADLINE).await.unwrap().code(), Some(3));
    }

    #[tokio::test]
    async fn an_interrupt_is_waited_for() {
        let directory = TemporaryDirectory::new("stand-in").unwrap();
        let program = "#!/bin/sh\ntrap 'echo stopping; exit 0' INT\n\
                       echo 'muster is ready on http://x'\nwhile :; do sleep 0.01; done\n";
        let mut muster = stand_in(&directory, program);
        muster.ready().await.unwrap();
        muster.interrupt().unwrap();
        assert!(muster.wait(DEADLINE).await.unwrap().success());
        eventually(DEADLINE, "its last line", async || {
            let lines = muster.stdout_lines();
            (lines.last()? == "stopping").then_some(())
        })
        .await
        .unwrap();
    }
}
