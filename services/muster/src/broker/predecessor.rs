//! Ending a nats-server that outlived its muster.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use tracing::warn;

use super::{child::signal, files::Files};

/// Between two looks whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Ends the server of an earlier start on this data directory, if one still runs. We hold the
/// directory's lock, so no running muster needs it.
pub(super) async fn end(files: &Files, deadline: Duration) -> Result<()> {
    let Some(pid) = running(files) else {
        return Ok(());
    };
    // The handle first, then another look: now it cannot be somebody else's process.
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
        return Ok(());
    };
    if running(files) != Some(pid) {
        return Ok(());
    }
    warn!(
        pid = pid.as_raw_pid(),
        "a nats-server of an earlier start still runs: it is ended"
    );
    for how in [Signal::TERM, Signal::KILL] {
        signal(&handle, how)?;
        let asked = Instant::now();
        while asked.elapsed() < deadline {
            if running(files) != Some(pid) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    bail!(
        "the nats-server of an earlier start (process {}) does not end",
        pid.as_raw_pid()
    )
}

/// The process in the pid file, if it is a server with our configuration.
fn running(files: &Files) -> Option<Pid> {
    let pid = fs::read_to_string(files.pid()).ok()?;
    let pid = Pid::from_raw(pid.trim().parse().ok()?)?;
    is_ours(pid, &files.configuration()).then_some(pid)
}

fn is_ours(pid: Pid, configuration: &Path) -> bool {
    // Arguments, each ended by a zero byte; empty for one that has ended.
    fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).is_ok_and(|arguments| {
        arguments
            .split(|byte| *byte == 0)
            .any(|argument| argument == configuration.as_os_str().as_bytes())
    })
}
