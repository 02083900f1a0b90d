//! Ending a nats-server that outlived its muster.

use std::{
    fs,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open},
};
use tracing::warn;

use super::{child::signal, files::Files};

/// Between two looks whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// A look that waits for nothing.
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Ends the server of an earlier start on this data directory, if one still runs, and waits until
/// it has given up all it held, its port too. We hold the directory's lock, so no running muster
/// needs it.
pub(super) async fn end(files: &Files, deadline: Duration) -> Result<()> {
    let Some(pid) = written(files) else {
        return Ok(());
    };
    // The handle first, then a look: now it cannot be somebody else's process.
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
        return Ok(());
    };
    match look(pid, &files.configuration()) {
        Look::Another => return Ok(()),
        Look::Ending => {
            ended(&handle, deadline).await?;
            return Ok(());
        }
        Look::Ours => {}
    }
    warn!(
        pid = pid.as_raw_pid(),
        "a nats-server of an earlier start still runs: it is ended"
    );
    for how in [Signal::TERM, Signal::KILL] {
        signal(&handle, how)?;
        if ended(&handle, deadline).await? {
            return Ok(());
        }
    }
    bail!(
        "the nats-server of an earlier start (process {}) does not end",
        pid.as_raw_pid()
    )
}

/// Whether the process has ended with all its threads before the deadline. Its handle says so, and
/// only when every file and socket is closed.
async fn ended(handle: &OwnedFd, deadline: Duration) -> Result<bool> {
    let asked = Instant::now();
    loop {
        let mut handles = [PollFd::new(handle, PollFlags::IN)];
        if poll(&mut handles, Some(&AT_ONCE)).context("watching nats-server")? > 0 {
            return Ok(true);
        }
        if asked.elapsed() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The process in the pid file.
fn written(files: &Files) -> Option<Pid> {
    let pid = fs::read_to_string(files.pid()).ok()?;
    Pid::from_raw(pid.trim().parse().ok()?)
}

/// What a process looks like from outside.
enum Look {
    /// A server with our configuration.
    Ours,
    /// About to end, or ended and not yet waited for. A process gives up its memory first, and with
    /// it the arguments that would say whose it is; its port it may hold for a while longer.
    Ending,
    /// None of ours.
    Another,
}

fn look(pid: Pid, configuration: &Path) -> Look {
    // Arguments, each ended by a zero byte.
    match fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())) {
        Ok(arguments) if arguments.is_empty() => Look::Ending,
        Ok(arguments) => {
            let mut arguments = arguments.split(|byte| *byte == 0);
            let ours = arguments.any(|argument| argument == configuration.as_os_str().as_bytes());
            if ours { Look::Ours } else { Look::Another }
        }
        Err(_) => Look::Another,
    }
}
