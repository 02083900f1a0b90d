//! The server as a child process.
//!
//! Each child has a thread of its own that starts it and then waits for its end. That is what makes
//! the kernel's "tell me when my parent dies" dependable: it means the *thread* that started the
//! child, and a thread of the runtime may end long before the process does.

use std::{
    ffi::OsStr,
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Command, ExitStatus, Stdio},
    thread,
};

use anyhow::{Context, Result};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tokio::sync::{oneshot, watch};

/// The program that asks the kernel to end a process together with its parent (util-linux).
const SETPRIV: &str = "setpriv";
const SETPRIV_ARGUMENTS: [&str; 2] = ["--pdeathsig", "KILL"];

/// A running child; killed when dropped.
#[derive(Debug)]
pub(super) struct Child {
    pid: u32,
    /// Names the process even after its number was given to another.
    handle: OwnedFd,
    end: watch::Receiver<Option<ExitStatus>>,
}

/// A watcher of a child's end.
#[derive(Debug)]
pub(super) struct End(watch::Receiver<Option<ExitStatus>>);

impl End {
    /// Waits for the end.
    pub(super) async fn wait(&mut self) -> ExitStatus {
        match self.0.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            // The waiting thread is gone without a word; it only ends after the child.
            Err(_) => ExitStatus::default(),
        }
    }
}

impl Child {
    /// Starts `command` in a process group of its own: Ctrl-C in the terminal is for us, who stop
    /// the broker after everything that needs it.
    pub(super) async fn spawn(mut command: Command) -> Result<Self> {
        command.process_group(0);
        let (started, starting) = oneshot::channel();
        let (ended, end) = watch::channel(None);
        thread::Builder::new()
            .name("nats-server".to_owned())
            .spawn(move || {
                let spawned = command.spawn().and_then(|child| {
                    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                    let pid = pid.ok_or_else(|| io::Error::other("no process id"))?;
                    // Before it is waited for, the number is certainly its own.
                    let handle = pidfd_open(pid, PidfdFlags::empty())?;
                    Ok((child, handle))
                });
                match spawned {
                    Ok((mut child, handle)) => {
                        let pid = child.id();
                        // Given up meanwhile, it is dropped at once, which ends the process.
                        drop(started.send(Ok(Self { pid, handle, end })));
                        ended.send_replace(child.wait().ok());
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            })
            .context("starting a thread")?;
        starting
            .await
            .context("the thread is gone")?
            .map_err(Into::into)
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// A watcher of its end.
    pub(super) fn watch(&self) -> End {
        End(self.end.clone())
    }

    /// Asks it to stop in order.
    pub(super) fn terminate(&self) -> Result<()> {
        signal(&self.handle, Signal::TERM)
    }

    /// Ends it at once.
    pub(super) fn kill(&self) -> Result<()> {
        signal(&self.handle, Signal::KILL)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Ended already, or nobody could do more.
        let _ = self.kill();
    }
}

/// Signals a process; one that has ended is no error.
pub(super) fn signal(handle: &OwnedFd, signal: Signal) -> Result<()> {
    match pidfd_send_signal(handle, signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error).context("signalling nats-server"),
    }
}

/// Whether [`ending_with_parent`] works on this machine.
pub(super) fn can_end_with_parent() -> bool {
    ending_with_parent("true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A command that the kernel kills when the thread that started it ends, even by SIGKILL.
pub(super) fn ending_with_parent(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(SETPRIV);
    command.args(SETPRIV_ARGUMENTS).arg("--").arg(program);
    command
}
