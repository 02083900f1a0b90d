//! The main process of a container, and how it ended.

use std::{
    collections::BTreeMap,
    fs, io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::sleep};

use super::{
    entering::{enter, shell},
    log,
    process::{ProcessId, boot},
};

/// What runs the main process and notes how it ended.
const WRAPPER: &str = concat!(enter!(), include_str!("main.sh"));

/// What processes are called by that: `$0`.
pub(super) const WRAPPER_NAME: &str = "muster-container";

/// Files beside the notes.
const EXIT_FILE: &str = "exit";
const BEGUN_FILE: &str = "begun";
pub(super) const BOOTSTRAP_FILE: &str = "bootstrap";
pub(super) const LOG_FILE: &str = "log";
pub(super) const SCRATCH_DIRECTORY: &str = "scratch";

/// The exit code of a process whose end nobody has seen: as if it had been killed.
pub(super) const UNSEEN: i32 = 128 + 9;

/// Between two looks whether a process has ended that is not this agent's child.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// Which process it is, for the agent after this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotedProcess {
    number: i32,
    began: u64,
    boot: String,
}

/// The main process of a container: the leader of its group. Let go of, it goes on.
#[derive(Debug, Clone)]
pub(super) struct MainProcess {
    id: ProcessId,
    exited: watch::Receiver<Option<i32>>,
}

impl MainProcess {
    /// Starts it: `command` with these environment variables, and no other. No process of it may have more memory than so many bytes.
    pub(super) fn start(
        directory: &Path,
        command: &[String],
        words: &BTreeMap<String, String>,
        memory: Option<u64>,
    ) -> io::Result<Self> {
        for file in [EXIT_FILE, BEGUN_FILE] {
            remove(&directory.join(file))?;
        }
        let output = log::open(&directory.join(LOG_FILE))?;
        let memory = memory.map_or("-".to_owned(), |bytes| (bytes / 1024).to_string());
        let mut child = shell(directory, WRAPPER)
            .arg(memory)
            .args(command)
            .env_clear()
            .envs(words)
            .current_dir(directory.join(SCRATCH_DIRECTORY))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let number = child.id().and_then(|number| i32::try_from(number).ok());
        let id = number.and_then(ProcessId::of);
        let id = id.ok_or_else(|| io::Error::other("it has no process id"))?;
        let (tell, exited) = watch::channel(None);
        let directory = directory.to_owned();
        tokio::spawn(async move {
            let status = child.wait().await.ok();
            let noted = Ending::noted(&directory).map(|ending| ending.code);
            let _ = tell.send(Some(noted.or_else(|| exit_code(status?)).unwrap_or(UNSEEN)));
        });
        Ok(Self { id, exited })
    }

    /// The process that an earlier agent has started, unless it has ended.
    pub(super) fn adopt(noted: &NotedProcess, directory: &Path) -> Option<Self> {
        let id = ProcessId {
            number: noted.number,
            began: noted.began,
        };
        let handle = pidfd_open(Pid::from_raw(id.number)?, PidfdFlags::NONBLOCK).ok()?;
        // Of the handle's process: were the number another's by now, it would have begun at another time.
        if noted.boot != boot() || ProcessId::of(id.number) != Some(id) {
            return None;
        }
        let (tell, exited) = watch::channel(None);
        let directory = directory.to_owned();
        tokio::spawn(async move {
            while !has_ended(&handle) {
                sleep(LOOK_PAUSE).await;
            }
            let _ = tell.send(Some(Ending::known(&directory).code));
        });
        Some(Self { id, exited })
    }

    /// Which process it is.
    pub(super) fn id(&self) -> ProcessId {
        self.id
    }

    /// The same, for the agent after this one.
    pub(super) fn note(&self) -> NotedProcess {
        NotedProcess {
            number: self.id.number,
            began: self.id.began,
            boot: boot(),
        }
    }

    /// Waits for its end: its exit code, or 128 and the number of the signal that ended it.
    pub(super) async fn exited(&self) -> i32 {
        let mut exited = self.exited.clone();
        let code = exited.wait_for(Option::is_some).await;
        code.ok().and_then(|code| *code).unwrap_or(UNSEEN)
    }

    /// Whether it has ended.
    pub(super) fn has_exited(&self) -> bool {
        self.exited.borrow().is_some()
    }

