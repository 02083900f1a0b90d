//! What the kernel says of one process (`proc_pid_stat(5)`, `proc_pid_io(5)`).

use std::{fs, path::Path};

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Pid, Signal, kill_process},
};

/// A process, told apart from those that had its number before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProcessId {
    /// Its number.
    pub(crate) number: i32,
    /// When it began: ticks since the machine began.
    pub(crate) began: u64,
}

impl ProcessId {
    /// The process that has this number now, also if it has ended and nobody has waited for it.
    pub(crate) fn of(number: i32) -> Option<Self> {
        let line = stat(number)?;
        let began = Stat::of(&line)?.count(22)?;
        Some(Self { number, began })
    }

    /// Sends it a signal.
    pub(crate) fn signal(self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.number) {
            // Fails when it has ended.
            let _ = kill_process(pid, signal);
        }
    }
}

/// A process that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub(crate) id: ProcessId,
    /// The leader of its group.
    pub(crate) group: i32,
    /// Time on processors, its children that have ended included: milliseconds.
    pub(crate) cpu: u64,
    /// Bytes.
    pub(crate) memory: u64,
}

/// The process of this number, unless it has ended.
pub(crate) fn read(number: i32) -> Option<Process> {
    parse(number, &stat(number)?)
}

fn stat(number: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{number}/stat")).ok()
}

fn parse(number: i32, line: &str) -> Option<Process> {
    let stat = Stat::of(line)?;
    if matches!(stat.field(3)?, "Z" | "X") {
        return None;
    }
    let ticks = [14, 15, 16, 17].into_iter();
    let ticks: u64 = ticks.filter_map(|field| stat.count(field)).sum();
    Some(Process {
        id: ProcessId {
            number,
            began: stat.count(22)?,
        },
        group: stat.field(5)?.parse().ok()?,
        cpu: ticks.saturating_mul(1000) / clock_ticks_per_second().max(1),
        memory: stat.count(24)?.saturating_mul(page_size() as u64),
    })
}

/// The fields of `/proc/NUMBER/stat`, counted as the manual does.
struct Stat<'a>(Vec<&'a str>);

impl<'a> Stat<'a> {
    fn of(line: &'a str) -> Option<Self> {
        // `number (name) state parent group …`, where the name may hold anything.
        let (_, fields) = line.rsplit_once(')')?;
        Some(Self(fields.split_ascii_whitespace().collect()))
    }

    /// From 3, the state.
    fn field(&self, number: usize) -> Option<&'a str> {
        self.0.get(number.checked_sub(3)?).copied()
    }

    fn count(&self, number: usize) -> Option<u64> {
        self.field(number)?.parse().ok()
    }
}

/// Bytes that it, and its children that have ended, read from disks and wrote to them.
pub(crate) fn disk_bytes(number: i32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{number}/io")).unwrap_or_default();
    let of = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_default()
    };
    (of("read_bytes:"), of("write_bytes:"))
}

/// What it was started with as this environment variable.
pub(crate) fn variable(number: i32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{number}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    })
}

/// The numbers of all processes.
pub(crate) fn numbers() -> Vec<i32> {
    fs::read_dir(Path::new("/proc"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Tells this run of the machine from others: numbers and beginnings of processes come again after it was switched on anew.
pub(crate) fn boot() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there() {
        let number = i32::try_from(std::process::id()).unwrap();
        let process = read(number).unwrap();
        assert_eq!(Some(process.id), ProcessId::of(number));
        assert!(process.memory > 0 && process.group > 0);
        let path = std::env::var("PATH").ok();
        assert_eq!(variable(number, "PATH"), path);
        assert_eq!(variable(number, "PAT"), None);
        assert!(numbers().contains(&number));
        assert!(!boot().is_empty());
    }

    #[test]
    fn a_name_may_hold_anything() {
        let line = "7 (a) b) S 1 5 5 0 -1 4194304 100 0 0 0 10 20 30 40 20 0 1 0 12345 1000000 3 18446744073709551615 1";
        let process = parse(7, line).unwrap();
        assert_eq!((process.id.began, process.group), (12345, 5));
        assert_eq!(process.cpu, 100_000 / clock_ticks_per_second());
        assert_eq!(process.memory, 3 * page_size() as u64);
        let ended = line.replacen(" S ", " Z ", 1);
        assert!(parse(7, &ended).is_none());
        assert!(parse(7, "").is_none());
    }
}
