//! A program and all that it started.

use std::{fs, path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::time::{Instant, sleep};

/// Between two looks whether anybody is left.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// The processes of one group. A process that makes a session of its own (`setsid`) has left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessGroup(Pid);

impl ProcessGroup {
    /// The group that this process leads.
    pub(crate) fn led_by(leader: u32) -> Option<Self> {
        i32::try_from(leader).ok().and_then(Pid::from_raw).map(Self)
    }

    /// Its number.
    pub(crate) fn number(self) -> i32 {
        self.0.as_raw_nonzero().get()
    }

    /// Kills (SIGKILL) whoever is left.
    pub(crate) fn kill(self) {
        // Fails when nobody is left.
        let _ = kill_process_group(self.0, Signal::KILL);
    }

    /// Asks everybody to end (SIGTERM), and kills whoever has not done so in time. Whoever waits for the leader has to do so
    /// meanwhile: until then it counts as there.
    pub(crate) async fn end(self, patience: Duration) {
        let started = Instant::now();
        let _ = kill_process_group(self.0, Signal::TERM);
        while test_kill_process_group(self.0).is_ok() {
            if started.elapsed() >= patience {
                return self.kill();
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Whether a process of the group was started with this environment variable. Numbers of processes are used again, what
    /// they were started with tells them apart.
    pub(crate) fn was_started_with(self, variable: &str, value: &str) -> bool {
        let entry = format!("{variable}={value}");
        let Ok(processes) = fs::read_dir("/proc") else {
            return false;
        };
        processes.flatten().any(|process| {
            let path = process.path();
            group_of(&path) == Some(self.number()) && has_variable(&path, entry.as_bytes())
        })
    }
}

/// The group of the process, unless it has ended.
fn group_of(process: &Path) -> Option<i32> {
    let line = fs::read_to_string(process.join("stat")).ok()?;
    // `number (name) state parent group …`, where the name may hold anything (proc_pid_stat(5)).
    let (_, fields) = line.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

fn has_variable(process: &Path, entry: &[u8]) -> bool {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|one| one == entry)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;

    #[tokio::test]
    async fn a_group_is_known_by_what_it_was_started_with_and_ends_when_asked() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .env("MUSTER_ORDER", "one")
            .process_group(0)
            .spawn()
            .unwrap();
        let group = ProcessGroup::led_by(child.id()).unwrap();
        assert!(group.was_started_with("MUSTER_ORDER", "one"));
        assert!(!group.was_started_with("MUSTER_ORDER", "two"));
        let waiting = tokio::task::spawn_blocking(move || child.wait());
        group.end(Duration::from_mins(1)).await;
        assert!(!waiting.await.unwrap().unwrap().success());
        assert!(!group.was_started_with("MUSTER_ORDER", "one"));
    }
}
