//! Muster itself, as a process.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::{
    ChildProcess, LastSignal,
    descendants::{Descendant, descendants},
    eventually,
    output::Lines,
    programs,
};

/// How long a start may take: seconds on an idle machine, more beside a whole test suite.
pub const READY_DEADLINE: Duration = Duration::from_mins(1);

/// How long the last lines of an ended process may take to arrive; longer only when something it
/// has started holds its output open.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(2);

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
            stdout: Lines::collect(stdout)?,
            stderr: Lines::collect(stderr)?,
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
            if let Some(url) = self.base_url() {
                return Some(Ok(url));
            }
            if self.process.is_running() {
                return None;
            }
            self.output_to_the_end().await;
            let ended = || anyhow::anyhow!("muster has ended");
            Some(self.base_url().ok_or_else(ended))
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
        self.stdout.get()
    }

    /// The lines of its log so far.
    #[must_use]
    pub fn stderr_lines(&self) -> Vec<String> {
        self.stderr.get()
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

    /// Waits for its end; then all its output is there.
    ///
    /// # Errors
    ///
    /// When it still runs at the deadline; the error holds its output.
    pub async fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let status = self.process.wait(deadline).await;
        if status.is_ok() {
            self.output_to_the_end().await;
        }
        status.with_context(|| self.output())
    }

    /// Waits for the last lines of the ended process.
    async fn output_to_the_end(&self) {
        // What does not come within the time belongs to a process that still runs.
        let _ = eventually(OUTPUT_PATIENCE, "the last lines", async || {
            (self.stdout.is_complete() && self.stderr.is_complete()).then_some(())
        })
        .await;
    }
}

impl Drop for MusterProcess {
    fn drop(&mut self) {
        // What fails here has ended already, or ends with the test process.
        let _ = self.kill_hard();
        for child in &self.children {
            child.kill();
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
            descendants(muster.pid()).first().copied()
        })
        .await
        .unwrap();
        muster.kill_hard().unwrap();
        assert!(child.is_running(), "a killed process kills nobody");
        drop(muster);
        eventually(DEADLINE, "the end of its child", async || {
            (!child.is_running()).then_some(())
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
        assert_eq!(muster.stdout_lines()[1], "stopping");
    }
}
