//! A child process that ends with its value, or with the test process at the latest.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::{eventually, janitor};

/// How long a dropped process that was asked to stop may take before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether it has ended, where no runtime can be waited on.
const STOP_PAUSE: Duration = Duration::from_millis(5);

/// What ends the process when its value is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastSignal {
    /// SIGKILL: nothing is left to clean up.
    Kill,
    /// SIGQUIT first: the server releases shared memory, then ends at once.
    Quit,
}

/// A child process in a process group of its own (a Ctrl-C in the terminal is for the test runner).
#[derive(Debug)]
pub struct ChildProcess {
    name: String,
    child: Child,
    last_signal: LastSignal,
    exit_status: Option<ExitStatus>,
}

impl ChildProcess {
    /// Starts `command` without standard input. `name` is for messages.
    pub fn spawn(
        name: impl Into<String>,
        mut command: Command,
        last_signal: LastSignal,
    ) -> Result<Self> {
        let name = name.into();
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name} ({})", command.get_program().display()))?;
        let process = Self {
            name,
            child,
            last_signal,
            exit_status: None,
        };
        match last_signal {
            LastSignal::Kill => janitor::kill_at_end(process.pid())?,
            LastSignal::Quit => janitor::quit_at_end(process.pid())?,
        }
        Ok(process)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its output pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, or `None` while it runs.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        if self.exit_status.is_none() {
            self.exit_status = self
                .child
                .try_wait()
                .with_context(|| format!("waiting for {}", self.name))?;
            if self.exit_status.is_some() {
                janitor::forget(self.pid())?;
            }
        }
        Ok(self.exit_status)
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.exit_status(), Ok(None))
    }

    /// Whether it stands still after SIGSTOP: each of its threads stops by itself, some later than
    /// others.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid()));
        threads.into_iter().flatten().flatten().all(|thread| {
            fs::read_to_string(thread.path().join("status"))
                .is_ok_and(|status| status.contains("State:\tT"))
        })
    }

    /// Sends a signal; nothing happens when it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        // Not reaped yet, so the number is still its own.
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{} has no process id", self.name))?;
        kill_process(pid, signal).with_context(|| format!("signalling {}", self.name))
    }

    /// Kills it (SIGKILL) and waits for its end. The exit status is that of a process ended by
    /// itself, if it was faster.
    pub fn kill_hard(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        let status = self
            .child
            .wait()
            .with_context(|| format!("waiting for {}", self.name))?;
        if self.exit_status.replace(status).is_none() {
            janitor::forget(self.pid())?;
        }
        Ok(status)
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When it still runs at the deadline.
    pub async fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        eventually(deadline, &what, async || self.exit_status().transpose()).await?
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if self.last_signal == LastSignal::Quit && self.signal(Signal::QUIT).is_ok() {
            let started = Instant::now();
            while self.is_running() && started.elapsed() < STOP_PATIENCE {
                std::thread::sleep(STOP_PAUSE);
            }
        }
        // A destructor has nobody to tell; the janitor still knows the process.
        let _ = self.kill_hard();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::DEADLINE;

    fn sleeper() -> ChildProcess {
        let mut command = Command::new("sleep");
        command.arg("600");
        ChildProcess::spawn("a sleeper", command, LastSignal::Kill).unwrap()
    }

    fn exists(pid: u32) -> bool {
        std::path::Path::new(&format!("/proc/{pid}")).exists()
    }

    #[tokio::test]
    async fn ends_by_the_signal_it_gets() {
        let mut process = sleeper();
        assert!(process.is_running());
        process.signal(Signal::TERM).unwrap();
        let status = process.wait(DEADLINE).await.unwrap();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
        assert_eq!(process.kill_hard().unwrap(), status);
    }

    #[test]
    fn ends_with_its_value() {
        let process = sleeper();
        let pid = process.pid();
        assert!(exists(pid));
        drop(process);
        assert!(!exists(pid));
    }

    #[test]
    fn a_missing_program_is_named() {
        let command = Command::new("/does/not/exist");
        let error = ChildProcess::spawn("nobody", command, LastSignal::Kill).unwrap_err();
        assert_eq!(error.to_string(), "starting nobody (/does/not/exist)");
    }
}