    /// Sends its group a signal.
    pub(super) fn signal_group(&self, signal: Signal) {
        // With nobody there to wait for it the number may be another's.
        if !self.has_exited()
            && let Some(group) = Pid::from_raw(self.id.number)
        {
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Whether the process of the handle has ended: then it can be read.
fn has_ended(handle: &OwnedFd) -> bool {
    let mut handles = [PollFd::new(handle, PollFlags::IN)];
    // A handle that cannot be asked is of no use: as if it had ended.
    poll(&mut handles, Some(&Timespec::default())).map_or(true, |ready| ready > 0)
}

/// Whether what runs before the main process has succeeded.
pub(super) fn has_begun(directory: &Path) -> bool {
    directory.join(BEGUN_FILE).exists()
}

/// How a main process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) code: i32,
    /// Milliseconds on processors, all processes included for which somebody waited.
    pub(super) cpu: Option<u64>,
}

impl Ending {
    /// As the wrapper has noted it, unless that was killed.
    pub(super) fn noted(directory: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(directory.join(EXIT_FILE)).ok()?)
    }

    /// As far as it is known.
    pub(super) fn known(directory: &Path) -> Self {
        Self::noted(directory).unwrap_or(Self {
            code: UNSEEN,
            cpu: None,
        })
    }

    /// The code, then what `times` writes (POSIX): `0m0.01s 0m0.00s`, of the shell and of its children.
    fn parse(text: &str) -> Option<Self> {
        let (code, times) = text.split_once('\n')?;
        let times: Vec<u64> = times
            .split_ascii_whitespace()
            .filter_map(milliseconds)
            .collect();
        Some(Self {
            code: code.trim().parse().ok()?,
            cpu: (!times.is_empty()).then(|| times.iter().sum()),
        })
    }
}

/// Of `1m2.345s`.
fn milliseconds(text: &str) -> Option<u64> {
    let (minutes, seconds) = text.strip_suffix('s')?.split_once('m')?;
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole = minutes.parse::<u64>().ok()? * 60 + seconds.parse::<u64>().ok()?;
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(whole * 1000 + fraction.parse::<u64>().ok()?)
}

/// 128 and the number of the signal, if that ended it.
pub(super) fn exit_code(status: ExitStatus) -> Option<i32> {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use muster_testkit::TemporaryDirectory;

    use super::*;

    async fn run(command: &[&str], memory: Option<u64>) -> (i32, Ending, String) {
        let directory = TemporaryDirectory::new("main").unwrap();
        fs::create_dir(directory.join(SCRATCH_DIRECTORY)).unwrap();
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let words = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]);
        let main = MainProcess::start(directory.path(), &command, &words, memory).unwrap();
        let code = main.exited().await;
        assert!(main.has_exited() && has_begun(directory.path()));
        let said = log::read(&directory.join(LOG_FILE));
        (code, Ending::known(directory.path()), said)
    }

    #[tokio::test]
    async fn how_it_ended_is_noted() {
        let (code, ending, said) = run(&["sh", "-c", "pwd; echo two >&2; exit 3"], None).await;
        assert_eq!((code, ending.code), (3, 3));
        assert!(ending.cpu.is_some());
        assert!(said.ends_with("/scratch\ntwo\n"), "{said}");
        let (code, ending, _) = run(&["sh", "-c", "kill -KILL $$"], None).await;
        assert_eq!((code, ending.code), (137, 137));
    }

    #[tokio::test]
    async fn a_process_has_no_more_memory_than_it_may() {
        let python = "x = bytearray(1 << 28); print(len(x))";
        let (code, _, said) = run(&["python3", "-c", python], Some(1 << 26)).await;
        assert!(code != 0 && said.contains("MemoryError"), "{said}");
        let (code, _, _) = run(&["python3", "-c", python], Some(1 << 30)).await;
        assert_eq!(code, 0);
    }

    #[test]
    fn times_are_read() {
        assert_eq!(milliseconds("1m2.345s"), Some(62_345));
        assert_eq!(milliseconds("0m0.01s"), Some(10));
        assert_eq!(milliseconds("0m0.123456s"), Some(123));
        assert_eq!(milliseconds("soon"), None);
        let ending = Ending::parse("3\n0m0.00s 0m0.01s\n0m1.00s 0m0.50s\n").unwrap();
        assert_eq!((ending.code, ending.cpu), (3, Some(1510)));
        assert_eq!(Ending::parse(""), None);
    }
}
