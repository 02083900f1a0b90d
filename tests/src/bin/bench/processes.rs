//! What the kernel says of processes: processor time and memory.

use std::{collections::HashSet, fs};

use anyhow::{Context as _, Result};

/// Clock ticks in a second, as Linux counts processor time in `/proc` on every machine it runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds used so far by the processes and all below them, the ended ones included.
pub(crate) fn processor_seconds(roots: &[u32]) -> Result<f64> {
    let mut ticks = 0.0;
    for pid in family(roots)? {
        // It may have ended meanwhile; its parent has counted it then.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        ticks += fields(&stat)
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>();
    }
    Ok(ticks / TICKS_PER_SECOND)
}

/// Bytes of memory that the processes and all below them hold.
pub(crate) fn resident_bytes(roots: &[u32]) -> Result<u64> {
    let mut total = 0;
    for pid in family(roots)? {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        total += kibibytes.unwrap_or(0) * 1024;
    }
    Ok(total)
}

/// One line about the machine.
pub(crate) fn machine() -> Result<String> {
    let information = fs::read_to_string("/proc/cpuinfo").context("no Linux")?;
    let model = information
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism()?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kibibytes: u64 = memory
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(format!(
        "Machine: {cores} cores of {model}, {} GiB, Linux {}, load average before: {}",
        kibibytes / 1024 / 1024,
        kernel.trim(),
        load.split_whitespace().next().unwrap_or("?"),
    ))
}

fn family(roots: &[u32]) -> Result<HashSet<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        let parent = fields(&stat)
            .nth(1)
            .and_then(|field| field.parse::<u32>().ok());
        parents.push((pid, parent.unwrap_or(0)));
    }
    let mut family: HashSet<u32> = roots.iter().copied().collect();
    loop {
        let before = family.len();
        for (pid, parent) in &parents {
            if family.contains(parent) {
                family.insert(*pid);
            }
        }
        if family.len() == before {
            return Ok(family);
        }
    }
}

/// The fields of `/proc/PID/stat` after the name, which may hold anything: state, parent, ...
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
}
