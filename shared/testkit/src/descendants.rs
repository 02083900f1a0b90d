//! The children of a process, and theirs.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// A process, told from a later one of the same number by when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descendant {
    pub(crate) pid: u32,
    parent: u32,
    /// Clock ticks after the machine's start.
    began: u64,
}

impl Descendant {
    /// Kills it (SIGKILL), if it still runs.
    pub(crate) fn kill(self) {
        if self.is_running() {
            let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
            // It may be ending just now.
            let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
        }
    }

    /// Whether it still runs.
    pub(crate) fn is_running(self) -> bool {
        process(self.pid).is_some_and(|now| now.began == self.began)
    }
}

/// The running children of a process, and theirs.
pub(crate) fn descendants(pid: u32) -> Vec<Descendant> {
    let all: Vec<Descendant> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect();
    let mut found: Vec<Descendant> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|other| other.parent == parent) {
            found.push(*child);
            parents.push(child.pid);
        }
    }
    found
}

/// A process as the kernel describes it; `None` when there is none of this number, or only its
/// remains.
fn process(pid: u32) -> Option<Descendant> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "PID (name) state parent ... began(22nd) ...": the name may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let began = fields.nth(17)?.parse().ok()?;
    Some(Descendant { pid, parent, began })
}
