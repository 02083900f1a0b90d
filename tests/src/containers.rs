//! The processes of compute sessions on this machine. They outlive the agent that started them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Ends all that was started in a directory, also when a test fails.
#[derive(Debug)]
pub struct EndedWithTest(PathBuf);

impl EndedWithTest {
    /// All that has its current directory there.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self(directory.to_owned())
    }
}

impl Drop for EndedWithTest {
    fn drop(&mut self) {
        for pid in processes() {
            let is_here = fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|directory| directory.starts_with(&self.0));
            if let (true, Some(pid)) = (is_here, Pid::from_raw(pid)) {
                // It may be ending just now.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// The processes of the containers of a session, by what the agent has set for each of them.
#[must_use]
pub fn processes_of(session: &str) -> Vec<i32> {
    let mark = format!("BACKENDAI_SESSION_ID={session}");
    let mut found: Vec<i32> = processes()
        .filter(|pid| {
            let environment = environment_of(*pid);
            let mut words = environment.split(|byte| *byte == 0);
            words.any(|word| word == mark.as_bytes())
        })
        .collect();
    found.sort_unstable();
    found
}

/// Its variables. One that is just becoming another program has none for a moment, and is looked at again.
fn environment_of(pid: i32) -> Vec<u8> {
    const LOOKS: usize = 100;
    const PAUSE: Duration = Duration::from_millis(1);
    for _ in 0..LOOKS {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        // What belongs to the kernel, or is over, is no program.
        let is_program = fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        if !environment.is_empty() || !is_program {
            return environment;
        }
        std::thread::sleep(PAUSE);
    }
    Vec::new()
}

/// All that run on this machine.
fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
